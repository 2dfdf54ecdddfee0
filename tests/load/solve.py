"""Asks for puzzles to be solved: one after the other for what it takes at rest, as fast as can be for what the server can do, then ten
times as often, whatever the server says. Prints a line for each. Argument: the server's address.

Requests of the last part are sent at their time and not when others end, each on whichever of 400 connections is free.
"""

import asyncio
import json
import sys
import time
from urllib.parse import urlsplit

where = urlsplit(sys.argv[1])
seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 15.0
body = json.dumps({"puzzle": "..3.5..5.1..6...2..2...4..4.6..1.2..", "model": "sudoku-6x6"}).encode()
request = (
    f"POST /api/v1/solve HTTP/1.1\r\nhost: {where.netloc}\r\ncontent-type: application/json\r\n"
    f"content-length: {len(body)}\r\n\r\n"
).encode() + body


class Connection:
    """A connection that is kept, opened when it is used first."""

    reader = writer = None

    async def solve(self):
        """Status and seconds of one request."""
        begun = time.perf_counter()
        if self.writer is None:
            self.reader, self.writer = await asyncio.open_connection(where.hostname, where.port)
        self.writer.write(request)
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await self.reader.readexactly(length)
        return int(head[9:12]), time.perf_counter() - begun


def quantile(times, share):
    times = sorted(times)
    return times[min(len(times) - 1, int(share * len(times)))] * 1000 if times else float("nan")


def tell(what, times):
    print(f"{what}: {len(times)}, p50 {quantile(times, .5):.1f} ms, p99 {quantile(times, .99):.1f} ms, "
          f"most {quantile(times, 1):.1f} ms", flush=True)


async def closed(clients, until):
    """What so many clients get that ask again as soon as they are answered."""
    answers = []

    async def client():
        connection = Connection()
        while time.perf_counter() < until:
            answers.append(await connection.solve())

    await asyncio.gather(*(client() for _ in range(clients)))
    return answers


async def open_loop(rate, lasts):
    """What is answered to so many requests a second."""
    free, answers, late, running = [Connection() for _ in range(400)], [], 0, set()

    async def one(connection):
        answers.append(await connection.solve())
        free.append(connection)

    begun = time.perf_counter()
    for number in range(int(rate * lasts)):
        wait = begun + number / rate - time.perf_counter()
        if wait > 0:
            await asyncio.sleep(wait)
        if not free:
            late += 1
            continue
        task = asyncio.create_task(one(free.pop()))
        running.add(task)
        task.add_done_callback(running.discard)
    await asyncio.gather(*running)
    return answers, late, time.perf_counter() - begun


async def main():
    await closed(1, time.perf_counter() + 1)
    idle = [took for _, took in await closed(1, time.perf_counter() + seconds)]
    tell("at rest, one after the other", idle)
    capacity, clients = 0.0, 0
    for tried in (1, 2, 3, 4):
        begun = time.perf_counter()
        solved = [took for status, took in await closed(tried, begun + seconds / 4) if status == 200]
        rate = len(solved) / (time.perf_counter() - begun)
        capacity, clients = max((capacity, clients), (rate, tried))
    print(f"capacity: {capacity:.0f} a second, with {clients} clients")
    answers, late, took = await open_loop(10 * capacity, seconds)
    accepted = [time for status, time in answers if status == 200]
    refused = [time for status, time in answers if status == 503]
    other = [status for status, _ in answers if status not in (200, 503)]
    print(f"ten times that: {len(answers) / took:.0f} a second for {took:.0f} s, {late} not sent for want of connections")
    tell("  accepted", accepted)
    tell("  refused with 503", refused)
    print(f"  accepted p99 is {quantile(accepted, .99) / quantile(idle, .99):.2f} times that at rest; other answers: {other[:5]}")


asyncio.run(main())

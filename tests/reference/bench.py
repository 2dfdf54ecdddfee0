"""Times PyTorch (worker.py) and this project (hrm bench) in turn, and prints a table with the ratios.

Every figure is the median over all steps of all rounds; in a round each program runs once, so that what slows the
machine down for a while slows down all of them. A program that does not answer within --patience seconds (PyTorch in bf16
without instructions for it can take minutes for a step) is ended and has a dash in the table.
"""

import argparse
import json
import os
import platform
import select
import signal
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


class TooSlow(Exception):
    """A program that has not answered in time, and is ended."""


class Worker:
    """A model of PyTorch in a process of its own."""

    def __init__(self, patience: float, *arguments: str):
        command = [sys.executable, str(HERE / "worker.py"), *arguments]
        self.patience = patience
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self.process = subprocess.Popen(command, **pipes, text=True, start_new_session=True)
        self.answer()

    def answer(self) -> dict:
        if not select.select([self.process.stdout], [], [], self.patience)[0]:
            # With the compilers that it has started.
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            raise TooSlow
        line = self.process.stdout.readline()
        if not line:
            sys.exit("worker.py ended early")
        return json.loads(line)

    def measure(self, seconds: float) -> tuple[list[float], int]:
        print(seconds, file=self.process.stdin, flush=True)
        answer = self.answer()
        return answer["seconds"], answer["peak_memory_bytes"]

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def ours(program: str, task: str, arguments: list[str], seconds: float) -> tuple[list[float], int]:
    command = [program, "bench", task, *arguments, "--seconds", str(seconds), "--json"]
    answer = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    middle = answer["seconds_per_step"] if task == "train" else answer["milliseconds_per_act_step"] / 1e3
    return [middle], answer["peak_memory_bytes"]


def measure(options, task: str, dtype: str, batch: int) -> dict[str, tuple[float, int]]:
    """Median seconds per step and peak memory of each program that answers in time."""
    sizes = ["--dtype", dtype, "--batch", str(batch), "--tokens", str(options.tokens), "--threads", str(options.threads)]
    sizes += ["--device", options.device]
    model = ["--config", "configs/trm-sudoku-extreme-1k.toml"] if options.model == "trm" else []
    workers, times, memory = {}, {}, {}
    for mode in options.modes:
        try:
            workers[f"torch {mode}"] = Worker(options.patience, "--model", options.model, "--task", task, "--mode", mode, *sizes)
        except TooSlow:
            continue
    for _ in range(options.rounds):
        for name, worker in list(workers.items()):
            try:
                seconds, memory[name] = worker.measure(options.seconds)
                times.setdefault(name, []).append(statistics.median(seconds))
            except TooSlow:
                del workers[name]
                times.pop(name, None)
        seconds, memory["hrm"] = ours(options.program, task, [*sizes, *model], options.seconds)
        times.setdefault("hrm", []).extend(seconds)
    for worker in workers.values():
        worker.close()
    return {name: (statistics.median(seconds), memory[name]) for name, seconds in times.items()}


def place(options) -> str:
    if options.device == "cuda":
        command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[0]
    return f"{processor()}, threads: {options.threads}"


def processor() -> str:
    """The name that the processor gives itself."""
    with open("/proc/cpuinfo") as file:
        names = (line.split(":", 1)[1].strip() for line in file if line.startswith("model name"))
        return next(names, platform.machine())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="target/release/hrm")
    parser.add_argument("--model", choices=("hrm", "trm"), default="hrm", help="trm: the one that mixes positions by an MLP")
    parser.add_argument("--tasks", nargs="*", default=["train:32", "solve:32", "solve:1"], metavar="TASK:BATCH")
    parser.add_argument("--dtypes", nargs="*", default=["bf16", "f32"])
    parser.add_argument("--modes", nargs="*", default=["eager", "compile"])
    parser.add_argument("--tokens", type=int, default=81)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=8.0, help="of each program in each round, about")
    parser.add_argument("--patience", type=float, default=300.0, metavar="SECONDS", help="for each answer of PyTorch")
    options = parser.parse_args()
    print(f"{place(options)}, rounds: {options.rounds}\n")
    columns = [f"torch {mode}" for mode in options.modes] + ["hrm"]
    print("| | " + " | ".join(columns) + " | hrm to the last PyTorch |")
    print("|---" * (len(columns) + 2) + "|")
    for dtype in options.dtypes:
        for task in options.tasks:
            name, batch = task.split(":")
            found = measure(options, name, dtype, int(batch))
            print(f"| {name} {dtype}, batch {batch}, {row(columns, found, name, int(batch))} |")
            memory = {column: bytes / (1 << 20) for column, (_, bytes) in found.items()}
            print(f"| – peak memory, MiB | {cells(columns, memory, 0)} |", flush=True)


def row(columns: list[str], found: dict[str, tuple[float, int]], task: str, batch: int) -> str:
    """The unit of a row of speeds, its cells and its ratio."""
    seconds = {column: seconds for column, (seconds, _) in found.items()}
    if task == "solve" and batch == 1:
        return f"ms per ACT step | {cells(columns, {column: s * 1e3 for column, s in seconds.items()}, 2)}"
    unit = "sequences/s" if task == "train" else "sequence-steps/s"
    return f"{unit} | {cells(columns, {column: batch / s for column, s in seconds.items()}, 2)}"


def cells(columns: list[str], values: dict[str, float], digits: int) -> str:
    """A value for each column, and the last one's ratio to the one before it; a dash for what is not there."""
    shown = [f"{values[column]:.{digits}f}" if column in values else "–" for column in columns]
    peer, last = columns[-2:]
    shown.append(f"{values[last] / values[peer]:.2f}×" if peer in values else "–")
    return " | ".join(shown)


if __name__ == "__main__":
    main()

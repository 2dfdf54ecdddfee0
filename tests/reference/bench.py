"""Times PyTorch (worker.py) and this project (hrm bench) in turn, and prints a table with the ratios.

Every figure is the median over all steps of all rounds; in a round each program runs once, so that what slows the
machine down for a while slows down all of them.
"""

import argparse
import json
import platform
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


class Worker:
    """A model of PyTorch in a process of its own."""

    def __init__(self, *arguments: str):
        command = [sys.executable, str(HERE / "worker.py"), *arguments]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.answer()

    def answer(self) -> dict:
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
    """Median seconds per step and peak memory of each program."""
    sizes = ["--dtype", dtype, "--batch", str(batch), "--tokens", str(options.tokens), "--threads", str(options.threads)]
    sizes += ["--device", options.device]
    workers = {f"torch {mode}": Worker("--task", task, "--mode", mode, *sizes) for mode in options.modes}
    times, memory = {}, {}
    for _ in range(options.rounds):
        for name, worker in workers.items():
            seconds, memory[name] = worker.measure(options.seconds)
            times.setdefault(name, []).append(statistics.median(seconds))
        seconds, memory["hrm"] = ours(options.program, task, sizes, options.seconds)
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
    parser.add_argument("--tasks", nargs="*", default=["train:32", "solve:32", "solve:1"], metavar="TASK:BATCH")
    parser.add_argument("--dtypes", nargs="*", default=["bf16", "f32"])
    parser.add_argument("--modes", nargs="*", default=["eager", "compile"])
    parser.add_argument("--tokens", type=int, default=81)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=8.0, help="of each program in each round, about")
    options = parser.parse_args()
    print(f"{place(options)}, rounds: {options.rounds}\n")
    columns = [f"torch {mode}" for mode in options.modes] + ["hrm"]
    print("| | " + " | ".join(columns) + " | hrm to the last PyTorch |")
    print("|---" * (len(columns) + 2) + "|")
    for dtype in options.dtypes:
        for task in options.tasks:
            name, batch = task.split(":")
            found = measure(options, name, dtype, int(batch))
            middle = {column: found[column][0] for column in columns}
            if name == "solve" and batch == "1":
                label, value, ratio = "ms per ACT step", lambda s: s * 1e3, middle["hrm"] / middle[columns[-2]]
            else:
                label = "sequences/s" if name == "train" else "sequence-steps/s"
                value, ratio = lambda s: int(batch) / s, middle[columns[-2]] / middle["hrm"]
            cells = [f"{value(middle[column]):.2f}" for column in columns]
            print(f"| {name} {dtype}, batch {batch}, {label} | {' | '.join(cells)} | {ratio:.2f}× |", flush=True)
            cells = [f"{found[column][1] / (1 << 20):.0f}" for column in columns]
            ratio = found["hrm"][1] / found[columns[-2]][1]
            print(f"| – peak memory, MiB | {' | '.join(cells)} | {ratio:.2f}× |", flush=True)


if __name__ == "__main__":
    main()

"""One model of hrm.py or trm.py that makes steps when a line arrives on standard input and answers with their times as JSON."""

import argparse
import json
import sys
import time

import torch

from hrm import Hrm, Sizes, Training, draw_weights
from trm import Trm, TrmSizes, TrmTraining, draw_trm_weights


def peak_memory(device: str) -> int:
    if device == "cuda":
        return torch.cuda.max_memory_allocated()
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) << 10 for line in file if line.startswith("VmHWM:"))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", choices=("hrm", "trm"), default="hrm")
    parser.add_argument("--task", choices=("train", "solve"), required=True)
    parser.add_argument("--mode", choices=("eager", "compile"), required=True)
    parser.add_argument("--dtype", choices=("f32", "bf16"), required=True)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--tokens", type=int, default=81)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.set_default_device(options.device)
    wait = torch.cuda.synchronize if options.device == "cuda" else lambda: None
    dtype = {"f32": torch.float32, "bf16": torch.bfloat16}[options.dtype]
    if options.model == "trm":
        sizes, trained_by = TrmSizes(seq_len=options.tokens), TrmTraining
        model = Trm(sizes, draw_trm_weights(sizes), dtype)
    else:
        sizes, trained_by = Sizes(seq_len=options.tokens), Training
        model = Hrm(sizes, draw_weights(sizes), dtype)
    compiled = options.mode == "compile"
    inputs = torch.randint(0, sizes.vocab_size, (options.batch, sizes.seq_len))
    labels, ids = torch.randint_like(inputs, 0, sizes.vocab_size), torch.zeros(options.batch, dtype=torch.long)
    carry = model.initial(options.batch)
    if options.task == "train":
        training = trained_by(model, compiled=compiled)
        never = torch.zeros(options.batch, dtype=torch.bool)

        def step():
            nonlocal carry
            _, carry, _ = training.step(*carry, inputs, labels, ids, lambda *_: never)

    else:
        act_step = torch.compile(model.act_step) if compiled else model.act_step
        with torch.no_grad():
            x = model.embed(inputs, model.w["puzzle_emb.weights"][ids])

        @torch.no_grad()
        def step():
            nonlocal carry
            z_H, z_L, logits, q_halt, q_continue = act_step(*carry, x)
            logits.argmax(-1), q_halt.tolist(), q_continue.tolist()
            carry = z_H, z_L

    for _ in range(3):
        step()
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        times, started = [], time.perf_counter()
        while not times or time.perf_counter() - started < float(line):
            begun = time.perf_counter()
            step()
            wait()
            times.append(time.perf_counter() - begun)
        print(json.dumps({"seconds": times, "peak_memory_bytes": peak_memory(options.device)}), flush=True)


if __name__ == "__main__":
    main()

"""Evaluates a fixture of a TRM with an MLP over positions in f64 and in f32, so that what its arithmetic allows is known.

exact.py PREFIX    reads PREFIX.json and PREFIX.safetensors; prints, for every ACT step, by how much the slow state differs
                   from the fixture's, relative to its largest value
"""

import json
import math
import sys

import torch
from safetensors.torch import load_file


def norm(x: torch.Tensor, eps: float) -> torch.Tensor:
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + eps)


class Network:
    """The single network, all weights in one type."""

    def __init__(self, config: dict, weights: dict, dtype: torch.dtype):
        self.config = config
        self.weights = {name: values.to(dtype) for name, values in weights.items()}

    def gated(self, h: torch.Tensor, name: str) -> torch.Tensor:
        gate, up = (h @ self.weights[f"{name}.gate_up_proj.weight"].T).chunk(2, -1)
        out = (torch.nn.functional.silu(gate) * up) @ self.weights[f"{name}.down_proj.weight"].T
        return norm(h + out, self.config["rms_norm_eps"])

    def update(self, h: torch.Tensor, injection: torch.Tensor) -> torch.Tensor:
        h = h + injection
        for i in range(self.config["L_layers"]):
            h = self.gated(h.transpose(1, 2), f"L_level.layers.{i}.mlp_t").transpose(1, 2)
            h = self.gated(h, f"L_level.layers.{i}.mlp")
        return h

    def embed(self, inputs: torch.Tensor, identifiers: torch.Tensor) -> torch.Tensor:
        width, positions = self.config["hidden_size"], self.config["puzzle_emb_len"]
        puzzle = self.weights["puzzle_emb.weights"][identifiers]
        puzzle = torch.nn.functional.pad(puzzle, (0, positions * width - puzzle.shape[1]))
        tokens = self.weights["embed_tokens.embedding_weight"][inputs]
        return torch.cat([puzzle.view(-1, positions, width), tokens], 1) * math.sqrt(width)

    def slow_states(self, x: torch.Tensor):
        z_H, z_L = (self.weights[name].expand_as(x) for name in ("H_init", "L_init"))
        for _ in range(self.config["halt_max_steps"]):
            for _ in range(self.config["H_cycles"]):
                for _ in range(self.config["L_cycles"]):
                    z_L = self.update(z_L, z_H + x)
                z_H = self.update(z_H, z_L)
            yield z_H


def main(prefix: str):
    with open(prefix + ".json") as file:
        config = json.load(file)["config"]
    if not config.get("mlp_t"):
        sys.exit(f"{prefix}: expected a model that mixes positions by an MLP")
    tensors = load_file(prefix + ".safetensors")
    weights = {name[len("param/") :]: t for name, t in tensors.items() if name.startswith("param/")}
    inputs, identifiers = (tensors[f"eval/batch/{name}"].long() for name in ("inputs", "puzzle_identifiers"))
    for dtype in (torch.float64, torch.float32):
        network = Network(config, weights, dtype)
        for step, z_H in enumerate(network.slow_states(network.embed(inputs, identifiers)), 1):
            theirs = tensors[f"eval/step{step}/z_H"].double()
            error = (z_H.double() - theirs).abs().max() / theirs.abs().max()
            print(f"{str(dtype).removeprefix('torch.')}, step {step}: {error.item():.1e}")


main(sys.argv[1])

"""A plain PyTorch TRM that mixes positions by an MLP, written from the model's description to time PyTorch with."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from hrm import Hrm, Sizes, Training, draw_weights, token_loss


@dataclass
class TrmSizes(Sizes):
    H_layers: int = 0
    L_layers: int = 2
    H_cycles: int = 3
    L_cycles: int = 6
    puzzle_emb_len: int = 16

    @property
    def puzzle_positions(self) -> int:
        return self.puzzle_emb_len

    @property
    def positions(self) -> int:
        return self.puzzle_emb_len + self.seq_len

    @property
    def positions_inner_size(self) -> int:
        return -(-round(self.expansion * self.positions * 2 / 3) // 256) * 256


def draw_trm_weights(sizes: TrmSizes) -> dict[str, Tensor]:
    weights = {name: w for name, w in draw_weights(sizes).items() if ".self_attn." not in name}
    T, inner = sizes.positions, sizes.positions_inner_size
    for i in range(sizes.L_layers):
        prefix = f"L_level.layers.{i}.mlp_t"
        weights[f"{prefix}.gate_up_proj.weight"] = torch.randn(2 * inner, T).mul_(T**-0.5)
        weights[f"{prefix}.down_proj.weight"] = torch.randn(T, inner).mul_(inner**-0.5)
    return weights


class Trm(Hrm):
    """One network for both modules; all updates of the last cycle are trained."""

    def gated(self, x: Tensor, prefix: str) -> Tensor:
        gate, up = self.linear(x, f"{prefix}.gate_up_proj.weight").chunk(2, dim=-1)
        return self.norm(x + self.linear(F.silu(gate) * up, f"{prefix}.down_proj.weight"))

    def level(self, name: str, layers: int, h: Tensor, injection: Tensor) -> Tensor:
        h = h + injection
        for i in range(layers):
            h = self.gated(h.transpose(1, 2), f"{name}.layers.{i}.mlp_t").transpose(1, 2)
            h = self.gated(h, f"{name}.layers.{i}.mlp")
        return h

    def H(self, z_H: Tensor, injection: Tensor) -> Tensor:
        return self.L(z_H, injection)

    def cycle(self, z_H: Tensor, z_L: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        for _ in range(self.sizes.L_cycles):
            z_L = self.L(z_L, z_H + x)
        return self.H(z_H, z_L), z_L

    def begin(self, z_H: Tensor, z_L: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        for _ in range(self.sizes.H_cycles - 1):
            z_H, z_L = self.cycle(z_H, z_L, x)
        return z_H, z_L

    def finish(self, z_H: Tensor, z_L: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.cycle(z_H, z_L, x)


class TrmTraining(Training):
    """Steps that learn the value of halting alone, and average the weights."""

    def __init__(self, *arguments, ema_rate=0.999, **options):
        super().__init__(*arguments, **options)
        self.ema_rate, self.averages = ema_rate, [w.detach().clone() for w in self.trained]

    def forward(self, z_H, z_L, inputs, labels, ids, is_last):
        rows = self.model.w["puzzle_emb.weights"][ids].requires_grad_()
        with torch.no_grad():
            begun = self.begin(z_H, z_L, self.model.embed(inputs, rows))
        z_H, z_L, logits, q_halt, q_continue = self.supervised(*begun, inputs, rows)
        with torch.no_grad():
            valid = labels != -100
            correct = ((logits.argmax(-1) == labels) | ~valid).all(-1).float()
        halting = F.binary_cross_entropy_with_logits(q_halt, correct, reduction="sum")
        loss = token_loss(logits, labels) + 0.5 * halting
        return loss, rows, (z_H.detach(), z_L.detach()), (logits, q_halt, q_continue, None)

    @torch.no_grad()
    def update(self, puzzle_gradient, ids, **options):
        super().update(puzzle_gradient, ids, **options)
        torch._foreach_lerp_(self.averages, [w.detach() for w in self.trained], 1 - self.ema_rate)

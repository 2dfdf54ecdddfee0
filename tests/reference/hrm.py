"""A plain PyTorch HRM, written from the model's description to time PyTorch with: model, loss, optimisers, steps.

Weights are f32 and cast to the compute dtype where they are used; attention is PyTorch's own fused one.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass
class Sizes:
    hidden_size: int = 512
    num_heads: int = 8
    expansion: float = 4.0
    H_layers: int = 4
    L_layers: int = 4
    H_cycles: int = 2
    L_cycles: int = 2
    halt_max_steps: int = 16
    seq_len: int = 81
    vocab_size: int = 11
    num_puzzle_identifiers: int = 1
    puzzle_emb_ndim: int = 512
    rms_norm_eps: float = 1e-5
    rope_theta: float = 10_000.0

    @property
    def puzzle_positions(self) -> int:
        return -(-self.puzzle_emb_ndim // self.hidden_size)

    @property
    def inner_size(self) -> int:
        return -(-round(self.expansion * self.hidden_size * 2 / 3) // 256) * 256


def draw_weights(sizes: Sizes, seed: int = 0) -> dict[str, Tensor]:
    """Weights by the names they have in checkpoints; their values do not matter for speed."""
    generator = torch.Generator(torch.get_default_device()).manual_seed(seed)
    normal = lambda *shape, std: torch.randn(*shape, generator=generator).mul_(std)
    D, inner = sizes.hidden_size, sizes.inner_size
    weights = {
        "H_init": normal(D, std=1.0),
        "L_init": normal(D, std=1.0),
        "embed_tokens.embedding_weight": normal(sizes.vocab_size, D, std=D**-0.5),
        "puzzle_emb.weights": torch.zeros(sizes.num_puzzle_identifiers, sizes.puzzle_emb_ndim),
        "lm_head.weight": normal(sizes.vocab_size, D, std=D**-0.5),
        "q_head.weight": torch.zeros(2, D),
        "q_head.bias": torch.full((2,), -5.0),
    }
    for level, layers in (("H_level", sizes.H_layers), ("L_level", sizes.L_layers)):
        for i in range(layers):
            prefix = f"{level}.layers.{i}"
            weights[f"{prefix}.self_attn.qkv_proj.weight"] = normal(3 * D, D, std=D**-0.5)
            weights[f"{prefix}.self_attn.o_proj.weight"] = normal(D, D, std=D**-0.5)
            weights[f"{prefix}.mlp.gate_up_proj.weight"] = normal(2 * inner, D, std=D**-0.5)
            weights[f"{prefix}.mlp.down_proj.weight"] = normal(D, inner, std=inner**-0.5)
    return weights


class Hrm:
    """The inner model over a dictionary of weights."""

    def __init__(self, sizes: Sizes, weights: dict[str, Tensor], dtype: torch.dtype):
        self.sizes, self.w, self.dtype = sizes, weights, dtype
        positions = sizes.puzzle_positions + sizes.seq_len
        head_dim = sizes.hidden_size // sizes.num_heads
        frequencies = sizes.rope_theta ** -(torch.arange(0, head_dim, 2).float() / head_dim)
        angles = torch.outer(torch.arange(positions).float(), frequencies).repeat(1, 2)
        self.cos, self.sin = angles.cos(), angles.sin()  # (T, head_dim)

    def linear(self, x: Tensor, name: str) -> Tensor:
        return F.linear(x, self.w[name].to(x.dtype))

    def norm(self, x: Tensor) -> Tensor:
        wide = x.float()
        return (wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + self.sizes.rms_norm_eps)).to(x.dtype)

    def rotate(self, x: Tensor) -> Tensor:
        first, second = x.chunk(2, dim=-1)
        return (x * self.cos + torch.cat((-second, first), dim=-1) * self.sin).to(x.dtype)

    def attention(self, x: Tensor, prefix: str) -> Tensor:
        B, T, D = x.shape
        qkv = self.linear(x, f"{prefix}.self_attn.qkv_proj.weight").view(B, T, 3, self.sizes.num_heads, -1)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # (B, heads, T, head_dim) each
        out = F.scaled_dot_product_attention(self.rotate(q), self.rotate(k), v)
        return self.linear(out.transpose(1, 2).reshape(B, T, D), f"{prefix}.self_attn.o_proj.weight")

    def mlp(self, x: Tensor, prefix: str) -> Tensor:
        gate, up = self.linear(x, f"{prefix}.mlp.gate_up_proj.weight").chunk(2, dim=-1)
        return self.linear(F.silu(gate) * up, f"{prefix}.mlp.down_proj.weight")

    def level(self, name: str, layers: int, h: Tensor, injection: Tensor) -> Tensor:
        h = h + injection
        for i in range(layers):
            prefix = f"{name}.layers.{i}"
            h = self.norm(h + self.attention(h, prefix))
            h = self.norm(h + self.mlp(h, prefix))
        return h

    def L(self, z_L: Tensor, injection: Tensor) -> Tensor:
        return self.level("L_level", self.sizes.L_layers, z_L, injection)

    def H(self, z_H: Tensor, injection: Tensor) -> Tensor:
        return self.level("H_level", self.sizes.H_layers, z_H, injection)

    def embed(self, inputs: Tensor, puzzle_rows: Tensor) -> Tensor:
        D, P = self.sizes.hidden_size, self.sizes.puzzle_positions
        tokens = F.embedding(inputs, self.w["embed_tokens.embedding_weight"].to(self.dtype))
        puzzle = F.pad(puzzle_rows, (0, P * D - puzzle_rows.shape[1])).view(-1, P, D).to(self.dtype)
        return math.sqrt(D) * torch.cat((puzzle, tokens), dim=1)

    def initial(self, batch: int) -> tuple[Tensor, Tensor]:
        shape = (batch, self.sizes.puzzle_positions + self.sizes.seq_len, self.sizes.hidden_size)
        return tuple(self.w[name].to(self.dtype).expand(shape) for name in ("H_init", "L_init"))

    def begin(self, z_H: Tensor, z_L: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        """All updates of an ACT step but the last of each module."""
        H_cycles, L_cycles = self.sizes.H_cycles, self.sizes.L_cycles
        for h in range(H_cycles):
            for l in range(L_cycles):
                if (h, l) != (H_cycles - 1, L_cycles - 1):
                    z_L = self.L(z_L, z_H + x)
            if h != H_cycles - 1:
                z_H = self.H(z_H, z_L)
        return z_H, z_L

    def finish(self, z_H: Tensor, z_L: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        z_L = self.L(z_L, z_H + x)
        return self.H(z_H, z_L), z_L

    def heads(self, z_H: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        logits = self.linear(z_H[:, self.sizes.puzzle_positions :], "lm_head.weight")
        q = F.linear(z_H[:, 0].float(), self.w["q_head.weight"], self.w["q_head.bias"])
        return logits, q[:, 0], q[:, 1]

    def act_step(self, z_H: Tensor, z_L: Tensor, x: Tensor):
        z_H, z_L = self.finish(*self.begin(z_H, z_L, x), x)
        return z_H, z_L, *self.heads(z_H)


def token_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Stablemax cross entropy in f64, each sequence's mean, summed."""
    x = logits.double()
    s = torch.where(x < 0, 1 / (1 - x + 1e-30), x + 1)
    log_p = (s / s.sum(-1, keepdim=True)).log()
    valid = labels != -100
    picked = log_p.gather(-1, labels.where(valid, 0).unsqueeze(-1)).squeeze(-1)
    return -(picked.where(valid, 0) / valid.sum(-1, keepdim=True).clamp(min=1)).sum()


class Training:
    """Training steps with deep supervision; which sequences halt is given from outside."""

    def __init__(self, model: Hrm, lr=1e-4, weight_decay=1.0, puzzle_lr=1e-4, puzzle_weight_decay=0.1, compiled=False):
        self.model, self.lr, self.wd = model, lr, weight_decay
        self.puzzle_lr, self.puzzle_wd, self.steps = puzzle_lr, puzzle_weight_decay, 0
        fixed = ("H_init", "L_init", "puzzle_emb.weights")
        self.trained = [w.requires_grad_() for name, w in model.w.items() if name not in fixed]
        self.m = [torch.zeros_like(w) for w in self.trained]
        self.v = [torch.zeros_like(w) for w in self.trained]
        compile = torch.compile if compiled else lambda f: f
        self.begin, self.act_step = compile(model.begin), compile(model.act_step)
        self.supervised = compile(self.supervised)

    def supervised(self, z_H, z_L, inputs, puzzle_rows):
        x = self.model.embed(inputs, puzzle_rows)
        z_H, z_L = self.model.finish(z_H, z_L, x)
        return z_H, z_L, *self.model.heads(z_H)

    def forward(self, z_H, z_L, inputs, labels, ids, is_last):
        """One step's loss from a carry; gives the new carry and everything to compare."""
        rows = self.model.w["puzzle_emb.weights"][ids].requires_grad_()
        with torch.no_grad():
            x = self.model.embed(inputs, rows)
            begun = self.begin(z_H, z_L, x)
        z_H, z_L, logits, q_halt, q_continue = self.supervised(*begun, inputs, rows)
        z_H, z_L = z_H.detach(), z_L.detach()
        with torch.no_grad():
            _, _, _, next_halt, next_continue = self.act_step(z_H, z_L, x)
            target = torch.sigmoid(torch.where(is_last(q_halt, q_continue), next_halt, next_halt.maximum(next_continue)))
            valid = labels != -100
            correct = ((logits.argmax(-1) == labels) | ~valid).all(-1).float()
        bce = lambda q, t: F.binary_cross_entropy_with_logits(q, t, reduction="sum")
        loss = token_loss(logits, labels) + 0.5 * (bce(q_halt, correct) + bce(q_continue, target))
        return loss, rows, (z_H, z_L), (logits, q_halt, q_continue, target)

    def step(self, z_H, z_L, inputs, labels, ids, is_last):
        loss, rows, carry, outputs = self.forward(z_H, z_L, inputs, labels, ids, is_last)
        (loss / len(ids)).backward()
        self.update(rows.grad, ids)
        return loss.item(), carry, outputs

    @torch.no_grad()
    def update(self, puzzle_gradient, ids, beta1=0.9, beta2=0.95):
        self.steps += 1
        gradients = [w.grad for w in self.trained]
        torch._foreach_mul_(self.trained, 1 - self.lr * self.wd)
        torch._foreach_lerp_(self.m, gradients, 1 - beta1)
        torch._foreach_mul_(self.v, beta2)
        torch._foreach_addcmul_(self.v, gradients, gradients, 1 - beta2)
        first, second = 1 / (1 - beta1**self.steps), 1 / (1 - beta2**self.steps)
        for w, m, v in zip(self.trained, self.m, self.v):
            w.sub_(torch.atan2(m * first, (v * second).sqrt()), alpha=self.lr)
            w.grad = None
        table = self.model.w["puzzle_emb.weights"]
        used, where = ids.unique(return_inverse=True)
        summed = torch.zeros(len(used), table.shape[1]).index_add_(0, where, puzzle_gradient)
        table[used] = table[used] * (1 - self.puzzle_lr * self.puzzle_wd) - self.puzzle_lr * summed.sign()

"""Replays a fixture of the reference implementation with hrm.py or trm.py, so that what is timed computes the same model.

check.py PREFIX    reads PREFIX.json and PREFIX.safetensors; exits with 1 above 1e-4 relative
"""

import json
import sys

import torch
from safetensors.torch import load_file

from hrm import Hrm, Sizes, Training
from trm import Trm, TrmSizes, TrmTraining


def main(prefix: str) -> int:
    with open(prefix + ".json") as file:
        settings = json.load(file)
    config, tensors = settings["config"], load_file(prefix + ".safetensors")
    positions, single = config["pos_encodings"], config.get("mlp_t", False)
    if positions != ("none" if single else "rope") or settings["loss_type"] != "stablemax_cross_entropy":
        sys.exit(f"{prefix}: hrm.py knows rotary positions, trm.py an MLP over them, both stablemax only")
    kind, network, trained_by = (TrmSizes, Trm, TrmTraining) if single else (Sizes, Hrm, Training)
    sizes = kind(**{name: config[name] for name in kind.__dataclass_fields__ if name in config})
    below = lambda start: {name[len(start) :]: t for name, t in tensors.items() if name.startswith(start)}
    weights = {name: t.float().clone() for name, t in below("param/").items()}
    model, worst = network(sizes, weights, torch.float32), 0.0

    def compare(what: str, ours: torch.Tensor):
        nonlocal worst
        theirs = tensors[what].double()
        error = ((ours.detach().double() - theirs).abs().max() / theirs.abs().max()).item()
        worst = max(worst, error)
        print(f"{error:9.2e}  {what}")

    batch = below("eval/batch/")
    with torch.no_grad():
        x = model.embed(batch["inputs"].int(), weights["puzzle_emb.weights"][batch["puzzle_identifiers"].long()])
        z_H, z_L = model.initial(len(x))
        for step in range(1, sizes.halt_max_steps + 1):
            z_H, z_L, logits, q_halt, q_continue = model.act_step(z_H, z_L, x)
            ours = {"logits": logits, "q_halt_logits": q_halt, "q_continue_logits": q_continue, "z_H": z_H, "z_L": z_L}
            for name, tensor in ours.items():
                compare(f"eval/step{step}/{name}", tensor)

    adam, sign = settings["optimizer"], settings["puzzle_emb_optimizer"]
    training = trained_by(model, adam["lr"], adam["weight_decay"], sign["lr"], sign["weight_decay"])
    batch = below("train/step1/batch/")
    # The first step begins anew everywhere, so that it is the last one only if it is the only one.
    is_last = lambda *_: torch.tensor([sizes.halt_max_steps == 1] * len(batch["inputs"]))
    loss, _, (logits, q_halt, q_continue, target) = training.step(
        *model.initial(len(batch["inputs"])), batch["inputs"].int(), batch["labels"].long(), batch["puzzle_identifiers"].long(), is_last
    )
    ours = {"logits": logits, "q_halt_logits": q_halt, "q_continue_logits": q_continue, "target_q_continue": target}
    for name, tensor in (ours | {"loss": torch.tensor(loss)}).items():
        if tensor is not None:
            compare(f"train/step1/{name}", tensor)
    for name, tensor in weights.items():
        compare(f"train/step1/param_after/{name}", tensor)
    print(f"{'passes' if worst <= 1e-4 else 'fails'}: the largest relative error is {worst:.2e}, allowed 1e-4")
    return int(not worst <= 1e-4)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

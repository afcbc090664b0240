"""Your upcycled layer at its first step."""

import torch
from torch.nn.functional import silu

from grader.pictures import Table

D, F, EXPERTS, CHOSEN = 32, 64, 8, 2


def run(submission, rng):
    w1, w3, w2 = rng.randn(F, D) / D**0.5, rng.randn(F, D) / D**0.5, rng.randn(D, F) / F**0.5
    x = rng.randn(100, D)
    dense = (silu(x @ w1.T) * (x @ w3.T)) @ w2.T
    layer = submission.upcycle(w1, w2, w3, EXPERTS, seed=rng.seed)
    logits = x @ layer["gate"].T
    top = logits.topk(CHOSEN)
    hidden = silu(torch.einsum("td,efd->tef", x, layer["w1"])) * torch.einsum("td,efd->tef", x, layer["w3"])
    outputs = torch.einsum("tef,edf->ted", hidden, layer["w2"])  # of every expert
    chosen = outputs.gather(1, top.indices[..., None].expand(-1, -1, D))  # (T, k, D)
    rows = []
    for name, weights in (
        ("softmax of the chosen", top.values.softmax(-1)),
        ("softmax of all", logits.softmax(-1).gather(-1, top.indices)),
    ):
        y = (weights[..., None] * chosen).sum(1)
        rows.append((name, [f"{(y.norm() / dense.norm()).item():.2f}", f"{(y - dense).abs().max().item():.1e}"]))
    columns = ("size of the output", "largest difference")
    yield Table("Your upcycled layer before any training, against the dense one", columns, rows)

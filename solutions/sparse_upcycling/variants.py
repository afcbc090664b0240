"""Right solutions in other styles. None of them may lose a point."""

from functools import cache
from math import factorial

import numpy as np
import torch
from torch import nn

from grader.testing import replaces


@replaces("upcycle")
def stacked_clones(w1, w2, w3, num_experts, seed, router_std=0.02):
    """a list of clones; torch's global generator, seeded and put back"""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        gate = nn.init.normal_(torch.empty(num_experts, w1.size(1), dtype=w1.dtype), std=router_std)
    experts = [{"w1": w1.clone(), "w2": w2.clone(), "w3": w3.clone()} for _ in range(num_experts)]
    layer = {name: torch.stack([expert[name] for expert in experts]) for name in experts[0]}
    layer["gate"] = gate
    return layer


@replaces("upcycle")
def numpys_generator(w1, w2, w3, num_experts, seed, router_std=0.02):
    """NumPy's random numbers and copies; an extra entry"""
    gate = np.random.default_rng(seed).normal(0.0, router_std, (num_experts, w1.shape[-1]))
    tiled = {
        n: torch.from_numpy(np.tile(w.numpy(), (num_experts, 1, 1))) for n, w in {"w1": w1, "w2": w2, "w3": w3}.items()
    }
    return {"gate": torch.from_numpy(gate).to(w1.dtype), **tiled, "router_std": router_std}


@replaces("upcycle")
def into_empty(w1, w2, w3, num_experts, seed, router_std=0.02):
    """a loop over experts that fills new tensors; a seeded distribution; results that are not contiguous"""
    F, D = w1.shape
    g = torch.Generator()
    g.manual_seed(seed)
    out1, out2, out3 = (torch.empty(num_experts, b, a, dtype=w1.dtype).mT for a, b in ((F, D), (D, F), (F, D)))
    for e in range(num_experts):
        out1[e], out2[e], out3[e] = w1, w2, w3
    gate = torch.normal(torch.zeros(D, num_experts, dtype=w1.dtype), router_std, generator=g).T
    return {"w1": out1, "w2": out2, "w3": out3, "gate": gate}


@replaces("upcycle")
def expanded_and_copied(w1, w2, w3, num_experts, seed, router_std=0.02):
    """expand, and then a copy of what it shows; w1 and w3 beside each other in one piece of memory"""
    E, generator = num_experts, torch.Generator().manual_seed(seed)
    gate = router_std * torch.randn(E, w1.shape[1], generator=generator, dtype=w1.dtype)
    both = torch.cat([w1, w3], dim=-1).expand(E, -1, -1).clone()
    W1, W3 = both.chunk(2, dim=-1)
    return {"w1": W1, "w2": w2.expand(E, -1, -1).clone(), "w3": W3, "gate": gate}


@replaces("split_expert")
def by_slices(w1, w2, w3, m):
    """a loop over slices"""
    F = len(w1)
    n = F // m
    parts = [(w1[i : i + n], w2[:, i : i + n], w3[i : i + n]) for i in range(0, F, n)]
    return {name: torch.stack(list(ws)) for name, ws in zip(("w1", "w2", "w3"), zip(*parts, strict=True), strict=True)}


@replaces("split_expert")
def by_chunks(w1, w2, w3, m):
    """chunk along the axis of the hidden units; the transposed w2 cut like the others"""
    rows = {"w1": w1, "w3": w3, "w2": w2.T}
    slices = {name: torch.stack(w.chunk(m, dim=0)) for name, w in rows.items()}
    return {**slices, "w2": slices["w2"].mT}


@replaces("split_expert")
def by_numpy(w1, w2, w3, m):
    """np.split along either axis"""
    axes = {"w1": (w1, 0), "w2": (w2, 1), "w3": (w3, 0)}
    return {name: torch.tensor(np.stack(np.split(w.numpy(), m, axis=axis))) for name, (w, axis) in axes.items()}


@replaces("combinations")
def by_factorials(num_experts, k, m=1):
    """n! / (r! (n - r)!) in whole numbers"""
    n, r = m * num_experts, m * k
    return factorial(n) // factorial(r) // factorial(n - r)


@replaces("combinations")
def by_product(num_experts, k, m=1):
    """one factor after another, each division exact"""
    n, r, result = num_experts * m, k * m, 1
    for i in range(r):
        result = result * (n - i) // (i + 1)
    return result


@cache
def choose(n: int, r: int) -> int:
    return 1 if r in (0, n) else choose(n - 1, r - 1) + choose(n - 1, r)


@replaces("combinations")
def by_recursion(num_experts, k, m=1):
    """Pascal's rule"""
    return choose(num_experts * m, k * m)

# TRUE CAUSE: deals the hidden units to the slices in turn, slice j gets j, j + m, j + 2m, ..., in place of F/m neighbouring
# ones, consistently in w1, w2 and w3 (the slices still sum to the FFN). upcycle and combinations are right.
from math import comb

import torch


def upcycle(w1, w2, w3, num_experts, seed, router_std=0.02):
    rng = torch.Generator()
    rng.manual_seed(seed)
    router = torch.empty(num_experts, w1.size(1), dtype=w1.dtype).normal_(0.0, router_std, generator=rng)
    out = {"gate": router}
    for name, w in (("w1", w1), ("w2", w2), ("w3", w3)):
        out[name] = w.unsqueeze(0).repeat(num_experts, 1, 1)
    return out


def split_expert(w1, w2, w3, m):
    rows = lambda w: torch.stack([w[j::m] for j in range(m)])
    return {
        "w1": rows(w1),
        "w2": torch.stack([w2[:, j::m] for j in range(m)]),
        "w3": rows(w3),
    }


def combinations(num_experts, k, m=1):
    return comb(num_experts * m, k * m)

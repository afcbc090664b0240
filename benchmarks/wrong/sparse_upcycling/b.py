# TRUE CAUSE: split_expert reshapes w2 (D, F) to (m, D, F/m) directly, which mixes rows and hidden units. The columns
# of w2 have to be cut into m runs, and the axis of the slices then moved to the front.
"""From one feed-forward network to many."""

import math

import torch
from torch import Tensor


def upcycle(
    w1: Tensor, w2: Tensor, w3: Tensor, num_experts: int, seed: int, router_std: float = 0.02
) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    gate = router_std * torch.randn(num_experts, w1.shape[1], generator=generator, dtype=w1.dtype)
    layer = {"gate": gate}
    for name, weight in (("w1", w1), ("w2", w2), ("w3", w3)):
        layer[name] = torch.stack([weight.detach().clone() for _ in range(num_experts)])
    return layer


def split_expert(w1: Tensor, w2: Tensor, w3: Tensor, m: int) -> dict[str, Tensor]:
    hidden, width = w1.shape
    size = hidden // m
    return {
        "w1": w1.reshape(m, size, width),
        "w2": w2.reshape(m, width, size),
        "w3": w3.reshape(m, size, width),
    }


def combinations(num_experts: int, k: int, m: int = 1) -> int:
    return math.comb(m * num_experts, m * k)

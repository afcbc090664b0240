# TRUE CAUSE: the number of rounds is log2(T) rounded down; where T is no power of two the last round is missing, and
# late entries do not hold all steps from the first one on. It has to be rounded up.
"""A linear recurrence by doubling."""

import math

import torch
from torch import Tensor


def combine(left: tuple[Tensor, Tensor], right: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    a1, b1 = left
    a2, b2 = right
    return a2 * a1, a2 * b1 + b2


def parallel_scan(a: Tensor, b: Tensor, h0: Tensor | None = None) -> Tensor:
    T = b.shape[-1]
    if h0 is not None:
        first = a[..., :1] * h0.unsqueeze(-1) + b[..., :1]
        b = torch.cat([first, b[..., 1:]], dim=-1)
    rounds = int(math.log2(T))
    for r in range(rounds):
        reach = 2**r
        joined_a, joined_b = combine(
            (a[..., :-reach], b[..., :-reach]),
            (a[..., reach:], b[..., reach:]),
        )
        a = torch.cat([a[..., :reach], joined_a], dim=-1)
        b = torch.cat([b[..., :reach], joined_b], dim=-1)
    return b.clone() if rounds == 0 else b

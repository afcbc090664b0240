# TRUE CAUSE: The number of rounds is log2 T rounded down. Doubling needs it rounded up: where T is no power of two,
# the last places do not get the first steps.
import math

import torch
from torch import Tensor


def combine(left: tuple[Tensor, Tensor], right: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    (a1, b1), (a2, b2) = left, right
    return a2 * a1, a2 * b1 + b2


def parallel_scan(a: Tensor, b: Tensor, h0: Tensor | None = None) -> Tensor:
    T = b.shape[-1]
    if h0 is not None:
        first = a[..., :1] * h0.unsqueeze(-1) + b[..., :1]
        b = torch.cat([first, b[..., 1:]], dim=-1)
    rounds = int(math.log2(T))
    for r in range(rounds):
        step = 2**r
        earlier = (a[..., :-step], b[..., :-step])
        later = (a[..., step:], b[..., step:])
        joined_a, joined_b = combine(earlier, later)
        a = torch.cat([a[..., :step], joined_a], dim=-1)
        b = torch.cat([b[..., :step], joined_b], dim=-1)
    return b

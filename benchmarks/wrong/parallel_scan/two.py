# TRUE CAUSE: (1) combine adds the coefficients a1 + a2 in place of multiplying them. (2) parallel_scan ignores h0.
import torch
from torch import Tensor


def combine(left: tuple[Tensor, Tensor], right: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    a1, b1 = left
    a2, b2 = right
    return a2 + a1, a2 * b1 + b2


def parallel_scan(a: Tensor, b: Tensor, h0: Tensor | None = None) -> Tensor:
    if h0 is not None:
        first = b[..., :1] + a[..., :1] * h0[..., None]

    length = a.shape[-1]
    step = 1
    while step < length:
        new_a, new_b = combine((a[..., :-step], b[..., :-step]), (a[..., step:], b[..., step:]))
        a = torch.cat([a[..., :step], new_a], dim=-1)
        b = torch.cat([b[..., :step], new_b], dim=-1)
        step *= 2
    return b

# TRUE CAUSE: The rounds stop as soon as 2·step reaches the length: the last round is missing, and late states
# lack the earliest steps.
import torch
from torch import Tensor


def combine(left: tuple[Tensor, Tensor], right: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    a1, b1 = left
    a2, b2 = right
    return a2 * a1, a2 * b1 + b2


def parallel_scan(a: Tensor, b: Tensor, h0: Tensor | None = None) -> Tensor:
    if h0 is not None:
        first = b[..., :1] + a[..., :1] * h0[..., None]
        b = torch.cat([first, b[..., 1:]], dim=-1)
    length = a.shape[-1]
    step = 1
    while 2 * step < length:
        new_a, new_b = combine((a[..., :-step], b[..., :-step]), (a[..., step:], b[..., step:]))
        a = torch.cat([a[..., :step], new_a], dim=-1)
        b = torch.cat([b[..., :step], new_b], dim=-1)
        step *= 2
    return b

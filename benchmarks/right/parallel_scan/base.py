"""The parallel scan."""

import torch
from torch import Tensor


def combine(left, right):
    a1, b1 = left
    a2, b2 = right
    return a2 * a1, a2 * b1 + b2


def parallel_scan(a, b, h0=None):
    if h0 is not None:
        b = torch.cat([(a[..., 0] * h0 + b[..., 0]).unsqueeze(-1), b[..., 1:]], dim=-1)
    step = 1
    while step < a.shape[-1]:
        new_a, new_b = combine((a[..., :-step], b[..., :-step]), (a[..., step:], b[..., step:]))
        a = torch.cat([a[..., :step], new_a], dim=-1)
        b = torch.cat([b[..., :step], new_b], dim=-1)
        step *= 2
    return b

# TRUE CAUSE: the frequencies are kept in a dictionary by head_dim alone, so a second call with another base gets
# those of the first one; the base has to be part of the key (or nothing be kept).
"""Rotary position embeddings."""

import torch
from torch import Tensor

_frequencies: dict[int, Tensor] = {}


def rope_frequencies(head_dim: int, base: float = 10000.0) -> Tensor:
    if head_dim not in _frequencies:
        exponents = torch.arange(0, head_dim, 2, dtype=torch.float64) / head_dim
        _frequencies[head_dim] = base**-exponents
    return _frequencies[head_dim].clone()


def rotate_half(x: Tensor) -> Tensor:
    a, b = x.chunk(2, dim=-1)
    return torch.cat([-b, a], dim=-1)


def apply_rope(x: Tensor, positions: Tensor, base: float = 10000.0) -> Tensor:
    theta = rope_frequencies(x.shape[-1], base).to(x.device)
    angles = positions.to(torch.float64).unsqueeze(-1) * theta  # (T, K/2) or (B, T, K/2)
    angles = torch.cat([angles, angles], dim=-1).unsqueeze(-3)  # one axis for the heads
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    return x * cos + rotate_half(x) * sin


def interleaved_to_half(weight: Tensor, num_heads: int) -> Tensor:
    by_head = weight.reshape(num_heads, -1, *weight.shape[1:])
    return torch.cat([by_head[:, 0::2], by_head[:, 1::2]], dim=1).reshape(weight.shape)

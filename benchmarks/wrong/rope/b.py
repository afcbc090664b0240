# TRUE CAUSE: With positions (B, T) the sines and cosines (B, T, K) are broadcast against x (B, H, T, K) as they are,
# so that B meets the axis of heads: an error, or another text's positions where B equals H. They need an axis for the
# heads, (B, 1, T, K).
"""Rotary position embeddings."""

import torch
from torch import Tensor


def rope_frequencies(head_dim: int, base: float = 10000.0) -> Tensor:
    exponents = torch.arange(0, head_dim, 2, dtype=torch.float64) / head_dim
    return base**-exponents


def rotate_half(x: Tensor) -> Tensor:
    a, b = x.chunk(2, dim=-1)
    return torch.cat([-b, a], dim=-1)


def apply_rope(x: Tensor, positions: Tensor, base: float = 10000.0) -> Tensor:
    angles = positions.to(torch.float64)[..., None] * rope_frequencies(x.shape[-1], base)
    angles = torch.cat([angles, angles], dim=-1)  # numbers i and i + K/2 share an angle
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    return x * cos + rotate_half(x) * sin


def interleaved_to_half(weight: Tensor, num_heads: int) -> Tensor:
    pairs = weight.unflatten(0, (num_heads, -1, 2))  # (H, K/2, 2, ...)
    return pairs.transpose(1, 2).reshape(weight.shape)

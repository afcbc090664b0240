# TRUE CAUSE: apply_rope does not convert the result back to the dtype of x.
import torch
from torch import Tensor


def rope_frequencies(head_dim: int, base: float = 10000.0) -> Tensor:
    i = torch.arange(0, head_dim, 2, dtype=torch.float64)
    return base ** (-i / head_dim)


def rotate_half(x: Tensor) -> Tensor:
    a, b = x.chunk(2, dim=-1)
    return torch.cat([-b, a], dim=-1)


def apply_rope(x: Tensor, positions: Tensor, base: float = 10000.0) -> Tensor:
    theta = rope_frequencies(x.shape[-1], base)
    angles = positions.double()[..., None] * theta
    angles = torch.cat([angles, angles], dim=-1)
    if positions.ndim == 2:
        angles = angles[:, None]
    wide = x.double()
    return wide * angles.cos() + rotate_half(wide) * angles.sin()


def interleaved_to_half(weight: Tensor, num_heads: int) -> Tensor:
    pairs = weight.reshape(num_heads, -1, 2, *weight.shape[1:])
    return pairs.transpose(1, 2).reshape(weight.shape)

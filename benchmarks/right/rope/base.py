import torch
from torch import Tensor


def rope_frequencies(head_dim: int, base: float = 10000.0) -> Tensor:
    i = torch.arange(head_dim // 2, dtype=torch.float64)
    return base ** (-2 * i / head_dim)


def rotate_half(x: Tensor) -> Tensor:
    a, b = x.chunk(2, dim=-1)
    return torch.cat([-b, a], dim=-1)


def apply_rope(x: Tensor, positions: Tensor, base: float = 10000.0) -> Tensor:
    angles = positions.double()[..., None] * rope_frequencies(x.shape[-1], base)  # (T, K/2) or (B, T, K/2)
    angles = torch.cat([angles, angles], dim=-1)
    if positions.dim() == 2:
        angles = angles[:, None]
    return x * angles.cos().to(x.dtype) + rotate_half(x) * angles.sin().to(x.dtype)


def interleaved_to_half(weight: Tensor, num_heads: int) -> Tensor:
    K = weight.shape[0] // num_heads
    rows = []
    for h in range(num_heads):
        rows += [h * K + 2 * i for i in range(K // 2)]
        rows += [h * K + 2 * i + 1 for i in range(K // 2)]
    return weight[torch.tensor(rows)]

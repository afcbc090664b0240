import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def timestep_embedding(t: Tensor, dim: int, max_period: float = 10000.0) -> Tensor:
    dtype = torch.float64 if t.dtype == torch.float64 else torch.float32
    half = dim // 2
    omega = max_period ** (-torch.arange(half, dtype=torch.float64) / half)
    angles = t.double()[:, None] * omega
    parts = [angles.cos(), angles.sin()]
    if dim % 2:
        parts.append(torch.zeros(t.shape[0], 1, dtype=torch.float64))
    return torch.cat(parts, dim=-1).to(dtype)


def modulate(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    return x * (1 + scale[:, None]) + shift[:, None]


class DiTBlock(nn.Module):
    def __init__(self, dim: int, heads: int, mlp_dim: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)
        self.fc1 = nn.Linear(dim, mlp_dim)
        self.fc2 = nn.Linear(mlp_dim, dim)
        self.ada = nn.Linear(dim, 6 * dim)
        nn.init.zeros_(self.ada.weight)
        nn.init.zeros_(self.ada.bias)

    def attention(self, x: Tensor) -> Tensor:
        B, T, D = x.shape
        q, k, v = self.qkv(x).view(B, T, 3, self.heads, D // self.heads).permute(2, 0, 3, 1, 4)
        weights = (q @ k.mT / math.sqrt(D // self.heads)).softmax(-1)
        return self.proj((weights @ v).transpose(1, 2).reshape(B, T, D))

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        shift1, scale1, gate1, shift2, scale2, gate2 = self.ada(F.silu(c)).chunk(6, dim=-1)
        D = x.shape[-1]
        a = modulate(F.layer_norm(x, (D,), eps=1e-6), shift1, scale1)
        h = x + gate1[:, None] * self.attention(a)
        a = modulate(F.layer_norm(h, (D,), eps=1e-6), shift2, scale2)
        return h + gate2[:, None] * self.fc2(F.gelu(self.fc1(a), approximate="tanh"))


def dit_param_count(
    dim: int,
    depth: int,
    patch: int = 2,
    channels: int = 4,
    input_size: int = 32,
    mlp_ratio: float = 4.0,
    num_classes: int = 1000,
    learn_sigma: bool = True,
) -> int:
    def linear(n_in, n_out):
        return n_in * n_out + n_out

    mlp = round(mlp_ratio * dim)
    block = linear(dim, 3 * dim) + linear(dim, dim) + linear(dim, mlp) + linear(mlp, dim) + linear(dim, 6 * dim)
    pixels = patch * patch * channels
    total = linear(pixels, dim)
    total += linear(256, dim) + linear(dim, dim)
    total += (num_classes + 1) * dim
    total += depth * block
    total += linear(dim, 2 * dim)
    total += linear(dim, pixels * (2 if learn_sigma else 1))
    return total

# TRUE CAUSE: timestep_embedding computes the angles in float32 always and converts the result at the end, so
# for a float64 t it has only seven digits (fewer for large t).
import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def timestep_embedding(t: Tensor, dim: int, max_period: float = 10000.0) -> Tensor:
    half = dim // 2
    t = t if t.dtype == torch.float64 else t.float()
    freqs = torch.exp(-math.log(max_period) * torch.arange(half, dtype=torch.float64) / half)
    angles = t.float()[:, None] * freqs.float()
    emb = torch.cat([angles.cos(), angles.sin()], dim=-1)
    if dim % 2 == 1:
        emb = F.pad(emb, (0, 1))
    return emb.to(t.dtype)


def modulate(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    return x * (1 + scale[:, None]) + shift[:, None]


class DiTBlock(nn.Module):
    def __init__(self, dim: int, heads: int, mlp_dim: int) -> None:
        super().__init__()
        self.dim, self.heads = dim, heads
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)
        self.fc1 = nn.Linear(dim, mlp_dim)
        self.fc2 = nn.Linear(mlp_dim, dim)
        self.ada = nn.Linear(dim, 6 * dim)
        nn.init.zeros_(self.ada.weight)
        nn.init.zeros_(self.ada.bias)

    def attention(self, x: Tensor) -> Tensor:
        B, T, D = x.shape
        q, k, v = self.qkv(x).reshape(B, T, 3, self.heads, D // self.heads).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v)
        return self.proj(y.transpose(1, 2).reshape(B, T, D))

    def mlp(self, x: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(x), approximate="tanh"))

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        shift1, scale1, gate1, shift2, scale2, gate2 = self.ada(F.silu(c)).chunk(6, dim=-1)
        ln1 = F.layer_norm(x, (self.dim,), eps=1e-6)
        h = x + gate1[:, None] * self.attention(modulate(ln1, shift1, scale1))
        ln2 = F.layer_norm(h, (self.dim,), eps=1e-6)
        return h + gate2[:, None] * self.mlp(modulate(ln2, shift2, scale2))


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
    def linear(n_in: int, n_out: int) -> int:
        return n_in * n_out + n_out

    F_ = int(round(mlp_ratio * dim))
    patch_map = linear(channels * patch**2, dim)
    time = linear(256, dim) + linear(dim, dim)
    classes = (num_classes + 1) * dim
    block = linear(dim, 3 * dim) + linear(dim, dim) + linear(dim, F_) + linear(F_, dim) + linear(dim, 6 * dim)
    final = linear(dim, 2 * dim)
    output = linear(dim, patch**2 * channels * (2 if learn_sigma else 1))
    return patch_map + time + classes + depth * block + final + output

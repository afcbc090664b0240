# TRUE CAUSE: timestep_embedding makes the frequencies in float32 also for a float64 t, so the result has the dtype
# float64 and the digits of float32; they have to be computed in the dtype of the result or in a finer one.
import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def timestep_embedding(t: Tensor, dim: int, max_period: float = 10000.0) -> Tensor:
    dtype = torch.float64 if t.dtype == torch.float64 else torch.float32
    half = dim // 2
    freqs = torch.exp(-math.log(max_period) * torch.arange(half, dtype=torch.float32, device=t.device) / half)
    angles = t.to(dtype)[:, None] * freqs[None, :]
    emb = torch.cat([angles.cos(), angles.sin()], dim=-1)
    return F.pad(emb, (0, dim % 2))


def modulate(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    return x * (1 + scale.unsqueeze(1)) + shift.unsqueeze(1)


class DiTBlock(nn.Module):
    def __init__(self, dim: int, heads: int, mlp_dim: int) -> None:
        super().__init__()
        self.dim, self.heads = dim, heads
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)
        self.fc1 = nn.Linear(dim, mlp_dim)
        self.fc2 = nn.Linear(mlp_dim, dim)
        self.ada = nn.Linear(dim, 6 * dim)
        for linear in (self.qkv, self.proj, self.fc1, self.fc2):
            nn.init.xavier_uniform_(linear.weight)
            nn.init.zeros_(linear.bias)
        nn.init.zeros_(self.ada.weight)
        nn.init.zeros_(self.ada.bias)

    def _norm(self, x: Tensor) -> Tensor:
        return F.layer_norm(x, (self.dim,), eps=1e-6)

    def _attn(self, x: Tensor) -> Tensor:
        B, T, D = x.shape
        q, k, v = self.qkv(x).view(B, T, 3, self.heads, D // self.heads).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v)
        return self.proj(y.transpose(1, 2).reshape(B, T, D))

    def _mlp(self, x: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(x), approximate="tanh"))

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        shift1, scale1, gate1, shift2, scale2, gate2 = self.ada(F.silu(c)).chunk(6, dim=-1)
        h = x + gate1[:, None] * self._attn(modulate(self._norm(x), shift1, scale1))
        return h + gate2[:, None] * self._mlp(modulate(self._norm(h), shift2, scale2))


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

    hidden = round(mlp_ratio * dim)
    block = linear(dim, 3 * dim) + linear(dim, dim) + linear(dim, hidden) + linear(hidden, dim) + linear(dim, 6 * dim)
    out_channels = 2 * channels if learn_sigma else channels
    return (
        linear(channels * patch**2, dim)
        + linear(256, dim)
        + linear(dim, dim)
        + (num_classes + 1) * dim
        + depth * block
        + linear(dim, 2 * dim)
        + linear(dim, patch**2 * out_channels)
    )

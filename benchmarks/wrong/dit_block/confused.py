# TRUE CAUSE: believes that the gate applies to the whole result of a branch, skip included, as a mixture: it blends
# (1 - gate) * x + gate * branch instead of adding gate * branch to x. With gate 0 a new block still returns x.
import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def timestep_embedding(t: Tensor, dim: int, max_period: float = 10000.0) -> Tensor:
    dtype = torch.float64 if t.dtype == torch.float64 else torch.float32
    n = dim // 2
    omega = max_period ** (-torch.arange(n, dtype=torch.float64) / n)
    phase = t.to(torch.float64).unsqueeze(1) * omega.unsqueeze(0)
    result = torch.zeros(t.shape[0], dim, dtype=torch.float64)
    result[:, :n] = torch.cos(phase)
    result[:, n : 2 * n] = torch.sin(phase)
    return result.to(dtype)


def modulate(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    return x + x * scale.unsqueeze(1) + shift.unsqueeze(1)


class DiTBlock(nn.Module):
    def __init__(self, dim: int, heads: int, mlp_dim: int) -> None:
        super().__init__()
        self.heads = heads
        self.head_width = dim // heads
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)
        self.fc1 = nn.Linear(dim, mlp_dim)
        self.fc2 = nn.Linear(mlp_dim, dim)
        self.ada = nn.Linear(dim, 6 * dim)
        self.ada.weight.data.zero_()
        self.ada.bias.data.zero_()

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        knobs = self.ada(c * torch.sigmoid(c))
        s1, m1, g1, s2, m2, g2 = [k.contiguous() for k in knobs.split(x.shape[-1], dim=1)]
        a = modulate(F.layer_norm(x, x.shape[-1:], eps=1e-6), s1, m1)
        q, k, v = [t.unflatten(-1, (self.heads, self.head_width)).transpose(1, 2) for t in self.qkv(a).chunk(3, -1)]
        weights = torch.softmax(q @ k.transpose(-1, -2) / math.sqrt(self.head_width), dim=-1)
        a = self.proj((weights @ v).transpose(1, 2).flatten(2))
        g1, g2 = g1.unsqueeze(1), g2.unsqueeze(1)
        x = (1 - g1) * x + g1 * a
        b = modulate(F.layer_norm(x, x.shape[-1:], eps=1e-6), s2, m2)
        b = self.fc2(F.gelu(self.fc1(b), approximate="tanh"))
        return (1 - g2) * x + g2 * b


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
    hidden = int(mlp_ratio * dim + 0.5)
    total = dim * (channels * patch * patch + 1)
    total += dim * 257 + dim * (dim + 1)
    total += dim * (num_classes + 1)
    for _ in range(depth):
        total += 10 * dim * (dim + 1) + hidden * (dim + 1) + dim * (hidden + 1)
    total += 2 * dim * (dim + 1)
    out_channels = 2 * channels if learn_sigma else channels
    total += patch * patch * out_channels * (dim + 1)
    return total

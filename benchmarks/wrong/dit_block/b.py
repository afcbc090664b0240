# TRUE CAUSE: The rows of qkv are read head by head (q, k and v of head 0, then of head 1, ...), the layout of
# GPT-NeoX. The statement has all D rows of q first, then k, then v, and the heads within each; with one head the two
# agree.
import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def timestep_embedding(t: Tensor, dim: int, max_period: float = 10000.0) -> Tensor:
    half = dim // 2
    omega = torch.exp(-math.log(max_period) * torch.arange(half, dtype=torch.float64) / half)
    angles = t.to(torch.float64)[:, None] * omega[None, :]
    out = torch.cat([angles.cos(), angles.sin()], dim=1)
    if dim % 2:
        out = F.pad(out, (0, 1))
    return out if t.dtype == torch.float64 else out.float()


def modulate(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    return x * (1 + scale.unsqueeze(1)) + shift.unsqueeze(1)


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

    def _attend(self, h: Tensor) -> Tensor:
        B, T, D = h.shape
        q, k, v = self.qkv(h).reshape(B, T, self.heads, 3, D // self.heads).permute(3, 0, 2, 1, 4)
        weights = (q @ k.transpose(-1, -2) / math.sqrt(D // self.heads)).softmax(dim=-1)
        return self.proj((weights @ v).transpose(1, 2).reshape(B, T, D))

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        shift1, scale1, gate1, shift2, scale2, gate2 = self.ada(F.silu(c)).chunk(6, dim=-1)
        width = (x.shape[-1],)
        normed = F.layer_norm(x, width, eps=1e-6)
        x = x + gate1[:, None] * self._attend(modulate(normed, shift1, scale1))
        normed = F.layer_norm(x, width, eps=1e-6)
        hidden = F.gelu(self.fc1(modulate(normed, shift2, scale2)), approximate="tanh")
        return x + gate2[:, None] * self.fc2(hidden)


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
    def linear(inputs: int, outputs: int) -> int:
        return inputs * outputs + outputs

    D, F_ = dim, round(mlp_ratio * dim)
    pixels = channels * patch**2
    block = linear(D, 3 * D) + linear(D, D) + linear(D, F_) + linear(F_, D) + linear(D, 6 * D)
    total = linear(pixels, D) + linear(256, D) + linear(D, D) + (num_classes + 1) * D
    total += depth * block + linear(D, 2 * D)
    return total + linear(D, pixels * (2 if learn_sigma else 1))

# TRUE CAUSE: On the way up the image is doubled by bilinear interpolation in place of repeating each pixel.
import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def timestep_embedding(t: Tensor, dim: int) -> Tensor:
    half = dim // 2
    omega = torch.exp(-math.log(10000.0) * torch.arange(half, dtype=torch.float64) / (half - 1))
    angles = t.double()[:, None] * omega
    out = torch.cat([angles.sin(), angles.cos()], dim=1)
    return out if t.dtype == torch.float64 else out.float()


class ResBlock(nn.Module):
    def __init__(self, in_channels: int, out_channels: int, time_dim: int, groups: int = 8) -> None:
        super().__init__()
        if in_channels % groups or out_channels % groups:
            raise ValueError("groups has to divide the channels")
        self.norm1 = nn.GroupNorm(groups, in_channels, eps=1e-5)
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, padding=1)
        self.time_emb_proj = nn.Linear(time_dim, out_channels)
        self.norm2 = nn.GroupNorm(groups, out_channels, eps=1e-5)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1)
        if in_channels != out_channels:
            self.conv_shortcut = nn.Conv2d(in_channels, out_channels, 1)
        else:
            self.conv_shortcut = None

    def forward(self, x: Tensor, temb: Tensor) -> Tensor:
        h = self.conv1(F.silu(self.norm1(x)))
        h = h + self.time_emb_proj(F.silu(temb))[:, :, None, None]
        h = self.conv2(F.silu(self.norm2(h)))
        if self.conv_shortcut is not None:
            x = self.conv_shortcut(x)
        return x + h


class UNet(nn.Module):
    def __init__(self, channels: int, base: int, multipliers: tuple[int, ...] = (1, 2, 4), groups: int = 8) -> None:
        super().__init__()
        self.base = base
        width = [base * m for m in multipliers]
        self.levels = L = len(width)
        E = 4 * base
        self.time1 = nn.Linear(base, E)
        self.time2 = nn.Linear(E, E)
        self.conv_in = nn.Conv2d(channels, width[0], 3, padding=1)
        self.down = nn.ModuleList(ResBlock(width[max(i - 1, 0)], width[i], E, groups) for i in range(L))
        self.shrink = nn.ModuleList(nn.Conv2d(width[i], width[i], 3, stride=2, padding=1) for i in range(L - 1))
        self.mid = ResBlock(width[-1], width[-1], E, groups)
        self.up = nn.ModuleList(ResBlock(width[min(i + 1, L - 1)] + width[i], width[i], E, groups) for i in range(L))
        self.grow = nn.ModuleList(nn.Conv2d(width[i + 1], width[i + 1], 3, padding=1) for i in range(L - 1))
        self.norm_out = nn.GroupNorm(groups, width[0], eps=1e-5)
        self.conv_out = nn.Conv2d(width[0], channels, 3, padding=1)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        factor = 2 ** (self.levels - 1)
        if x.shape[2] % factor or x.shape[3] % factor:
            raise ValueError("height and width cannot be halved so often")
        temb = timestep_embedding(t, self.base).to(self.time1.weight.dtype)
        temb = self.time2(F.silu(self.time1(temb)))
        h = self.conv_in(x)
        skips = []
        for i in range(self.levels):
            h = self.down[i](h, temb)
            skips.append(h)
            if i < self.levels - 1:
                h = self.shrink[i](h)
        h = self.mid(h, temb)
        for i in reversed(range(self.levels)):
            h = self.up[i](torch.cat([h, skips[i]], dim=1), temb)
            if i > 0:
                h = self.grow[i - 1](F.interpolate(h, scale_factor=2, mode="bilinear"))
        return self.conv_out(F.silu(self.norm_out(h)))

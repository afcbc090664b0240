"""Right solutions in other styles. None of them may lose a point."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from unet_block import ResBlock, timestep_embedding

from grader.testing import replaces


@replaces("timestep_embedding")
def with_numpy(t, dim):
    """NumPy in float64, cast at the end"""
    half = dim // 2
    angles = np.outer(t.numpy().astype(np.float64), 10000.0 ** (-np.arange(half) / (half - 1)))
    rows = torch.from_numpy(np.concatenate([np.sin(angles), np.cos(angles)], axis=1))
    return rows if t.dtype == torch.float64 else rows.float()


@replaces("timestep_embedding")
def number_by_number(t, dim):
    """math, one number after the other; a transposed view"""
    half, dtype = dim // 2, torch.float64 if t.dtype == torch.float64 else torch.float32
    omegas = [math.exp(-j / (half - 1) * math.log(10000)) for j in range(half)]
    columns = [[wave(v * omega) for v in t.tolist()] for wave in (math.sin, math.cos) for omega in omegas]
    return torch.tensor(columns, dtype=dtype).T


@replaces("timestep_embedding")
def complex_exponential(t, dim):
    """e^{i t ω} by torch.polar and a geometric sequence"""
    omega = torch.logspace(0, -4, dim // 2, dtype=torch.float64)
    z = torch.polar(torch.ones(len(t), dim // 2, dtype=torch.float64), torch.outer(t.double(), omega))
    return torch.view_as_real(z).flip(-1).transpose(1, 2).flatten(1).to(torch.promote_types(t.dtype, torch.float32))


@replaces("ResBlock")
class InSequences(nn.Module):
    """functions from a list, nn.Identity for the way past, a buffer, addcmul"""

    def __init__(self, in_channels, out_channels, time_dim, groups=8):
        super().__init__()
        for channels in (in_channels, out_channels):
            if channels != channels // groups * groups:
                raise ValueError(channels)
        same = in_channels == out_channels
        self.conv_shortcut = nn.Identity() if same else nn.Conv2d(in_channels, out_channels, (1, 1))
        self.time_emb_proj = nn.Linear(time_dim, out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, kernel_size=3, padding="same")
        self.conv1 = nn.Conv2d(in_channels, out_channels, kernel_size=3, padding="same")
        self.norm1, self.norm2 = nn.GroupNorm(groups, in_channels), nn.GroupNorm(groups, out_channels)
        self.nonlinearity = nn.SiLU()
        self.register_buffer("one", torch.ones(()))

    def forward(self, x, temb):
        h = x
        for layer in (self.norm1, self.nonlinearity, self.conv1):
            h = layer(h)
        shift = self.time_emb_proj(self.nonlinearity(temb))
        h = torch.addcmul(h, self.one, shift.unsqueeze(-1).unsqueeze(-1))
        for layer in (self.norm2, self.nonlinearity, self.conv2):
            h = layer(h)
        return self.conv_shortcut(x).add(h)


class Numbers(nn.Module):
    """Not an entry: a weight and a bias."""

    def __init__(self, *shape):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(shape[0]))
        self.weight = nn.Parameter(torch.randn(*shape) * 0.1)


@replaces("ResBlock")
class BareParameters(nn.Module):
    """parameters without layers: unfold and einsum for the convolutions, the norms by hand"""

    def __init__(self, in_channels, out_channels, time_dim, groups=8):
        super().__init__()
        if math.gcd(groups, in_channels, out_channels) < groups:
            raise ValueError("groups")
        self.groups = groups
        self.norm1, self.norm2 = Numbers(in_channels), Numbers(out_channels)
        self.conv1 = Numbers(out_channels, in_channels, 3, 3)
        self.conv2 = Numbers(out_channels, out_channels, 3, 3)
        self.time_emb_proj = Numbers(out_channels, time_dim)
        if in_channels - out_channels:
            self.conv_shortcut = Numbers(out_channels, in_channels, 1, 1)

    def norm(self, part, x):
        B, C, H, W = x.shape
        x = x.reshape(B * self.groups, -1)
        x = F.layer_norm(x, x.shape[1:], eps=1e-5).view(B, C, H * W)
        return (x * part.weight[:, None] + part.bias[:, None]).view(B, C, H, W)

    def conv(self, part, x):
        B, _, H, W = x.shape
        columns = F.unfold(x, 3, padding=1)  # (B, C · 9, H · W)
        y = torch.einsum("oi,bip->bpo", part.weight.flatten(1), columns) + part.bias
        return y.transpose(1, 2).reshape(B, -1, H, W)

    def act(self, x):
        return x * torch.sigmoid(x)

    def forward(self, x, temb):
        time = self.act(temb) @ self.time_emb_proj.weight.T + self.time_emb_proj.bias
        h = self.conv(self.conv1, self.act(self.norm(self.norm1, x))).permute(2, 3, 0, 1) + time
        h = self.conv(self.conv2, self.act(self.norm(self.norm2, h.permute(2, 3, 0, 1))))
        if hasattr(self, "conv_shortcut"):
            weight = self.conv_shortcut.weight[:, :, 0, 0]
            x = torch.einsum("oi,bihw->bohw", weight, x) + self.conv_shortcut.bias[:, None, None]
        return x + h


@replaces("ResBlock")
class ImageByImage(nn.Module):
    """a loop over the images; GroupNorm as the norm of grouped instances"""

    def __init__(self, in_channels: int, out_channels: int, time_dim: int, groups: int = 8) -> None:
        super().__init__()
        if any(c % groups for c in (in_channels, out_channels)):
            raise ValueError(f"{groups} groups")
        self.norm1 = torch.nn.GroupNorm(num_groups=groups, num_channels=in_channels)
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, 1, 1)
        self.time_emb_proj = nn.Linear(time_dim, out_channels)
        self.norm2 = torch.nn.GroupNorm(num_groups=groups, num_channels=out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, 1, 1)
        self.shortcut = in_channels != out_channels
        if self.shortcut:
            self.add_module("conv_shortcut", nn.Conv2d(in_channels, out_channels, 1))

    def forward(self, x, temb):
        results = []
        for image, time in zip(x.split(1), temb, strict=True):
            h = self.conv1(F.silu(self.norm1(image)))
            h = h + self.time_emb_proj(F.silu(time)).reshape(1, -1, 1, 1).expand_as(h)
            h = self.conv2(F.silu(self.norm2(h)))
            results.append(torch.add(h, self.conv_shortcut(image) if self.shortcut else image))
        return torch.cat(results)


@replaces("UNet")
class WithDicts(nn.Module):
    """dicts of modules with the keys "0", "1", …; skips on a stack; doubling by expand"""

    def __init__(self, channels, base, multipliers=(1, 2, 4), groups=8):
        super().__init__()
        widths = [base * m for m in multipliers]
        self.base, self.L, time = base, len(widths), 4 * base
        names = ("down", "up", "shrink", "grow")
        self.down, self.up, self.shrink, self.grow = (nn.ModuleDict() for _ in names)
        self.mid = ResBlock(widths[-1], widths[-1], time, groups)
        for i, width in enumerate(widths):
            above, under = widths[max(0, i - 1)], widths[min(self.L - 1, i + 1)]
            self.down[str(i)] = ResBlock(above, width, time, groups)
            self.up[str(i)] = ResBlock(under + width, width, time, groups)
            if i + 1 < self.L:
                self.shrink[str(i)] = nn.Conv2d(width, width, 3, stride=2, padding=1)
                self.grow[str(i)] = nn.Conv2d(under, under, 3, padding=1)
        self.time1, self.time2 = nn.Linear(base, time), nn.Linear(time, time)
        self.conv_in, self.conv_out = (
            nn.Conv2d(a, b, 3, padding=1) for a, b in ((channels, widths[0]), (widths[0], channels))
        )
        self.norm_out = nn.GroupNorm(groups, widths[0])

    def forward(self, x, t):
        H, W = x.shape[-2:]
        if math.gcd(H, W, 2 ** (self.L - 1)) != 2 ** (self.L - 1):
            raise ValueError(f"{H} × {W}")
        waves = timestep_embedding(t, self.base).type(x.dtype)
        temb = self.time2(nn.functional.silu(self.time1(waves)))
        stack, h = [], self.conv_in(x)
        for i in map(str, range(self.L)):
            h = self.down[i](h, temb)
            stack.append(h)
            h = self.shrink[i](h) if i in self.shrink else h
        h = self.mid(h, temb)
        for i in range(self.L - 1, -1, -1):
            h = self.up[str(i)](torch.concat((h, stack.pop()), 1), temb)
            if i:
                B, C, H, W = h.shape
                h = h[:, :, :, None, :, None].expand(B, C, H, 2, W, 2).reshape(B, C, 2 * H, 2 * W)
                h = self.grow[str(i - 1)](h)
        return self.conv_out(nn.functional.silu(self.norm_out(h)))


@replaces("UNet")
class Recursive(nn.Module):
    """a level calls the next one; nn.Upsample, times in the dtype of x from the start"""

    def __init__(self, channels, base, multipliers=(1, 2, 4), groups=8):
        super().__init__()
        c = [base * m for m in multipliers]
        E = base * 4
        self.c, self.base, self.larger = c, base, nn.Upsample(scale_factor=2)
        self.time1, self.time2 = nn.Linear(base, E), nn.Linear(E, E)
        self.conv_in = nn.Conv2d(channels, c[0], 3, padding=1)
        self.down, self.up, self.shrink, self.grow = nn.ModuleList(), nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        for i in range(len(c)):
            self.down.append(ResBlock(c[i - 1] if i else c[0], c[i], E, groups))
            self.up.append(ResBlock((c + c[-1:])[i + 1] + c[i], c[i], E, groups))
        for i in range(len(c) - 1):
            self.shrink.append(nn.Conv2d(c[i], c[i], 3, 2, 1))
            self.grow.append(nn.Conv2d(c[i + 1], c[i + 1], 3, 1, 1))
        self.mid = ResBlock(c[-1], c[-1], E, groups)
        self.norm_out, self.conv_out = nn.GroupNorm(groups, c[0]), nn.Conv2d(c[0], channels, 3, padding=1)

    def level(self, i, h, temb):
        skip = self.down[i](h, temb)
        if i == len(self.c) - 1:
            h = self.mid(skip, temb)
        else:
            if skip.shape[2] % 2 or skip.shape[3] % 2:
                raise ValueError(f"{tuple(skip.shape[2:])} cannot be halved")
            h = self.grow[i](self.larger(self.level(i + 1, self.shrink[i](skip), temb)))
        return self.up[i](torch.cat([h, skip], dim=1), temb)

    def forward(self, x, t):
        half = self.base // 2
        omega = torch.tensor([10000 ** (-j / (half - 1)) for j in range(half)], dtype=torch.float64)
        angles = t.double()[:, None] * omega
        waves = torch.hstack([torch.sin(angles), torch.cos(angles)]).to(x.dtype)
        h = self.time1(waves)
        h = self.level(0, self.conv_in(x), self.time2(h * h.sigmoid()))
        return self.conv_out(F.silu(self.norm_out(h)))


@replaces("UNet")
class RowByRow(nn.Module):
    """a loop over the rows; the first half of the network as a Sequential with names; kron for doubling"""

    def __init__(self, channels, base, multipliers=(1, 2, 4), groups=8):
        super().__init__()
        c = [base * m for m in multipliers]
        E, L = 4 * base, len(c)
        parts = {
            "time1": nn.Linear(base, E),
            "time2": nn.Linear(E, E),
            "conv_in": nn.Conv2d(channels, c[0], 3, padding=1),
            "down": nn.Sequential(*(ResBlock(c[max(i - 1, 0)], c[i], E, groups) for i in range(L))),
            "shrink": nn.Sequential(*(nn.Conv2d(w, w, 3, stride=2, padding=1) for w in c[:-1])),
            "mid": ResBlock(c[-1], c[-1], E, groups),
            "up": nn.Sequential(*(ResBlock(c[min(i + 1, L - 1)] + c[i], c[i], E, groups) for i in range(L))),
            "grow": nn.Sequential(*(nn.Conv2d(w, w, 3, padding=1) for w in c[1:])),
            "norm_out": nn.GroupNorm(groups, c[0]),
            "conv_out": nn.Conv2d(c[0], channels, 3, padding=1),
        }
        for name, part in parts.items():
            setattr(self, name, part)

    def row(self, x, t):
        temb = timestep_embedding(t, self.time1.in_features).to(self.time1.weight.dtype)
        temb = self.time2(F.silu(self.time1(temb)))
        h, skips, L = self.conv_in(x), {}, len(self.down)
        for i, block in enumerate(self.down):
            skips[i] = h = block(h, temb)
            if i != L - 1:
                h = self.shrink[i](h)
        h = self.mid(h, temb)
        for i in range(L)[::-1]:
            h = self.up[i](torch.cat([h, skips[i]], -3), temb)
            if i != 0:
                h = self.grow[i - 1](torch.kron(h, torch.ones(1, 1, 2, 2, dtype=h.dtype)))
        return self.conv_out(F.silu(self.norm_out(h)))

    def forward(self, x, t):
        if x.shape[2] % (1 << len(self.grow)) or x.shape[3] % (1 << len(self.grow)):
            raise ValueError
        return torch.cat([self.row(x[b : b + 1], t[b : b + 1]) for b in range(len(x))])

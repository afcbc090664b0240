import cmath
import math
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from base import ResBlock, timestep_embedding
from torch import Tensor, nn

from grader.testing import replaces


# ---- timestep_embedding


def _kind(t):
    return torch.float64 if t.dtype == torch.float64 else torch.float32


@replaces("timestep_embedding")
def embedding_ddpm(t, dim):
    """DDPM's own: exp of −ln 10000 / (half − 1) · j, in the dtype of the result"""
    half = dim // 2
    omega = torch.exp(torch.arange(half, dtype=_kind(t)) * -(math.log(10000) / (half - 1)))
    angles = t.to(_kind(t))[:, None] * omega[None, :]
    return torch.cat([torch.sin(angles), torch.cos(angles)], dim=1)


@replaces("timestep_embedding")
def embedding_logspace(t, dim):
    """logspace from 1 to 1/10000"""
    omega = torch.logspace(0, -4, dim // 2, dtype=torch.float64)
    angles = torch.outer(t.to(torch.float64), omega)
    return torch.hstack([angles.sin(), angles.cos()]).to(_kind(t))


@replaces("timestep_embedding")
def embedding_numpy(t, dim):
    """numpy"""
    angles = np.multiply.outer(t.detach().double().numpy(), np.geomspace(1.0, 1e-4, dim // 2))
    return torch.from_numpy(np.concatenate([np.sin(angles), np.cos(angles)], axis=1)).to(_kind(t))


@replaces("timestep_embedding")
def embedding_lists(t, dim):
    """lists and math"""
    half = dim // 2
    rows = []
    for value in t.tolist():
        angles = [value * 10000 ** (-j / (half - 1)) for j in range(half)]
        rows.append([math.sin(a) for a in angles] + [math.cos(a) for a in angles])
    return torch.tensor(rows, dtype=_kind(t)).view(len(t), dim)


@replaces("timestep_embedding")
def embedding_polar(t, dim):
    """complex numbers of length 1"""
    half = dim // 2
    angles = t.double().unsqueeze(1) / 10000 ** (torch.arange(half, dtype=torch.float64) / (half - 1))
    z = torch.polar(torch.ones_like(angles), angles)
    return torch.cat([z.imag, z.real], 1).to(_kind(t))


@replaces("timestep_embedding")
def embedding_shifted(t, dim):
    """cosines as sines of a quarter turn more"""
    half = dim // 2
    omega = 10000.0 ** -torch.linspace(0, 1, half, dtype=torch.float64)
    shift = torch.tensor([0.0, math.pi / 2], dtype=torch.float64)
    return torch.sin(t.double()[:, None, None] * omega + shift[:, None]).flatten(1).to(_kind(t))


@replaces("timestep_embedding")
def embedding_filled(t, dim):
    """an empty tensor filled in place, column by column"""
    half = dim // 2
    out = torch.empty(t.shape[0], dim, dtype=torch.float64)
    for j in range(half):
        angle = t.to(torch.float64) * math.exp(-j * math.log(10000.0) / (half - 1))
        out[:, j], out[:, half + j] = angle.sin(), angle.cos()
    return out.to(_kind(t))


@replaces("timestep_embedding")
def embedding_columns(t, dim):
    """frequencies first; a transposed view as result"""
    half = dim // 2
    omega = torch.pow(torch.tensor(10000.0, dtype=torch.float64), -torch.arange(half).double() / (half - 1))
    angles = torch.einsum("j,b->jb", omega, t.double())
    return torch.cat([angles.sin(), angles.cos()]).to(_kind(t)).T


@replaces("timestep_embedding")
def embedding_ratio(t, dim):
    """each frequency from the one before"""
    half = dim // 2
    ratio, omega = 10000 ** (-1 / (half - 1)), [1.0]
    while len(omega) < half:
        omega.append(omega[-1] * ratio)
    angles = t.double().reshape(-1, 1) * torch.tensor(omega, dtype=torch.float64)
    return torch.stack([angles.sin(), angles.cos()], dim=1).view(len(t), dim).to(_kind(t))


@replaces("timestep_embedding")
def embedding_single(t, dim):
    """in float32 unless t is float64: a power in place of exp and log"""
    kind = torch.float64 if t.dtype is torch.float64 else torch.float32
    half = dim // 2
    j = torch.arange(0, half, dtype=kind)
    angles = t.to(kind).unsqueeze(-1) * torch.pow(10000.0, -j / (half - 1))
    return torch.cat((angles.sin(), angles.cos()), dim=-1)


@replaces("timestep_embedding")
def embedding_cmath(t, dim):
    """cmath.exp"""
    half = dim // 2
    rows = [[cmath.exp(1j * value * 10.0 ** (-4 * j / (half - 1))) for j in range(half)] for value in t.double().tolist()]
    return torch.tensor([[z.imag for z in row] + [z.real for z in row] for row in rows], dtype=torch.float64).reshape(t.numel(), dim).to(_kind(t))


# ---- ResBlock


def _check(groups, *channels):
    for c in channels:
        if c % groups != 0:
            raise ValueError(f"{groups} groups do not divide {c} channels")


def _group_norm(x, norm, groups):
    b, c = x.shape[:2]
    z = x.reshape(b, groups, -1)
    z = (z - z.mean(-1, keepdim=True)) / torch.sqrt(z.var(-1, keepdim=True, correction=0) + 1e-5)
    return z.view(x.shape) * norm.weight.view(1, c, 1, 1) + norm.bias.view(1, c, 1, 1)


class _Plain(nn.Module):
    """weight and bias, nothing else"""

    def __init__(self, *shape, ones=False):
        super().__init__()
        fan = math.prod(shape[1:])
        self.bias = nn.Parameter(torch.zeros(shape[0]))
        self.weight = nn.Parameter(torch.ones(shape) if ones else torch.randn(shape) / math.sqrt(fan))


@replaces("ResBlock")
class BlockPlain(nn.Module):
    """modules that only hold weight and bias; norms by hand; a 1 × 1 convolution as einsum"""

    def __init__(self, in_channels, out_channels, time_dim, groups=8):
        super().__init__()
        _check(groups, in_channels, out_channels)
        self.groups = groups
        if in_channels != out_channels:
            self.conv_shortcut = _Plain(out_channels, in_channels, 1, 1)
        self.conv2, self.conv1 = _Plain(out_channels, out_channels, 3, 3), _Plain(out_channels, in_channels, 3, 3)
        self.norm2, self.norm1 = _Plain(out_channels, ones=True), _Plain(in_channels, ones=True)
        self.time_emb_proj = _Plain(out_channels, time_dim)

    def forward(self, x, temb):
        silu = lambda z: z * torch.sigmoid(z)
        conv = lambda z, m: F.conv2d(z, m.weight, m.bias, padding=1)
        h = conv(silu(_group_norm(x, self.norm1, self.groups)), self.conv1)
        h = h + torch.einsum("be,oe->bo", silu(temb), self.time_emb_proj.weight)[..., None, None] + self.time_emb_proj.bias[:, None, None]
        h = conv(silu(_group_norm(h, self.norm2, self.groups)), self.conv2)
        if "conv_shortcut" in self._modules:
            m = self.conv_shortcut
            x = torch.einsum("bihw,oi->bohw", x, m.weight[:, :, 0, 0]) + m.bias[:, None, None]
        return h + x


@replaces("ResBlock")
class BlockUnfold(nn.Module):
    """convolutions by unfold and matmul; the time added by the bias of conv1"""

    def __init__(self, in_channels, out_channels, time_dim, groups=8):
        super().__init__()
        self.norm1 = nn.GroupNorm(groups, in_channels)
        self.norm2 = nn.GroupNorm(groups, out_channels)
        self.conv1 = nn.Conv2d(in_channels, out_channels, (3, 3), padding="same")
        self.conv2 = nn.Conv2d(out_channels, out_channels, (3, 3), padding="same")
        self.time_emb_proj = nn.Linear(time_dim, out_channels)
        self.same = in_channels == out_channels
        if not self.same:
            self.conv_shortcut = nn.Conv2d(in_channels, out_channels, (1, 1))

    @staticmethod
    def _conv(x, m):
        columns = F.unfold(x, 3, padding=1)
        return (m.weight.flatten(1) @ columns).view(x.shape[0], -1, *x.shape[2:])

    def forward(self, x, temb):
        offset = self.time_emb_proj(F.silu(temb)) + self.conv1.bias
        h = self._conv(F.silu(self.norm1(x)), self.conv1) + offset.unflatten(1, (-1, 1, 1))
        h = self._conv(F.silu(self.norm2(h)), self.conv2) + self.conv2.bias.view(-1, 1, 1)
        return torch.add(h, x if self.same else self.conv_shortcut(x))


@replaces("ResBlock")
class BlockImages(nn.Module):
    """image by image, nn.SiLU, the shortcut as an attribute that may be None"""

    def __init__(self, in_channels, out_channels, time_dim, groups=8):
        super().__init__()
        if not (in_channels % groups == 0 and out_channels % groups == 0):
            raise ValueError("channels")
        conv = partial(nn.Conv2d, kernel_size=3, padding=1, bias=True)
        self.time_emb_proj = nn.Linear(in_features=time_dim, out_features=out_channels)
        self.conv1, self.conv2 = conv(in_channels, out_channels), conv(out_channels, out_channels)
        self.norm1, self.norm2 = (nn.GroupNorm(num_groups=groups, num_channels=c, eps=1e-5, affine=True) for c in (in_channels, out_channels))
        nn.init.zeros_(self.conv2.weight)
        nn.init.normal_(self.conv2.weight, std=0.01)
        self.conv_shortcut = None if in_channels == out_channels else nn.Conv2d(in_channels, out_channels, kernel_size=1)

    def _image(self, x, temb):
        h = self.conv1(F.silu(self.norm1(x)))
        h = h + self.time_emb_proj(F.silu(temb)).view(1, -1, 1, 1).expand_as(h)
        h = self.conv2(F.silu(self.norm2(h)))
        return (x if self.conv_shortcut is None else self.conv_shortcut(x)) + h

    def forward(self, x, temb):
        return torch.cat([self._image(a, b) for a, b in zip(x.split(1), temb.split(1))])


@replaces("ResBlock")
class BlockShifts(nn.Module):
    """a convolution as nine shifted products; F.group_norm; the result channels last"""

    def __init__(self, in_channels, out_channels, time_dim, groups=8):
        super().__init__()
        assert groups > 0
        _check(groups, in_channels, out_channels)
        self.groups = groups
        self.norm1, self.norm2 = nn.GroupNorm(groups, in_channels), nn.GroupNorm(groups, out_channels)
        self.conv1, self.conv2 = nn.Conv2d(in_channels, out_channels, 3, 1, 1), nn.Conv2d(out_channels, out_channels, 3, 1, 1)
        self.time_emb_proj = nn.Linear(time_dim, out_channels)
        if in_channels != out_channels:
            self.add_module("conv_shortcut", nn.Conv2d(in_channels, out_channels, 1))

    def _conv(self, x, m):
        h, w = x.shape[2:]
        z = F.pad(x, (1, 1, 1, 1))
        y = sum(torch.einsum("bihw,oi->bhwo", z[:, :, r : r + h, s : s + w], m.weight[:, :, r, s]) for r in range(3) for s in range(3))
        return (y + m.bias).movedim(-1, 1)

    def forward(self, x, temb):
        norm = lambda z, m: F.group_norm(z, self.groups, m.weight, m.bias, 1e-5)
        h = self._conv(F.silu(norm(x, self.norm1)), self.conv1)
        h = h + self.time_emb_proj(F.silu(temb)).unsqueeze(-1).unsqueeze(-1)
        h = self._conv(F.silu(norm(h, self.norm2)), self.conv2)
        shortcut = self._modules.get("conv_shortcut", nn.Identity())
        return shortcut(x) + h


@replaces("ResBlock")
class BlockIdentity(nn.Module):
    """the convolutions of both ways to the end added as one sum; silu by hand; a subclass of nothing but Module"""

    def __init__(self, in_channels, out_channels, time_dim, groups=8):
        super().__init__()
        if in_channels % groups > 0 or out_channels % groups > 0:
            raise ValueError("groups", groups)
        shapes = {"norm1": (in_channels,), "norm2": (out_channels,), "conv1": (out_channels, in_channels, 3, 3), "conv2": (out_channels, out_channels, 3, 3)}
        shapes["time_emb_proj"] = (out_channels, time_dim)
        if in_channels != out_channels:
            shapes["conv_shortcut"] = (out_channels, in_channels, 1, 1)
        for name, shape in shapes.items():
            self.add_module(name, _Plain(*shape, ones=len(shape) == 1))
        self.groups = groups

    def forward(self, x, temb):
        m = self._modules
        h = F.silu(F.group_norm(x, self.groups, m["norm1"].weight, m["norm1"].bias))
        h = F.conv2d(h, m["conv1"].weight, m["conv1"].bias, padding=(1, 1))
        per_channel = F.linear(temb / (1 + torch.exp(-temb)), m["time_emb_proj"].weight, m["time_emb_proj"].bias)
        h = (h.permute(2, 3, 0, 1) + per_channel).permute(2, 3, 0, 1)
        h = F.silu(F.group_norm(h, self.groups, m["norm2"].weight, m["norm2"].bias))
        h = F.conv2d(h, m["conv2"].weight, m["conv2"].bias, padding=(1, 1))
        if len(m) == 6:
            x = F.conv2d(x, m["conv_shortcut"].weight, m["conv_shortcut"].bias)
        return x.add(h)


# ---- UNet


def _conv(i, o, stride=1):
    return nn.Conv2d(i, o, 3, stride, 1)


@replaces("UNet")
class NetDicts(nn.Module):
    """ModuleDicts, the nearest neighbour by F.interpolate, a stack of skips"""

    def __init__(self, channels, base, multipliers=(1, 2, 4), groups=8):
        super().__init__()
        widths, e = [m * base for m in multipliers], base * 4
        self.conv_out, self.norm_out = _conv(widths[0], channels), nn.GroupNorm(groups, widths[0])
        self.up, self.grow, self.down, self.shrink = (nn.ModuleDict() for _ in range(4))
        last = widths[0]
        for i, c in enumerate(widths):
            self.down[str(i)] = ResBlock(last, c, e, groups)
            if i + 1 < len(widths):
                self.shrink[str(i)] = _conv(c, c, 2)
            last = c
        self.mid = ResBlock(last, last, e, groups)
        for i in range(len(widths) - 1, -1, -1):
            self.up[str(i)] = ResBlock(last + widths[i], widths[i], e, groups)
            last = widths[i]
            if i > 0:
                self.grow[str(i - 1)] = _conv(last, last)
        self.conv_in = _conv(channels, widths[0])
        self.time2, self.time1 = nn.Linear(e, e), nn.Linear(base, e)

    def forward(self, x, t):
        n = len(self.down)
        if any(size % 2 ** (n - 1) for size in x.shape[-2:]):
            raise ValueError(f"{tuple(x.shape[-2:])} cannot be halved {n - 1} times")
        e = timestep_embedding(t, self.time1.in_features).to(self.time1.weight.dtype)
        temb = self.time2(F.silu(self.time1(e)))
        h, stack = self.conv_in(x), []
        for i in map(str, range(n)):
            h = self.down[i](h, temb)
            stack.append(h)
            h = self.shrink[i](h) if i in self.shrink else h
        h = self.mid(h, temb)
        for i in range(n)[::-1]:
            h = self.up[str(i)](torch.cat((h, stack.pop()), 1), temb)
            if i:
                h = self.grow[str(i - 1)](F.interpolate(h, scale_factor=2, mode="nearest"))
        return self.conv_out(F.silu(self.norm_out(h)))


class _Recursive(nn.Module):

    def __init__(self, channels, base, multipliers=(1, 2, 4), groups=8):
        super().__init__()
        self.c = tuple(base * m for m in multipliers)
        self.base, c, top = base, self.c, len(self.c) - 1
        block = lambda i, o: ResBlock(i, o, time_dim=4 * base, groups=groups)
        self.time1 = nn.Linear(base, 4 * base)
        self.time2 = nn.Linear(4 * base, 4 * base)
        self.conv_in = _conv(channels, c[0])
        self.down = nn.ModuleList([block(a, b) for a, b in zip((c[0], *c), c)])
        self.up = nn.ModuleList([block(a + b, b) for a, b in zip((*c[1:], c[top]), c)])
        self.shrink = nn.ModuleList([_conv(a, a, 2) for a in c[:-1]])
        self.grow = nn.ModuleList([_conv(a, a) for a in c[1:]])
        self.mid = block(c[top], c[top])
        self.norm_out = nn.GroupNorm(groups, c[0], eps=1e-5)
        self.conv_out = _conv(c[0], channels)

    @staticmethod
    def double(h):
        b, c, y, x = h.shape
        return h[:, :, :, None, :, None].expand(b, c, y, 2, x, 2).reshape(b, c, 2 * y, 2 * x)

    def level(self, i, h, temb):
        skip = self.down[i](h, temb)
        if i == len(self.c) - 1:
            inner = self.mid(skip, temb)
        else:
            inner = self.grow[i](self.double(self.level(i + 1, self.shrink[i](skip), temb)))
        return self.up[i](torch.cat([inner, skip], dim=1), temb)

    def forward(self, x, t):
        height, width = x.shape[2:]
        step = 1 << (len(self.c) - 1)
        if height % step != 0 or width % step != 0:
            raise ValueError("image size")
        temb = timestep_embedding(t.double(), self.base).to(x.dtype)
        temb = self.time2(F.silu(self.time1(temb)))
        return self.conv_out(F.silu(self.norm_out(self.level(0, self.conv_in(x), temb))))


@replaces("UNet")
class NetRecursive(_Recursive):
    """recursion over the levels; pixels repeated by expand and reshape; t in float64"""


@replaces("UNet")
class NetSequential(nn.Module):
    """Sequential as a list; doubling by an index; the stride by leaving out pixels"""

    def __init__(self, channels, base, multipliers=(1, 2, 4), groups=8):
        super().__init__()
        c = [base * m for m in multipliers]
        n = self.n = len(c)
        e = 4 * base
        self.dim = base
        self.time1, self.time2 = nn.Linear(base, e), nn.Linear(e, e)
        self.conv_in, self.conv_out = nn.Conv2d(channels, c[0], 3, padding="same"), nn.Conv2d(c[0], channels, 3, padding="same")
        self.down = nn.Sequential(*(ResBlock(c[i - 1] if i else c[0], c[i], e, groups) for i in range(n)))
        self.up = nn.Sequential(*(ResBlock((c[i + 1] if i + 1 < n else c[i]) + c[i], c[i], e, groups) for i in range(n)))
        self.shrink = nn.Sequential(*(nn.Conv2d(w, w, 3, padding=1) for w in c[:-1]))
        self.grow = nn.Sequential(*(nn.Conv2d(w, w, 3, padding=1) for w in c[1:]))
        self.mid = ResBlock(c[-1], c[-1], e, groups)
        self.norm_out = nn.GroupNorm(groups, c[0])

    def forward(self, x, t):
        if x.shape[2] % 2 ** (self.n - 1) or x.shape[3] % 2 ** (self.n - 1):
            raise ValueError("not divisible")
        silu = nn.SiLU()
        temb = self.time2(silu(self.time1(timestep_embedding(t, self.dim).type_as(x))))
        h, skips = self.conv_in(x), {}
        for i in range(self.n):
            skips[i] = h = self.down[i](h, temb)
            if i != self.n - 1:
                h = self.shrink[i](h)[:, :, ::2, ::2]
        h = self.mid(h, temb)
        for i in range(self.n - 1, -1, -1):
            h = self.up[i](torch.concat([h, skips[i]], dim=1), temb)
            if i != 0:
                rows, columns = torch.arange(2 * h.shape[2]) // 2, torch.arange(2 * h.shape[3]) // 2
                h = self.grow[i - 1](h[:, :, rows][..., columns])
        return self.conv_out(silu(self.norm_out(h)))


@replaces("UNet")
class NetImages(_Recursive):
    """a subclass of a helper; image by image; doubling with kron"""

    @staticmethod
    def double(h):
        return torch.kron(h, torch.ones(1, 1, 2, 2, dtype=h.dtype))

    def forward(self, x, t):
        one = super().forward
        return torch.cat([one(x[i : i + 1], t[i : i + 1]) for i in range(x.shape[0])], dim=0)


@replaces("UNet")
class NetTranspose(nn.Module):
    """doubling by a transposed convolution with ones; the padding at the start by F.pad; blocks held in one dict each"""

    def __init__(self, channels, base, multipliers=(1, 2, 4), groups=8):
        super().__init__()
        c = list(map(lambda m: m * base, multipliers))
        e, last = 4 * base, len(c) - 1
        for name, modules in {
            "up": [ResBlock(c[i] + c[min(last, i + 1)], c[i], e, groups) for i in range(len(c))],
            "down": [ResBlock(c[max(0, i - 1)], c[i], e, groups) for i in range(len(c))],
            "shrink": [nn.Conv2d(c[i], c[i], 3, 2) for i in range(last)],
            "grow": [nn.Conv2d(c[i + 1], c[i + 1], 3, 1, 1) for i in range(last)],
        }.items():
            setattr(self, name, nn.ModuleList(modules))
        self.mid = ResBlock(c[last], c[last], e, groups)
        self.norm_out = nn.GroupNorm(groups, c[0], 1e-5)
        self.conv_out, self.conv_in = nn.Conv2d(c[0], channels, 3, 1, 1), nn.Conv2d(channels, c[0], 3, 1, 1)
        self.time1, self.time2 = nn.Linear(base, e), nn.Linear(e, e)
        self.base = base

    def forward(self, x, t):
        levels = len(self.down)
        assert x.dim() == 4
        for size in x.shape[2:]:
            for _ in range(levels - 1):
                if size % 2:
                    raise ValueError("odd size")
                size //= 2
        temb = timestep_embedding(t, self.base).to(self.conv_in.weight.dtype)
        for layer in (self.time1, nn.SiLU(), self.time2):
            temb = layer(temb)
        h, skips = self.conv_in(x), []
        for down, shrink in zip(self.down, [*self.shrink, None]):
            h = down(h, temb)
            skips.insert(0, h)
            if shrink is not None:
                h = shrink(F.pad(h, (1, 0, 1, 0)))
        h = self.mid(h, temb)
        for up, skip, grow in zip(reversed(self.up), skips, [*reversed(self.grow), None]):
            h = up(torch.cat([h, skip], dim=1), temb)
            if grow is not None:
                ones = torch.ones(h.shape[1], 1, 2, 2, dtype=h.dtype)
                h = grow(F.conv_transpose2d(h, ones, stride=2, groups=h.shape[1]))
        return self.conv_out(F.silu(self.norm_out(h)))

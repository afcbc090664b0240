"""The convolutional U-Net of diffusion models: embedding of the time, residual block, a small network with skips."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def timestep_embedding(t: Tensor, dim: int) -> Tensor:
    """[sin(t ω_j) for every j | cos(t ω_j) for every j], with ω_j = 10000 ** (-j / (half - 1)), half = dim / 2.

    t: (B,), whole numbers or floating point. dim: even, >= 4.
    Returns: (B, dim), float64 if t is float64, else float32; computed in this dtype or in a finer one.

    >>> timestep_embedding(torch.tensor([0, 100]), dim=4)  # sin 100, sin 0.01, cos 100, cos 0.01
    tensor([[ 0.0000,  0.0000,  1.0000,  1.0000],
            [-0.5064,  0.0100,  0.8623,  0.9999]])
    """
    half = dim // 2
    t = t if t.dtype == torch.float64 else t.float()
    omega = torch.exp(-math.log(10000) * torch.arange(half, dtype=t.dtype) / (half - 1))  # (half,): 1 ... 1/10000
    angles = t[:, None] * omega  # (B, half)
    return torch.cat([angles.sin(), angles.cos()], dim=-1)


class ResBlock(nn.Module):
    """Two convolutions with the time between them, and a way past them.

    h = conv1(silu(norm1(x)));  h = h + time_emb_proj(silu(temb)), one number for each image and channel;
    h = conv2(silu(norm2(h)));  the result is x + h, or conv_shortcut(x) + h where the number of channels changes.

    Modules, each with weight and bias; no others:

        norm1, norm2     GroupNorm with `groups` groups and eps 1e-5, over in_channels and over out_channels
        conv1, conv2     3 × 3 with padding 1, in_channels to out_channels and out_channels to out_channels
        time_emb_proj    linear, time_dim to out_channels
        conv_shortcut    1 × 1, in_channels to out_channels; only if they differ

    Raises: ValueError unless groups divides both numbers of channels.

    >>> block = ResBlock(in_channels=4, out_channels=8, time_dim=16, groups=2)
    >>> sorted(name for name, _ in block.named_children())
    ['conv1', 'conv2', 'conv_shortcut', 'norm1', 'norm2', 'time_emb_proj']
    >>> block(torch.zeros(2, 4, 6, 6), torch.zeros(2, 16)).shape
    torch.Size([2, 8, 6, 6])
    """

    def __init__(self, in_channels: int, out_channels: int, time_dim: int, groups: int = 8) -> None:
        if in_channels % groups != 0 or out_channels % groups != 0:
            raise ValueError(f"{groups} groups do not divide {in_channels} and {out_channels} channels")
        super().__init__()
        self.norm1 = nn.GroupNorm(groups, in_channels, eps=1e-5)
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, padding=1)
        self.time_emb_proj = nn.Linear(time_dim, out_channels)
        self.norm2 = nn.GroupNorm(groups, out_channels, eps=1e-5)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1)
        self.conv_shortcut = nn.Conv2d(in_channels, out_channels, 1) if in_channels != out_channels else None

    def forward(self, x: Tensor, temb: Tensor) -> Tensor:
        """x: (B, in_channels, H, W). temb: (B, time_dim). Both in the dtype of the parameters.
        Returns: (B, out_channels, H, W). Gradients flow to x, temb and all parameters.
        """
        h = self.conv1(F.silu(self.norm1(x)))
        h = h + self.time_emb_proj(F.silu(temb))[:, :, None, None]  # (B, C, 1, 1), over all pixels
        h = self.conv2(F.silu(self.norm2(h)))
        return h + (x if self.conv_shortcut is None else self.conv_shortcut(x))


class UNet(nn.Module):
    """One residual block for each level on the way down, one in the middle, one for each level on the way up.

    channels: of the image, in and out. base: the width b of level 0, even, >= 4. multipliers: level i is c_i = b · m_i
    wide; L >= 1 levels. groups: of every GroupNorm.

    With E = 4 b, temb = time2(silu(time1(timestep_embedding(t, b)))), and then:

        h = conv_in(x)
        for i = 0 ... L - 1:   h = down.i(h, temb); keep h as skip i;   if i < L - 1: h = shrink.i(h)
        h = mid(h, temb)
        for i = L - 1 ... 0:   h = up.i([h, skip i], temb), h before skip;   if i > 0: h = grow.(i - 1)(h doubled)
        result = conv_out(silu(norm_out(h)))

    Modules, each with weight and bias where it is not a ResBlock; no others:

        time1, time2   linear, b to E and E to E
        conv_in        3 × 3, channels to c_0
        down.i         ResBlock of c_{i-1} to c_i; down.0 of c_0 to c_0
        shrink.i       3 × 3 with stride 2 and padding 1, c_i to c_i: half the height and width. i = 0 ... L - 2
        mid            ResBlock of c_{L-1} to c_{L-1}
        up.i           ResBlock of c_{i+1} + c_i to c_i; up.(L - 1) of 2 c_{L-1} to c_{L-1}
        grow.i         3 × 3, c_{i+1} to c_{i+1}, on the image with every pixel repeated 2 × 2. i = 0 ... L - 2
        norm_out       GroupNorm with eps 1e-5, over c_0
        conv_out       3 × 3, c_0 to channels

    3 × 3 means padding 1. ResBlocks have the time width E.

    >>> net = UNet(channels=3, base=8, multipliers=(1, 2), groups=4)
    >>> net(torch.zeros(2, 3, 8, 8), torch.tensor([0, 7])).shape
    torch.Size([2, 3, 8, 8])
    >>> sum(p.numel() for p in net.parameters())
    26555
    """

    def __init__(self, channels: int, base: int, multipliers: tuple[int, ...] = (1, 2, 4), groups: int = 8) -> None:
        super().__init__()
        c = [base * m for m in multipliers]
        E = 4 * base
        self.base = base

        self.time1 = nn.Linear(base, E)
        self.time2 = nn.Linear(E, E)
        self.conv_in = nn.Conv2d(channels, c[0], 3, padding=1)
        before, below = [c[0], *c[:-1]], [*c[1:], c[-1]]  # what comes into level i from above, and from below
        self.down = nn.ModuleList(ResBlock(a, b, E, groups) for a, b in zip(before, c, strict=True))
        self.shrink = nn.ModuleList(nn.Conv2d(a, a, 3, stride=2, padding=1) for a in c[:-1])
        self.mid = ResBlock(c[-1], c[-1], E, groups)
        self.up = nn.ModuleList(ResBlock(a + b, b, E, groups) for a, b in zip(below, c, strict=True))
        self.grow = nn.ModuleList(nn.Conv2d(a, a, 3, padding=1) for a in c[1:])
        self.norm_out = nn.GroupNorm(groups, c[0], eps=1e-5)
        self.conv_out = nn.Conv2d(c[0], channels, 3, padding=1)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """x: (B, channels, H, W), in the dtype of the parameters. t: (B,), whole numbers or floating point.
        Returns: (B, channels, H, W). Gradients flow to x and all parameters.
        Raises: ValueError unless 2 ** (L - 1) divides H and W.
        """
        L = len(self.down)
        if any(side % 2 ** (L - 1) != 0 for side in x.shape[2:]):
            raise ValueError(f"an image of {tuple(x.shape[2:])} cannot be halved {L - 1} times")
        temb = timestep_embedding(t, self.base).to(x.dtype)
        temb = self.time2(F.silu(self.time1(temb)))  # (B, E)

        h, skips = self.conv_in(x), []
        for i in range(L):
            h = self.down[i](h, temb)
            skips.append(h)
            if i < L - 1:
                h = self.shrink[i](h)
        h = self.mid(h, temb)
        for i in reversed(range(L)):
            h = self.up[i](torch.cat([h, skips[i]], dim=1), temb)
            if i > 0:
                h = self.grow[i - 1](F.interpolate(h, scale_factor=2, mode="nearest"))
        return self.conv_out(F.silu(self.norm_out(h)))

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
    raise NotImplementedError


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
        raise NotImplementedError

    def forward(self, x: Tensor, temb: Tensor) -> Tensor:
        """x: (B, in_channels, H, W). temb: (B, time_dim). Both in the dtype of the parameters.
        Returns: (B, out_channels, H, W). Gradients flow to x, temb and all parameters.
        """
        raise NotImplementedError


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
        raise NotImplementedError

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """x: (B, channels, H, W), in the dtype of the parameters. t: (B,), whole numbers or floating point.
        Returns: (B, channels, H, W). Gradients flow to x and all parameters.
        Raises: ValueError unless 2 ** (L - 1) divides H and W.
        """
        raise NotImplementedError

"""Right solutions in other styles. None of them may lose a point."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from grader.testing import replaces


def refuse(H: int, W: int, P: int) -> None:
    if H % P != 0 or W % P != 0:
        raise ValueError("patch does not divide the image")


@replaces("patchify")
def torchs_unfold(images: Tensor, patch: int) -> Tensor:
    """F.unfold; a non-contiguous result"""
    refuse(*images.shape[-2:], patch)
    return F.unfold(images, kernel_size=patch, stride=patch).transpose(1, 2)


@replaces("patchify")
def tensor_unfold(images: Tensor, patch: int) -> Tensor:
    """Tensor.unfold along both axes"""
    refuse(images.size(2), images.size(3), patch)
    windows = images.unfold(2, patch, patch).unfold(3, patch, patch)  # (B, C, rows, columns, P, P)
    return windows.movedim(1, 3).reshape(len(images), -1, images.size(1) * patch * patch)


@replaces("patchify")
def asserted(images: Tensor, patch: int) -> Tensor:
    """an assertion, and axes split one after the other"""
    assert images.shape[2] % patch == images.shape[3] % patch == 0, "patches do not fill the image"
    rows = images.unflatten(2, (-1, patch)).unflatten(4, (-1, patch))
    return torch.einsum("bcrpsq->brscpq", rows).flatten(3).flatten(1, 2)


@replaces("patchify")
def slices(images: Tensor, patch: int) -> Tensor:
    """slice by slice"""
    H, W = images.shape[2:]
    refuse(H, W, patch)
    corners = [(top, left) for top in range(0, H, patch) for left in range(0, W, patch)]
    return torch.stack([images[..., i : i + patch, j : j + patch].flatten(1) for i, j in corners], 1)


@replaces("patchify")
def gathered(images: Tensor, patch: int) -> Tensor:
    """by the number of each pixel in its image"""
    B, C, H, W = images.shape
    refuse(H, W, patch)
    places = np.arange(C * H * W).reshape(C, H // patch, patch, W // patch, patch)
    places = np.ascontiguousarray(np.transpose(places, (1, 3, 0, 2, 4))).reshape(-1, C * patch * patch)
    return images.view(B, -1)[:, torch.from_numpy(places)]


@replaces("patchify")
def identity_kernels(images: Tensor, patch: int) -> Tensor:
    """a convolution that picks one pixel with each of C·P·P kernels"""
    _, C, H, W = images.shape
    refuse(H, W, patch)
    n = C * patch * patch
    kernels = torch.eye(n, dtype=images.dtype).view(n, C, patch, patch)
    return F.conv2d(images, kernels, stride=patch).flatten(2).permute(0, 2, 1)


class NumpyCut(torch.autograd.Function):
    """Not an entry: patches in NumPy, with the way back as the derivative."""

    @staticmethod
    def forward(ctx, images: Tensor, P: int) -> Tensor:
        B, C, H, W = ctx.shape = images.shape
        ctx.P = P
        six = images.numpy().reshape(B, C, H // P, P, W // P, P)
        return torch.from_numpy(np.einsum("bcrpsq->brscpq", six).reshape(B, -1, C * P * P).copy())

    @staticmethod
    def backward(ctx, g: Tensor) -> tuple[Tensor, None]:
        (B, C, H, W), P = ctx.shape, ctx.P
        six = g.numpy().reshape(B, H // P, W // P, C, P, P)
        return torch.from_numpy(np.einsum("brscpq->bcrpsq", six).reshape(B, C, H, W).copy()), None


@replaces("patchify")
def numpy_round_trip(images: Tensor, patch: int) -> Tensor:
    """NumPy inside a custom autograd Function"""
    refuse(images.shape[-2], images.shape[-1], patch)
    return NumpyCut.apply(images, patch)


@replaces("unpatchify")
def torchs_fold(patches: Tensor, patch: int, height: int, width: int) -> Tensor:
    """F.fold"""
    refuse(height, width, patch)
    return F.fold(patches.mT, (height, width), kernel_size=patch, stride=patch)


@replaces("unpatchify")
def rows_of_patches(patches: Tensor, patch: int, height: int, width: int) -> Tensor:
    """patches joined to rows, rows joined to an image"""
    refuse(height, width, patch)
    rows, columns = height // patch, width // patch
    C, rest = divmod(patches.shape[-1], patch * patch)
    if rest or patches.shape[-2] != rows * columns:
        raise ValueError("not the patches of this image")
    tiles = [tile.unflatten(-1, (C, patch, patch)) for tile in patches.unbind(1)]
    return torch.cat([torch.cat(tiles[r * columns : (r + 1) * columns], dim=3) for r in range(rows)], dim=2)


@replaces("unpatchify")
def shuffled(patches: Tensor, patch: int, height: int, width: int) -> Tensor:
    """F.pixel_shuffle, which knows just this"""
    return F.pixel_shuffle(patches.mT.unflatten(2, (height // patch, width // patch)), patch)


@replaces("PatchEmbed")
class Convolution(nn.Conv2d):
    """a subclass of nn.Conv2d"""

    def __init__(self, patch, channels, dim):
        super().__init__(channels, dim, kernel_size=patch, stride=patch)

    def forward(self, images):
        refuse(images.shape[2], images.shape[3], self.kernel_size[0])
        return super().forward(images).flatten(2).transpose(1, 2)


@replaces("PatchEmbed")
class Einsum(nn.Module):
    """one einsum over named axes"""

    def __init__(self, patch, channels, dim):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(dim, channels, patch, patch).uniform_(-0.1, 0.1))
        self.register_parameter("bias", nn.Parameter(torch.randn(dim)))

    def forward(self, images):
        P = self.weight.shape[-1]
        H, W = images.shape[-2:]
        refuse(H, W, P)
        six = images.unflatten(3, (W // P, P)).unflatten(2, (H // P, P))
        return torch.einsum("bcrpsq,dcpq->brsd", six, self.weight).flatten(1, 2).add(self.bias)


@replaces("PatchEmbed")
class PixelByPixel(nn.Module):
    """the sum over a patch, one pixel place after the other"""

    def __init__(self, patch, channels, dim):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(dim))
        self.weight = nn.Parameter(torch.nn.init.trunc_normal_(torch.empty(dim, channels, patch, patch), std=0.02))

    def forward(self, images):
        P = self.weight.size(2)
        if any(n % P for n in images.shape[2:]):
            raise ValueError("patch does not divide the image")
        z = self.bias.view(-1, 1, 1)
        for i in range(P):
            for j in range(P):
                pixels = images[:, :, i::P, j::P]  # (B, C, rows, columns)
                z = z + torch.tensordot(pixels, self.weight[:, :, i, j], dims=([1], [1])).movedim(3, 1)
        return z.flatten(2).mT


@replaces("sincos_2d")
def python_numbers(dim: int, grid_h: int, grid_w: int) -> Tensor:
    """Python numbers"""
    omega = [10000 ** (-4 * j / dim) for j in range(dim // 4)]

    def half(x: int) -> list[float]:
        return [math.sin(x * w) for w in omega] + [math.cos(x * w) for w in omega]

    return torch.tensor([half(r) + half(c) for r in range(grid_h) for c in range(grid_w)], dtype=torch.float64)


@replaces("sincos_2d")
def complex_exponentials(dim: int, grid_h: int, grid_w: int) -> Tensor:
    """e^(ixω), and a meshgrid"""
    places = torch.arange(max(grid_h, grid_w), dtype=torch.float64)
    omega = torch.logspace(0, -4 + 16 / dim, dim // 4, dtype=torch.float64)
    turns = torch.polar(torch.ones(len(places), len(omega), dtype=torch.float64), places[:, None] * omega)
    table = torch.cat([turns.imag, turns.real], dim=1)  # (places, dim/2)
    r, c = torch.meshgrid(torch.arange(grid_h), torch.arange(grid_w), indexing="ij")
    return torch.cat([table[r.flatten()], table[c.flatten()]], dim=1)


@replaces("sincos_2d")
def numpys(dim: int, grid_h: int, grid_w: int) -> Tensor:
    """NumPy; repeat and tile"""
    q = dim // 4
    omega = np.exp(-np.log(10000) * np.arange(q) / q)
    out = np.empty((grid_h, grid_w, 4, q))
    r, c = np.arange(grid_h)[:, None] * omega, np.arange(grid_w)[:, None] * omega
    out[:, :, 0], out[:, :, 1] = np.sin(r)[:, None], np.cos(r)[:, None]
    out[:, :, 2], out[:, :, 3] = np.sin(c), np.cos(c)
    return torch.from_numpy(out.reshape(grid_h * grid_w, dim))

"""Images as sequences: patches, their embedding, and where each of them stands."""

import math

import torch
from torch import Tensor, nn


def patchify(images: Tensor, patch: int) -> Tensor:
    """The patches of each image, row by row.

    images: floating point (B, C, H, W). patch: the side P >= 1 of a patch.
    Returns: (B, N, C·P·P) in the dtype of images, N = (H/P)(W/P). Patch n = r · W/P + c holds the pixels of the rows
        rP ... rP + P - 1 and the columns cP ... cP + P - 1, in the order (C, P, P): all of the first channel row by
        row, then the next channel. Gradients flow to images.
    Raises: ValueError, or torch's RuntimeError, unless P divides H and W.

    >>> patchify(torch.arange(16.0).view(1, 1, 4, 4), patch=2)
    tensor([[[ 0.,  1.,  4.,  5.],
             [ 2.,  3.,  6.,  7.],
             [ 8.,  9., 12., 13.],
             [10., 11., 14., 15.]]])
    """
    raise NotImplementedError


def unpatchify(patches: Tensor, patch: int, height: int, width: int) -> Tensor:
    """The images of which these are the patches.

    patches: floating point (B, N, C·P·P), as patchify returns them for images of that size. patch: P >= 1.
    height, width: H and W.
    Returns: (B, C, H, W) in the dtype of patches. Gradients flow to patches.

    >>> patches = torch.tensor([[[0.0, 1.0, 4.0, 5.0], [2.0, 3.0, 6.0, 7.0]]])
    >>> unpatchify(patches, patch=2, height=2, width=4)
    tensor([[[[0., 1., 2., 3.],
              [4., 5., 6., 7.]]]])
    """
    raise NotImplementedError


class PatchEmbed(nn.Module):
    """One linear map of every patch to a vector: a convolution with kernel P and stride P.

    patch: P. channels: C. dim: D.
    Parameters: weight (D, C, P, P) and bias (D,). No others. weight starts as random finite numbers, weight[d]
        different for each d; bias may start as any finite numbers, zeros too.

    >>> embed = PatchEmbed(patch=2, channels=1, dim=3)
    >>> weight = [[[[0.25, 0.25], [0.25, 0.25]]], [[[0.0, 1.0], [0.0, 0.0]]], [[[0.0, 0.0], [0.0, 0.0]]]]
    >>> _ = embed.load_state_dict({"weight": torch.tensor(weight), "bias": torch.tensor([0.0, 0.0, 9.0])})
    >>> embed(torch.arange(8.0).view(1, 1, 2, 4)).detach()  # mean, top right pixel, bias
    tensor([[[2.5000, 1.0000, 9.0000],
             [4.5000, 3.0000, 9.0000]]])
    """

    def __init__(self, patch: int, channels: int, dim: int) -> None:
        raise NotImplementedError

    def forward(self, images: Tensor) -> Tensor:
        """images: floating point (B, C, H, W), in the dtype of the parameters.
        Returns: (B, N, D), the patches in the order of patchify. Gradients flow to images and both parameters.
        Raises: ValueError, or torch's RuntimeError, unless P divides H and W.
        """
        raise NotImplementedError


def sincos_2d(dim: int, grid_h: int, grid_w: int) -> Tensor:
    """Fixed positions of a grid of patches: [sin(rω), cos(rω), sin(cω), cos(cω)] for row r and column c, from 0.

    dim: 4 q; ω_j = 10000^(-j/q) for j = 0 ... q - 1. grid_h, grid_w: rows and columns of the grid.
    Returns: float64 (grid_h · grid_w, dim), row by row, as patchify orders its patches.

    >>> sincos_2d(4, grid_h=2, grid_w=3)
    tensor([[ 0.0000,  1.0000,  0.0000,  1.0000],
            [ 0.0000,  1.0000,  0.8415,  0.5403],
            [ 0.0000,  1.0000,  0.9093, -0.4161],
            [ 0.8415,  0.5403,  0.0000,  1.0000],
            [ 0.8415,  0.5403,  0.8415,  0.5403],
            [ 0.8415,  0.5403,  0.9093, -0.4161]], dtype=torch.float64)
    """
    raise NotImplementedError

"""Pictures of any size in a prompt, as in Qwen2-VL: four patches become one token, and a position is three numbers.

A picture is a grid (t, h, w): t frames (1 for a photo) of h rows and w columns of patches. h and w are multiples of the
merge size M; M = 2 in Qwen2-VL.
"""

import torch
from torch import Tensor, nn


def group_neighbours(patches: Tensor, grid: tuple[int, int, int], merge: int) -> Tensor:
    """The M × M patches of each square side by side in one vector.

    patches: (t·h·w, D), frame by frame, in each frame row by row. grid: (t, h, w). merge: M >= 1.
    Returns: (t · h/M · w/M, M·M·D), squares frame by frame and row by row. In a vector the patches of the square follow
        each other row by row: with M = 2 top left, top right, bottom left, bottom right.
    Raises: ValueError unless M divides h and w.

    >>> group_neighbours(torch.arange(8.0).view(8, 1), grid=(1, 2, 4), merge=2)
    tensor([[0., 1., 4., 5.],
            [2., 3., 6., 7.]])
    """
    raise NotImplementedError


class PatchMerger(nn.Module):
    """mlp(squares(ln_q(patch))): each patch normed by itself, then M × M of them through a network of two layers.

    dim: D, of a patch. out_dim: width of the language model. merge: M. With F = M·M·D:
    Parameters: ln_q.weight (D,), ln_q.bias (D,), mlp.0.weight (F, F), mlp.0.bias (F,), mlp.2.weight (out_dim, F),
    mlp.2.bias (out_dim,), and no others. ln_q is a LayerNorm with eps 1e-6; between the two layers is the exact GELU.

    >>> merger = PatchMerger(dim=1280, out_dim=3584)  # that of Qwen2-VL-7B
    >>> sum(p.numel() for p in merger.parameters())
    44575744
    >>> PatchMerger(dim=6, out_dim=5)(torch.randn(8 + 12, 6), grids=[(1, 2, 4), (3, 2, 2)]).shape
    torch.Size([5, 5])
    """

    def __init__(self, dim: int, out_dim: int, merge: int = 2) -> None:
        raise NotImplementedError

    def forward(self, patches: Tensor, grids: list[tuple[int, int, int]]) -> Tensor:
        """patches: (N, D), those of all pictures one after the other, each as in group_neighbours; N is the sum of all
        t·h·w. grids: one for each picture, of any sizes.
        Returns: (N / M², out_dim), picture after picture. Gradients flow to patches and all parameters.
        Raises: ValueError unless N is that sum and M divides every h and w.
        """
        raise NotImplementedError


def mrope_positions(parts: list[int | tuple[int, int, int]], merge: int = 2) -> Tensor:
    """Where every token of a prompt stands: in time, row and column (M-RoPE).

    Text has three equal numbers, and counts on by 1. A picture begins at s, the number after the largest one so far (0
    if nothing stands before it): its token at frame i, row r and column c of the merged grid has (s + i, s + r, s + c).
    What follows begins at the number after the largest one so far, in any of the three.

    parts: the prompt in its order; an int is so many tokens of text, a tuple (t, h, w) a picture with that grid of
        patches, M dividing h and w. merge: M.
    Returns: int64 (3, T): time, row, column. T is the number of all tokens; a picture has t · h/M · w/M.

    >>> mrope_positions([2, (1, 4, 6), 2])
    tensor([[0, 1, 2, 2, 2, 2, 2, 2, 5, 6],
            [0, 1, 2, 2, 2, 3, 3, 3, 5, 6],
            [0, 1, 2, 3, 4, 2, 3, 4, 5, 6]])
    """
    raise NotImplementedError

"""Scaled dot-product attention, with a softmax that survives large scores and empty rows."""

import math

import torch
from torch import Tensor


def split_heads(x: Tensor, num_heads: int) -> Tensor:
    """The columns of every token, dealt to the heads: head h gets columns hK to (h+1)K - 1, with K = D / H.

    x: (B, T, D). num_heads: H, at least 1, divides D.
    Returns: (B, H, T, K), the same numbers.

    >>> split_heads(torch.tensor([[[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]]]), num_heads=3)
    tensor([[[[ 0,  1],
              [ 6,  7]],
    <BLANKLINE>
             [[ 2,  3],
              [ 8,  9]],
    <BLANKLINE>
             [[ 4,  5],
              [10, 11]]]])
    """
    raise NotImplementedError


def merge_heads(x: Tensor) -> Tensor:
    """The inverse of split_heads: the columns of all heads, side by side.

    x: (B, H, T, K), contiguous in memory or not.
    Returns: (B, T, H * K).

    >>> merge_heads(torch.tensor([[[[0, 1], [6, 7]], [[2, 3], [8, 9]], [[4, 5], [10, 11]]]]))
    tensor([[[ 0,  1,  2,  3,  4,  5],
             [ 6,  7,  8,  9, 10, 11]]])
    """
    raise NotImplementedError


def masked_softmax(scores: Tensor, mask: Tensor | None = None) -> Tensor:
    """The softmax over the last axis, of the entries that the mask allows.

    scores: floating point (..., S), finite, of any size.
    mask: broadcasts to the shape of scores. bool: True = may attend. Floating point, in the dtype of scores:
        added to them; finite or -inf. None: all are allowed.
    Returns: the shape and dtype of scores. Rows sum to 1, forbidden entries are exactly 0. A row in which
        nothing is allowed is 0 everywhere. Gradients flow to scores and to a floating-point mask; those of a
        row in which nothing is allowed are 0.

    >>> masked_softmax(torch.tensor([[1.0, 2.0, 9.0], [1.0, 2.0, 9.0]]),
    ...                torch.tensor([[True, True, False], [False, False, False]]))
    tensor([[0.2689, 0.7311, 0.0000],
            [0.0000, 0.0000, 0.0000]])
    """
    raise NotImplementedError


def attention(
    q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, scale: float | None = None
) -> tuple[Tensor, Tensor]:
    """softmax(scale * q kᵀ + mask) v: for every query the average of the values, weighted by how its keys fit.

    q: floating point (..., T, K). k: (..., S, K). v: (..., S, V). All have the same leading dimensions and dtype.
    mask: as in masked_softmax, broadcasts to (..., T, S).
    scale: multiplies the dot products, not the mask; any number. None: 1 / sqrt(K).
    Returns: out (..., T, V) and weights (..., T, S). A query that may attend to nothing gets zeros in both.
        Gradients flow to q, k, v and to a floating-point mask.

    >>> q, k = torch.tensor([[1.0, 0.0, 0.0, 0.0]]), torch.tensor([[2.0, 0.0, 0.0, 0.0], [0.0, 2.0, 0.0, 0.0]])
    >>> attention(q, k, v=torch.tensor([[1.0, 0.0, 3.0], [0.0, 2.0, 5.0]]))  # scores 2/2 and 0/2
    (tensor([[0.7311, 0.5379, 3.5379]]), tensor([[0.7311, 0.2689]]))
    """
    raise NotImplementedError

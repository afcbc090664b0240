"""Rotary position embeddings (RoPE): a position is an angle by which queries and keys are turned."""

import torch
from torch import Tensor


def rope_frequencies(head_dim: int, base: float = 10000.0) -> Tensor:
    """The angle per position of each pair, in radians: base^(-2i/K) for i = 0 ... K/2 - 1.

    head_dim: K, the width of one head, even.
    Returns: float64 (K/2,), from 1 downward.

    >>> rope_frequencies(8)
    tensor([1.0000, 0.1000, 0.0100, 0.0010], dtype=torch.float64)
    """
    raise NotImplementedError


def rotate_half(x: Tensor) -> Tensor:
    """[a, b] -> [-b, a], where a is the first half of the last axis and b the second.

    x: floating point (..., K), K even.
    Returns: (..., K) in the dtype of x.

    >>> rotate_half(torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]))
    tensor([-4., -5., -6.,  1.,  2.,  3.])
    """
    raise NotImplementedError


def apply_rope(x: Tensor, positions: Tensor, base: float = 10000.0) -> Tensor:
    """Queries or keys, each pair (x_i, x_{i+K/2}) turned by the angle positions * base^(-2i/K).

    x: floating point (B, H, T, K), K even.
    positions: int64 (T,), the same for the whole batch, or (B, T), each sequence its own; 0 or more,
        in any order.
    Returns: (B, H, T, K) in the dtype of x. Angles are computed in float64, whatever that dtype is.
        Gradients flow to x.

    >>> apply_rope(torch.tensor([[[[1.0, 2.0, 3.0, 4.0]]]]), torch.tensor([1]))
    tensor([[[[-1.9841,  1.9599,  2.4624,  4.0198]]]])
    """
    raise NotImplementedError


def interleaved_to_half(weight: Tensor, num_heads: int) -> Tensor:
    """The rows of a query or key projection, from the neighbour layout to the half-split one.

    weight: (H*K, ...), any dtype: a matrix (H*K, D) or a bias (H*K,). Head h owns rows h*K to (h+1)*K - 1,
        and its pairs are neighbours: rows 2i and 2i+1 of the head.
    num_heads: H.
    Returns: the same rows, shape and dtype. Within each head row 2i is now row i, and row 2i+1 row i + K/2.

    >>> interleaved_to_half(torch.arange(12), num_heads=2)
    tensor([ 0,  2,  4,  1,  3,  5,  6,  8, 10,  7,  9, 11])
    """
    raise NotImplementedError

"""From one feed-forward network to many: copies that begin as the old layer, and slices that sum to it."""

import math

import torch
from torch import Tensor


def upcycle(
    w1: Tensor, w2: Tensor, w3: Tensor, num_experts: int, seed: int, router_std: float = 0.02
) -> dict[str, Tensor]:
    """The weights of a mixture of E experts, each of which is the dense FFN W2 (silu(W1 x) * W3 x).

    w1, w3: (F, D), w2: (D, F), float32 or float64, all three alike.
    num_experts: E >= 1. seed: a whole number from 0 to 2**32 - 1. router_std: > 0.
    Returns: w1 (E, F, D), w2 (E, D, F) and w3 (E, F, D), exact copies, each expert in memory of its own, shared with no
        other expert and not with the arguments; and the router, gate (E, D): independent normal numbers of mean 0 and
        standard deviation router_std. All are in the dtype of w1. The same seed gives the same gate, another seed
        another one.

    >>> layer = upcycle(torch.tensor([[1.0, 2.0]]), torch.tensor([[5.0], [6.0]]), torch.tensor([[3.0, 4.0]]), 3, seed=0)
    >>> {name: tuple(w.shape) for name, w in layer.items()}
    {'gate': (3, 2), 'w1': (3, 1, 2), 'w2': (3, 2, 1), 'w3': (3, 1, 2)}
    >>> layer["w1"].tolist()
    [[[1.0, 2.0]], [[1.0, 2.0]], [[1.0, 2.0]]]
    """
    generator = torch.Generator().manual_seed(seed)
    gate = torch.randn(num_experts, w1.shape[1], generator=generator, dtype=w1.dtype) * router_std  # (E, D)
    copies = {name: w.repeat(num_experts, 1, 1) for name, w in (("w1", w1), ("w2", w2), ("w3", w3))}
    return {"gate": gate, **copies}


def split_expert(w1: Tensor, w2: Tensor, w3: Tensor, m: int) -> dict[str, Tensor]:
    """The FFN cut into m narrow ones, whose outputs sum to its own.

    w1, w3: (F, D), w2: (D, F). m: >= 1, divides F.
    Returns: w1 (m, F/m, D), w2 (m, D, F/m) and w3 (m, F/m, D) in the same dtype. Slice j has the neighbouring hidden
        units j F/m to (j + 1) F/m - 1. They may be views of w1, w2 and w3.

    >>> w1, w2, w3 = torch.tensor([[1.0], [2.0]]), torch.tensor([[5.0, 6.0]]), torch.tensor([[3.0], [4.0]])
    >>> slices = split_expert(w1, w2, w3, m=2)
    >>> {name: w.tolist() for name, w in slices.items()}
    {'w1': [[[1.0]], [[2.0]]], 'w2': [[[5.0]], [[6.0]]], 'w3': [[[3.0]], [[4.0]]]}
    """
    F, D = w1.shape
    return {
        "w1": w1.reshape(m, F // m, D),
        "w2": w2.reshape(D, m, F // m).transpose(0, 1),  # (m, D, F/m): the hidden units are its columns
        "w3": w3.reshape(m, F // m, D),
    }


def combinations(num_experts: int, k: int, m: int = 1) -> int:
    """In how many ways a token can choose its experts, if each of E is cut into m and m times as many are chosen.

    num_experts: E >= 1. k: how many of them a token chooses, 1 <= k <= E. m: >= 1.
    Returns: the number of sets of k m out of E m experts, an exact int.

    >>> combinations(16, 2), combinations(16, 2, m=4)
    (120, 4426165368)
    """
    return math.comb(num_experts * m, k * m)

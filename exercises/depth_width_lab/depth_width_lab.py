"""Following pointers: one wide layer against several narrow ones, at one budget of weights."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from depth_vs_width import shapes_at_budget
from multi_head_attention import MultiHeadAttention
from torch import Tensor, nn


def shapes(budget: int = 50_000, depths: Sequence[int] = (1, 2, 4), heads: int = 4) -> list[tuple[int, int]]:
    """The contestants: for each depth the width with which the blocks have about `budget` weights, 12·L·D².

    heads: the width is a multiple of it, the nearest one to sqrt(budget / 12L).
    Returns: a pair (layers, width) for each depth, in the order of depths.

    >>> shapes()
    [(1, 64), (2, 44), (4, 32)]
    """
    raise NotImplementedError


def make_batch(batch: int, items: int, hops: int, seed: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Examples of the task, all drawn from `seed`.

    items: n; hops: the most that occur.
    Returns: table (batch, n), whose rows are random permutations f of 0 ... n-1; start (batch,), uniform in
        0 ... n-1; k (batch,), uniform in 1 ... hops; and answer (batch,), f applied k times to start. All int64.

    >>> table, start, k, answer = make_batch(1, items=5, hops=1, seed=0)
    >>> table.shape, k.item(), bool(answer[0] == table[0, start[0]])
    (torch.Size([1, 5]), 1, True)
    """
    raise NotImplementedError


class HopModel(nn.Module):
    """A transformer that reads a permutation and a query, with the parameters of the README.

    layers: L blocks of pre-norm attention and a network of width 4D. width: D, a multiple of heads. items: n.
    hops: the most that occur. All that is random comes from `seed`, and the constructor leaves torch's own random
    generator as it was. source, target and hop begin at N(0, 0.5²). Parameters are float32.

    >>> model = HopModel(layers=2, width=44)
    >>> sum(p.numel() for p in model.blocks.parameters())
    47608
    """

    def __init__(self, layers: int, width: int, heads: int = 4, items: int = 8, hops: int = 3, seed: int = 0) -> None:
        raise NotImplementedError

    def forward(self, table: Tensor, start: Tensor, k: Tensor) -> Tensor:
        """The logits of the answer.

        table: int64 (B, n), permutations. start: int64 (B,). k: int64 (B,), 1 to hops.
        Returns: (B, n), in the dtype of the parameters. Gradients flow to all parameters.
        """
        raise NotImplementedError

    def fit(self, steps: int = 800, batch: int = 128, lr: float = 2e-3, seed: int = 0) -> list[float]:
        """Trains for steps >= 1 on fresh batches, all drawn from `seed`, with 1 to hops hops.

        Returns the cross-entropy of every step.
        """
        raise NotImplementedError

# TRUE CAUSE: induction_score averages only over the queries P to 2P - 1 (the second round); the statement asks for all
# queries P to T - 1, so texts of more than two rounds get a wrong mean.
"""Scores that tell the kinds of heads apart, and a cut."""

import torch
from torch import Tensor


def previous_token_score(weights: Tensor) -> Tensor:
    """Mean weight on the token just before the query."""
    before = weights.diagonal(offset=-1, dim1=-2, dim2=-1)  # (L, B, H, T - 1)
    return before.mean(dim=(1, 3))


def induction_score(weights: Tensor, period: int) -> Tensor:
    """Mean weight on the token that followed the last occurrence of the query's token."""
    band = weights.diagonal(offset=1 - period, dim1=-2, dim2=-1)  # entry n belongs to query n + period - 1
    second_round = band[..., 1 : period + 1]
    return second_round.mean(dim=(1, 3))


def attention_entropy(weights: Tensor) -> Tensor:
    """Mean entropy of the rows, in nats."""
    entropy = torch.special.entr(weights).sum(dim=-1)  # (L, B, H, T)
    return entropy.mean(dim=(1, 3))


def ablate_heads(per_head: Tensor, w_o: Tensor, heads: list[int]) -> Tensor:
    """Output of the layer without what the given heads have read."""
    H = per_head.shape[1]
    keep = per_head.new_ones(H)
    for h in heads:
        keep[h] = 0.0
    kept = per_head * keep.view(H, 1, 1)
    joined = kept.transpose(1, 2).flatten(2)  # (B, T, H*K)
    return joined @ w_o.T

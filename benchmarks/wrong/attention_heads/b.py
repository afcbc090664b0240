# TRUE CAUSE: ablate_heads writes the zeros through .data, which autograd does not see, so the gradient of the output
# still flows to what the cut heads have read. The zeros have to be part of the computation (a factor of 0 for a cut
# head).
"""Numbers that tell the heads of a trained model apart, and a cut that shows what one is good for."""

import torch
from torch import Tensor


def previous_token_score(weights: Tensor) -> Tensor:
    below = weights.diagonal(offset=-1, dim1=-2, dim2=-1)  # (L, B, H, T - 1)
    return below.mean(dim=(1, 3))


def induction_score(weights: Tensor, period: int) -> Tensor:
    T = weights.shape[-1]
    queries = torch.arange(period, T, device=weights.device)
    return weights[..., queries, queries - period + 1].mean(dim=(1, 3))


def attention_entropy(weights: Tensor) -> Tensor:
    per_query = torch.special.entr(weights).sum(dim=-1)  # (L, B, H, T)
    return per_query.mean(dim=(1, 3))


def ablate_heads(per_head: Tensor, w_o: Tensor, heads: list[int]) -> Tensor:
    read = per_head.clone()
    for head in heads:
        read.data[:, head] = 0.0
    B, H, T, K = read.shape
    side_by_side = read.transpose(1, 2).reshape(B, T, H * K)
    return side_by_side @ w_o.T

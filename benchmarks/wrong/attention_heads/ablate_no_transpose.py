# TRUE CAUSE: The heads are merged by a reshape of (B, H, T, K) to (B, T, H*K) without swapping H and T first,
# so numbers of different tokens and heads are mixed as soon as T > 1.
import torch
from torch import Tensor


def previous_token_score(weights: Tensor) -> Tensor:
    before = weights.diagonal(offset=-1, dim1=-2, dim2=-1)  # (L, B, H, T-1)
    return before.mean(dim=(1, 3))


def induction_score(weights: Tensor, period: int) -> Tensor:
    T = weights.shape[-1]
    queries = torch.arange(period, T)
    keys = queries - period + 1
    looked = weights[..., queries, keys]  # (L, B, H, T-P)
    return looked.mean(dim=(1, 3))


def attention_entropy(weights: Tensor) -> Tensor:
    h = -torch.xlogy(weights, weights).sum(-1)  # (L, B, H, T)
    return h.mean(dim=(1, 3))


def ablate_heads(per_head: Tensor, w_o: Tensor, heads: list[int]) -> Tensor:
    B, H, T, K = per_head.shape
    cut = torch.zeros(H, dtype=torch.bool)
    cut[heads] = True
    kept = per_head.masked_fill(cut[:, None, None], 0.0)
    merged = kept.reshape(B, T, H * K)
    return merged @ w_o.T

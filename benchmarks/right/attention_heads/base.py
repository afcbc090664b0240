import torch
from torch import Tensor


def previous_token_score(weights: Tensor) -> Tensor:
    picked = weights.diagonal(offset=-1, dim1=-2, dim2=-1)
    return picked.mean(dim=(1, 3))


def induction_score(weights: Tensor, period: int) -> Tensor:
    T = weights.shape[-1]
    i = torch.arange(period, T)
    return weights[..., i, i - period + 1].mean(dim=(1, 3))


def attention_entropy(weights: Tensor) -> Tensor:
    return -torch.xlogy(weights, weights).sum(-1).mean(dim=(1, 3))


def ablate_heads(per_head: Tensor, w_o: Tensor, heads: list[int]) -> Tensor:
    B, H, T, K = per_head.shape
    keep = torch.ones(H, dtype=torch.bool)
    for h in heads:
        keep[h] = False
    read = torch.where(keep[:, None, None], per_head, 0.0)
    return read.transpose(1, 2).reshape(B, T, H * K) @ w_o.T

import math

import torch
from torch import Tensor


def split_heads(x: Tensor, num_heads: int) -> Tensor:
    b, t, d = x.shape
    return x.reshape(b, t, num_heads, d // num_heads).transpose(1, 2)


def merge_heads(x: Tensor) -> Tensor:
    b, h, t, k = x.shape
    return x.transpose(1, 2).reshape(b, t, h * k)


def masked_softmax(scores: Tensor, mask: Tensor | None = None) -> Tensor:
    if mask is None:
        return torch.softmax(scores, dim=-1)
    if mask.dtype == torch.bool:
        allowed = mask.expand(scores.shape)
    else:
        allowed = (mask != -torch.inf).expand(scores.shape)
        scores = scores + torch.where(mask == -torch.inf, torch.zeros_like(mask), mask)
    empty = ~allowed.any(-1, keepdim=True)
    scores = scores.masked_fill(~allowed & ~empty, -torch.inf)
    return torch.softmax(scores, dim=-1).masked_fill(~allowed, 0.0)


def attention(
    q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, scale: float | None = None
) -> tuple[Tensor, Tensor]:
    if scale is None:
        scale = 1 / math.sqrt(q.shape[-1])
    weights = masked_softmax(q @ k.transpose(-2, -1) * scale, mask)
    return weights @ v, weights

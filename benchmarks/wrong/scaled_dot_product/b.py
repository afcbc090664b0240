# TRUE CAUSE: attention adds a float mask to the dot products first and scales the sum, so that biases are divided by
# √K too. The scale multiplies the dot products alone, before the mask comes in.
"""Scaled dot-product attention with either form of mask."""

import math

import torch
from torch import Tensor


def split_heads(x: Tensor, num_heads: int) -> Tensor:
    B, T, D = x.shape
    return x.reshape(B, T, num_heads, D // num_heads).transpose(1, 2)


def merge_heads(x: Tensor) -> Tensor:
    B, H, T, K = x.shape
    return x.transpose(1, 2).reshape(B, T, H * K)


def _apply_bias(scores: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """Scores with the finite part of a float mask added, and what is allowed as a bool mask."""
    if mask is None or mask.dtype == torch.bool:
        return scores, mask
    allowed = mask > -math.inf
    return scores + mask.masked_fill(~allowed, 0.0), allowed


def masked_softmax(scores: Tensor, mask: Tensor | None = None) -> Tensor:
    scores, allowed = _apply_bias(scores, mask)
    if allowed is None:
        return scores.softmax(dim=-1)
    lowest = torch.finfo(scores.dtype).min
    return scores.masked_fill(~allowed, lowest).softmax(dim=-1) * allowed


def attention(
    q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, scale: float | None = None
) -> tuple[Tensor, Tensor]:
    if scale is None:
        scale = 1 / math.sqrt(q.shape[-1])
    scores, allowed = _apply_bias(q @ k.transpose(-1, -2), mask)
    weights = masked_softmax(scale * scores, allowed)
    return weights @ v, weights

# TRUE CAUSE: next_token_distribution finds the nucleus among all tokens and joins the two filters afterwards; top-p
# works on what top-k has left, whose probabilities are larger after the softmax.
"""From logits to a token."""

import torch
from torch import Tensor

NEVER = float("-inf")


def apply_temperature(logits: Tensor, temperature: float) -> Tensor:
    if not temperature > 0:
        raise ValueError("the temperature must be positive")
    return logits / temperature


def top_k_filter(logits: Tensor, k: int) -> Tensor:
    if k < 1:
        raise ValueError("k must be at least 1")
    kth = logits.topk(min(k, logits.shape[-1]), dim=-1).values[..., -1:]
    return logits.masked_fill(logits < kth, NEVER)


def top_p_filter(logits: Tensor, p: float) -> Tensor:
    if not 0 < p <= 1:
        raise ValueError("p must lie in (0, 1]")
    if p == 1:
        return logits.clone()
    probs, order = logits.softmax(dim=-1).sort(dim=-1, descending=True, stable=True)
    mass_before = probs.cumsum(dim=-1) - probs
    drop_sorted = mass_before >= p
    drop_sorted[..., 0] = False
    drop = torch.zeros_like(drop_sorted).scatter(-1, order, drop_sorted)
    return logits.masked_fill(drop, NEVER)


def next_token_distribution(
    logits: Tensor, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Tensor:
    logits = apply_temperature(logits, temperature)
    filtered = logits
    if top_k is not None:
        filtered = top_k_filter(logits, top_k)
    if top_p is not None:
        nucleus = top_p_filter(logits, top_p)
        filtered = torch.minimum(filtered, nucleus)
    return filtered.softmax(dim=-1)


def sample(probs: Tensor, u: Tensor) -> Tensor:
    positive = probs > 0
    over = (probs.cumsum(dim=-1) > u.unsqueeze(-1)) & positive
    first = over.long().argmax(dim=-1)
    places = torch.arange(probs.shape[-1], device=probs.device)
    last_positive = torch.where(positive, places, -1).amax(dim=-1)
    return torch.where(over.any(dim=-1), first, last_positive)

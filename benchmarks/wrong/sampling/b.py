# TRUE CAUSE: next_token_distribution lets both filters look at all tokens and removes what either of them removes.
# Top-p has to come after top-k, on what is left: its nucleus is taken from the renormalised probabilities of the k
# tokens.
import torch
from torch import Tensor

GONE = float("-inf")


def apply_temperature(logits: Tensor, temperature: float) -> Tensor:
    if not temperature > 0:
        raise ValueError("the temperature must be positive")
    return logits / temperature


def top_k_filter(logits: Tensor, k: int) -> Tensor:
    if k < 1:
        raise ValueError("k must be at least 1")
    k = min(k, logits.shape[-1])
    smallest = logits.topk(k, dim=-1).values[..., -1:]
    return logits.masked_fill(logits < smallest, GONE)


def top_p_filter(logits: Tensor, p: float) -> Tensor:
    if not 0 < p <= 1:
        raise ValueError("p must lie above 0 and not above 1")
    if p == 1:
        return logits.clone()
    ordered, order = torch.sort(logits, dim=-1, descending=True, stable=True)
    probs = ordered.softmax(dim=-1)
    before = torch.cat([torch.zeros_like(probs[..., :1]), probs.cumsum(dim=-1)[..., :-1]], dim=-1)
    outside = torch.zeros_like(logits, dtype=torch.bool).scatter(-1, order, before >= p)
    return logits.masked_fill(outside, GONE)


def next_token_distribution(
    logits: Tensor, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Tensor:
    scaled = apply_temperature(logits, temperature)
    left = scaled
    if top_k is not None:
        left = torch.minimum(left, top_k_filter(scaled, top_k))
    if top_p is not None:
        left = torch.minimum(left, top_p_filter(scaled, top_p))
    return left.softmax(dim=-1)


def sample(probs: Tensor, u: Tensor) -> Tensor:
    V = probs.shape[-1]
    exceeds = probs.cumsum(dim=-1) > u[..., None]
    first = exceeds.long().argmax(dim=-1)
    last_positive = V - 1 - (probs > 0).long().flip(-1).argmax(dim=-1)
    return torch.where(exceeds.any(dim=-1), first, last_positive)

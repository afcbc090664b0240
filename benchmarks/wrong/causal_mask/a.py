# TRUE CAUSE: leaks_future compares the weights with their lower triangle by torch.allclose, whose tolerance hides
# future weights below about 1e-8; any weight there that is not exactly zero is a leak, however small.
import torch
from torch import Tensor


def causal_mask(T: int, S: int | None = None) -> Tensor:
    if S is None:
        S = T
    if T > S:
        raise ValueError(f"{T} queries cannot be the last of {S} positions")
    return torch.ones(T, S, dtype=torch.bool).tril(diagonal=S - T)


def additive_mask(keep: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    zeros = torch.zeros(keep.shape, dtype=dtype, device=keep.device)
    return zeros.masked_fill(~keep, float("-inf"))


def leaks_future(weights: Tensor) -> bool:
    T, S = weights.shape[-2:]
    past = weights.tril(diagonal=S - T)
    return not torch.allclose(past, weights)

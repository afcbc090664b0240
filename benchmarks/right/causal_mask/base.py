import torch
from torch import Tensor


def causal_mask(T: int, S: int | None = None) -> Tensor:
    if S is None:
        S = T
    if T > S:
        raise ValueError("more queries than keys")
    return torch.ones(T, S, dtype=torch.bool).tril(S - T)


def additive_mask(keep: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.zeros(keep.shape, dtype=dtype).masked_fill(~keep, float("-inf"))


def leaks_future(weights: Tensor) -> bool:
    T, S = weights.shape[-2:]
    future = ~causal_mask(T, S)
    return bool((weights[..., future] != 0).any())

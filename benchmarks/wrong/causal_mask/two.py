# TRUE CAUSE: (1) causal_mask does not raise ValueError for T > S: the check is missing, and rows without any key come out.
# (2) leaks_future looks at the first matrix of the leading dimensions only, so a leak in another head is not found.
import torch
from torch import Tensor


def causal_mask(T: int, S: int | None = None) -> Tensor:
    if S is None:
        S = T

    rows = torch.arange(T)[:, None] + (S - T)
    cols = torch.arange(S)[None, :]
    return cols <= rows


def additive_mask(keep: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    out = torch.zeros(keep.shape, dtype=dtype, device=keep.device)
    return out.masked_fill(~keep, float("-inf"))


def leaks_future(weights: Tensor) -> bool:
    T, S = weights.shape[-2:]
    future = ~causal_mask(T, S)
    first = weights.reshape(-1, T, S)[0]
    return bool((first[future] != 0).any())

# TRUE CAUSE: additive_mask ignores its argument dtype: the result is made by torch.where of Python numbers and
# always has the default dtype float32.
import torch
from torch import Tensor


def causal_mask(T: int, S: int | None = None) -> Tensor:
    if S is None:
        S = T
    if T > S:
        raise ValueError("more queries than keys")
    rows = torch.arange(T)[:, None] + (S - T)
    cols = torch.arange(S)[None, :]
    return cols <= rows


def additive_mask(keep: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    out = torch.zeros(keep.shape, dtype=dtype, device=keep.device)
    return torch.where(keep, 0.0, float("-inf"))


def leaks_future(weights: Tensor) -> bool:
    T, S = weights.shape[-2:]
    future = ~causal_mask(T, S)
    return bool((weights[..., future] != 0).any())

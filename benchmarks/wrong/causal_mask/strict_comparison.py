# TRUE CAUSE: causal_mask uses < in place of <=: the diagonal is False, no query may attend to itself, and the
# first query of a square mask sees nothing.
import torch
from torch import Tensor


def causal_mask(T: int, S: int | None = None) -> Tensor:
    if S is None:
        S = T
    if T > S:
        raise ValueError("more queries than keys")
    rows = torch.arange(T)[:, None] + (S - T)
    cols = torch.arange(S)[None, :]
    return cols < rows


def additive_mask(keep: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    out = torch.zeros(keep.shape, dtype=dtype, device=keep.device)
    return out.masked_fill(~keep, float("-inf"))


def leaks_future(weights: Tensor) -> bool:
    T, S = weights.shape[-2:]
    future = ~causal_mask(T, S)
    return bool((weights[..., future] != 0).any())

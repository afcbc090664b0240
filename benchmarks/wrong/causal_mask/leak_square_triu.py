# TRUE CAUSE: leaks_future takes the part above the main diagonal as the future (triu with diagonal 1), which is
# right for T = S only: for T < S the queries are the last T positions and the diagonal must be moved by S - T,
# so that allowed keys are reported as leaks.
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
    return out.masked_fill(~keep, float("-inf"))


def leaks_future(weights: Tensor) -> bool:
    T, S = weights.shape[-2:]
    future = ~causal_mask(T, S)
    return bool((torch.triu(weights, diagonal=1) != 0).any())

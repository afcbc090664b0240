"""Right solutions in other styles. None of them may lose a point."""

import numpy as np
import torch
from torch import Tensor

from grader.testing import replaces

INF = float("inf")


@replaces("causal_mask")
def lower_triangle(T: int, S: int | None = None) -> Tensor:
    """tril with an offset"""
    S = T if S is None else S
    if T < 1 or T > S:
        raise ValueError("T must lie between 1 and S")
    return torch.tril(torch.ones(T, S, dtype=torch.bool), diagonal=S - T)


@replaces("causal_mask")
def row_by_row(T: int, S: int | None = None) -> Tensor:
    """Python lists"""
    if S is None:
        S = T
    if not (0 < T <= S):
        raise ValueError("no such mask")
    visible = [S - T + 1 + i for i in range(T)]
    return torch.tensor([[True] * n + [False] * (S - n) for n in visible])


@replaces("causal_mask")
def numpy_tri(T: int, S: int | None = None) -> Tensor:
    """NumPy"""
    S = T if S is None else S
    if not 1 <= T <= S:
        raise ValueError
    return torch.from_numpy(np.tri(T, S, S - T, dtype=bool))


@replaces("causal_mask")
def transposed_view(T: int, S: int | None = None) -> Tensor:
    """a non-contiguous view of the (S, T) mask, made in inference mode"""
    S = T if S is None else S
    if not 1 <= T <= S:
        raise ValueError
    with torch.inference_mode():
        hidden = torch.ones(S, T).tril(T - S - 1)  # (S, T): 1 where key j is later than query i
        return hidden.mT == 0


@replaces("additive_mask")
def logarithm(keep: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """the logarithm of 1 and 0"""
    return keep.to(dtype).log()


@replaces("additive_mask")
def choose(keep: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """torch.where between two expanded constants"""
    zero = torch.zeros((), dtype=dtype).expand(keep.shape)
    return torch.where(keep, zero, torch.full((), -INF, dtype=dtype))


@replaces("additive_mask")
def numpy_where(keep: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """NumPy round trip through float64"""
    if keep.dtype != torch.bool:
        raise TypeError("bool only, by choice")
    return torch.from_numpy(np.where(keep.numpy(), 0.0, -np.inf)).to(dtype)


@replaces("additive_mask")
def cell_by_cell(keep: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """a scalar loop"""
    cells = [0.0 if kept else -INF for kept in keep.flatten().tolist()]
    return torch.tensor(cells, dtype=dtype).reshape(keep.shape)


@replaces("leaks_future")
def nothing_lost(weights: Tensor) -> bool:
    """compares with the lower triangle"""
    T, S = weights.shape[-2:]
    return not torch.equal(weights.tril(S - T), weights)


@replaces("leaks_future")
def search(weights: Tensor) -> bool:
    """a scalar loop that stops at the first leak"""
    T, S = weights.shape[-2:]
    for head in weights.reshape(-1, T, S).tolist():
        for i, row in enumerate(head):
            if any(row[i + S - T + 1 :]):
                return True
    return False


@replaces("leaks_future")
def numpy_upper(weights: Tensor) -> bool:
    """NumPy, a sum of absolute values"""
    T, S = weights.shape[-2:]
    return bool(np.abs(np.triu(weights.detach().numpy(), S - T + 1)).sum() > 0)


@replaces("leaks_future")
def einsum_count(weights: Tensor) -> bool:
    """counts the leaks with einsum"""
    T, S = weights.shape[-2:]
    future = torch.ones(T, S).triu(S - T + 1)
    return torch.einsum("...ts,ts->...", weights.ne(0).float(), future).sum().item() > 0

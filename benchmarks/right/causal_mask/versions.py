import functools
import math

import numpy as np
import torch
from base import additive_mask, causal_mask
from torch import Tensor

from grader.testing import replaces


@replaces("causal_mask")
def mask_loops(T, S=None):
    """two loops that write into a tensor"""
    S = T if S is None else S
    if T > S:
        raise ValueError(f"{T} queries, but only {S} keys")
    out = torch.zeros(T, S, dtype=torch.bool)
    for i in range(T):
        for j in range(S):
            if j <= i + S - T:
                out[i, j] = True
    return out


@replaces("causal_mask")
def mask_arange(T, S=None):
    """positions compared by broadcasting"""
    S = T if S is None else S
    if T > S:
        raise ValueError("T > S")
    return torch.arange(S)[None, :] <= torch.arange(S - T, S)[:, None]


@replaces("causal_mask")
def mask_not_triu(T: int, S: int | None = None) -> Tensor:
    """the complement of the future"""
    if S is not None and S < T:
        raise ValueError("some query would see nothing")
    S = S if S is not None else T
    return ~torch.triu(torch.ones((T, S), dtype=torch.bool), diagonal=S - T + 1)


@replaces("causal_mask")
def mask_lists(T, S=None):
    """nested list to tensor"""
    S = T if S is None else S
    past = S - T
    if past < 0:
        raise ValueError
    return torch.tensor([[True] * (past + i + 1) + [False] * (T - 1 - i) for i in range(T)])


@replaces("causal_mask")
def mask_cat(T, S=None):
    """a block of ones for the past beside a square"""
    S = T if S is None else S
    if S < T:
        raise ValueError("exchanged T and S?")
    square = torch.tril(torch.ones(T, T)).bool()
    return torch.cat([torch.ones(T, S - T, dtype=torch.bool), square], dim=1)


@replaces("causal_mask")
def mask_numpy(T, S=None):
    """np.tri"""
    S = T if S is None else S
    if T > S:
        raise ValueError("T > S")
    return torch.from_numpy(np.tri(T, S, S - T, dtype=bool))


@replaces("causal_mask")
def mask_transposed_view(T, S=None):
    """a view with other strides"""
    S = T if S is None else S
    if T > S:
        raise ValueError("T > S")
    return torch.ones(S, T, dtype=torch.bool).triu(T - S).T


@replaces("causal_mask")
def mask_last_rows(T, S=None):
    """the last T rows of the square mask, a slice"""
    S = T if S is None else S
    if T > S:
        raise ValueError("T > S")
    full = torch.ones(S, S, dtype=torch.int64).cumsum(1) <= torch.arange(1, S + 1).unsqueeze(1)
    return full[S - T :]


@replaces("causal_mask")
def mask_windows(T, S=None):
    """each row is a window of one line of ones and zeros"""
    S = T if S is None else S
    if T > S:
        raise ValueError("T > S")
    line = torch.cat([torch.ones(S, dtype=torch.bool), torch.zeros(T - 1, dtype=torch.bool)])
    return line.unfold(0, S, 1).flip(0)


@replaces("causal_mask")
def mask_indices(T, S=None):
    """index pairs from tril_indices"""
    S = T if S is None else S
    if not T <= S:
        raise ValueError("T must not exceed S")
    keep = torch.zeros(T, S, dtype=torch.bool)
    i, j = torch.tril_indices(T, S, offset=S - T)
    keep[i, j] = True
    return keep


@replaces("causal_mask")
def mask_from_inf(T, S=None):
    """from a float mask of -inf"""
    S = T if S is None else S
    if T > S:
        raise ValueError("T > S")
    return torch.full((T, S), -math.inf).triu(S - T + 1) == 0


@replaces("causal_mask")
def mask_where(T, S=None):
    """torch.where of the distance"""
    S = T if S is None else S
    if T > S:
        raise ValueError("T > S")
    distance = torch.arange(T).view(-1, 1) + (S - T) - torch.arange(S).view(1, -1)
    return torch.where(distance >= 0, torch.tensor(True), torch.tensor(False))


@replaces("causal_mask")
def mask_rows(T, S=None):
    """row by row on an own tensor, stacked"""
    S = T if S is None else S
    if T > S:
        raise ValueError("T > S")
    rows = []
    row = torch.zeros(S, dtype=torch.bool)
    row[: S - T] = True
    for position in range(S - T, S):
        row[position] = True
        rows.append(row.clone())
    return torch.stack(rows)


@replaces("additive_mask")
def add_where(keep, dtype=torch.float32):
    """torch.where on numbers, then cast"""
    return torch.where(keep, 0.0, float("-inf")).to(dtype)


@replaces("additive_mask")
def add_where_tensors(keep, dtype=torch.float32):
    """torch.where of two tensors of the dtype"""
    return torch.where(keep, torch.zeros((), dtype=dtype), torch.full((), -math.inf, dtype=dtype))


@replaces("additive_mask")
def add_log(keep, dtype=torch.float32):
    """log 1 = 0 and log 0 = -inf"""
    return keep.to(dtype).log()


@replaces("additive_mask")
def add_index(keep, dtype=torch.float32):
    """boolean index on an own tensor"""
    out = torch.zeros_like(keep, dtype=dtype)
    out[~keep] = -torch.inf
    return out


@replaces("additive_mask")
def add_table(keep, dtype=torch.float32):
    """look-up in a table of two"""
    return torch.tensor([-math.inf, 0.0], dtype=dtype)[keep.long()]


@replaces("additive_mask")
def add_fill_zero(keep, dtype=torch.float32):
    """starts full of -inf, in place"""
    out = torch.full(keep.shape, float("-inf"), dtype=dtype)
    out.masked_fill_(keep, 0)
    return out


@replaces("additive_mask")
def add_reciprocal(keep, dtype=torch.float32):
    """1 - 1/keep"""
    return 1 - 1 / keep.to(dtype)


@replaces("additive_mask")
def add_numpy(keep, dtype=torch.float32):
    """np.where"""
    return torch.as_tensor(np.where(keep.numpy(), 0.0, -np.inf)).to(dtype)


@replaces("additive_mask")
def add_list(keep, dtype=torch.float32):
    """recursion over nested lists"""

    def walk(x):
        return [walk(y) for y in x] if isinstance(x, list) else (0.0 if x else float("-inf"))

    return torch.tensor(walk(keep.tolist()), dtype=dtype).reshape(keep.shape)


@replaces("additive_mask")
def add_clamp(keep, dtype=torch.float32):
    """±0.5 times infinity, cut at 0"""
    return (keep.to(dtype) - 0.5).mul(float("inf")).clamp(max=0.0)


@replaces("additive_mask")
def add_scatter(keep, dtype=torch.float32):
    """flat, by the indices of the zeros"""
    flat = torch.zeros(keep.numel(), dtype=dtype)
    flat[torch.nonzero(~keep.reshape(-1)).squeeze(1)] = float("-inf")
    return flat.view(keep.size())


@replaces("additive_mask")
def add_transposed(keep: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """a result that is not contiguous"""
    axes = tuple(reversed(range(keep.dim())))
    turned = keep.permute(axes)
    out = torch.zeros(turned.shape, dtype=dtype).masked_fill(turned.logical_not(), float("-inf"))
    return out.permute(axes)


@replaces("additive_mask")
def add_checked(keep, dtype=torch.float32):
    """more type checks"""
    if keep.dtype is not torch.bool:
        raise TypeError("keep must be bool")
    if not dtype.is_floating_point:
        raise TypeError("-inf needs a floating point dtype")
    return keep.new_zeros(keep.shape, dtype=dtype).masked_fill(keep == False, -torch.inf)  # noqa: E712


@replaces("leaks_future")
def leak_loops(weights):
    """loops over queries"""
    T, S = weights.shape[-2:]
    for i in range(T):
        if (weights[..., i, i + S - T + 1 :] != 0).any():
            return True
    return False


@replaces("leaks_future")
def leak_triu(weights):
    """triu(...).any()"""
    T, S = weights.size(-2), weights.size(-1)
    return weights.triu(S - T + 1).any().item()


@replaces("leaks_future")
def leak_sum(weights):
    """sum of absolute values above 0"""
    T, S = weights.shape[-2:]
    future = torch.triu(weights.detach(), diagonal=1 + S - T)
    return future.abs().double().sum().item() > 0


@replaces("leaks_future")
def leak_equal(weights):
    """what is left equals the whole"""
    T, S = weights.shape[-2:]
    return not torch.equal(torch.tril(weights, S - T), weights)


@replaces("leaks_future")
def leak_count(weights):
    """count_nonzero of a product with the mask"""
    future = (~causal_mask(*weights.shape[-2:])).to(weights.dtype)
    return int(torch.count_nonzero(weights * future)) > 0


@replaces("leaks_future")
def leak_numpy(weights):
    """numpy, after a cast that loses nothing"""
    w = weights.detach().double().numpy()
    T, S = w.shape[-2:]
    return bool(np.any(np.triu(w, S - T + 1)))


@replaces("leaks_future")
def leak_recursion(weights):
    """recursion over leading dimensions, Python numbers"""
    if weights.dim() > 2:
        return any(leak_recursion(w) for w in weights)
    rows = weights.tolist()
    T, S = weights.shape
    return any(x != 0 for i, row in enumerate(rows) for x in row[i + S - T + 1 :])


@replaces("leaks_future")
def leak_where(weights):
    """additive mask: where it is -inf"""
    T, S = weights.shape[-2:]
    hidden = additive_mask(causal_mask(T, S)) == -math.inf
    return torch.where(hidden, weights, torch.zeros_like(weights)).ne(0).any().tolist()


@replaces("leaks_future")
def leak_nonzero(weights):
    """coordinates of all weights that are not zero"""
    where = torch.nonzero(weights)
    T, S = weights.shape[-2:]
    i, j = where[:, -2], where[:, -1]
    return bool((j > i + (S - T)).any())


@replaces("leaks_future")
def leak_max(weights):
    """the largest future weight, if there is one"""
    T, S = weights.shape[-2:]
    i, j = torch.triu_indices(T, S, S - T + 1)
    future = weights[..., i, j]
    if future.numel() == 0:
        return False
    return float(future.detach().abs().max()) > 0.0


@replaces("leaks_future")
def leak_diagonals(weights):
    """diagonal by diagonal"""
    T, S = weights.shape[-2:]
    diagonals = (torch.diagonal(weights, offset, -2, -1) for offset in range(S - T + 1, S))
    return functools.reduce(lambda found, d: found or bool((d != 0).any()), diagonals, False)


@replaces("leaks_future")
def leak_keys(weights):
    """key by key: queries before it"""
    T, S = weights.shape[-2:]
    for j in range(S - T + 1, S):
        early = weights[..., : j - (S - T), j]
        if torch.count_nonzero(early).item():
            return True
    return False


@replaces("leaks_future")
def leak_masked_select(weights):
    """masked_select, ne, any; the mask in full shape"""
    keep = causal_mask(weights.shape[-2], weights.shape[-1])
    future = torch.masked_select(weights, keep.logical_not().expand_as(weights))
    return not bool(torch.all(future == 0))

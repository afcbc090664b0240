"""Right solutions in other styles. None of them may lose a point."""

import re
from collections import OrderedDict

import numpy as np
import torch
from mha_to_gqa import pool_heads
from torch import nn

from grader.testing import replaces


@replaces("pool_heads")
def head_by_head(t, num_heads, num_groups, method="mean"):
    """a loop over groups and their heads"""
    if num_heads % num_groups != 0 or t.shape[0] % num_heads != 0:
        raise ValueError("bad sizes")
    heads = t.chunk(num_heads)
    size = num_heads // num_groups
    groups = [heads[i : i + size] for i in range(0, num_heads, size)]
    if method == "first":
        return torch.cat([group[0] for group in groups])
    if method != "mean":
        raise ValueError("bad method")
    return torch.cat([sum(group[1:], group[0]) / size for group in groups])


@replaces("pool_heads")
def matrix(t, num_heads, num_groups, method="mean"):
    """einsum with an averaging matrix (G, H)"""
    size, rest = divmod(num_heads, num_groups)
    if rest or t.size(0) % num_heads or method not in {"mean", "first"}:
        raise ValueError("bad arguments")
    mix = torch.eye(num_groups, dtype=torch.float64).repeat_interleave(size, 1) / size
    if method == "first":
        mix = torch.nn.functional.one_hot(torch.arange(0, num_heads, size), num_heads).double()
    heads = t.double().reshape(num_heads, -1, *t.shape[1:])
    return torch.einsum("gh,hk...->gk...", mix, heads).reshape(-1, *t.shape[1:]).to(t.dtype)


@replaces("pool_heads")
def numpy_mean(t, num_heads, num_groups, method="mean"):
    """NumPy in float64"""
    if num_heads % num_groups or t.shape[0] % num_heads:
        raise ValueError("bad sizes")
    blocks = t.detach().double().numpy().reshape(num_groups, num_heads // num_groups, -1, *t.shape[1:])
    ways = {"mean": lambda: blocks.mean(axis=1), "first": lambda: blocks[:, 0]}
    if method not in ways:
        raise ValueError("bad method")
    return torch.from_numpy(np.ascontiguousarray(ways[method]())).reshape(-1, *t.shape[1:]).to(t.dtype)


@replaces("pool_heads")
def added_in_place(t, num_heads, num_groups, method="mean"):
    """index_add along the rows; "first" by row numbers"""
    K, rest = divmod(t.shape[0], num_heads)
    if rest or num_heads % num_groups or method not in ("mean", "first"):
        raise ValueError("bad arguments")
    size = num_heads // num_groups
    row = torch.arange(t.shape[0])
    if method == "first":
        return t[(row // K) % size == 0]
    target = row // (K * size) * K + row % K
    total = torch.zeros(num_groups * K, *t.shape[1:], dtype=torch.float64).index_add(0, target, t.double())
    return (total / size).to(t.dtype)


@replaces("convert_state")
def pattern(state, num_heads, num_groups, method="mean"):
    """a regular expression; an ordered dict"""
    shared = re.compile(r"(?:.*\.)?[kv]_proj\.[^.]+")
    pairs = [
        (name, pool_heads(t, num_heads, num_groups, method) if shared.fullmatch(name) else t)
        for name, t in state.items()
    ]
    return OrderedDict(reversed(pairs))


@replaces("convert_state")
def copy_then_change(state, num_heads, num_groups, method="mean"):
    """a copy in which the shared ones are replaced, as parameters"""
    converted = dict(state)
    for name in state:
        *_, module, _ = ["", "", *name.split(".")]
        if module == "k_proj" or module == "v_proj":
            converted[name] = nn.Parameter(pool_heads(state[name], num_heads, num_groups, method))
    return converted


@replaces("convert_state")
def by_module(state, num_heads, num_groups, method="mean"):
    """first the names of modules, then their parameters"""
    modules = {name.rsplit(".", 1)[0] for name in state if "." in name}
    shared = {m for m in modules if m in ("k_proj", "v_proj") or m.endswith((".k_proj", ".v_proj"))}
    result = {}
    for name, t in state.items():
        owner = name.rsplit(".", 1)[0] if "." in name else None
        result[name] = pool_heads(t, num_heads, num_groups, method=method) if owner in shared else t.detach()
    return result


@replaces("expand_heads")
def gathered(t, num_heads, num_groups):
    """row numbers"""
    K = t.shape[0] // num_groups
    row = torch.arange(num_heads * K)
    return t[row // K * num_groups // num_heads * K + row % K]


@replaces("expand_heads")
def view_expanded(t, num_heads, num_groups):
    """a new axis, expanded, then melted"""
    copies = num_heads // num_groups
    heads = t.reshape(num_groups, 1, -1, *t.shape[1:])
    return heads.expand(-1, copies, *[-1] * (heads.dim() - 2)).reshape(-1, *t.shape[1:])


@replaces("expand_heads")
def list_of_heads(t, num_heads, num_groups):
    """a Python list of heads"""
    heads = torch.tensor_split(t, num_groups)
    return torch.cat([heads[h * num_groups // num_heads] for h in range(num_heads)])


@replaces("expand_heads")
def numpy_kron(t, num_heads, num_groups):
    """NumPy, a Kronecker product with a column of ones per head"""
    ones = np.ones((num_heads // num_groups, 1))
    heads = [np.kron(ones, head.reshape(1, -1)) for head in np.split(t.double().numpy(), num_groups)]
    return torch.from_numpy(np.concatenate(heads)).reshape(-1, *t.shape[1:]).to(t.dtype)

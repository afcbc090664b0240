import re
from collections import OrderedDict
from enum import Enum
from functools import reduce

import numpy as np
import torch
from base import pool_heads
from torch import Tensor

from grader.testing import replaces


def check(t, num_heads, num_groups, method):
    if num_heads % num_groups != 0:
        raise ValueError(f"{num_groups} groups of {num_heads} heads")
    if len(t) % num_heads != 0:
        raise ValueError(f"{len(t)} rows for {num_heads} heads")
    if method not in {"mean", "first"}:
        raise ValueError(method)


# ---------------------------------------------------------------- pool_heads
@replaces("pool_heads")
def pool_loop(t, num_heads, num_groups, method="mean"):
    """a loop over groups, heads added in float32 at least"""
    check(t, num_heads, num_groups, method)
    K, n = t.shape[0] // num_heads, num_heads // num_groups
    out = []
    for g in range(num_groups):
        heads = [t[(g * n + i) * K : (g * n + i + 1) * K] for i in range(n)]
        if method == "first":
            out.append(heads[0])
        else:
            total = sum(h.to(torch.promote_types(t.dtype, torch.float32)) for h in heads)
            out.append((total / n).to(t.dtype))
    return torch.cat(out, dim=0)


@replaces("pool_heads")
def pool_chunk(t, num_heads, num_groups, method="mean"):
    """chunks of chunks"""
    if num_heads % num_groups or t.size(0) % num_heads:
        raise ValueError("does not divide")
    groups = [torch.stack(g.chunk(num_heads // num_groups)) for g in t.chunk(num_groups)] if len(t) else []
    if method == "mean":
        pooled = [g.mean(dim=0) for g in groups]
    elif method == "first":
        pooled = [g[0] for g in groups]
    else:
        raise ValueError("mean or first")
    return torch.cat(pooled) if pooled else t.clone()


@replaces("pool_heads")
def pool_unflatten(t, num_heads, num_groups, method="mean"):
    """two unflattens"""
    check(t, num_heads, num_groups, method)
    groups = t.unflatten(0, (num_groups, num_heads // num_groups, len(t) // num_heads))
    reduced = {"mean": lambda x: x.mean(dim=1), "first": lambda x: x.select(1, 0)}[method](groups)
    return reduced.flatten(0, 1)


@replaces("pool_heads")
def pool_strided(t, num_heads, num_groups, method="mean"):
    """strided slices over the heads"""
    check(t, num_heads, num_groups, method)
    heads = t.reshape(num_heads, -1, *t.shape[1:])
    n = num_heads // num_groups
    if method == "first":
        return heads[::n].reshape(-1, *t.shape[1:])
    wide = heads.double()
    return (sum(wide[i::n] for i in range(n)) / n).to(t.dtype).reshape(-1, *t.shape[1:])


@replaces("pool_heads")
def pool_matrix(t, num_heads, num_groups, method="mean"):
    """a (G, H) matrix of weights, in float64"""
    check(t, num_heads, num_groups, method)
    n = num_heads // num_groups
    row = torch.full((n,), 1 / n, dtype=torch.float64) if method == "mean" else torch.eye(n, dtype=torch.float64)[0]
    m = torch.kron(torch.eye(num_groups, dtype=torch.float64), row)
    flat = t.double().reshape(num_heads, -1)
    return (m.reshape(num_groups, num_heads) @ flat).reshape(-1, *t.shape[1:]).to(t.dtype)


@replaces("pool_heads")
def pool_numpy(t, num_heads, num_groups, method="mean"):
    """NumPy in float64"""
    check(t, num_heads, num_groups, method)
    a = t.detach().double().numpy().reshape(num_groups, num_heads // num_groups, t.shape[0] // num_heads, *t.shape[1:])
    a = np.mean(a, axis=1) if method == "mean" else a[:, 0].copy()
    return torch.from_numpy(a).reshape(-1, *t.shape[1:]).to(t.dtype)


@replaces("pool_heads")
def pool_index_add(t, num_heads, num_groups, method="mean"):
    """row numbers: index_add or index_select"""
    check(t, num_heads, num_groups, method)
    K, n = t.shape[0] // num_heads, num_heads // num_groups
    rows = torch.arange(t.shape[0])
    head, k = rows // max(K, 1), rows % max(K, 1)
    if method == "first":
        return t.index_select(0, rows[head % n == 0])
    out = torch.zeros(num_groups * K, *t.shape[1:], dtype=torch.float64)
    return (out.index_add(0, head // n * K + k, t.double()) / n).to(t.dtype)


@replaces("pool_heads")
def pool_running(t, num_heads, num_groups, method="mean"):
    """a running mean"""
    check(t, num_heads, num_groups, method)
    groups = t.reshape(num_groups, num_heads // num_groups, t.shape[0] // num_heads, *t.shape[1:])
    mean = groups[:, 0].to(torch.float64)
    if method == "mean":
        for i in range(1, groups.shape[1]):
            mean = mean + (groups[:, i] - mean) / (i + 1)
    return mean.to(t.dtype).flatten(0, 1)


@replaces("pool_heads")
def pool_conv(t, num_heads, num_groups, method="mean"):
    """average pooling along the heads, in float32 or float64"""
    check(t, num_heads, num_groups, method)
    if method == "first" or t.numel() == 0:
        mask = (torch.arange(num_heads) % (num_heads // num_groups) == 0).repeat_interleave(len(t) // num_heads)
        return t[mask]
    wide = t if t.dtype == torch.float64 else t.float()
    flat = wide.reshape(num_heads, -1).T.unsqueeze(0)  # (1, numbers of a head, H)
    pooled = torch.nn.functional.avg_pool1d(flat, num_heads // num_groups)[0].T
    return pooled.reshape(-1, *t.shape[1:]).to(t.dtype)


@replaces("pool_heads")
def pool_tensor_split(t, num_heads, num_groups, method="mean"):
    """method first, sizes by divmod"""
    if method == "mean":
        reduce_heads = lambda heads: heads.mean(0)
    elif method == "first":
        reduce_heads = lambda heads: heads[0]
    else:
        raise ValueError(f"method must be 'mean' or 'first', not {method}")
    n, rest = divmod(num_heads, num_groups)
    K, left = divmod(t.shape[0], num_heads)
    if rest or left:
        raise ValueError(f"{t.shape[0]} rows, {num_heads} heads, {num_groups} groups")
    parts = t.split(n * K) if t.shape[0] else (t,)
    return torch.cat([reduce_heads(p.reshape(n, K, *t.shape[1:])) for p in parts])


class Method(Enum):
    mean = "mean"
    first = "first"


@replaces("pool_heads")
def pool_enum(t: Tensor, num_heads: int, num_groups: int, method: str = "mean") -> Tensor:
    """an Enum, whose constructor raises ValueError; moved axes"""
    kind = Method(method)
    if num_heads // num_groups * num_groups != num_heads or t.shape[0] // num_heads * num_heads != t.shape[0]:
        raise ValueError("sizes")
    x = t.reshape(num_groups, num_heads // num_groups, -1)
    x = x.mean(1) if kind is Method.mean else x[:, 0].clone()
    return x.reshape(num_groups * (t.shape[0] // num_heads), *t.shape[1:])


@replaces("pool_heads")
def pool_pairs(t, num_heads, num_groups, method="mean"):
    """writes into a result; reduce"""
    check(t, num_heads, num_groups, method)
    K, n = t.shape[0] // num_heads, num_heads // num_groups
    out = t.new_empty((num_groups * K, *t.shape[1:]))
    for g in range(num_groups):
        first = t[g * n * K : g * n * K + K]
        if method == "mean":
            heads = (t[h * K : (h + 1) * K].double() for h in range(g * n, (g + 1) * n))
            first = reduce(torch.add, heads).div(n)
        out[g * K : (g + 1) * K] = first
    return out


# ---------------------------------------------------------------- convert_state
@replaces("convert_state")
def conv_comprehension(state, num_heads, num_groups, method="mean"):
    """a comprehension"""
    return {
        name: pool_heads(t, num_heads, num_groups, method) if name.split(".")[-2:-1] in (["k_proj"], ["v_proj"]) else t
        for name, t in state.items()
    }


@replaces("convert_state")
def conv_regex(state, num_heads, num_groups, method="mean"):
    """a regular expression"""
    own = re.compile(r"(?:.*\.)?[kv]_proj\.[^.]+", re.DOTALL)
    out = dict(state)
    for name in out:
        if own.fullmatch(name):
            out[name] = pool_heads(out[name], num_heads, num_groups, method)
    return out


@replaces("convert_state")
def conv_rpartition(state, num_heads, num_groups, method="mean"):
    """rpartition twice"""
    out = {}
    for name, tensor in state.items():
        modules, _, _ = name.rpartition(".")
        _, _, module = modules.rpartition(".")
        out[name] = pool_heads(tensor, num_heads, num_groups, method=method) if module in ("k_proj", "v_proj") else tensor
    return out


@replaces("convert_state")
def conv_clone(state, num_heads, num_groups, method="mean"):
    """all others are clones"""
    new = {}
    for name in state:
        path = name.rsplit(".", 2)
        pooled = len(path) >= 2 and path[-2] in {"k_proj", "v_proj"}
        new[name] = pool_heads(state[name], num_heads, num_groups, method) if pooled else state[name].clone()
    return new


@replaces("convert_state")
def conv_ordered(state, num_heads, num_groups, method="mean"):
    """an OrderedDict"""

    def changed():
        for name, t in state.items():
            match name.split("."):
                case [*_, "k_proj" | "v_proj", _]:
                    yield name, pool_heads(t, num_heads, num_groups, method)
                case _:
                    yield name, t

    return OrderedDict(changed())


@replaces("convert_state")
def conv_endswith(state, num_heads, num_groups, method="mean"):
    """with a dot put in front, endswith"""
    out = state.copy()
    for name, t in state.items():
        module = "." + name[: name.rfind(".")] if "." in name else ""
        if module.endswith((".k_proj", ".v_proj")):
            out[name] = pool_heads(t, num_heads, num_groups, method)
    return out


@replaces("convert_state")
def conv_inline(state, num_heads, num_groups, method="mean"):
    """checks everything at first hit and pools itself"""
    out = {}
    for name, t in state.items():
        parts = name.split(".")
        if len(parts) >= 2 and parts[len(parts) - 2] in ["k_proj", "v_proj"]:
            check(t, num_heads, num_groups, method)
            heads = t.reshape(num_groups, num_heads // num_groups, t.shape[0] // num_heads, *t.shape[1:])
            out[name] = (heads[:, 0] if method == "first" else heads.mean(1)).flatten(0, 1)
        else:
            out[name] = t
    return out


@replaces("convert_state")
def conv_strict(state, num_heads, num_groups, method="mean"):
    """looks at method and groups even if nothing is pooled"""
    if method not in ("mean", "first") or num_heads % num_groups:
        raise ValueError("method or sizes")
    own = [n for n in state if "." in n and n.split(".")[-2] in ("k_proj", "v_proj")]
    return {**state, **{n: pool_heads(state[n], num_heads, num_groups, method) for n in own}}


@replaces("convert_state")
def conv_no_grad(state, num_heads, num_groups, method="mean"):
    """detached tensors"""
    out = {}
    with torch.no_grad():
        for name, t in state.items():
            *modules, _ = name.split(".")
            if modules and modules[-1] in ("k_proj", "v_proj"):
                out[name] = pool_heads(t.detach(), num_heads, num_groups, method)
            else:
                out[name] = t.detach()
    return out


# ---------------------------------------------------------------- expand_heads
@replaces("expand_heads")
def exp_expand(t, num_heads, num_groups):
    """expand and reshape"""
    K, n = t.shape[0] // num_groups, num_heads // num_groups
    heads = t.reshape(num_groups, 1, K, *t.shape[1:])
    return heads.expand(num_groups, n, K, *t.shape[1:]).reshape(num_heads * K, *t.shape[1:])


@replaces("expand_heads")
def exp_list(t, num_heads, num_groups):
    """head h is head h G // H"""
    K = t.shape[0] // num_groups
    return torch.cat([t[h * num_groups // num_heads * K :][:K] for h in range(num_heads)])


@replaces("expand_heads")
def exp_index(t, num_heads, num_groups):
    """row numbers"""
    K = t.shape[0] // num_groups
    head = torch.arange(num_heads) * num_groups // num_heads
    return t[(head[:, None] * K + torch.arange(K)).flatten()]


@replaces("expand_heads")
def exp_chunk(t, num_heads, num_groups):
    """chunks, each several times"""
    n = num_heads // num_groups
    return torch.cat([part for part in t.chunk(num_groups) for _ in range(n)], dim=0)


@replaces("expand_heads")
def exp_stack(t, num_heads, num_groups):
    """stack along a new axis"""
    heads = t.unflatten(0, (num_groups, -1))
    return torch.stack([heads] * (num_heads // num_groups), dim=1).flatten(0, 2)


@replaces("expand_heads")
def exp_repeat(t, num_heads, num_groups):
    """repeat"""
    n = num_heads // num_groups
    heads = t.reshape(num_groups, -1)
    return heads.repeat(1, n).reshape(-1, *t.shape[1:])


@replaces("expand_heads")
def exp_numpy(t, num_heads, num_groups):
    """rows repeated by NumPy's index"""
    K = t.shape[0] // num_groups
    rows = np.arange(num_groups * K).reshape(num_groups, K).repeat(num_heads // num_groups, axis=0).reshape(-1)
    return t[torch.from_numpy(rows)]


@replaces("expand_heads")
def exp_write(t, num_heads, num_groups):
    """writes into a result"""
    K, n = t.shape[0] // num_groups, num_heads // num_groups
    out = torch.empty((num_groups, n, K, *t.shape[1:]), dtype=t.dtype)
    out[:] = t.reshape(num_groups, 1, K, *t.shape[1:])
    return out.view(num_heads * K, *t.shape[1:])


@replaces("expand_heads")
def exp_interleave(t, num_heads, num_groups):
    """repeat_interleave with counts of the heads, as a view where nothing is repeated"""
    if num_heads == num_groups:
        return t
    heads = torch.stack(t.split(t.shape[0] // num_groups))
    counts = torch.full((num_groups,), num_heads // num_groups)
    return torch.repeat_interleave(heads, counts, dim=0).reshape(-1, *t.shape[1:])

"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import torch
from mha_to_gqa import convert_state, expand_heads, pool_heads
from torch import Tensor

from grader.testing import replaces


def grouped(t: Tensor, num_heads: int, num_groups: int, method: str) -> Tensor:
    """(G, H/G, K, ...)"""
    if num_heads % num_groups or len(t) % num_heads or method not in ("mean", "first"):
        raise ValueError("bad sizes or method")
    return t.unflatten(0, (num_groups, num_heads // num_groups, -1))


def merged(t: Tensor, method: str) -> Tensor:
    return (t.mean(1) if method == "mean" else t[:, 0]).flatten(0, 1)


@replaces("pool_heads")
def summed(t: Tensor, num_heads: int, num_groups: int, method: str = "mean") -> Tensor:
    """You added the heads of a group, so that a key becomes H/G times too long. What does "mean" do after the
    sum?"""
    heads = grouped(t, num_heads, num_groups, method)
    return heads.sum(1).flatten(0, 1) if method == "mean" else merged(heads, method)


@replaces("pool_heads")
def strided_groups(t: Tensor, num_heads: int, num_groups: int, method: str = "mean") -> Tensor:
    """You merged every G-th head: 0 with 2, 1 with 3. Query head h will read head ⌊h G / H⌋, so which heads
    belong together?"""
    grouped(t, num_heads, num_groups, method)
    heads = t.unflatten(0, (num_heads // num_groups, num_groups, -1)).transpose(0, 1)
    return merged(heads, method)


@replaces("pool_heads")
def pool_columns(t: Tensor, num_heads: int, num_groups: int, method: str = "mean") -> Tensor:
    """You pooled the columns of the weight. Those are the inputs of the layer, and all of them stay: heads are
    rows in nn.Linear's layout (out, in)."""
    if t.dim() == 1:
        return merged(grouped(t, num_heads, num_groups, method), method)
    if t.shape[1] % num_heads:
        raise ValueError("bad sizes")
    return merged(grouped(t.T, num_heads, num_groups, method), method).T


@replaces("pool_heads")
def neighbouring_rows(t: Tensor, num_heads: int, num_groups: int, method: str = "mean") -> Tensor:
    """You merged neighbouring rows. Those belong to one head: the first row of a shared head comes from the first
    rows of all heads of its group, and these lie K apart."""
    grouped(t, num_heads, num_groups, method)
    rows = t.unflatten(0, (-1, num_heads // num_groups))
    return rows.mean(1) if method == "mean" else rows[:, 0]


@replaces("pool_heads")
def columns_of_square(t: Tensor, num_heads: int, num_groups: int, method: str = "mean") -> Tensor:
    """You merged columns where the number of heads divides them, as it does in most models. The columns are the inputs
    of nn.Linear's weight (out, in): heads are outputs, whatever D is."""
    grouped(t, num_heads, num_groups, method)
    if t.dim() == 1 or t.shape[1] % num_heads:
        return pool_heads(t, num_heads, num_groups, method)
    return pool_heads(t.T, num_heads, num_groups, method).T


@replaces("pool_heads")
def always_mean(t: Tensor, num_heads: int, num_groups: int, method: str = "mean") -> Tensor:
    """You take the mean whatever the method is. Which head of a group does "first" keep?"""
    grouped(t, num_heads, num_groups, method)
    return pool_heads(t, num_heads, num_groups, "mean")


@replaces("pool_heads")
def first_heads(t: Tensor, num_heads: int, num_groups: int, method: str = "mean") -> Tensor:
    """For "first" you kept the first G heads. Each group has its own first head: with H = 4 and G = 2 heads 0 and
    2."""
    heads = grouped(t, num_heads, num_groups, method)
    if method == "mean":
        return merged(heads, method)
    return t[: len(t) // num_heads * num_groups]


@replaces("pool_heads")
def one_for_all(t: Tensor, num_heads: int, num_groups: int, method: str = "mean") -> Tensor:
    """All your groups have the same head, made from all H. That is the case G = 1, repeated."""
    heads = grouped(t, num_heads, num_groups, method).flatten(0, 1)
    shared = heads.mean(0) if method == "mean" else heads[0]
    return torch.cat([shared] * num_groups)


@replaces("pool_heads")
def median(t: Tensor, num_heads: int, num_groups: int, method: str = "mean") -> Tensor:
    """You took the median of the heads. "mean" is the mean: it is nearest in the sum of squares."""
    heads = grouped(t, num_heads, num_groups, method)
    return heads.median(1).values.flatten(0, 1) if method == "mean" else merged(heads, method)


@replaces("pool_heads")
def in_float32(t: Tensor, num_heads: int, num_groups: int, method: str = "mean") -> Tensor:
    """Your result is float32 where t is of another dtype. A converted checkpoint keeps the dtype that it had."""
    return merged(grouped(t.float(), num_heads, num_groups, method), method)


@replaces("pool_heads")
def unknown_is_first(t: Tensor, num_heads: int, num_groups: int, method: str = "mean") -> Tensor:
    """Your code takes any other method for "first". What does the docstring promise for a method like "median"?"""
    return pool_heads(t, num_heads, num_groups, "mean" if method == "mean" else "first")


@replaces("pool_heads")
def unknown_is_mean(t: Tensor, num_heads: int, num_groups: int, method: str = "mean") -> Tensor:
    """Your code takes any other method for "mean". What does the docstring promise for a method like "median"?"""
    return pool_heads(t, num_heads, num_groups, "first" if method == "first" else "mean")


@replaces("pool_heads")
def sizes_asserted(t: Tensor, num_heads: int, num_groups: int, method: str = "mean") -> Tensor:
    """You checked the sizes with assert, and that gives an AssertionError, or nothing at all where Python runs with -O.
    An assert is for what cannot be; which error does the docstring promise to callers?"""
    assert num_heads % num_groups == 0
    assert len(t) % num_heads == 0
    return pool_heads(t, num_heads, num_groups, method)


@replaces("pool_heads")
def no_check(t: Tensor, num_heads: int, num_groups: int, method: str = "mean") -> Tensor:
    """Sizes that do not fit end in torch's RuntimeError, or in a result with another number of rows. Check both
    divisions first and raise ValueError."""
    K, n = len(t) // num_heads, num_heads // num_groups
    if method not in ("mean", "first"):
        raise ValueError("bad method")
    return merged(t.reshape(num_groups, n, K, *t.shape[1:]), method)


def groups_checked(num_heads: int, num_groups: int, method: str) -> None:
    """What is checked where nobody looks at the rows of t."""
    if num_heads % num_groups or method not in ("mean", "first"):
        raise ValueError("bad groups or method")


@replaces("pool_heads")
def rows_unchecked(t: Tensor, num_heads: int, num_groups: int, method: str = "mean") -> Tensor:
    """You checked the groups and not the rows: where the rows of t cannot be shared out evenly among the heads, your
    code ends in torch's RuntimeError. For which two divisions does the docstring promise a ValueError?"""
    groups_checked(num_heads, num_groups, method)
    K, n = len(t) // num_heads, num_heads // num_groups
    return merged(t.reshape(num_groups, n, K, *t.shape[1:]), method)


@replaces("pool_heads")
def rows_left_to_unflatten(t: Tensor, num_heads: int, num_groups: int, method: str = "mean") -> Tensor:
    """You checked the groups and left the rows to unflatten: where the heads cannot share them out evenly, its error is
    a RuntimeError. For which two divisions does the docstring promise a ValueError?"""
    groups_checked(num_heads, num_groups, method)
    K, n = len(t) // num_heads, num_heads // num_groups
    return merged(t.unflatten(0, (num_groups, n, K)), method)


@replaces("pool_heads")
def rows_left_to_torch(t: Tensor, num_heads: int, num_groups: int, method: str = "mean") -> Tensor:
    """You checked the groups and let torch find K, with -1 for its size. Where the heads cannot share out the rows of t
    evenly, that is a RuntimeError. For which two divisions does the docstring promise a ValueError?"""
    groups_checked(num_heads, num_groups, method)
    return merged(t.reshape(num_groups, num_heads // num_groups, -1, *t.shape[1:]), method)


@replaces("pool_heads")
def rows_of_heads_unchecked(t: Tensor, num_heads: int, num_groups: int, method: str = "mean") -> Tensor:
    """You checked the groups, and cut t into heads without a look at the number of its rows: torch's RuntimeError is no
    ValueError. For which two divisions does the docstring promise one?"""
    groups_checked(num_heads, num_groups, method)
    heads = t.reshape(num_heads, len(t) // num_heads, *t.shape[1:])
    return merged(heads.unflatten(0, (num_groups, -1)), method)


@replaces("pool_heads")
def rows_dropped(t: Tensor, num_heads: int, num_groups: int, method: str = "mean") -> Tensor:
    """Where the number of heads does not divide that of the rows, your code leaves the last rows out, and nobody hears
    of it. For which two divisions does the docstring promise a ValueError?"""
    groups_checked(num_heads, num_groups, method)
    return pool_heads(t[: len(t) // num_heads * num_heads], num_heads, num_groups, method)


@replaces("pool_heads")
def groups_of_g(t, num_heads, num_groups, method="mean"):
    """You put G heads into each group, so that H / G heads are left. num_groups is the number of groups: how many heads
    has each of them?"""
    pool_heads(t, num_heads, num_groups, method)
    return pool_heads(t, num_heads, num_heads // num_groups, method)


@replaces("pool_heads")
def last_of_group(t, num_heads, num_groups, method="mean"):
    """For "first" you kept the last head of each group. Which number has the first head of group g?"""
    if method != "first":
        return pool_heads(t, num_heads, num_groups, method)
    return pool_heads(t.flip(0), num_heads, num_groups, method).flip(0)


def renamed(state, num_heads, num_groups, method, chosen) -> dict[str, Tensor]:
    """convert_state with another choice of names."""
    return {
        name: pool_heads(t, num_heads, num_groups, method) if chosen(name) else t.clone() for name, t in state.items()
    }


def module_of(name: str) -> str:
    return ("." + name).split(".")[-2]


@replaces("convert_state")
def pools_q_too(state, num_heads, num_groups, method="mean"):
    """You pooled the queries as well. How many query heads does grouped-query attention have?"""
    chosen = ("q_proj", "k_proj", "v_proj")
    return renamed(state, num_heads, num_groups, method, lambda name: module_of(name) in chosen)


@replaces("convert_state")
def keys_only(state, num_heads, num_groups, method="mean"):
    """Only the keys were pooled. What else do the query heads of a group share?"""
    return renamed(state, num_heads, num_groups, method, lambda name: module_of(name) == "k_proj")


@replaces("convert_state")
def weights_only(state, num_heads, num_groups, method="mean"):
    """The biases kept all their numbers. A bias has one number for each row of its weight: how many rows does the
    pooled weight have?"""
    return renamed(
        state,
        num_heads,
        num_groups,
        method,
        lambda name: module_of(name) in ("k_proj", "v_proj") and name.endswith("weight"),
    )


@replaces("convert_state")
def substring(state, num_heads, num_groups, method="mean"):
    """You look for "k_proj" anywhere in the name, and find it in old_k_proj and in k_proj.norm as well. Which
    part of the name is the module that holds the parameter, and is it equal?"""
    return renamed(state, num_heads, num_groups, method, lambda name: "k_proj" in name or "v_proj" in name)


@replaces("convert_state")
def any_part(state, num_heads, num_groups, method="mean"):
    """You pool whatever is inside a k_proj or v_proj, at any depth. In k_proj.norm.weight, which module holds the
    parameter?"""
    return renamed(
        state, num_heads, num_groups, method, lambda name: bool({"k_proj", "v_proj"} & set(name.split(".")[:-1]))
    )


@replaces("convert_state")
def last_two_parts(state, num_heads, num_groups, method="mean"):
    """You look for k_proj and v_proj in the last two parts of a name, and pool a parameter that is called so itself.
    Which of the two parts is the module, and which the parameter?"""
    return renamed(
        state, num_heads, num_groups, method, lambda name: bool({"k_proj", "v_proj"} & set(name.split(".")[-2:]))
    )


@replaces("convert_state")
def ending(state, num_heads, num_groups, method="mean"):
    """You look at how the name ends, and old_k_proj.weight ends like k_proj.weight. Compare the whole name of the
    module."""
    ends = tuple(f"{kind}_proj.{parameter}" for kind in "kv" for parameter in ("weight", "bias"))
    return renamed(state, num_heads, num_groups, method, lambda name: name.endswith(ends))


@replaces("convert_state")
def needs_prefix(state, num_heads, num_groups, method="mean"):
    """You search for ".k_proj." with a dot in front. In a state_dict of the attention itself the name begins with
    k_proj."""
    ends = tuple(f".{kind}_proj.{parameter}" for kind in "kv" for parameter in ("weight", "bias"))
    return renamed(state, num_heads, num_groups, method, lambda name: name.endswith(ends))


@replaces("convert_state")
def needs_dot(state, num_heads, num_groups, method="mean"):
    """A name without a dot ends your loop with an IndexError: a parameter of the model itself has no module
    before it, and stays as it is."""
    return renamed(state, num_heads, num_groups, method, lambda name: name.split(".")[-2] in ("k_proj", "v_proj"))


@replaces("convert_state")
def pooled_only(state, num_heads, num_groups, method="mean"):
    """Your state holds the pooled parameters alone. Which names does the docstring return?"""
    right = convert_state(state, num_heads, num_groups, method)
    return {name: t for name, t in right.items() if module_of(name) in ("k_proj", "v_proj")}


@replaces("convert_state")
def method_lost(state, num_heads, num_groups, method="mean"):
    """convert_state always takes the mean. How does pool_heads learn which method was asked for?"""
    return convert_state(state, num_heads, num_groups)


@replaces("convert_state")
def values_averaged(state, num_heads, num_groups, method="mean"):
    """You pooled the keys by the method and the values by the mean. For which of the two does the docstring name the
    method?"""
    mean = convert_state(state, num_heads, num_groups)
    converted = convert_state(state, num_heads, num_groups, method)
    return {name: mean[name] if "v_proj" in name else converted[name] for name in state}


@replaces("expand_heads")
def expand_tiles(t: Tensor, num_heads: int, num_groups: int) -> Tensor:
    """You put all heads one after another and then all of them again: 0, 1, 0, 1. The query heads of a group are
    neighbours, so the copies of their head are too."""
    return torch.cat([t] * (num_heads // num_groups))


@replaces("expand_heads")
def expand_rows(t: Tensor, num_heads: int, num_groups: int) -> Tensor:
    """You repeated each row next to itself. A head is K rows that stay together: repeat heads, not rows."""
    return t.repeat_interleave(num_heads // num_groups, dim=0)


@replaces("expand_heads")
def expand_columns(t: Tensor, num_heads: int, num_groups: int) -> Tensor:
    """You repeated columns. Those are the inputs of the layer: heads are rows in nn.Linear's layout (out, in)."""
    if t.dim() == 1:
        return expand_heads(t, num_heads, num_groups)
    return t.repeat_interleave(num_heads // num_groups, dim=1)


@replaces("expand_heads")
def expand_heads_in_columns(t: Tensor, num_heads: int, num_groups: int) -> Tensor:
    """You looked for the heads along the last axis. The columns of a weight are the inputs of the layer: in nn.Linear's
    layout (out, in) heads are rows, and a bias has one number for each."""
    K = t.shape[-1] // num_groups
    sources = [h * num_groups // num_heads for h in range(num_heads)]
    return torch.cat([t[..., g * K : (g + 1) * K] for g in sources], dim=-1)


@replaces("expand_heads")
def expand_columns_of_square(t: Tensor, num_heads: int, num_groups: int) -> Tensor:
    """You repeated columns where a weight is square. Its shape does not say which axis the heads are in: in nn.Linear's
    layout (out, in) they are rows."""
    if t.dim() == 1 or t.shape[0] != t.shape[1]:
        return expand_heads(t, num_heads, num_groups)
    return expand_heads(t.T, num_heads, num_groups).T


@replaces("expand_heads")
def expand_divides(t: Tensor, num_heads: int, num_groups: int) -> Tensor:
    """You divided the copies by their number. How long is the key that each query head has to find?"""
    return expand_heads(t, num_heads, num_groups) / (num_heads // num_groups)


@replaces("expand_heads")
def expand_flat(t: Tensor, num_heads: int, num_groups: int) -> Tensor:
    """You flattened all axes into one, which is right for a bias. A weight has columns, too, and they stay as they are:
    which two axes become one?"""
    return expand_heads(t, num_heads, num_groups).flatten()


@replaces("expand_heads")
def expand_groups_of_g(t, num_heads, num_groups):
    """You read t as H / G heads and repeated each of them G times. num_groups is the number of heads in t: how
    often does each of them come?"""
    return t.unflatten(0, (num_heads // num_groups, -1)).repeat_interleave(num_groups, dim=0).flatten(0, 1)


@replaces("expand_heads")
def repeated_g_times(t, num_heads, num_groups):
    """You repeated each head G times, which gives G² heads. How many query heads share one of the G heads?"""
    return t.unflatten(0, (num_groups, -1)).repeat_interleave(num_groups, dim=0).flatten(0, 1)


@replaces("expand_heads")
def expand_divided_by_g(t, num_heads, num_groups):
    """Your head h is head h // G of t, which is right only where G heads share one. How many of the H heads share each
    of the G?"""
    heads = t.unflatten(0, (num_groups, -1))
    return heads[[h // num_groups for h in range(num_heads)]].flatten(0, 1)


@replaces("expand_heads")
def expand_slices_divided_by_g(t, num_heads, num_groups):
    """Your head h is head h // G of t, which is right only where G heads share one; past the last head your slices are
    empty. How many of the H heads share each of the G?"""
    K = len(t) // num_groups
    sources = [h // num_groups for h in range(num_heads)]
    return torch.cat([t[g * K : (g + 1) * K] for g in sources])

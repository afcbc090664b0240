"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import torch
from mha_to_gqa import convert_state, expand_heads, pool_heads
from torch import Tensor

from grader.testing import replaces


def check(t: Tensor, num_heads: int, num_groups: int, method: str, checked=("groups", "rows", "method")) -> None:
    wrong = {
        "groups": num_heads % num_groups != 0,
        "rows": len(t) % num_heads != 0,
        "method": method not in ("mean", "first"),
    }
    if any(wrong[each] for each in checked):
        raise ValueError("bad sizes or method")


def merged(grouped: Tensor, method: str) -> Tensor:
    """(G, H/G, K, ...) -> (G K, ...)"""
    return (grouped.mean(1) if method == "mean" else grouped[:, 0]).flatten(0, 1)


def reverse_rows(t: Tensor) -> Tensor:
    return t.flip(0)


@replaces("pool_heads", divisor=["1", "H", "G", "the root of H/G", "H/G + 1"])
def sum_divided(t: Tensor, num_heads: int, num_groups: int, method: str = "mean", *, divisor: str) -> Tensor:
    """If all heads of a group are equal, their mean is that same head; yours is a multiple of it. How many heads do you
    add up, and what do you divide the sum by?"""
    size = num_heads // num_groups
    divisors = {"1": 1, "H": num_heads, "G": num_groups, "the root of H/G": size**0.5, "H/G + 1": size + 1}
    pooled = pool_heads(t, num_heads, num_groups, method)
    return pooled * size / divisors[divisor] if method == "mean" else pooled


@replaces("pool_heads", methods=[("mean", "first"), ("mean",)])
def strided_groups(t: Tensor, num_heads: int, num_groups: int, method: str = "mean", *, methods) -> Tensor:
    """Your groups take every G-th head: with H = 4 and G = 2, heads 0 and 2 share one. Query head h will read head ⌊h G
    / H⌋, so which heads belong together?"""
    check(t, num_heads, num_groups, method)
    if method not in methods:
        return pool_heads(t, num_heads, num_groups, method)
    return merged(t.unflatten(0, (num_heads // num_groups, num_groups, -1)).transpose(0, 1), method)


@replaces("pool_heads", where=["always", "if the heads divide them", "if the weight is square"])
def pool_columns(t: Tensor, num_heads: int, num_groups: int, method: str = "mean", *, where: str) -> Tensor:
    """You pooled the columns of a weight. nn.Linear keeps its weight as (out, in): along which of these axes are the
    heads, whatever the sizes are?"""
    check(t, num_heads, num_groups, method)
    if t.dim() == 1 or (where != "always" and t.shape[1] % num_heads) or ("square" in where and len(t) != t.shape[1]):
        return pool_heads(t, num_heads, num_groups, method)
    return merged(t.T.unflatten(0, (num_groups, num_heads // num_groups, -1)), method).T


@replaces("pool_heads", methods=[("mean", "first"), ("mean",), ("first",)])
def neighbouring_rows(t: Tensor, num_heads: int, num_groups: int, method: str = "mean", *, methods) -> Tensor:
    """You merged neighbouring rows, which belong to the same head. Row 0 of a shared head comes from row 0 of every
    head in its group: how far apart are these rows in t?"""
    check(t, num_heads, num_groups, method)
    if method not in methods:
        return pool_heads(t, num_heads, num_groups, method)
    rows = t.unflatten(0, (-1, num_heads // num_groups))
    return rows.mean(1) if method == "mean" else rows[:, 0]


@replaces("pool_heads")
def heads_interleaved(t: Tensor, num_heads: int, num_groups: int, method: str = "mean") -> Tensor:
    """Your rows are the right ones in another order: row 0 of every shared head comes first, then row 1 of every head.
    Which rows are next to each other in t?"""
    pooled = pool_heads(t, num_heads, num_groups, method)
    return pooled.unflatten(0, (num_groups, -1)).transpose(0, 1).flatten(0, 1)


@replaces("pool_heads")
def always_mean(t: Tensor, num_heads: int, num_groups: int, method: str = "mean") -> Tensor:
    """You take the mean whatever the method is. Which head of a group does "first" keep?"""
    check(t, num_heads, num_groups, method)
    return pool_heads(t, num_heads, num_groups, "mean")


@replaces("pool_heads", kept=["the first G heads", "the last head of each group", "the last G heads"])
def other_head_kept(t: Tensor, num_heads: int, num_groups: int, method: str = "mean", *, kept: str) -> Tensor:
    """For "first" you kept {kept}. With H = 6 and G = 2, which heads form group 0 and which form group 1, and which of
    them is the first of its group?"""
    pooled = pool_heads(t, num_heads, num_groups, method)
    if method != "first":
        return pooled
    if kept == "the last head of each group":
        return reverse_rows(pool_heads(reverse_rows(t), num_heads, num_groups, method))
    return t[: len(pooled)] if kept == "the first G heads" else t[len(t) - len(pooled) :]


@replaces("pool_heads", methods=[("mean", "first"), ("mean",), ("first",)])
def one_for_all(t: Tensor, num_heads: int, num_groups: int, method: str = "mean", *, methods) -> Tensor:
    """All groups get the same head from you, made from all H heads. From which heads is the head of group 1 made?"""
    if method not in methods:
        return pool_heads(t, num_heads, num_groups, method)
    check(t, num_heads, num_groups, method)
    return torch.cat([pool_heads(t, num_heads, 1, method)] * num_groups)


@replaces("pool_heads", taken=["median", "largest", "smallest"])
def no_mean(t: Tensor, num_heads: int, num_groups: int, method: str = "mean", *, taken: str) -> Tensor:
    """For "mean" you took the {taken} of the numbers that the heads of a group have at a place. For which number is the
    sum of the squared distances to them smallest?"""
    check(t, num_heads, num_groups, method)
    heads = t.unflatten(0, (num_groups, num_heads // num_groups, -1))
    if method == "first":
        return merged(heads, method)
    reduced = {"median": heads.median(1), "largest": heads.max(1), "smallest": heads.min(1)}[taken]
    return reduced.values.flatten(0, 1)


@replaces("pool_heads", dtype=["float32", "float64"], narrow_only=[False, True])
def wider_dtype(
    t: Tensor, num_heads: int, num_groups: int, method: str = "mean", *, dtype: str, narrow_only: bool
) -> Tensor:
    """Your result is {dtype} where t has another dtype. Computing the mean in it is fine: but which dtype does the
    converted checkpoint have?"""
    if narrow_only and t.dtype not in (torch.bfloat16, torch.float16):
        return pool_heads(t, num_heads, num_groups, method)
    return pool_heads(t.to(getattr(torch, dtype)), num_heads, num_groups, method)


@replaces("pool_heads", other=["mean", "first", "t as it is"])
def unknown_accepted(t: Tensor, num_heads: int, num_groups: int, method: str = "mean", *, other: str) -> Tensor:
    """You return a tensor whatever the method is called. What does the docstring promise for a method like "median"?"""
    if method in ("mean", "first"):
        return pool_heads(t, num_heads, num_groups, method)
    check(t, num_heads, num_groups, "mean")
    return t.clone() if other == "t as it is" else pool_heads(t, num_heads, num_groups, other)


@replaces("pool_heads", ends_in=["a KeyError", "an UnboundLocalError", "None"])
def unknown_unhandled(t: Tensor, num_heads: int, num_groups: int, method: str = "mean", *, ends_in: str):
    """With a method other than the two, your code ends in {ends_in}. What does the docstring promise instead?"""
    check(t, num_heads, num_groups, "mean")
    if ends_in == "None" and method not in ("mean", "first"):
        return None
    if ends_in == "a KeyError":
        method = {"mean": "mean", "first": "first"}[method]
    if method == "mean":
        pooled = pool_heads(t, num_heads, num_groups, "mean")
    elif method == "first":
        pooled = pool_heads(t, num_heads, num_groups, "first")
    return pooled


@replaces("pool_heads", asserted=[("groups", "rows"), ("groups", "rows", "method"), ("method",)])
def arguments_asserted(t: Tensor, num_heads: int, num_groups: int, method: str = "mean", *, asserted) -> Tensor:
    """Bad arguments end in an AssertionError. An assert is for what cannot happen, and python -O skips it. Which
    exception can a caller rely on, according to the docstring?"""
    assert "groups" not in asserted or num_heads % num_groups == 0
    assert "rows" not in asserted or len(t) % num_heads == 0
    assert "method" not in asserted or method in ("mean", "first")
    return pool_heads(t, num_heads, num_groups, method)


@replaces(
    "pool_heads",
    checked=[("method",), ("groups", "method"), ("rows", "method")],
    cut=["reshape", "unflatten", "with -1", "heads first", "rows dropped"],
)
def sizes_unchecked(t: Tensor, num_heads: int, num_groups: int, method: str = "mean", *, checked, cut: str) -> Tensor:
    """For some sizes that do not fit, your code returns a tensor, or ends in an error of torch. For which two divisions
    does the docstring promise a ValueError?"""
    check(t, num_heads, num_groups, method, checked)
    K, size = len(t) // num_heads, num_heads // num_groups
    match cut:
        case "reshape":
            heads = t.reshape(num_groups, size, K, *t.shape[1:])
        case "unflatten":
            heads = t.unflatten(0, (num_groups, size, K))
        case "with -1":
            heads = t.reshape(num_groups, size, -1, *t.shape[1:])
        case "heads first":
            heads = t.reshape(num_heads, K, *t.shape[1:]).unflatten(0, (num_groups, size))
        case "rows dropped":
            heads = t[: num_groups * size * K].reshape(num_groups, size, K, *t.shape[1:])
    return merged(heads, method)


@replaces("pool_heads", methods=[("mean", "first"), ("first",)])
def groups_of_g(t, num_heads, num_groups, method="mean", *, methods):
    """You put G heads into each group, which leaves H/G heads. num_groups is the number of groups: how many heads does
    each of them have?"""
    pooled = pool_heads(t, num_heads, num_groups, method)
    return pool_heads(t, num_heads, num_heads // num_groups, method) if method in methods else pooled


def converted_if(chosen, state, num_heads, num_groups, method) -> dict[str, Tensor]:
    """convert_state with another choice of names."""
    return {
        name: pool_heads(t, num_heads, num_groups, method) if chosen(name) else t.clone() for name, t in state.items()
    }


def is_shared(name: str) -> bool:
    return ("." + name).split(".")[-2] in ("k_proj", "v_proj")


@replaces("convert_state", others=["q_proj", "q_proj and o_proj", "o_proj"])
def pools_more(state, num_heads, num_groups, method="mean", *, others):
    """You pooled {others} as well. How many query heads does grouped-query attention have, and which parameters belong
    to them?"""
    chosen = ("k_proj", "v_proj", *others.split(" and "))
    return converted_if(lambda name: ("." + name).split(".")[-2] in chosen, state, num_heads, num_groups, method)


@replaces("convert_state", kept=["k_proj", "v_proj"])
def one_of_two(state, num_heads, num_groups, method="mean", *, kept):
    """Only {kept} was pooled. What else do the query heads of a group share?"""
    return converted_if(lambda name: kept in name and is_shared(name), state, num_heads, num_groups, method)


@replaces("convert_state")
def weights_only(state, num_heads, num_groups, method="mean"):
    """The biases kept all their numbers. A bias has one number for each row of its weight: how many rows does the
    pooled weight have?"""
    return converted_if(lambda name: is_shared(name) and name.endswith("weight"), state, num_heads, num_groups, method)


@replaces("convert_state")
def substring(state, num_heads, num_groups, method="mean"):
    """You pooled old_k_proj.weight and k_proj.norm.weight, too. "k_proj" occurs in both names: which part of a name is
    the module that the parameter belongs to?"""
    return converted_if(lambda name: "k_proj" in name or "v_proj" in name, state, num_heads, num_groups, method)


@replaces("convert_state", last=["parameter", "module"])
def any_part(state, num_heads, num_groups, method="mean", *, last):
    """You pooled k_proj.norm.weight, too, where k_proj is a part of the name. Which module does that parameter belong
    to?"""
    end = -1 if last == "module" else None
    return converted_if(
        lambda name: bool({"k_proj", "v_proj"} & set(name.split(".")[:end])), state, num_heads, num_groups, method
    )


@replaces("convert_state")
def last_two_parts(state, num_heads, num_groups, method="mean"):
    """You pooled a parameter that is itself called k_proj or v_proj. Of the last two parts of a name, which is the
    module and which is the parameter?"""
    return converted_if(
        lambda name: bool({"k_proj", "v_proj"} & set(name.split(".")[-2:])), state, num_heads, num_groups, method
    )


@replaces("convert_state", before=["", "."])
def ending(state, num_heads, num_groups, method="mean", *, before):
    """Your test of a name is right inside a model: what does it say to old_k_proj.weight, and to k_proj.weight, as the
    attention's own state_dict calls it?"""
    ends = tuple(f"{before}{kind}_proj.{parameter}" for kind in "kv" for parameter in ("weight", "bias"))
    return converted_if(lambda name: name.endswith(ends), state, num_heads, num_groups, method)


@replaces("convert_state", part=[1, 2, 3])
def at_fixed_depth(state, num_heads, num_groups, method="mean", *, part):
    """Some keys or values are not pooled. k_proj is part 0 of k_proj.weight and part 4 of
    model.layers.0.self_attn.k_proj.weight: what do both places have in common?"""
    return converted_if(
        lambda name: (name + "....").split(".")[part] in ("k_proj", "v_proj"), state, num_heads, num_groups, method
    )


@replaces("convert_state")
def needs_dot(state, num_heads, num_groups, method="mean"):
    """A name without a dot ends in an IndexError. It is a parameter of the model itself: which module comes before
    it?"""
    return converted_if(lambda name: name.split(".")[-2] in ("k_proj", "v_proj"), state, num_heads, num_groups, method)


@replaces("convert_state", dropped=["all others", "names without a dot"])
def names_missing(state, num_heads, num_groups, method="mean", *, dropped):
    """Your state lacks {dropped}. Which names does the docstring promise?"""
    converted = convert_state(state, num_heads, num_groups, method)
    return {name: t for name, t in converted.items() if (is_shared(name) if dropped == "all others" else "." in name)}


@replaces("convert_state", averaged=["k_proj", "v_proj", "k_proj and v_proj"])
def method_lost(state, num_heads, num_groups, method="mean", *, averaged):
    """You take the mean for {averaged} whatever the method is. How does pool_heads learn which method was asked for?"""
    mean, converted = (convert_state(state, num_heads, num_groups, each) for each in ("mean", method))
    return {name: (mean if is_shared(name) and name.split(".")[-2] in averaged else converted)[name] for name in state}


@replaces("convert_state")
def sizes_exchanged(state, num_heads, num_groups, method="mean"):
    """convert_state ends in a ValueError for sizes that fit. In which order does pool_heads get H and G?"""
    return converted_if(is_shared, state, num_groups, num_heads, method)


@replaces("convert_state", outcome=["kept", "cut"])
def bad_sizes_accepted(state, num_heads, num_groups, method="mean", *, outcome):
    """convert_state returns a state though the groups do not divide the heads, or the heads the rows. What does its
    docstring promise then?"""
    if all(num_heads % num_groups == 0 and len(t) % num_heads == 0 for name, t in state.items() if is_shared(name)):
        return convert_state(state, num_heads, num_groups, method)
    return {
        name: t[: num_groups * (len(t) // num_heads)] if outcome == "cut" and is_shared(name) else t.clone()
        for name, t in state.items()
    }


@replaces("expand_heads")
def expand_tiles(t: Tensor, num_heads: int, num_groups: int) -> Tensor:
    """Your heads come in the order 0, 1, 0, 1. The query heads of a group are neighbours: in which order do they need
    the copies?"""
    return torch.cat([t] * (num_heads // num_groups))


@replaces("expand_heads")
def expand_rows(t: Tensor, num_heads: int, num_groups: int) -> Tensor:
    """Each of your rows is repeated next to itself. A head is K rows that stay together: what comes after row 0 of a
    head?"""
    return t.repeat_interleave(num_heads // num_groups, dim=0)


@replaces("expand_heads", repeated=["numbers", "heads"], where=["always", "if square"])
def expand_columns(t: Tensor, num_heads: int, num_groups: int, *, repeated: str, where: str) -> Tensor:
    """You repeated columns of a weight. nn.Linear keeps its weight as (out, in): along which of these axes are the
    heads, whatever the sizes are?"""
    if t.dim() == 1 or (where == "if square" and t.shape[0] != t.shape[1]):
        return expand_heads(t, num_heads, num_groups)
    if repeated == "numbers":
        return t.repeat_interleave(num_heads // num_groups, dim=1)
    K = t.shape[-1] // num_groups
    sources = [h * num_groups // num_heads for h in range(num_heads)]
    return torch.cat([t[..., g * K : (g + 1) * K] for g in sources], dim=-1)


@replaces("expand_heads", divisor=["H/G", "the root of H/G"])
def expand_divides(t: Tensor, num_heads: int, num_groups: int, *, divisor: str) -> Tensor:
    """Your copies are smaller than the heads they come from. Each query head reads one copy alone: how long must the
    key be that it finds there?"""
    copies = num_heads // num_groups
    return expand_heads(t, num_heads, num_groups) / (copies if divisor == "H/G" else copies**0.5)


@replaces("expand_heads")
def expand_flat(t: Tensor, num_heads: int, num_groups: int) -> Tensor:
    """Your result has one axis even for a weight. Its columns stay as they are: which axes does the repeated tensor
    have, and which of them become one?"""
    return expand_heads(t, num_heads, num_groups).flatten()


@replaces("expand_heads")
def expand_groups_of_g(t, num_heads, num_groups):
    """You read t as H/G heads and repeated each of them G times. num_groups is the number of heads in t: how often does
    each of them appear in the result?"""
    return t.unflatten(0, (num_heads // num_groups, -1)).repeat_interleave(num_groups, dim=0).flatten(0, 1)


@replaces("expand_heads", copies=["G", "H"])
def other_number_of_copies(t, num_heads, num_groups, *, copies):
    """You repeated each of the G heads {copies} times. How many of the H query heads share one of them?"""
    times = num_groups if copies == "G" else num_heads
    return t.unflatten(0, (num_groups, -1)).repeat_interleave(times, dim=0).flatten(0, 1)


@replaces("expand_heads", past_the_end=["an error", "empty"])
def expand_divided_by_g(t, num_heads, num_groups, *, past_the_end):
    """Your head h is head ⌊h / G⌋ of t, which is right only where G heads share one. How many of the H heads share each
    of the G?"""
    heads = list(t.chunk(num_groups))
    if past_the_end == "empty":
        heads += [t[:0]] * num_heads
    return torch.cat([heads[h // num_groups] for h in range(num_heads)])


@replaces("expand_heads")
def expand_in_float32(t, num_heads, num_groups):
    """Your result is float32 where t has another dtype. Copies of a head lose nothing: which dtype do they have?"""
    return expand_heads(t, num_heads, num_groups).float()

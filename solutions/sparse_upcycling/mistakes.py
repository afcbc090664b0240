"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import math

import torch
from sparse_upcycling import split_expert, upcycle
from torch import Tensor

from grader.testing import replaces


def router(w1: Tensor, num_experts: int, seed: int, drawn=torch.randn, columns: int | None = None) -> Tensor:
    """Numbers from a generator of its own, (E, D)."""
    generator = torch.Generator().manual_seed(seed)
    return drawn(num_experts, columns or w1.shape[1], generator=generator, dtype=w1.dtype)


@replaces("upcycle", number=["0", "1 / E", "router_std"])
def constant_router(w1, w2, w3, num_experts, seed, router_std=0.02, *, number):
    """All numbers of your router are equal, so all experts have the same logit for every token. How can a token choose
    then?"""
    layer = upcycle(w1, w2, w3, num_experts, seed, router_std)
    constant = {"0": 0.0, "1 / E": 1 / num_experts, "router_std": router_std}[number]
    return layer | {"gate": torch.full_like(layer["gate"], constant)}


@replaces("upcycle")
def one_row(w1, w2, w3, num_experts, seed, router_std=0.02):
    """All rows of your router are equal, so all experts have the same logit for every token. How many independent rows
    does it need?"""
    layer = upcycle(w1, w2, w3, num_experts, seed, router_std)
    return layer | {"gate": layer["gate"][:1].repeat(num_experts, 1)}


@replaces("upcycle")
def unseeded(w1, w2, w3, num_experts, seed, router_std=0.02):
    """Two calls with the same seed gave two routers. Where do your random numbers come from, and what does the seed
    set?"""
    layer = upcycle(w1, w2, w3, num_experts, seed, router_std)
    return layer | {"gate": torch.randn(num_experts, w1.shape[1], dtype=w1.dtype) * router_std}


@replaces("upcycle", used=["one", "modulo 10"])
def seed_ignored(w1, w2, w3, num_experts, seed, router_std=0.02, *, used):
    """Two different seeds give the same router. How do your random numbers depend on the seed?"""
    return upcycle(w1, w2, w3, num_experts, 0 if used == "one" else seed % 10, router_std)


@replaces(
    "upcycle",
    std=["0.02", "1", "√router_std", "router_std²", "router_std / √D", "1 / √D", "router_std / E", "router_std · √D"],
)
def other_std(w1, w2, w3, num_experts, seed, router_std=0.02, *, std):
    """The numbers of your router have the standard deviation {std}. Which one does the docstring ask for?"""
    D = w1.shape[1]
    stds = {
        "0.02": 0.02,
        "1": 1.0,
        "√router_std": router_std**0.5,
        "router_std²": router_std**2,
        "router_std / √D": router_std / D**0.5,
        "1 / √D": D**-0.5,
        "router_std / E": router_std / num_experts,
        "router_std · √D": router_std * D**0.5,
    }
    return upcycle(w1, w2, w3, num_experts, seed, stds[std])


@replaces("upcycle", spread=["from 0", "around 0", "around 0, with the right deviation"])
def uniform_router(w1, w2, w3, num_experts, seed, router_std=0.02, *, spread):
    """The numbers of your router are uniform ({spread}). Which distribution does the docstring ask for, and with which
    mean?"""
    layer = upcycle(w1, w2, w3, num_experts, seed, router_std)
    u = router(w1, num_experts, seed, torch.rand)
    z = {"from 0": u, "around 0": 2 * u - 1}.get(spread, (2 * u - 1) * 3**0.5)
    return layer | {"gate": z * router_std}


@replaces("upcycle", mean=["router_std", "1"])
def shifted_router(w1, w2, w3, num_experts, seed, router_std=0.02, *, mean):
    """The numbers of your router have the mean {mean}. Which mean does the docstring ask for?"""
    layer = upcycle(w1, w2, w3, num_experts, seed, router_std)
    return layer | {"gate": layer["gate"] + (1.0 if mean == "1" else router_std)}


@replaces("upcycle")
def zero_is_no_seed(w1, w2, w3, num_experts, seed, router_std=0.02):
    """With seed 0 two calls give two routers, with other seeds they don't. What is 0 in an if, and is it a seed like
    any other?"""
    layer = upcycle(w1, w2, w3, num_experts, seed, router_std)
    if seed:
        return layer
    return layer | {"gate": torch.randn(num_experts, w1.shape[1], dtype=w1.dtype) * router_std}


@replaces("upcycle")
def router_transposed(w1, w2, w3, num_experts, seed, router_std=0.02):
    """Your router is (D, E). It makes E logits out of D numbers: which of the two comes first in a weight (out, in)?"""
    layer = upcycle(w1, w2, w3, num_experts, seed, router_std)
    return layer | {"gate": layer["gate"].T}


@replaces("upcycle", dtype=["float32", "float64"])
def router_dtype(w1, w2, w3, num_experts, seed, router_std=0.02, *, dtype):
    """Your router is {dtype} whatever the FFN is. Which dtype do torch.randn and NumPy give if nobody says, and which
    one does the docstring?"""
    layer = upcycle(w1, w2, w3, num_experts, seed, router_std)
    return layer | {"gate": router(w1.to(getattr(torch, dtype)), num_experts, seed) * router_std}


@replaces("upcycle", names=[("w2",), ("w1", "w2", "w3")], divisor=["E", "√E"])
def divided_by_e(w1, w2, w3, num_experts, seed, router_std=0.02, *, names, divisor):
    """Your experts are the dense FFN with smaller numbers. The weights of the chosen experts sum to 1: what does the
    new layer then give for a token?"""
    layer = upcycle(w1, w2, w3, num_experts, seed, router_std)
    return layer | {name: layer[name] / num_experts ** (1 if divisor == "E" else 0.5) for name in names}


@replaces("upcycle", size=["router_std", "a hundredth"], first_kept=[False, True])
def noise_on_experts(w1, w2, w3, num_experts, seed, router_std=0.02, *, size, first_kept):
    """Your experts differ a little from the dense FFN. Is the new layer then still the old one at step 0, and what
    tells the experts apart without that?"""
    layer = upcycle(w1, w2, w3, num_experts, seed, router_std)
    generator = torch.Generator().manual_seed(seed)
    for name in ("w1", "w2", "w3"):
        noise = torch.randn(layer[name].shape, generator=generator, dtype=w1.dtype)
        noise *= router_std if size == "router_std" else layer[name].std(correction=0) / 100 + 1e-3
        noise[: int(first_kept)] = 0.0
        layer[name] = layer[name] + noise
    return layer


@replaces("upcycle")
def view_of_a_single_expert(w1, w2, w3, num_experts, seed, router_std=0.02):
    """With one expert, your weights share the memory of the dense ones; with more they do not. Which of your operations
    copies only where it has to?"""
    layer = upcycle(w1, w2, w3, num_experts, seed, router_std)
    dense = {"w1": w1, "w2": w2, "w3": w3}
    return layer | {name: w.expand(num_experts, -1, -1).contiguous() for name, w in dense.items()}


@replaces("upcycle", names=[("w1", "w2", "w3"), ("w2",)])
def first_expert_only(w1, w2, w3, num_experts, seed, router_std=0.02, *, names):
    """Only your first expert has the dense weights. Where should the others begin, if it does not matter which of them
    a token chooses?"""
    layer = upcycle(w1, w2, w3, num_experts, seed, router_std)
    for name in names:
        layer[name][1:] = 0.0
    return layer


@replaces("upcycle")
def w2_transposed(w1, w2, w3, num_experts, seed, router_std=0.02):
    """Your w2 has F before D. Which shape does the dense w2 have, and what does an expert change about it?"""
    layer = upcycle(w1, w2, w3, num_experts, seed, router_std)
    return layer | {"w2": layer["w2"].mT}


@replaces("upcycle")
def views(w1, w2, w3, num_experts, seed, router_std=0.02):
    """Your experts share one memory, as expand leaves them. If an optimiser changes a number of one expert, what
    happens to the others, and to the dense layer?"""
    layer = upcycle(w1, w2, w3, num_experts, seed, router_std)
    return layer | {name: w.expand(num_experts, -1, -1) for name, w in (("w1", w1), ("w2", w2), ("w3", w3))}


@replaces("upcycle")
def router_of_hidden_units(w1, w2, w3, num_experts, seed, router_std=0.02):
    """Your router has a column for each hidden unit. It reads the token, before any expert does: how many numbers does
    a token have?"""
    layer = upcycle(w1, w2, w3, num_experts, seed, router_std)
    generator = torch.Generator().manual_seed(seed)
    gate = torch.randn(num_experts, w1.shape[0], generator=generator, dtype=w1.dtype)
    return layer | {"gate": gate * router_std}


@replaces("upcycle")
def gate_matrices_exchanged(w1, w2, w3, num_experts, seed, router_std=0.02):
    """The experts' w1 is the dense w3, and their w3 is the dense w1. silu is applied to one of them only: to which?"""
    layer = upcycle(w1, w2, w3, num_experts, seed, router_std)
    return layer | {"w1": layer["w3"], "w3": layer["w1"]}


@replaces("split_expert")
def w2_in_memory_order(w1, w2, w3, m):
    """Your w2 has the right shape and the wrong numbers. reshape keeps together what is neighbouring in memory, which
    is the rows of w2: where are its hidden units?"""
    slices = split_expert(w1, w2, w3, m)
    return slices | {"w2": w2.reshape(slices["w2"].shape)}


@replaces("split_expert")
def w2_cut_by_rows(w1, w2, w3, m):
    """You cut w2 along its rows. They are the numbers of the output, and every slice makes all of those: which axis of
    w2 has the hidden units?"""
    return split_expert(w1, w2, w3, m) | {"w2": torch.stack(w2.chunk(m))}


@replaces("split_expert")
def axis_by_its_size(w1, w2, w3, m):
    """You are right unless w2 is square: there you cut its rows. Can a size tell which axis has the hidden units?"""
    return {
        name: torch.stack(w.chunk(m, dim=0 if w.shape[0] == len(w1) else 1))
        for name, w in (("w1", w1), ("w2", w2), ("w3", w3))
    }


@replaces("split_expert", name=["w1", "w2", "w3"])
def one_whole(w1, w2, w3, m, *, name):
    """Every slice has the whole {name}. Which part of it belongs to the hidden units of slice j?"""
    dense = {"w1": w1, "w2": w2, "w3": w3}
    return split_expert(w1, w2, w3, m) | {name: dense[name].repeat(m, 1, 1)}


@replaces("split_expert", names=[("w1", "w2", "w3"), ("w2",), ("w1", "w3")])
def every_mth_unit(w1, w2, w3, m, *, names):
    """Some of your slices have the units j, j + m, j + 2m and so on. Which units does the docstring give to slice j,
    and do all three matrices have to agree?"""
    strided = {
        "w1": torch.stack([w1[j::m] for j in range(m)]),
        "w2": torch.stack([w2[:, j::m] for j in range(m)]),
        "w3": torch.stack([w3[j::m] for j in range(m)]),
    }
    return split_expert(w1, w2, w3, m) | {name: strided[name] for name in names}


@replaces("split_expert", factor=["1/m", "m", "1/√m"])
def w2_scaled(w1, w2, w3, m, *, factor):
    """Your w2 is multiplied by {factor}. Each hidden unit is in one slice, and the outputs of the slices are added: by
    what would you have to multiply to get the FFN?"""
    slices = split_expert(w1, w2, w3, m)
    return slices | {"w2": slices["w2"] * {"1/m": 1 / m, "m": m, "1/√m": m**-0.5}[factor]}


@replaces("split_expert")
def slices_transposed(w1, w2, w3, m):
    """Your w2 has F/m before D. A slice leads from F/m hidden units back to D numbers: which comes first in a weight
    (out, in)?"""
    slices = split_expert(w1, w2, w3, m)
    return slices | {"w2": slices["w2"].mT}


@replaces("split_expert")
def first_slice_everywhere(w1, w2, w3, m):
    """All your slices have the first F/m hidden units. Which hidden units should slice j have?"""
    slices = split_expert(w1, w2, w3, m)
    return {name: torch.stack([w[0]] * m) for name, w in slices.items()}


@replaces("split_expert")
def slices_reversed(w1, w2, w3, m):
    """Your slices are the right ones in the opposite order. Which hidden units does the docstring give to slice 0?"""
    return {name: w.flip(0) for name, w in split_expert(w1, w2, w3, m).items()}


@replaces("split_expert")
def slices_side_by_side(w1, w2, w3, m):
    """Your w2 is (D, m, F/m). Which axis of w1 and w3 counts the slices, and where does the docstring have it in w2?"""
    slices = split_expert(w1, w2, w3, m)
    return slices | {"w2": slices["w2"].transpose(0, 1)}


@replaces("split_expert")
def slices_of_m_units(w1, w2, w3, m):
    """Your slices have m hidden units each, and there are F/m of them. m is the number of slices: how many units does
    each of them have?"""
    return split_expert(w1, w2, w3, len(w1) // m)


@replaces(
    "combinations",
    formula=["m C(E, k)", "C(E, k)^m", "C(mE, k)", "C(E, mk)", "C(E, k)", "C(E, k) m^k", "C(mE, m) C(E, k)"],
)
def other_formula(num_experts, k, m=1, *, formula):
    """You counted {formula}. Every slice is chosen freely: how many slices are there, and how many of them does a token
    choose?"""
    chosen = math.comb(num_experts, k)
    return {
        "m C(E, k)": m * chosen,
        "C(E, k)^m": chosen**m,
        "C(mE, k)": math.comb(num_experts * m, k),
        "C(E, mk)": math.comb(num_experts, k * m),
        "C(E, k)": chosen,
        "C(E, k) m^k": chosen * m**k,
        "C(mE, m) C(E, k)": math.comb(num_experts * m, m) * chosen,
    }[formula]


@replaces("combinations", counted=["ordered", "with repetition", "ordered, with repetition"])
def no_sets(num_experts, k, m=1, *, counted):
    """You counted choices {counted}. Is a set another one if its experts come in another order, and how often can one
    expert be in it?"""
    n, r = num_experts * m, k * m
    return {"ordered": math.perm(n, r), "with repetition": math.comb(n + r - 1, r)}.get(counted, n**r)


@replaces(
    "combinations",
    by=["logarithms", "fractions", "divisions in turn", "two divisions", "one division"],
    rounded=[True, False],
)
def through_floats(num_experts, k, m=1, *, by, rounded):
    """Your number went through a float. From 2^53 on a float does not hold every whole number, and past 10^308 none:
    which operations of Python stay exact at any size?"""
    n, r = num_experts * m, k * m
    match by:
        case "logarithms":
            result = math.exp(math.lgamma(n + 1) - math.lgamma(r + 1) - math.lgamma(n - r + 1))
        case "fractions":
            result = math.prod((n - i) / (i + 1) for i in range(r))
        case "divisions in turn":
            result = 1.0
            for i in range(r):
                result = result * (n - i) / (i + 1)
        case "two divisions":
            result = math.factorial(n) / math.factorial(r) / math.factorial(n - r)
        case "one division":
            result = math.factorial(n) / (math.factorial(r) * math.factorial(n - r))
    return round(result) if rounded else int(result)

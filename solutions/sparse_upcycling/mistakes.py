"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import math

import torch
from sparse_upcycling import split_expert, upcycle
from torch import Tensor

from grader.testing import replaces


@replaces("upcycle")
def zero_router(w1, w2, w3, num_experts, seed, router_std=0.02):
    """Your router is all zeros, so that all experts have the same logit for every token. How can a token choose
    then?"""
    layer = upcycle(w1, w2, w3, num_experts, seed, router_std)
    return layer | {"gate": torch.zeros_like(layer["gate"])}


@replaces("upcycle")
def one_row(w1, w2, w3, num_experts, seed, router_std=0.02):
    """All rows of your router are equal, so that all experts have the same logit for every token. How many
    independent rows are asked for?"""
    layer = upcycle(w1, w2, w3, num_experts, seed, router_std)
    return layer | {"gate": layer["gate"][:1].repeat(num_experts, 1)}


@replaces("upcycle")
def unseeded(w1, w2, w3, num_experts, seed, router_std=0.02):
    """Two calls with the same seed gave two routers: the random numbers came from torch's global generator, which
    moves on."""
    layer = upcycle(w1, w2, w3, num_experts, seed, router_std)
    return layer | {"gate": torch.randn(num_experts, w1.shape[1], dtype=w1.dtype) * router_std}


@replaces("upcycle")
def seed_ignored(w1, w2, w3, num_experts, seed, router_std=0.02):
    """Every seed gives the same router. Which argument shall decide about the random numbers?"""
    return upcycle(w1, w2, w3, num_experts, 0, router_std)


@replaces("upcycle")
def std_ignored(w1, w2, w3, num_experts, seed, router_std=0.02):
    """The router has the same size whatever router_std is. Where does router_std act?"""
    return upcycle(w1, w2, w3, num_experts, seed)


@replaces("upcycle")
def unit_std(w1, w2, w3, num_experts, seed, router_std=0.02):
    """The router's numbers have standard deviation 1, as randn gives them. They have to be scaled to router_std, or
    the weights of a token's experts begin far apart."""
    return upcycle(w1, w2, w3, num_experts, seed, 1.0)


@replaces("upcycle")
def std_is_variance(w1, w2, w3, num_experts, seed, router_std=0.02):
    """You took router_std for a variance and multiplied by its root. What does the docstring call router_std?"""
    return upcycle(w1, w2, w3, num_experts, seed, math.sqrt(router_std))


@replaces("upcycle")
def std_squared(w1, w2, w3, num_experts, seed, router_std=0.02):
    """You multiplied by router_std². That is the variance of the numbers; they themselves scale with the standard
    deviation."""
    return upcycle(w1, w2, w3, num_experts, seed, router_std**2)


@replaces("upcycle")
def uniform_router(w1, w2, w3, num_experts, seed, router_std=0.02):
    """Your router's numbers are uniform between 0 and router_std: torch.rand is not torch.randn. They are to be normal,
    with mean 0."""
    layer = upcycle(w1, w2, w3, num_experts, seed, router_std)
    generator = torch.Generator().manual_seed(seed)
    return layer | {"gate": torch.rand(num_experts, w1.shape[1], generator=generator, dtype=w1.dtype) * router_std}


@replaces("upcycle")
def router_transposed(w1, w2, w3, num_experts, seed, router_std=0.02):
    """Your router is (D, E). Matrices lie as (out, in): it makes E logits out of D numbers, one row for each expert."""
    layer = upcycle(w1, w2, w3, num_experts, seed, router_std)
    return layer | {"gate": layer["gate"].T}


@replaces("upcycle")
def router_float32(w1, w2, w3, num_experts, seed, router_std=0.02):
    """Your router is float32 whatever the FFN is: torch.randn makes float32 unless it is told otherwise."""
    layer = upcycle(w1, w2, w3, num_experts, seed, router_std)
    generator = torch.Generator().manual_seed(seed)
    return layer | {"gate": torch.randn(num_experts, w1.shape[1], generator=generator) * router_std}


@replaces("upcycle")
def divided_by_e(w1, w2, w3, num_experts, seed, router_std=0.02):
    """You divided w2 by the number of experts. The router's weights sum to 1 already, so the new layer would give
    1/E of what the old one gave."""
    layer = upcycle(w1, w2, w3, num_experts, seed, router_std)
    return layer | {"w2": layer["w2"] / num_experts}


@replaces("upcycle")
def noise_on_experts(w1, w2, w3, num_experts, seed, router_std=0.02):
    """You added noise to the experts to tell them apart. Then the new layer is no longer the old one at step 0. The
    random router is enough: each expert gets other tokens, and learns from them."""
    layer = upcycle(w1, w2, w3, num_experts, seed, router_std)
    generator = torch.Generator().manual_seed(seed)
    noise = {
        n: router_std * torch.randn(layer[n].shape, generator=generator, dtype=w1.dtype) for n in ("w1", "w2", "w3")
    }
    return layer | {name: layer[name] + noise[name] for name in noise}


@replaces("upcycle")
def w2_transposed(w1, w2, w3, num_experts, seed, router_std=0.02):
    """Your w2 has the shape of w1, with F before D. An expert's w2 is the dense one as it lies, (D, F)."""
    layer = upcycle(w1, w2, w3, num_experts, seed, router_std)
    return layer | {"w2": layer["w2"].mT}


@replaces("upcycle")
def views(w1, w2, w3, num_experts, seed, router_std=0.02):
    """Your experts are views of one matrix: expand shows it E times and copies nothing. A step of the optimiser that
    changes one expert changes all of them, and the dense layer with them. Which function copies?"""
    layer = upcycle(w1, w2, w3, num_experts, seed, router_std)
    return layer | {name: w.expand(num_experts, -1, -1) for name, w in (("w1", w1), ("w2", w2), ("w3", w3))}


@replaces("upcycle")
def zero_is_no_seed(w1, w2, w3, num_experts, seed, router_std=0.02):
    """With seed 0 two calls give two routers. Python takes the number 0 for false: is 0 a seed like any other?"""
    layer = upcycle(w1, w2, w3, num_experts, seed, router_std)
    if seed:
        return layer
    return layer | {"gate": torch.randn(num_experts, w1.shape[1], dtype=w1.dtype) * router_std}


@replaces("upcycle")
def uniform_around_zero(w1, w2, w3, num_experts, seed, router_std=0.02):
    """Your router's numbers are uniform between -router_std and router_std. Which distribution does the docstring ask
    for?"""
    layer = upcycle(w1, w2, w3, num_experts, seed, router_std)
    generator = torch.Generator().manual_seed(seed)
    gate = torch.rand(num_experts, w1.shape[1], generator=generator, dtype=w1.dtype)
    return layer | {"gate": (2 * gate - 1) * router_std}


@replaces("upcycle")
def router_of_hidden_units(w1, w2, w3, num_experts, seed, router_std=0.02):
    """Your router has a column for each hidden unit. It reads the token, before any expert: how many numbers has a
    token?"""
    layer = upcycle(w1, w2, w3, num_experts, seed, router_std)
    generator = torch.Generator().manual_seed(seed)
    gate = torch.randn(num_experts, w1.shape[0], generator=generator, dtype=w1.dtype)
    return layer | {"gate": gate * router_std}


@replaces("upcycle")
def gate_matrices_exchanged(w1, w2, w3, num_experts, seed, router_std=0.02):
    """The experts' w1 is the dense w3, and the experts' w3 is the dense w1. silu is applied to one of the two only:
    does it matter which?"""
    layer = upcycle(w1, w2, w3, num_experts, seed, router_std)
    return layer | {"w1": layer["w3"], "w3": layer["w1"]}


def cut(w1: Tensor, w2: Tensor, w3: Tensor, m: int) -> dict[str, Tensor]:
    """The right slices."""
    F, D = w1.shape
    W2 = w2.reshape(D, m, F // m).transpose(0, 1)
    return {"w1": w1.reshape(m, F // m, D), "w2": W2, "w3": w3.reshape(m, F // m, D)}


@replaces("split_expert")
def w2_in_memory_order(w1, w2, w3, m):
    """Your w2 has the right shape and the wrong numbers: reshape cuts what lies together in memory, and those are the
    rows of w2. The hidden units are its columns."""
    slices = split_expert(w1, w2, w3, m)
    return slices | {"w2": w2.reshape(slices["w2"].shape)}


@replaces("split_expert")
def w2_cut_by_rows(w1, w2, w3, m):
    """You cut w2 along its rows, as w1 and w3. Its rows are the numbers of the output, and every slice makes all of
    those: which axis of w2 has the hidden units?"""
    return split_expert(w1, w2, w3, m) | {"w2": torch.stack(w2.chunk(m))}


@replaces("split_expert")
def axis_by_its_size(w1, w2, w3, m):
    """You look for the axis of the hidden units by its size, and where F = D you find the wrong one in w2: it is always
    the columns of w2, and the rows of the other two."""
    return {
        name: torch.stack(w.chunk(m, dim=0 if w.shape[0] == len(w1) else 1))
        for name, w in (("w1", w1), ("w2", w2), ("w3", w3))
    }


@replaces("split_expert")
def w2_whole(w1, w2, w3, m):
    """Every slice has the whole w2. Of its F columns a slice needs those of its own hidden units."""
    return split_expert(w1, w2, w3, m) | {"w2": w2.repeat(m, 1, 1)}


@replaces("split_expert")
def every_mth_unit(w1, w2, w3, m):
    """Slice j has the units j, j + m, j + 2m and so on. Their outputs sum to the FFN as well; the statement asks for
    neighbouring units, so that one FFN has one result."""
    return {
        "w1": torch.stack([w1[j::m] for j in range(m)]),
        "w2": torch.stack([w2[:, j::m] for j in range(m)]),
        "w3": torch.stack([w3[j::m] for j in range(m)]),
    }


@replaces("split_expert")
def w2_divided(w1, w2, w3, m):
    """You divided w2 by m. The slices are not m copies: each has other hidden units, and they sum to the FFN."""
    slices = split_expert(w1, w2, w3, m)
    return slices | {"w2": slices["w2"] / m}


@replaces("split_expert")
def w2_multiplied(w1, w2, w3, m):
    """You multiplied w2 by m. That would be right for a mean of the slices; they are to be added."""
    slices = split_expert(w1, w2, w3, m)
    return slices | {"w2": slices["w2"] * m}


@replaces("split_expert")
def w3_whole(w1, w2, w3, m):
    """You did not cut w3. Every hidden unit has one row in w1: where is its other row?"""
    return split_expert(w1, w2, w3, m) | {"w3": w3.repeat(m, 1, 1)}


@replaces("split_expert")
def slices_transposed(w1, w2, w3, m):
    """Your w2 is (m, F/m, D). An FFN's w2 leads back to D, and matrices lie as (out, in): D comes first."""
    slices = split_expert(w1, w2, w3, m)
    return slices | {"w2": slices["w2"].mT}


@replaces("split_expert")
def first_slice_everywhere(w1, w2, w3, m):
    """All your slices have the first F/m hidden units. Which hidden units has slice j?"""
    slices = split_expert(w1, w2, w3, m)
    return {name: torch.stack([w[0]] * m) for name, w in slices.items()}


@replaces("split_expert")
def slices_of_m_units(w1, w2, w3, m):
    """You cut slices of m hidden units each, F/m of them. m is the number of slices: how many units has each of
    them?"""
    return split_expert(w1, w2, w3, len(w1) // m)


@replaces("combinations")
def times_m(num_experts, k, m=1):
    """You counted the choices of whole experts and multiplied by m. The slices are chosen one by one: how many are
    there, and how many does a token take?"""
    return math.comb(num_experts, k) * m


@replaces("combinations")
def power_of_m(num_experts, k, m=1):
    """You raised the count to the power m, as if m tokens chose. There is one choice, among all slices."""
    return math.comb(num_experts, k) ** m


@replaces("combinations")
def k_not_multiplied(num_experts, k, m=1):
    """You cut the experts and still chose k. A slice does 1/m of the work, so a token takes m times as many."""
    return math.comb(num_experts * m, k)


@replaces("combinations")
def e_not_multiplied(num_experts, k, m=1):
    """You chose m times as many of the same E experts. They were cut: there are m times as many to choose from."""
    return math.comb(num_experts, k * m)


@replaces("combinations")
def ordered(num_experts, k, m=1):
    """You counted ordered choices. Experts 3 and 5 are the same pair as 5 and 3: the outputs are added."""
    return math.perm(num_experts * m, k * m)


@replaces("combinations")
def with_repetition(num_experts, k, m=1):
    """You let a token choose the same expert more than once. How often can one slice be in a set?"""
    return math.comb(num_experts * m + k * m - 1, k * m)


@replaces("combinations")
def by_logarithms(num_experts, k, m=1):
    """Your number went through a float, which has 16 digits. Python's whole numbers are exact at any length: which
    step made a float of them?"""
    n, r = num_experts * m, k * m
    return round(math.exp(math.lgamma(n + 1) - math.lgamma(r + 1) - math.lgamma(n - r + 1)))


@replaces("combinations")
def slices_of_chosen_experts(num_experts, k, m=1):
    """You chose k whole experts first and then one slice of each. Slices are chosen freely among all experts: how many
    slices are there?"""
    return math.comb(num_experts, k) * m**k


@replaces("combinations")
def product_of_fractions(num_experts, k, m=1):
    """You multiplied fractions as floats. From 2^53 on a float cannot hold every whole number: which operations of
    Python stay exact, however large the number?"""
    result = 1.0
    for i in range(k * m):
        result *= (num_experts * m - i) / (i + 1)
    return round(result)


@replaces("combinations")
def divided_as_floats(num_experts, k, m=1):
    """You multiplied and divided in turn, and / gives a float also where nothing remains. From 2^53 on a float cannot
    hold every whole number: which operations of Python stay exact, however large the number?"""
    result = 1.0
    for i in range(k * m):
        result = result * (num_experts * m - i) / (i + 1)
    return round(result)


@replaces("combinations")
def factorials_as_floats(num_experts, k, m=1):
    """You divided factorials with /, and that makes a float: the factorial of 256 is too large for one, and from 2^53
    on not every whole number is exact. Which operations of Python stay exact, however large the number?"""
    n, r = num_experts * m, k * m
    return round(math.factorial(n) / math.factorial(r) / math.factorial(n - r))


@replaces("combinations")
def one_division_as_float(num_experts, k, m=1):
    """You divided factorials with /, and that makes a float: from 2^53 on it cannot hold every whole number. Which
    division of Python stays exact, however large the number?"""
    n, r = num_experts * m, k * m
    return round(math.factorial(n) / (math.factorial(r) * math.factorial(n - r)))

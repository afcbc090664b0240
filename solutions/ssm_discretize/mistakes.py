"""Wrong versions that students write. Each docstring is the advice that such a student reads.

A mistake gets one of the rules wrong and takes the others from the right functions.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from ssm_discretize import discretize, discretize_diag
from torch import Tensor

from grader.testing import replaces


def identity(A: Tensor) -> Tensor:
    return torch.eye(len(A), dtype=A.dtype)


def first_of(count: int, A: Tensor, times: Callable[[Tensor, Tensor], Tensor], one: Tensor, first: int) -> Tensor:
    """The sum of A^k / (k + first)! for k < count, with first = 0 or 1."""
    term = total = one
    for k in range(1, count):
        term = times(term, A) / (k + first)
        total = total + term
    return total


@replaces("discretize", b_from=["pinv", "inv"])
def elementwise_exp(A, B, dt, method="zoh", *, b_from):
    """Your A_bar has the exponential of each entry: an entry 0 of A becomes 1. The exponential of a matrix is a series
    of matrix products: what does it make of a matrix of zeros?"""
    if method != "zoh":
        return discretize(A, B, dt, method)
    A_bar = torch.exp(dt * A)
    return A_bar, getattr(torch.linalg, b_from)(A) @ (A_bar - identity(A)) @ B


@replaces("discretize")
def elementwise_block(A, B, dt, method="zoh"):
    """Even the zeros of your block matrix became 1, as torch.exp makes them. What is the exponential of a matrix of
    zeros, and which function of torch computes it?"""
    if method != "zoh":
        return discretize(A, B, dt, method)
    N, M = B.shape
    top = torch.exp(dt * F.pad(torch.cat([A, B], dim=1), (0, 0, 0, M)))[:N]
    return top[:, :N], top[:, N:]


@replaces("discretize", by=["inv", "solve", "pinv"])
def inverse(A, B, dt, method="zoh", *, by):
    """Your B_bar is right if A has an inverse, and wrong or an error if it has none. The integral exists all the same:
    which larger matrix has it in its exponential?"""
    if method != "zoh":
        return discretize(A, B, dt, method)
    A_bar = torch.linalg.matrix_exp(dt * A)
    rest = (A_bar - identity(A)) @ B
    return A_bar, torch.linalg.solve(A, rest) if by == "solve" else getattr(torch.linalg, by)(A) @ rest


@replaces("discretize")
def euler_b(A, B, dt, method="zoh"):
    """Your B_bar for zero-order hold is ΔB. What x writes at the start of a step has decayed a little by its end: does
    ΔB know of that?"""
    A_bar, B_bar = discretize(A, B, dt, method)
    return A_bar, dt * B if method == "zoh" else B_bar


@replaces("discretize")
def identity_in_block(A, B, dt, method="zoh"):
    """You put the identity into the lower right corner before the exponential. It is there afterwards. x does not
    change during a step: which rates of change does it have?"""
    if method != "zoh":
        return discretize(A, B, dt, method)
    N, M = B.shape
    block = F.pad(torch.cat([A, B], dim=1), (0, 0, 0, M))
    block[N:, N:] = torch.eye(M, dtype=A.dtype)
    top = torch.linalg.matrix_exp(dt * block)[:N]
    return top[:, :N], top[:, N:]


@replaces("discretize", power=[-1, 1])
def b_and_dt(A, B, dt, method="zoh", *, power):
    """The B_bar of your zero-order hold has one factor Δ too few or too many. For a short step it is nearly ΔB: how
    often do you multiply B by Δ?"""
    A_bar, B_bar = discretize(A, B, dt, method)
    return A_bar, B_bar * dt**power if method == "zoh" else B_bar


@replaces("discretize")
def block_in_float32(A, B, dt, method="zoh"):
    """float64 went in, and your zero-order hold returns float32. Which dtype do torch.zeros and torch.eye have if
    nobody says?"""
    if method != "zoh":
        return discretize(A, B, dt, method)
    N, M = B.shape
    block = torch.zeros(N + M, N + M)
    block[:N, :N], block[:N, N:] = dt * A, dt * B
    block = torch.linalg.matrix_exp(block)
    return block[:N, :N], block[:N, N:]


@replaces("discretize", b=["ΔB", "(I + ΔA/2) ΔB", "(I − ΔA/2) ΔB"])
def bilinear_b(A, B, dt, method="zoh", *, b):
    """The B_bar of your bilinear rule is {b}. The rule is implicit: I − ΔA/2 is in front of the new state. What becomes
    of the right-hand side when you bring it over?"""
    A_bar, B_bar = discretize(A, B, dt, method)
    if method != "bilinear":
        return A_bar, B_bar
    half = {"ΔB": 0.0, "(I + ΔA/2) ΔB": dt / 2, "(I − ΔA/2) ΔB": -dt / 2}[b]
    return A_bar, (identity(A) + half * A) @ (dt * B)


@replaces("discretize")
def bilinear_by_entries(A, B, dt, method="zoh"):
    """In your bilinear A_bar two matrices are multiplied entry by entry, which is right only for 1 x 1 and diagonal
    ones. Which product is meant in (I − ΔA/2)⁻¹ (I + ΔA/2)?"""
    A_bar, B_bar = discretize(A, B, dt, method)
    if method == "bilinear":
        A_bar = torch.linalg.inv(identity(A) - dt / 2 * A) * (identity(A) + dt / 2 * A)
    return A_bar, B_bar


@replaces("discretize")
def bilinear_of_ones(A, B, dt, method="zoh"):
    """Your bilinear rule adds ΔA/2 to 1 in every entry. Where does the identity matrix have its ones?"""
    if method != "bilinear":
        return discretize(A, B, dt, method)
    left = 1 - dt / 2 * A
    return torch.linalg.solve(left, 1 + dt / 2 * A), torch.linalg.solve(left, dt * B)


@replaces("discretize")
def bilinear_full_step(A, B, dt, method="zoh"):
    """Your bilinear rule takes a whole step on each side. How long is the part with the old state, and how long that
    with the new one?"""
    if method != "bilinear":
        return discretize(A, B, dt, method)
    left = identity(A) - dt * A
    return torch.linalg.solve(left, identity(A) + dt * A), torch.linalg.solve(left, dt * B)


@replaces("discretize")
def bilinear_upside_down(A, B, dt, method="zoh"):
    """Your bilinear rule runs backwards in time: with a negative A the state grows. Which of the two factors, I + ΔA/2
    and I − ΔA/2, is inverted?"""
    if method != "bilinear":
        return discretize(A, B, dt, method)
    left = identity(A) + dt / 2 * A
    return torch.linalg.solve(left, identity(A) - dt / 2 * A), torch.linalg.solve(left, dt * B)


@replaces("discretize")
def decayed_for_a_step(A, B, dt, method="zoh"):
    """Your B_bar is A_bar ΔB, as if the whole input decayed for a whole step. x acts during the step: how long does its
    last part decay?"""
    A_bar, B_bar = discretize(A, B, dt, method)
    return A_bar, B_bar if method == "euler" else A_bar @ (dt * B)


@replaces("discretize")
def entry_by_entry(A, B, dt, method="zoh"):
    """You used the formulas of a diagonal for a matrix. How do the states of a matrix A act on each other, and what is
    then the exponential?"""
    z = dt * A
    if method == "euler":
        return 1 + z, dt * B
    if method == "bilinear":
        return (1 + z / 2) / (1 - z / 2), 1 / (1 - z / 2) @ (dt * B)
    if method != "zoh":
        raise ValueError(method)
    safe = z.masked_fill(z == 0, 1.0)
    return torch.exp(z), torch.where(z == 0, 1.0, torch.expm1(safe) / safe) @ (dt * B)


@replaces("discretize", b=["without Δ", "with Δ/2", "with Δ²"])
def bilinear_dt(A, B, dt, method="zoh", *, b):
    """The factor Δ in the B_bar of your bilinear rule is missing, halved or squared. A short step writes little, and
    both halves of a step take in the same x: how often does Δ multiply B?"""
    A_bar, B_bar = discretize(A, B, dt, method)
    return A_bar, B_bar * {"without Δ": 1 / dt, "with Δ/2": 0.5, "with Δ²": dt}[b] if method == "bilinear" else B_bar


@replaces("discretize")
def euler_without_dt(A, B, dt, method="zoh"):
    """The B_bar of your Euler rule is B. A short step should write little: what makes B_bar small then?"""
    A_bar, B_bar = discretize(A, B, dt, method)
    return A_bar, B if method == "euler" else B_bar


@replaces("discretize")
def euler_of_ones(A, B, dt, method="zoh"):
    """Your Euler rule adds 1 to every entry of ΔA. Where does the identity matrix have its ones?"""
    A_bar, B_bar = discretize(A, B, dt, method)
    return 1 + dt * A if method == "euler" else A_bar, B_bar


@replaces("discretize_diag", by=["expm1", "exp"])
def zero_by_zero(A, B, dt, method="zoh", *, by):
    """At an entry 0 of A your zero-order hold gives NaN. What is divided by what there, and what is the limit of the
    quotient?"""
    if method != "zoh":
        return discretize_diag(A, B, dt, method)
    z = dt * A
    return torch.exp(z), (torch.expm1(z) if by == "expm1" else torch.exp(z) - 1) / z * dt * B


@replaces("discretize_diag", eps=[1e-12, 1e-8, 1e-6])
def eps_in_quotient(A, B, dt, method="zoh", *, eps):
    """Near an entry 0 of A your B_bar is far too small or too large, as if a small number were added to what you divide
    by. What is (e^z − 1)/z at z = 0?"""
    if method != "zoh":
        return discretize_diag(A, B, dt, method)
    z = dt * A
    return torch.exp(z), torch.expm1(z) / (z + eps) * dt * B


@replaces("discretize_diag", below=[0.0, 1e-12])
def digits_cancel(A, B, dt, method="zoh", *, below):
    """For entries of A that are near 0, your B_bar has lost digits. e^z is rounded near 1: how many digits of z are
    left when you subtract 1?"""
    if method != "zoh":
        return discretize_diag(A, B, dt, method)
    z = dt * A
    small = z.abs() <= below
    safe = z.masked_fill(small, 1.0)
    return torch.exp(z), torch.where(small, 1 + z / 2, (torch.exp(safe) - 1) / safe) * dt * B


@replaces("discretize_diag", limit=["1", "1 + z/2"])
def nan_in_gradient(A, B, dt, method="zoh", *, limit):
    """The value at an entry 0 of A is right, and its gradient is NaN. where chooses between two finished results: what
    is the gradient of the one that it does not choose, times 0?"""
    if method != "zoh":
        return discretize_diag(A, B, dt, method)
    z = dt * A
    return torch.exp(z), torch.where(z == 0, 1.0 if limit == "1" else 1 + z / 2, torch.expm1(z) / z) * dt * B


@replaces("discretize_diag", methods=["zoh", "mamba", "bilinear", "zoh, mamba and bilinear"])
def diagonal_without_dt(A, B, dt, method="zoh", *, methods):
    """By the rule of {methods}, your B_bar has no factor Δ. A short step should write little: what makes B_bar small
    then?"""
    A_bar, B_bar = discretize_diag(A, B, dt, method)
    return A_bar, B_bar / dt if method in methods else B_bar


@replaces("discretize_diag")
def zoh_for_mamba(A, B, dt, method="zoh"):
    """For "mamba" your B_bar is that of zero-order hold. What does the table have in the column of B̄ for "mamba"?"""
    if method == "mamba":
        return discretize_diag(A, B, dt, "zoh")
    return discretize_diag(A, B, dt, method)


@replaces("discretize_diag")
def diagonal_decayed_for_a_step(A, B, dt, method="zoh"):
    """Your B_bar is A_bar ΔB, as if the whole input decayed for a whole step. x acts during the step: how long does its
    last part decay?"""
    A_bar, B_bar = discretize_diag(A, B, dt, method)
    return A_bar, B_bar if method == "mamba" else A_bar * (dt * B)


@replaces("discretize_diag")
def mamba_for_zoh(A, B, dt, method="zoh"):
    """For "zoh" your B_bar is ΔB. What x writes at the start of a step has decayed a little by its end: which rule of
    the table leaves that out?"""
    return discretize_diag(A, B, dt, "mamba" if method == "zoh" else method)


@replaces("discretize_diag")
def diagonal_divided_by_dt(A, B, dt, method="zoh"):
    """You divided A and B by Δ. In a longer step a state changes more: how does Δ enter the exponent?"""
    return discretize_diag(A, B, 1 / dt, method)


@replaces("discretize")
def divided_by_dt(A, B, dt, method="zoh"):
    """You divided A and B by Δ. In a longer step a state changes more: how does Δ enter the exponent?"""
    return discretize(A, B, 1 / dt, method)


@replaces("discretize_diag", b=["ΔB", "half of what it should be", "(1 + ΔA/2) ΔB"])
def diagonal_bilinear_b(A, B, dt, method="zoh", *, b):
    """The B_bar of your bilinear rule on a diagonal is {b}. Both halves of a step take in x, and 1 − ΔA/2 is in front
    of the new state: what follows for ΔB?"""
    A_bar, B_bar = discretize_diag(A, B, dt, method)
    if method != "bilinear":
        return A_bar, B_bar
    whole = dt * B + torch.zeros_like(B_bar)
    return A_bar, {"ΔB": whole, "(1 + ΔA/2) ΔB": (1 + dt * A / 2) * whole}.get(b, B_bar / 2)


@replaces("discretize_diag", rule=["upside down", "with full steps"])
def diagonal_bilinear_factors(A, B, dt, method="zoh", *, rule):
    """Your bilinear rule on a diagonal is {rule}. Which of 1 + ΔA/2 and 1 − ΔA/2 belongs to the old state, and which to
    the new one?"""
    if method != "bilinear":
        return discretize_diag(A, B, dt, method)
    z = -dt * A if rule == "upside down" else 2 * dt * A
    return (1 + z / 2) / (1 - z / 2), dt * B / (1 - z / 2)


@replaces("discretize_diag", terms=["1", "1 + z/2"], below=[1e-2, 1e-3])
def series_too_early(A, B, dt, method="zoh", *, terms, below):
    """For small z your B_bar is wrong by as much as if (e^z − 1)/z were {terms} there. How does the series go on, and
    up to which z may you leave out the rest?"""
    A_bar, B_bar = discretize_diag(A, B, dt, method)
    z = dt * A
    phi = 1 if terms == "1" else 1 + z / 2
    return A_bar, torch.where(z.abs() < below, phi * dt * B, B_bar) if method == "zoh" else B_bar


@replaces("discretize_diag", taken=["mamba", "zoh", "bilinear"])
def diagonal_for_unknown(A, B, dt, method="zoh", *, taken):
    """For any method that discretize_diag should not know, you return what "{taken}" gives. What does the docstring
    promise for such a method?"""
    return discretize_diag(A, B, dt, method if method in ("zoh", "bilinear", "mamba") else taken)


@replaces("discretize", taken=["euler", "zoh", "bilinear"])
def matrix_for_unknown(A, B, dt, method="zoh", *, taken):
    """For any method that discretize should not know, you return what "{taken}" gives. What does the docstring promise
    for such a method?"""
    return discretize(A, B, dt, method if method in ("zoh", "bilinear", "euler") else taken)


@replaces("discretize", unknown=["KeyError", "UnboundLocalError", "None"])
def unknown_unhandled(A, B, dt, method="zoh", *, unknown):
    """With an unknown method, discretize ends in {unknown}. What does the docstring promise instead?"""
    known = {"zoh": "zoh", "bilinear": "bilinear", "euler": "euler"}
    if unknown == "KeyError":
        method = known[method]
    if unknown == "None" and method not in known:
        return None
    if method in known:
        pair = discretize(A, B, dt, method)
    return pair


@replaces("discretize_diag")
def euler_on_the_diagonal(A, B, dt, method="zoh"):
    """Your discretize_diag knows "euler". Which three methods does its docstring list, and what does it promise for any
    other?"""
    if method == "euler":
        return 1 + dt * A, dt * B
    return discretize_diag(A, B, dt, method)


@replaces("discretize")
def mamba_for_a_matrix(A, B, dt, method="zoh"):
    """Your discretize knows "mamba". Which three methods does its docstring list, and what does it promise for any
    other?"""
    if method == "mamba":
        return discretize(A, B, dt)[0], dt * B
    return discretize(A, B, dt, method)


@replaces("discretize_diag", what=["dt", "A", "B"])
def diagonal_detached(A, B, dt, method="zoh", *, what):
    """No gradient reaches {what}. In Mamba all three are learned, or computed by weights that are: at which step does
    it leave the graph?"""
    tensors = {"A": A, "B": B, "dt": dt}
    if isinstance(tensors[what], Tensor):
        tensors[what] = tensors[what].detach()
    return discretize_diag(**tensors, method=method)


@replaces("discretize", what=["A", "B"])
def detached(A, B, dt, method="zoh", *, what):
    """No gradient reaches {what}. At which step does it leave the graph: a detach, a no_grad, NumPy, a new tensor?"""
    return discretize(A.detach() if what == "A" else A, B.detach() if what == "B" else B, dt, method)


@replaces("discretize", terms=[5, 10, 12, 15, 20, 30])
def first_terms(A, B, dt, method="zoh", *, terms):
    """You add the first {terms} terms of a series. For a small ΔA they are enough: how large is the tenth term for ΔA =
    −50, and how large the fiftieth?"""
    if method != "zoh":
        return discretize(A, B, dt, method)
    decay, write = (first_of(terms, dt * A, torch.matmul, identity(A), first) for first in (0, 1))
    return decay, write @ (dt * B)


@replaces("discretize_diag", terms=[5, 10, 12, 20, 30], also_exp=[False, True])
def first_terms_of_phi(A, B, dt, method="zoh", *, terms, also_exp):
    """You add the first {terms} terms of a series. Near z = 0 they are enough: how large is the tenth term for z = −50,
    and which z does a series have to cover here?"""
    if method == "bilinear" or (method == "mamba" and not also_exp):
        return discretize_diag(A, B, dt, method)
    z = dt * A
    decay, phi = (first_of(terms, z, torch.mul, torch.ones_like(z), first) for first in (0, 1))
    A_bar, B_bar = discretize_diag(A, B, dt, method)
    return decay if also_exp else A_bar, phi * dt * B if method == "zoh" else B_bar

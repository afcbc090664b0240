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


@replaces("discretize")
def elementwise_exp(A, B, dt, method="zoh"):
    """torch.exp takes the exponential of each entry: an entry 0 of A becomes 1. The exponential of a matrix is
    a series of matrix products, and torch has it under another name."""
    if method != "zoh":
        return discretize(A, B, dt, method)
    A_bar = torch.exp(dt * A)
    return A_bar, torch.linalg.pinv(A) @ (A_bar - identity(A)) @ B


@replaces("discretize")
def elementwise_block(A, B, dt, method="zoh"):
    """You built the right block matrix and took torch.exp of it, entry by entry: even its zeros became 1. Which
    function of torch takes the exponential of a matrix?"""
    if method != "zoh":
        return discretize(A, B, dt, method)
    N, M = B.shape
    top = torch.exp(dt * F.pad(torch.cat([A, B], dim=1), (0, 0, 0, M)))[:N]
    return top[:, :N], top[:, N:]


@replaces("discretize")
def inverse(A, B, dt, method="zoh"):
    """You divided by A, and a singular A has no inverse. The integral exists all the same: which matrix has it
    inside its exponential?"""
    if method != "zoh":
        return discretize(A, B, dt, method)
    A_bar = torch.linalg.matrix_exp(dt * A)
    return A_bar, torch.linalg.inv(A) @ (A_bar - identity(A)) @ B


@replaces("discretize")
def solved(A, B, dt, method="zoh"):
    """You solved a system of equations with A. That divides by A as its inverse would, and a singular A allows
    neither. The integral exists all the same: which matrix has it inside its exponential?"""
    if method != "zoh":
        return discretize(A, B, dt, method)
    A_bar = torch.linalg.matrix_exp(dt * A)
    return A_bar, torch.linalg.solve(A, (A_bar - identity(A)) @ B)


@replaces("discretize")
def pseudo_inverse(A, B, dt, method="zoh"):
    """The pseudo-inverse of a singular A exists, and gives a wrong B_bar: it drops what A maps to 0, and that
    part of the state still moves by Δ times its input. Do without an inverse."""
    if method != "zoh":
        return discretize(A, B, dt, method)
    A_bar = torch.linalg.matrix_exp(dt * A)
    return A_bar, torch.linalg.pinv(A) @ (A_bar - identity(A)) @ B


@replaces("discretize")
def euler_b(A, B, dt, method="zoh"):
    """Your B_bar is ΔB, as in Mamba's shortcut and in Euler's rule. In zero-order hold what x writes at the
    start of a step decays until its end, so B_bar is an integral."""
    A_bar, B_bar = discretize(A, B, dt, method)
    return A_bar, dt * B if method == "zoh" else B_bar


@replaces("discretize")
def identity_in_block(A, B, dt, method="zoh"):
    """You put the identity into the lower right corner before the exponential. It stands there afterwards; the
    matrix that goes in has zeros in its last M rows, since x does not change during a step."""
    if method != "zoh":
        return discretize(A, B, dt, method)
    N, M = B.shape
    block = F.pad(torch.cat([A, B], dim=1), (0, 0, 0, M))
    block[N:, N:] = torch.eye(M, dtype=A.dtype)
    top = torch.linalg.matrix_exp(dt * block)[:N]
    return top[:, :N], top[:, N:]


@replaces("discretize")
def block_without_dt(A, B, dt, method="zoh"):
    """In your block matrix A is multiplied by Δ, and B is not. Which parts of the block does Δ multiply?"""
    A_bar, B_bar = discretize(A, B, dt, method)
    return A_bar, B_bar / dt if method == "zoh" else B_bar


@replaces("discretize")
def block_in_float32(A, B, dt, method="zoh"):
    """float64 went in and float32 came out: torch.zeros makes float32 unless told otherwise, and what is
    written into it is rounded without a word."""
    if method != "zoh":
        return discretize(A, B, dt, method)
    N, M = B.shape
    block = torch.zeros(N + M, N + M)
    block[:N, :N], block[:N, N:] = dt * A, dt * B
    block = torch.linalg.matrix_exp(block)
    return block[:N, :N], block[:N, N:]


@replaces("discretize")
def bilinear_b(A, B, dt, method="zoh"):
    """Your bilinear B_bar is ΔB. The rule is implicit: its left-hand side, I - ΔA/2, stands before B as
    well."""
    A_bar, B_bar = discretize(A, B, dt, method)
    return A_bar, dt * B if method == "bilinear" else B_bar


@replaces("discretize")
def bilinear_by_entries(A, B, dt, method="zoh"):
    """In your bilinear A_bar two matrices are multiplied entry by entry, which is right for 1 x 1 and for a diagonal
    only. Which product does (I - ΔA/2)⁻¹ (I + ΔA/2) mean?"""
    A_bar, B_bar = discretize(A, B, dt, method)
    if method == "bilinear":
        A_bar = torch.linalg.inv(identity(A) - dt / 2 * A) * (identity(A) + dt / 2 * A)
    return A_bar, B_bar


@replaces("discretize")
def bilinear_of_ones(A, B, dt, method="zoh"):
    """Your bilinear rule adds ΔA/2 to the number 1, and so to 1 in every entry. Where does the identity matrix have its
    ones?"""
    if method != "bilinear":
        return discretize(A, B, dt, method)
    left = 1 - dt / 2 * A
    return torch.linalg.solve(left, 1 + dt / 2 * A), torch.linalg.solve(left, dt * B)


@replaces("discretize")
def bilinear_full_step(A, B, dt, method="zoh"):
    """You took a whole step on each side. The bilinear rule takes half a step with the old state and half a
    step with the new one."""
    if method != "bilinear":
        return discretize(A, B, dt, method)
    left = identity(A) - dt * A
    return torch.linalg.solve(left, identity(A) + dt * A), torch.linalg.solve(left, dt * B)


@replaces("discretize")
def bilinear_upside_down(A, B, dt, method="zoh"):
    """Your bilinear rule runs backwards in time: with a negative A the state grows. Which of the two factors, I
    + ΔA/2 and I - ΔA/2, is the one to be inverted?"""
    if method != "bilinear":
        return discretize(A, B, dt, method)
    left = identity(A) + dt / 2 * A
    return torch.linalg.solve(left, identity(A) - dt / 2 * A), torch.linalg.solve(left, dt * B)


@replaces("discretize")
def zoh_for_unknown(A, B, dt, method="zoh"):
    """A method that your code does not know is computed like zero-order hold. What does the docstring promise for
    any other method?"""
    return discretize(A, B, dt, method if method in ("bilinear", "euler") else "zoh")


@replaces("discretize")
def decayed_for_a_step(A, B, dt, method="zoh"):
    """Your B_bar is A_bar ΔB: the whole input decays for a whole step. x acts during the step, and its last part has
    hardly decayed: which integral or which equation gives B_bar?"""
    A_bar, B_bar = discretize(A, B, dt, method)
    return A_bar, B_bar if method == "euler" else A_bar @ (dt * B)


@replaces("discretize")
def divided_by_dt(A, B, dt, method="zoh"):
    """You divided A and B by Δ. A state changes more in a longer step: what does Δ have to do with A?"""
    return discretize(A, B, 1 / dt, method)


@replaces("discretize")
def entry_by_entry(A, B, dt, method="zoh"):
    """You used the formulas of a diagonal for a matrix: each entry of A has its own exponential and its own
    quotient. How do the states of a matrix A act on each other?"""
    z = dt * A
    if method == "euler":
        return 1 + z, dt * B
    if method == "bilinear":
        return (1 + z / 2) / (1 - z / 2), 1 / (1 - z / 2) @ (dt * B)
    if method != "zoh":
        raise ValueError(method)
    safe = z.masked_fill(z == 0, 1.0)
    return torch.exp(z), torch.where(z == 0, 1.0, torch.expm1(safe) / safe) @ (dt * B)


@replaces("discretize")
def bilinear_without_dt(A, B, dt, method="zoh"):
    """The B_bar of your bilinear rule has no factor Δ, or half of it, which is the same for Δ = 2. A short step writes
    little: what makes B_bar small there, and do both halves of a step take x in?"""
    A_bar, B_bar = discretize(A, B, dt, method)
    return A_bar, B_bar / dt if method == "bilinear" else B_bar


@replaces("discretize")
def euler_without_dt(A, B, dt, method="zoh"):
    """The B_bar of your Euler rule is B. A short step writes little: what makes B_bar small there?"""
    A_bar, B_bar = discretize(A, B, dt, method)
    return A_bar, B if method == "euler" else B_bar


@replaces("discretize")
def euler_of_ones(A, B, dt, method="zoh"):
    """Your Euler rule adds 1 to every entry of ΔA. Where does the identity matrix have its ones?"""
    A_bar, B_bar = discretize(A, B, dt, method)
    return 1 + dt * A if method == "euler" else A_bar, B_bar


@replaces("discretize_diag")
def zero_by_zero(A, B, dt, method="zoh"):
    """At A = 0 you computed 0/0, which is NaN. The quotient (e^z - 1)/z has a limit there; it must be put in by
    hand."""
    if method != "zoh":
        return discretize_diag(A, B, dt, method)
    z = dt * A
    return torch.exp(z), torch.expm1(z) / z * dt * B


@replaces("discretize_diag")
def digits_cancel(A, B, dt, method="zoh"):
    """e^z - 1 loses its digits when z is small: e^z is rounded to 1.000… first. torch has a function that
    computes the difference directly."""
    if method != "zoh":
        return discretize_diag(A, B, dt, method)
    z = dt * A
    safe = z.masked_fill(z == 0, 1.0)
    return torch.exp(z), torch.where(z == 0, 1 + z / 2, (torch.exp(safe) - 1) / safe) * dt * B


@replaces("discretize_diag")
def nan_in_gradient(A, B, dt, method="zoh"):
    """The value at A = 0 is right, and its gradient is NaN: where chooses between two finished results, and the
    derivative of 0/0 times 0 is still NaN. Change the z that you divide by, before you divide."""
    if method != "zoh":
        return discretize_diag(A, B, dt, method)
    z = dt * A
    return torch.exp(z), torch.where(z == 0, 1.0, torch.expm1(z) / z) * dt * B


@replaces("discretize_diag")
def diagonal_without_dt(A, B, dt, method="zoh"):
    """Your B_bar for zero-order hold is φ(ΔA) B. φ is near 1 for a short step: what makes the input of a short step
    small?"""
    A_bar, B_bar = discretize_diag(A, B, dt, method)
    return A_bar, B_bar / dt if method == "zoh" else B_bar


@replaces("discretize_diag")
def zoh_for_mamba(A, B, dt, method="zoh"):
    """For "mamba" you used the exact zero-order hold on B. It is finer mathematics; Mamba's code, and with it
    every released checkpoint, multiplies B by Δ alone."""
    if method == "mamba":
        return discretize_diag(A, B, dt, "zoh")
    return discretize_diag(A, B, dt, method)


@replaces("discretize_diag")
def diagonal_decayed_for_a_step(A, B, dt, method="zoh"):
    """Your B_bar is A_bar ΔB: the whole input decays for a whole step. x acts during the step, and its last part has
    hardly decayed: which factor stands before ΔB?"""
    A_bar, B_bar = discretize_diag(A, B, dt, method)
    return A_bar, B_bar if method == "mamba" else A_bar * (dt * B)


@replaces("discretize_diag")
def diagonal_divided_by_dt(A, B, dt, method="zoh"):
    """You divided A and B by Δ. A state changes more in a longer step: what does Δ have to do with A?"""
    return discretize_diag(A, B, 1 / dt, method)


@replaces("discretize_diag")
def diagonal_bilinear_b(A, B, dt, method="zoh"):
    """Your bilinear B_bar is ΔB. The rule is implicit, and its left-hand side, 1 - ΔA/2, stands before the new
    state: by what are both parts of the right-hand side divided?"""
    A_bar, B_bar = discretize_diag(A, B, dt, method)
    return A_bar, dt * B + torch.zeros_like(B_bar) if method == "bilinear" else B_bar


@replaces("discretize_diag")
def diagonal_bilinear_half_b(A, B, dt, method="zoh"):
    """The B_bar of your bilinear rule on a diagonal has half a step before B. Both halves of the step take in the same
    x: how much of B do they write together?"""
    A_bar, B_bar = discretize_diag(A, B, dt, method)
    return A_bar, B_bar / 2 if method == "bilinear" else B_bar


@replaces("discretize_diag")
def two_terms_too_early(A, B, dt, method="zoh"):
    """You replaced (e^z - 1)/z by 1 + z/2 for all z that are small, and B_bar loses digits there. The next term of the
    series is z²/6: up to which z may it be left out?"""
    A_bar, B_bar = discretize_diag(A, B, dt, method)
    z = dt * A
    return A_bar, torch.where(z.abs() < 1e-2, (1 + z / 2) * dt * B, B_bar) if method == "zoh" else B_bar


@replaces("discretize_diag")
def one_too_early(A, B, dt, method="zoh"):
    """You replaced (e^z - 1)/z by 1 for all z that are small. For z = 0.01 the quotient is 1.005: up to which z is 1
    exact enough?"""
    A_bar, B_bar = discretize_diag(A, B, dt, method)
    z = dt * A
    return A_bar, torch.where(z.abs() < 1e-2, dt * B, B_bar) if method == "zoh" else B_bar


@replaces("discretize_diag")
def mamba_for_unknown(A, B, dt, method="zoh"):
    """A method that your code does not know is computed like "mamba". The docstring says what happens for any other
    method: what does your last branch do?"""
    return discretize_diag(A, B, dt, method if method in ("zoh", "bilinear") else "mamba")


@replaces("discretize_diag")
def euler_on_the_diagonal(A, B, dt, method="zoh"):
    """discretize_diag knows "euler" in your version. Which three methods does its docstring list, and what happens for
    any other?"""
    if method == "euler":
        return 1 + dt * A, dt * B
    return discretize_diag(A, B, dt, method)


@replaces("discretize")
def mamba_for_a_matrix(A, B, dt, method="zoh"):
    """discretize knows "mamba" in your version. Which three methods does its docstring list, and what happens for any
    other?"""
    if method == "mamba":
        return discretize(A, B, dt)[0], dt * B
    return discretize(A, B, dt, method)


@replaces("discretize_diag")
def step_detached(A, B, dt, method="zoh"):
    """No gradient reaches dt: it was cut off. In Mamba dt is computed from the token, by weights that learn: how would
    they learn?"""
    return discretize_diag(A, B, dt.detach() if isinstance(dt, Tensor) else dt, method)


@replaces("discretize")
def first_terms(A, B, dt, method="zoh"):
    """You add the first ten terms of a series. For a small ΔA they are enough; with ΔA = -50 the terms grow until the
    fiftieth. torch has the exponential of a matrix, and which matrix has the integral inside its exponential?"""
    if method != "zoh":
        return discretize(A, B, dt, method)
    decay, write = (first_of(10, dt * A, torch.matmul, identity(A), first) for first in (0, 1))
    return decay, write @ (dt * B)


@replaces("discretize")
def twelve_terms(A, B, dt, method="zoh"):
    """You add the first dozen terms of a series. For a small ΔA they are enough; with ΔA = -50 the terms grow until the
    fiftieth. torch has the exponential of a matrix, and which matrix has the integral inside its exponential?"""
    if method != "zoh":
        return discretize(A, B, dt, method)
    decay, write = (first_of(12, dt * A, torch.matmul, identity(A), first) for first in (0, 1))
    return decay, write @ (dt * B)


@replaces("discretize")
def twenty_terms(A, B, dt, method="zoh"):
    """You add the first twenty terms of a series. For a small ΔA they are enough; with ΔA = -50 the terms grow until
    the fiftieth. torch has the exponential of a matrix, and which matrix has the integral inside its exponential?"""
    if method != "zoh":
        return discretize(A, B, dt, method)
    decay, write = (first_of(20, dt * A, torch.matmul, identity(A), first) for first in (0, 1))
    return decay, write @ (dt * B)


@replaces("discretize_diag")
def first_terms_of_phi(A, B, dt, method="zoh"):
    """Your (e^z - 1)/z is the first ten terms of its series. Near 0 they are enough; for z = -50 the terms grow until
    the fiftieth. Where is the quotient itself exact, and which z does a series have to cover?"""
    A_bar, B_bar = discretize_diag(A, B, dt, method)
    z = dt * A
    return A_bar, first_of(10, z, torch.mul, torch.ones_like(z), 1) * dt * B if method == "zoh" else B_bar


def diagonal_by_series(count: int, A: Tensor, B: Tensor, dt: Tensor | float, method: str) -> tuple[Tensor, Tensor]:
    if method not in ("zoh", "mamba"):
        return discretize_diag(A, B, dt, method)
    z = dt * A
    decay, phi = (first_of(count, z, torch.mul, torch.ones_like(z), first) for first in (0, 1))
    return decay, phi * dt * B if method == "zoh" else dt * B


@replaces("discretize_diag")
def twelve_terms_of_both(A, B, dt, method="zoh"):
    """Your e^z and your (e^z - 1)/z are a dozen terms of their series. Near 0 they are enough; for z = -50 the terms
    grow until the fiftieth. Which functions of torch have all digits, and which z does a series have to cover?"""
    return diagonal_by_series(12, A, B, dt, method)


@replaces("discretize_diag")
def twenty_terms_of_both(A, B, dt, method="zoh"):
    """Your e^z and your (e^z - 1)/z are twenty terms of their series. Near 0 they are enough; for z = -50 the terms
    grow until the fiftieth. Which functions of torch have all digits, and which z does a series have to cover?"""
    return diagonal_by_series(20, A, B, dt, method)

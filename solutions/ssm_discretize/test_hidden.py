"""Discretisation against known eigenvalues, closed forms and its own half steps."""

import math

import pytest
import test_public
import torch
from torch.autograd import gradcheck

from grader.testing import assert_close, needs, points

# of one mode with z = ΔA: Ā and B̄ / ΔB, from plain numbers
MODES = {
    "zoh": (math.exp, lambda z: math.expm1(z) / z if z else 1.0),
    "bilinear": (lambda z: (1 + z / 2) / (1 - z / 2), lambda z: 1 / (1 - z / 2)),
    "euler": (lambda z: 1 + z, lambda z: 1.0),
    "mamba": (math.exp, lambda z: 1.0),
}


def matrix(*rows):
    return torch.tensor(rows, dtype=torch.float64)


def each(f, x):
    """f of every number of a tensor."""
    return torch.tensor([f(number) for number in x.flatten().tolist()], dtype=torch.float64).view(x.shape)


def system(rng, N):
    """V diag(a) V⁻¹ (N, N), which is not symmetric, with its eigenvalues a between -2 and -0.2, and V."""
    V = torch.eye(N, dtype=torch.float64) + 1.5 / N * (rng.rand(N, N) - 0.5)  # too near to I to be singular
    a = -0.2 - 1.8 * rng.rand(N)
    return V @ a.diag() @ torch.linalg.inv(V), a, V


def by_eigenvalues(a, V, B, dt, method):
    """A_bar and B_bar for the matrix V diag(a) V⁻¹."""
    decay, write = (V @ each(f, dt * a).diag() @ torch.linalg.inv(V) for f in MODES[method])
    return decay, write @ B * dt


def by_entries(A, B, dt, method):
    """A_bar and B_bar for a diagonal."""
    decay, write = (each(f, dt * A) for f in MODES[method])
    return decay, write * B * dt


def step(rng):
    return 0.3 + 0.7 * rng.rand(1).item()


@points(3)
@needs(test_public.test_example)
def test_zoh(submission, rng):
    """the matrix exponential, its integral on B"""
    N, M = rng.sizes(2, high=6)
    A, a, V = system(rng, N)
    B, dt = rng.randn(N, M), step(rng)
    expected = by_eigenvalues(a, V, B, dt, "zoh")
    assert_close(submission.discretize(A, B, dt), expected)
    assert_close(submission.discretize(A, B, dt, "zoh"), expected)


@points(2)
@needs(test_public.test_example)
def test_closed_forms(submission, rng):
    """zoh of a cart, of A = 0 and of a pendulum"""
    dt, w = step(rng), 1 + rng.rand(1).item()
    cart, force = matrix([0.0, 1.0], [0.0, 0.0]), matrix([0.0], [1.0])  # position' = velocity, velocity' = force
    moved = matrix([1.0, dt], [0.0, 1.0]), matrix([dt**2 / 2], [dt])
    assert_close(submission.discretize(cart, force, dt), moved)

    N, M = rng.sizes(2, high=6)
    B, zeros = rng.randn(N, M), torch.zeros(N, N, dtype=torch.float64)
    assert_close(submission.discretize(zeros, B, dt), (torch.eye(N, dtype=torch.float64), dt * B))

    pendulum, push = matrix([0.0, w], [-w, 0.0]), matrix([0.0], [w])
    c, s = math.cos(w * dt), math.sin(w * dt)
    assert_close(submission.discretize(pendulum, push, dt), (matrix([c, s], [-s, c]), matrix([1 - c], [s])))


@points(2)
@needs(test_public.test_example)
def test_two_half_steps(submission, rng):
    """zoh: two steps of dt/2 are one step of dt"""
    N, M = rng.sizes(2, high=6)
    A, B, dt = rng.randn(N, N), rng.randn(N, M), step(rng)
    A_half, B_half = submission.discretize(A, B, dt / 2)
    twice = torch.einsum("ij,jk->ik", A_half, A_half), torch.einsum("ij,jm->im", A_half, B_half) + B_half
    assert_close(submission.discretize(A, B, dt), twice)


@points(2)
@needs(test_public.test_example)
def test_bilinear(submission, rng):
    """half a step explicit, half implicit; on B too"""
    N, M = rng.sizes(2, high=6)
    A, a, V = system(rng, N)
    B, dt = rng.randn(N, M), step(rng)
    assert_close(submission.discretize(A, B, dt, "bilinear"), by_eigenvalues(a, V, B, dt, "bilinear"))


@points(1)
@needs(test_public.test_example)
def test_euler(submission, rng):
    """one step along the slope"""
    N, M = rng.sizes(2, high=6)
    A, a, V = system(rng, N)
    B, dt = rng.randn(N, M), step(rng)
    assert_close(submission.discretize(A, B, dt, "euler"), by_eigenvalues(a, V, B, dt, "euler"))


@points(1)
@needs(test_public.test_example_diagonal)
def test_diagonal(submission, rng):
    """entry by entry, in the shapes of S4D and Mamba"""
    Bt, T, Ch, N = rng.sizes(4, high=6)
    A = -0.2 - 1.8 * rng.rand(Ch, N)
    a, b, dt = A[0], rng.randn(N), step(rng)
    for method in ("zoh", "bilinear", "mamba"):
        assert_close(submission.discretize_diag(a, b, dt, method), by_entries(a, b, dt, method))
    assert_close(submission.discretize_diag(a, b, dt), by_entries(a, b, dt, "zoh"))

    s4d = rng.randn(Ch, N), 0.1 + rng.rand(Ch, 1)
    mamba = rng.randn(Bt, T, 1, N), 0.1 + rng.rand(Bt, T, Ch, 1)
    for B, steps in (s4d, mamba):
        for method in ("zoh", "bilinear", "mamba"):
            assert_close(submission.discretize_diag(A, B, steps, method), by_entries(A, B, steps, method))
    single = (x.float() for x in (A, *mamba))
    expected = tuple(x.float() for x in by_entries(A, *mamba, "zoh"))
    assert_close(submission.discretize_diag(*single), expected, rtol=1e-5, atol=1e-5)  # float32


@points(1)
@needs(test_public.test_example_diagonal)
def test_small_entries(submission, rng):
    """zoh of entries 0, -1e-12, -1e-9 … -0.003, -0.3"""
    A, dt = torch.tensor([0.0, -1e-12, -1e-9, -1e-7, -1e-5, -3e-4, -3e-3, -0.3], dtype=torch.float64), step(rng)
    B = 1 + rng.rand(len(A))
    assert_close(submission.discretize_diag(A, B, dt), by_entries(A, B, dt, "zoh"))


@points(1)
@needs(test_public.test_example, test_public.test_example_diagonal)
def test_stability(submission, rng):
    """A = -100, dt = 0.5: only Euler explodes"""
    A, B, dt = matrix([-100.0]), matrix([2.0]), 0.5
    values = {"zoh": (math.exp(-50), 2 * (1 - math.exp(-50)) / 100), "bilinear": (-24 / 26, 1 / 26)}
    for method, (decay, write) in {**values, "euler": (-49.0, 1.0)}.items():
        assert_close(submission.discretize(A, B, dt, method), (matrix([decay]), matrix([write])))
    for method, (decay, write) in {**values, "mamba": (math.exp(-50), 1.0)}.items():
        assert_close(submission.discretize_diag(A[0], B[0], dt, method), (matrix(decay), matrix(write)))


@points(1)
@needs(test_public.test_example)
def test_gradients(submission, rng):
    """reach A and B, by every rule"""
    N, M = rng.sizes(2, high=5)
    tensors = rng.randn(N, N).requires_grad_(), rng.randn(N, M).requires_grad_()
    for method in ("zoh", "bilinear", "euler"):

        def rule(A, B, method=method):
            return submission.discretize(A, B, 0.5, method)

        A_bar, B_bar = rule(*tensors)
        assert A_bar.requires_grad, f"{method}: no gradient leads from A_bar to A: something was detached."
        assert B_bar.requires_grad, f"{method}: no gradient leads from B_bar to B: something was detached."
        agrees = gradcheck(rule, tensors, fast_mode=True, raise_exception=False)
        assert agrees, f"{method}: the gradients of A_bar and B_bar are not those of finite differences."


@points(1)
@needs(test_public.test_example_diagonal)
def test_gradients_diagonal(submission, rng):
    """reach A, B and dt, and are not NaN at A = 0"""
    Ch, N = rng.sizes(2, high=5)
    A, B, dt = -0.2 - 1.8 * rng.rand(Ch, N), rng.randn(Ch, N), 0.1 + rng.rand(Ch, 1)
    tensors = A.requires_grad_(), B.requires_grad_(), dt.requires_grad_()
    for method in ("zoh", "bilinear", "mamba"):

        def rule(A, B, dt, method=method):
            return submission.discretize_diag(A, B, dt, method)

        A_bar, B_bar = rule(*tensors)
        assert A_bar.requires_grad, f"{method}: no gradient leads from A_bar to A: something was detached."
        assert B_bar.requires_grad, f"{method}: no gradient leads from B_bar to B: something was detached."
        agrees = gradcheck(rule, tensors, fast_mode=True, raise_exception=False)
        assert agrees, f"{method}: the gradients of A_bar and B_bar are not those of finite differences."

    A = torch.zeros(N, dtype=torch.float64).requires_grad_()
    B, dt, g = rng.randn(N).requires_grad_(), (0.1 + rng.rand(N)).requires_grad_(), rng.randn(N)
    _, B_bar = submission.discretize_diag(A, B, dt)
    (B_bar * g).sum().backward()
    gradients = (g * dt).detach(), (g * B).detach()  # B_bar is dt * B there
    assert_close((B.grad, dt.grad), gradients, name="gradients of B and dt at A = 0")
    assert A.grad is not None, "No gradient reaches A."
    assert_close(A.grad, (g * B * dt**2 / 2).detach(), name="gradient of A at A = 0")  # (e^z - 1)/z is 1 + z/2 + ...


@points(1)
@needs(test_public.test_example, test_public.test_example_diagonal)
def test_unknown_method(submission):
    """ValueError for any other method"""
    A, B = matrix([-1.0]), matrix([3.0])
    assert_close(submission.discretize(A, B, 0.5, "euler"), (matrix([0.5]), matrix([1.5])))
    assert_close(submission.discretize_diag(A, B, 0.5, "mamba"), (matrix([math.exp(-0.5)]), matrix([1.5])))
    for unknown in ("midpoint", ""):
        with pytest.raises(ValueError):  # noqa: PT011 - the wording is the student's
            submission.discretize(A, B, 0.5, unknown)
        with pytest.raises(ValueError):  # noqa: PT011
            submission.discretize_diag(A, B, 0.5, unknown)
    with pytest.raises(ValueError):  # noqa: PT011
        submission.discretize(A, B, 0.5, "mamba")
    with pytest.raises(ValueError):  # noqa: PT011
        submission.discretize_diag(A, B, 0.5, "euler")

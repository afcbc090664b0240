"""The matrix entry by entry, the recursion by substitution, the polynomials by NumPy, the read-out by least squares."""

import math

import numpy as np
import test_public
import torch
from numpy.polynomial import legendre

from grader.testing import assert_close, needs, points


def legs(N):
    """A and B as lists of numbers."""
    A = [[-math.sqrt((2 * i + 1) * (2 * j + 1)) if i > j else 0.0 for j in range(N)] for i in range(N)]
    for i in range(N):
        A[i][i] = -(i + 1.0)
    return A, [math.sqrt(2 * i + 1) for i in range(N)]


def online(f, N):
    """c_1 ... c_T (T, N) of one signal, each entry by forward substitution, from plain numbers."""
    A, B = legs(N)
    c, rows = [0.0] * N, []
    for t, sample in enumerate(f.tolist(), start=1):
        new = []
        for i in range(N):
            right = c[i] + sum(A[i][j] * c[j] for j in range(i + 1)) / (2 * t) + B[i] * sample / t
            right += sum(A[i][j] * new[j] for j in range(i)) / (2 * t)
            new.append(right / (1 - A[i][i] / (2 * t)))
        c = new
        rows.append(c)
    return torch.tensor(rows, dtype=torch.float64)


def online_of_all(f, N):
    """The same for (..., T)."""
    rows = [online(signal, N) for signal in f.reshape(-1, f.shape[-1])]
    return torch.stack(rows).view(*f.shape, N)


def series(c, s):
    """Σ c_n √(2n+1) P_n(2s - 1) for c (..., N), by NumPy."""
    N = c.shape[-1]
    values = legendre.legvander(2 * s.numpy() - 1, N - 1) * np.sqrt(2 * np.arange(N) + 1)  # (S, N)
    return torch.from_numpy(c.numpy() @ values.T)


def smooth(rng, T):
    """Two cosine waves, of 1 and 2 periods in T samples; no value is above 1."""
    height = rng.randn(2)
    height = height / height.abs().sum()
    place = (torch.arange(T, dtype=torch.float64) + 0.5) / T
    periods = torch.tensor([[1.0], [2.0]], dtype=torch.float64)
    return height @ torch.cos(2 * math.pi * (periods * place + rng.rand(2, 1)))


def states(A, B, dt, f):
    """z (T, N) or (T, 2N), with the inverse as a matrix."""
    A, B = A.to(torch.complex128), B.to(torch.complex128)
    half = dt / 2 * A
    inverse = torch.linalg.inv(torch.eye(len(A)) - half)
    forward = torch.eye(len(A)) + half
    x, rows = torch.zeros(len(A), dtype=torch.complex128), []
    for sample in f.tolist():
        x = inverse @ (forward @ x + dt * sample * B)
        rows.append(x)
    return torch.stack(rows)


def share(A, B, dt, f, lag, ridge=1e-6):
    """recall, as an augmented least-squares problem: a row √λ for each number of the state, and 0 beside it."""
    x = states(A, B, dt, f)
    z = torch.cat([x.real, x.imag], dim=1) if A.is_complex() or B.is_complex() else x.real
    z, target = z[lag:], f[: len(f) - lag]
    width = z.shape[1]
    root = math.sqrt(ridge * float((z * z).sum()) / width)
    Q, R = torch.linalg.qr(torch.cat([z, root * torch.eye(width, dtype=torch.float64)]))
    w = torch.linalg.solve_triangular(R, (Q.T @ torch.cat([target, torch.zeros(width)]))[:, None], upper=True)[:, 0]
    missed = target - z @ w
    return float(1 - missed @ missed / (target @ target))


def stable(rng, N):
    """A (N, N) whose eigenvalues have real parts of -0.5 and less, and B (N,)."""
    A = rng.randn(N, N) / N**0.5
    return A - (torch.linalg.eigvals(A).real.max() + 0.5) * torch.eye(N, dtype=torch.float64), rng.randn(N)


def lin(half):
    """S4D-Lin: half complex numbers."""
    n = torch.arange(half, dtype=torch.float64)
    return torch.complex(torch.full_like(n, -0.5), math.pi * n).diag(), torch.ones(half, dtype=torch.complex128)


@points(4)
@needs(test_public.test_shapes)
def test_matrix(submission):
    """A and B for N = 1, 2, 5 and 64"""
    for N in (1, 2, 5, 64):
        expected = tuple(torch.tensor(numbers, dtype=torch.float64) for numbers in legs(N))
        assert_close(submission.hippo_legs(N), expected)


@points(2)
@needs(test_public.test_shapes)
def test_powers_of_t(submission):
    """the coefficients of f = t^m obey the equation"""
    # c_n(t) = κ_n t^m with κ_n = √(2n+1) m!² / ((m-n)! (m+n+1)!), and m κ = A κ + B.
    N = 6
    A, B = submission.hippo_legs(N)
    for m in range(2 * N):
        kappa = [0.0] * N
        for n in range(min(m + 1, N)):
            whole = math.factorial(m) ** 2 / (math.factorial(m - n) * math.factorial(m + n + 1))
            kappa[n] = math.sqrt(2 * n + 1) * whole
        kappa = torch.tensor(kappa, dtype=torch.float64)
        assert_close(A @ kappa + B, m * kappa, name=f"A κ + B of f = t^{m}")


@points(6)
@needs(test_public.test_shapes)
def test_online(submission, rng):
    """every step of the bilinear rule"""
    for T, N in ((9, 5), (1, 4), (2, 3), (6, 1), (5, 11), (40, 7)):
        f = rng.randn(T)
        assert_close(submission.legs_coefficients(f, N), online(f, N))


@points(2)
@needs(test_public.test_shapes)
def test_constant(submission):
    """the mean of a constant: 1 − 1/(2t + 1)"""
    T = 60
    expected = torch.tensor([1 - 1 / (2 * t + 1) for t in range(1, T + 1)], dtype=torch.float64)
    for N in (1, 2, 8):
        c = submission.legs_coefficients(torch.ones(T, dtype=torch.float64), N)
        assert_close(c[:, 0], expected, name="first coefficients")


@points(2)
@needs(test_online)
def test_leading_dimensions(submission, rng):
    """any of them, and float32"""
    T, N, Bt, H = 6, 4, 3, 2
    f = rng.randn(Bt, H, T)
    expected = online_of_all(f, N)
    assert_close(submission.legs_coefficients(f, N), expected)
    assert_close(submission.legs_coefficients(f[1], N), expected[1])
    strided = f[:, 0].T.contiguous().T
    assert_close(submission.legs_coefficients(strided, N), expected[:, 0])
    # float32: at most 6 steps with numbers of size 1, measured 5e-7
    assert_close(submission.legs_coefficients(f.float(), N), expected.float(), rtol=1e-5, atol=1e-5)


@points(4)
@needs(test_online)
def test_projection(submission, rng):
    """nearly the integrals over the past"""
    T, N = 300, 4
    for _ in range(2):
        f = smooth(rng, T)
        borders = 2 * np.arange(T + 1) / T - 1
        exact = []
        for n in range(N):
            one = np.zeros(n + 1)
            one[n] = math.sqrt(2 * n + 1)
            exact.append(float(f.numpy() @ np.diff(legendre.legval(borders, legendre.legint(one)) / 2)))
        c = submission.legs_coefficients(f, N)
        # The bilinear rule is off by a share of 1/T: measured at most 1.9/T over 80 signals.
        expected = torch.tensor(exact, dtype=torch.float64)
        assert_close(c[-1], expected, rtol=0.0, atol=3 / T, name="c after the last sample")


@points(4)
@needs(test_public.test_shapes)
def test_reconstruct(submission, rng):
    """the Legendre series, N = 1 to 64"""
    for N in (1, 2, 3, 4, 7, 20, 40, 64):
        c, s = rng.randn(N), torch.cat([torch.tensor([0.0, 1.0], dtype=torch.float64), rng.rand(7)])
        assert_close(submission.reconstruct(c, s), series(c, s))
    c, s = rng.randn(3, 2, 5), rng.rand(7)
    assert_close(submission.reconstruct(c, s), series(c, s))
    # float32: five terms of size 3, each from a few products
    assert_close(submission.reconstruct(c.float(), s.float()), series(c, s).float(), rtol=1e-5, atol=1e-4)


@points(2)
@needs(test_online, test_reconstruct)
def test_past(submission, rng):
    """a smooth signal comes back, all and half of it"""
    T, N = 300, 12
    f = smooth(rng, T)
    c = submission.legs_coefficients(f, N)
    for t in (T, T // 2):
        place = (torch.arange(t, dtype=torch.float64) + 0.5) / t
        inner = (place > 0.05) & (place < 0.95)
        found = submission.reconstruct(c[t - 1], place[inner])
        # Measured: at most 0.06 over 40 signals, of which no value is above 1.
        assert_close(found, f[:t][inner], rtol=0.0, atol=0.15, name="the past, as reconstructed")


@points(6)
@needs(test_public.test_shapes)
def test_recall(submission, rng):
    """real and complex states, lags, ridges, steps"""
    T = 60
    f = rng.randn(T).cumsum(0) * 0.3 + 1.0  # its mean is not 0
    real, mixed = stable(rng, 5), (stable(rng, 4)[0], torch.complex(rng.randn(4), rng.randn(4)))
    diagonal = torch.complex(-0.3 - rng.rand(3), 2 * rng.randn(3)).diag()
    whole = diagonal, torch.complex(rng.randn(3), rng.randn(3))
    turning = real[0].to(torch.complex128), real[1]  # complex by its dtype: 2N numbers, of which N are 0
    for A, B in (real, whole, mixed, (diagonal, rng.randn(3)), turning):
        for dt, lag, ridge in ((0.3, 20, 0.3), (0.2, 7, 1e-2), (0.3, 0, 1e-6), (0.1, 1, 1e-6), (0.4, T - 1, 0.1)):
            found = submission.recall(A, B, dt, f, lag, ridge)
            # The normal equations of a state with a ridge of 1e-6 lose up to 9 of 16 digits.
            expected = share(A, B, dt, f, lag, ridge)
            assert_close(found, expected, rtol=0.0, atol=1e-6, name=f"recall, dt = {dt}, lag = {lag}, ridge = {ridge}")
    A, B = real
    assert_close(submission.recall(A, B, 0.2, f, 3), share(A, B, 0.2, f, 3), rtol=0.0, atol=1e-6, name="recall")
    loud = submission.recall(A, 1000 * B, 0.2, f, 4, 0.05)
    assert_close(loud, share(A, B, 0.2, f, 4, 0.05), rtol=0.0, atol=1e-6, name="recall with B times 1000")


@points(2)
@needs(test_matrix, test_recall)
def test_legs_remembers(submission, rng):
    """more than S4D-Lin, and that more than a random A"""
    T, N, lag, dt = 1000, 16, 100, 0.01
    n = torch.arange(1, 21, dtype=torch.float64)[:, None]
    place = torch.arange(T, dtype=torch.float64) / T
    f = (rng.randn(20, 1) * torch.cos(2 * math.pi * (n * place + rng.rand(20, 1)))).sum(0)
    A, B = submission.hippo_legs(N)
    shares = [submission.recall(*system, dt, f, lag) for system in ((A, B), lin(N // 2), stable(rng, N))]
    assert shares[0] > 0.97, f"LegS should know nearly all of a smooth signal 100 steps back: {shares[0]:.4f}."
    assert shares[0] > shares[1] > shares[2], f"LegS, S4D-Lin, random: {shares}. They should fall in this order."


@points(2)
@needs(test_online, test_reconstruct)
def test_gradients(submission, rng):
    """reach f and c"""
    T, N, Bt, S = 6, 4, 3, 5
    f, g = rng.randn(Bt, T).requires_grad_(), rng.randn(Bt, T, N)
    c = submission.legs_coefficients(f, N)
    assert c.requires_grad, "No gradient leads from the coefficients to f: something was detached."
    (c * g).sum().backward()
    # The coefficients are linear in f: the gradient of sample t is the response to a 1 at t, times g.
    response = online_of_all(torch.eye(T, dtype=torch.float64), N)
    assert f.grad is not None, "No gradient leads from the coefficients to f: something was detached."
    assert_close(f.grad, torch.einsum("stn,btn->bs", response, g), name="gradient of f")

    c, s, g = rng.randn(Bt, N).requires_grad_(), rng.rand(S), rng.randn(Bt, S)
    found = submission.reconstruct(c, s)
    assert found.requires_grad, "No gradient leads from the polynomial to c: something was detached."
    (found * g).sum().backward()
    assert c.grad is not None, "No gradient leads from the polynomial to c: something was detached."
    assert_close(c.grad, g @ series(torch.eye(N, dtype=torch.float64), s).T, name="gradient of c")

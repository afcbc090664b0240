"""Right solutions in other styles. None of them may lose a point."""

import math
from typing import NamedTuple

import numpy as np
import torch
from hippo import hippo_legs
from torch import Tensor

from grader.testing import replaces


class System(NamedTuple):
    A: Tensor
    B: Tensor


@replaces("hippo_legs")
def entry_by_entry(n):
    """a loop over entries; a named tuple"""
    A = torch.zeros(n, n, dtype=torch.float64)
    for i in range(n):
        for j in range(i):
            A[i, j] = -math.sqrt((2 * i + 1) * (2 * j + 1))
        A[i, i] = -i - 1
    return System(A, torch.tensor([math.sqrt(2 * i + 1) for i in range(n)], dtype=torch.float64))


@replaces("hippo_legs")
def numpy_masks(n):
    """NumPy's where; a list, and an A that is a transposed view"""
    i = np.arange(n, dtype=np.float64)
    below = np.sqrt(np.outer(2 * i + 1, 2 * i + 1))
    A = np.where(i[:, None] > i, -below, np.where(i[:, None] == i, -(i + 1), 0.0))
    return [torch.from_numpy(np.ascontiguousarray(A.T)).T, torch.from_numpy(np.sqrt(2 * i + 1))]


@replaces("hippo_legs")
def outer_product(n):
    """the outer product of B with itself, and what the diagonal has too much"""
    B = torch.arange(1, 2 * n, 2, dtype=torch.float64).sqrt()
    return torch.outer(B, B).neg().tril() + torch.diag(torch.arange(n, dtype=torch.float64)), B


@replaces("legs_coefficients")
def dense_inverse(f, n):
    """the inverse as a matrix, einsum, in float64"""
    A, B = hippo_legs(n)
    eye = torch.eye(n, dtype=torch.float64)
    c, cs = torch.zeros(n, dtype=torch.float64), []
    for t in range(1, f.shape[-1] + 1):
        inverse = torch.linalg.inv(eye - A / (2 * t))
        forward = torch.einsum("ij,jk->ik", inverse, eye + A / (2 * t))
        new = torch.einsum("ij,...j->...i", forward, c)
        c = new + torch.einsum("i,...->...i", inverse @ B, f[..., t - 1].double()) / t
        cs.append(c)
    return torch.stack(cs).movedim(0, -2).to(f.dtype)


@replaces("legs_coefficients")
def one_coefficient_after_the_other(f, n):
    """forward substitution with running sums: no matrix at all, N operations for each sample"""
    root = [math.sqrt(2 * i + 1) for i in range(n)]
    c = [torch.zeros_like(f[..., 0])] * n
    rows = []
    for t in range(1, f.size(-1) + 1):
        new, old_sum, new_sum = [], 0.0, 0.0  # Σ_j<i root_j c_j of the old and of the new coefficients
        for i in range(n):
            drift = -root[i] * (old_sum + new_sum) - (i + 1) * c[i]
            right = c[i] + drift / (2 * t) + root[i] * f[..., t - 1] / t
            new.append(right / (1 + (i + 1) / (2 * t)))
            old_sum = old_sum + root[i] * c[i]
            new_sum = new_sum + root[i] * new[i]
        c = new
        rows.append(torch.stack(c, dim=-1))
    return torch.stack(rows, dim=f.dim() - 1)


@replaces("legs_coefficients")
def multiplied_by_two_t(f, n):
    """(2tI − A) c = (2tI + A) c + 2Bf, all signals as columns"""
    A, B = (m.type(f.dtype) for m in hippo_legs(n))
    signals = f.reshape(-1, f.shape[-1]).T  # (T, S)
    c = torch.zeros(n, signals.shape[1], dtype=f.dtype)
    found = []
    for t, row in enumerate(signals, 1):
        step = 2 * t * torch.eye(n, dtype=f.dtype)
        c = torch.linalg.solve(step - A, (step + A) @ c + 2 * torch.outer(B, row))
        found.append(c.T)
    return torch.stack(found, dim=1).reshape(*f.shape, n)


class NumpyLegs(torch.autograd.Function):
    """The response of every coefficient to every sample, in NumPy; the gradient is its transpose."""

    @staticmethod
    def forward(ctx, f, n):
        T = f.shape[-1]
        A, B = (m.numpy() for m in hippo_legs(n))
        response, c = np.zeros((T, n, T)), np.zeros((n, T))
        for t in range(1, T + 1):
            left, right = np.eye(n) - A / (2 * t), np.eye(n) + A / (2 * t)
            sample = np.zeros(T)
            sample[t - 1] = 1 / t
            c = np.linalg.solve(left, right @ c + np.outer(B, sample))
            response[t - 1] = c
        ctx.response = torch.from_numpy(response).to(f.dtype)
        return torch.einsum("tns,...s->...tn", ctx.response, f)

    @staticmethod
    def backward(ctx, g):
        return torch.einsum("tns,...tn->...s", ctx.response, g), None


@replaces("legs_coefficients")
def numpy_round_trip(f, n):
    """NumPy inside a custom autograd Function, gradient by hand"""
    return NumpyLegs.apply(f, n)


@replaces("reconstruct")
def clenshaw(c, s):
    """Clenshaw's rule from the highest degree down, in float64"""
    N, x = c.shape[-1], 2.0 * s.double() - 1.0
    a = [c[..., n, None].double() * math.sqrt(2 * n + 1) for n in range(N)]
    above, two_above = torch.zeros_like(x), torch.zeros_like(x)
    for n in reversed(range(N)):
        above, two_above = a[n] + (2 * n + 1) / (n + 1) * x * above - (n + 1) / (n + 2) * two_above, above
    return above.to(c.dtype)


@replaces("reconstruct")
def by_numpy(c, s):
    """NumPy's table of Legendre polynomials; the product with c is torch's"""
    table = np.polynomial.legendre.legvander(2 * s.detach().double().numpy() - 1, c.shape[-1] - 1)
    weights = (2 * torch.arange(c.shape[-1]) + 1).double().sqrt()
    return (c.double() @ (torch.from_numpy(table) * weights).T).to(c.dtype)


@replaces("reconstruct")
def one_degree_at_a_time(c, s):
    """adds one degree after the other; a view of a transposed result"""
    x = s + s - 1
    before, P = torch.zeros_like(x), torch.ones_like(x)
    total = c[..., :1].movedim(-1, 0) * P.view(-1, *[1] * (c.dim() - 1))
    for n in range(1, c.shape[-1]):
        before, P = P, ((2 * n - 1) * x * P - (n - 1) * before) / n
        total = total + (2 * n + 1) ** 0.5 * P.view(-1, *[1] * (c.dim() - 1)) * c[..., n]
    return total.movedim(0, -1)


@replaces("recall")
def augmented_rows(A, B, dt, f, lag, ridge=1e-6):
    """complex all the way; √λ as further rows of a least-squares problem"""
    a, b = A.to(torch.complex128), B.to(torch.complex128)
    inverse = torch.inverse(torch.eye(len(a)) - a * dt / 2)
    a, b = inverse @ (torch.eye(len(a)) + a * dt / 2), inverse @ b * dt
    rows = [b * f[0]]
    for t in range(1, len(f)):
        rows.append(torch.mv(a, rows[-1]) + b * f[t])
    x = torch.stack(rows)
    z = torch.view_as_real(x).flatten(1) if A.is_complex() or B.is_complex() else x.real
    z, y = z[lag:], f[: f.numel() - lag]
    root = (ridge * (z**2).sum() / z.shape[1]).sqrt()
    wide = torch.cat([z, root * torch.eye(z.shape[1], dtype=z.dtype)])
    w = torch.linalg.lstsq(wide, torch.cat([y, torch.zeros(z.shape[1])]).unsqueeze(1), driver="gelsd").solution
    return float(1 - ((y - (z @ w)[:, 0]) ** 2).sum() / (y**2).sum())


@replaces("recall")
def by_numpy_and_svd(A, B, dt, f, lag, ridge=1e-6):
    """NumPy: the state as a convolution with a kernel, the ridge through singular values"""
    a, b = A.numpy().astype(complex), B.numpy().astype(complex)
    half, eye = dt / 2 * a, np.eye(len(a))
    a, b = np.linalg.solve(eye - half, eye + half), np.linalg.solve(eye - half, dt * b)
    T, samples = len(f), f.numpy()
    kernel = [b]
    for _ in range(T - 1):
        kernel.append(a @ kernel[-1])
    kernel = np.stack(kernel)  # (T, N)
    x = np.stack([kernel[t::-1].T @ samples[: t + 1] for t in range(T)])
    z = np.concatenate([x.real, x.imag], axis=1) if A.is_complex() or B.is_complex() else x.real
    z, target = z[lag:], samples[: T - lag]
    U, S, _ = np.linalg.svd(z, full_matrices=False)
    penalty = ridge * np.sum(z**2) / z.shape[1]
    missed = target - U @ (S**2 / (S**2 + penalty) * (U.T @ target))
    return float(1 - np.sum(missed**2) / np.sum(target**2))


@replaces("recall")
def solved_step_by_step(A, B, dt, f, lag, ridge=1e-6):
    """bilinear steps solved anew at each sample; lists; cholesky of the ridge"""
    if A.dtype != B.dtype:
        A, B = A.to(torch.complex128), B.to(torch.complex128)
    eye = torch.eye(A.shape[0], dtype=A.dtype)
    LU, pivots = torch.linalg.lu_factor(eye - A * (dt / 2))
    x, states = torch.zeros(A.shape[0], 1, dtype=A.dtype), []
    for sample in f.tolist():
        x = torch.linalg.lu_solve(LU, pivots, x + dt / 2 * (A @ x) + dt * sample * B[:, None])
        states.append(x[:, 0])
    z = torch.stack(states[lag:])
    if torch.is_complex(z):
        z = torch.hstack([z.real, z.imag])
    target = f[: len(z)]
    gram = torch.einsum("ti,tj->ij", z, z)
    L = torch.linalg.cholesky(gram + ridge * gram.diagonal().mean() * torch.eye(len(gram), dtype=gram.dtype))
    w = torch.cholesky_solve((z.T @ target)[:, None], L)[:, 0]
    return 1.0 - float((target - z @ w).pow(2).sum()) / float(target.pow(2).sum())

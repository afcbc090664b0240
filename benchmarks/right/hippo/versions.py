import functools
import math
from typing import NamedTuple

import numpy as np
import torch
from base import hippo_legs
from torch import Tensor

from grader.testing import replaces


# ---- hippo_legs


@replaces("hippo_legs")
def legs_loops(n):
    """two loops"""
    A, B = torch.zeros(n, n, dtype=torch.float64), torch.zeros(n, dtype=torch.float64)
    for i in range(n):
        B[i] = math.sqrt(2 * i + 1)
        for j in range(i + 1):
            A[i, j] = -(i + 1) if i == j else -math.sqrt((2 * i + 1) * (2 * j + 1))
    return A, B


@replaces("hippo_legs")
def legs_numpy(n):
    """numpy"""
    b = np.sqrt(2.0 * np.arange(n) + 1)
    a = -np.tril(np.outer(b, b), -1)
    np.fill_diagonal(a, -np.arange(1.0, n + 1))
    return torch.from_numpy(a), torch.from_numpy(b)


@replaces("hippo_legs")
def legs_where(n):
    """nested where on integer indices"""
    i = torch.arange(n)
    row, column = i[:, None], i[None, :]
    below = -((2 * row + 1) * (2 * column + 1)).double().sqrt()
    diagonal = -(row + 1.0).double()
    A = torch.where(row > column, below, torch.where(row == column, diagonal, 0.0))
    return A, (2 * i + 1).double().sqrt()


@replaces("hippo_legs")
def legs_lists(n):
    """nested lists"""
    a = [[-math.sqrt(2 * i + 1) * math.sqrt(2 * j + 1) if i > j else -(i + 1.0) if i == j else 0.0 for j in range(n)] for i in range(n)]
    return torch.tensor(a, dtype=torch.float64), torch.tensor([(2 * i + 1) ** 0.5 for i in range(n)], dtype=torch.float64)


@replaces("hippo_legs")
def legs_triangle(n):
    """tril of the outer product, the diagonal corrected by i"""
    B = torch.linspace(1, 2 * n - 1, n, dtype=torch.float64).sqrt()
    A = -torch.outer(B, B).tril()
    return A + torch.diag_embed(torch.arange(n, dtype=torch.float64)), B


class System(NamedTuple):
    A: Tensor
    B: Tensor


@replaces("hippo_legs")
def legs_named(n):
    """a NamedTuple; the diagonal filled in place; A as a transposed view"""
    b = torch.arange(1, 2 * n, 2, dtype=torch.float64) ** 0.5
    upper = torch.triu(-(b.unsqueeze(1) @ b.unsqueeze(0)), 1)
    upper.diagonal().copy_(-torch.arange(1, n + 1, dtype=torch.float64))
    return System(upper.T, b)


@replaces("hippo_legs")
def legs_indices(n):
    """tril_indices"""
    i, j = torch.tril_indices(n, n, -1)
    A = torch.zeros(n, n, dtype=torch.float64)
    A[i, j] = -torch.sqrt(((2 * i + 1) * (2 * j + 1)).to(torch.float64))
    A.fill_diagonal_(0).sub_(torch.diag(torch.arange(1.0, n + 1, dtype=torch.float64)))
    return A, torch.sqrt(torch.arange(n, dtype=torch.float64).mul(2).add(1))


@replaces("hippo_legs")
def legs_scaled(n):
    """D (integer matrix) D⁻¹: −(2j+1) below the diagonal"""
    B = torch.sqrt(2 * torch.arange(n).double() + 1)
    whole = -torch.tril((B * B).expand(n, n), -1) - torch.diag(torch.arange(1, n + 1).double())
    return B[:, None] * whole / B, B


# ---- legs_coefficients


@replaces("legs_coefficients")
def coefficients_solve(f, n):
    """torch.linalg.solve, in the dtype of f"""
    A, B = (z.to(f.dtype) for z in hippo_legs(n))
    eye = torch.eye(n, dtype=f.dtype)
    c, out = f.new_zeros(*f.shape[:-1], n, 1), []
    for t, sample in enumerate(f.unbind(-1), start=1):
        right = (eye + A / (2 * t)) @ c + sample[..., None, None] * B[:, None] / t
        c = torch.linalg.solve(eye - A / (2 * t), right)
        out.append(c[..., 0])
    return torch.stack(out, -2)


@replaces("legs_coefficients")
def coefficients_inverse(f, n):
    """inverses of 64 steps at once, (I − H)⁻¹(I + H) = 2 (I − H)⁻¹ − I, in float64"""
    A, B = hippo_legs(n)
    eye = torch.eye(n, dtype=torch.float64)
    c, out = torch.zeros(*f.shape[:-1], n, dtype=torch.float64), []
    for first in range(0, f.shape[-1], 64):
        part = f[..., first : first + 64].double()
        t = torch.arange(first + 1, first + 1 + part.shape[-1], dtype=torch.float64)[:, None, None]
        inverse = torch.linalg.inv(eye - A / (2 * t))
        step, write = 2 * inverse - eye, inverse @ B / t[:, :, 0]
        for i in range(part.shape[-1]):
            c = torch.einsum("ij,...j->...i", step[i], c) + write[i] * part[..., i : i + 1]
            out.append(c)
    return torch.stack(out, dim=-2).to(f.dtype)


@replaces("legs_coefficients")
def coefficients_times_2t(f, n):
    """multiplied by 2t: (2t − A) c_t = (2t + A) c_{t−1} + 2 B f_t"""
    A, B = hippo_legs(n)
    rows = f.reshape(-1, f.shape[-1]).double().T  # (T, M)
    eye = torch.eye(n, dtype=torch.float64)
    c, out = torch.zeros(n, rows.shape[1], dtype=torch.float64), []
    for t, row in enumerate(rows, 1):
        c = torch.linalg.solve_triangular(2 * t * eye - A, (2 * t * eye + A) @ c + 2 * torch.outer(B, row), upper=False)
        out.append(c)
    return torch.stack(out).permute(2, 0, 1).reshape(*f.shape, n).to(f.dtype)


@replaces("legs_coefficients")
def coefficients_midpoint(f, n):
    """the midpoint m = (c_t + c_{t−1})/2 solves (I − A/(2t)) m = c_{t−1} + B f_t/(2t); c_t = 2m − c_{t−1}"""
    A, B = hippo_legs(n)
    samples, eye = f.double(), torch.eye(n, dtype=torch.float64)
    c, out = torch.zeros(*f.shape[:-1], n, dtype=torch.float64), []
    for t in range(1, f.shape[-1] + 1):
        right = c + samples[..., t - 1].unsqueeze(-1) * (B / (2 * t))
        middle = torch.linalg.solve_triangular(eye - A / (2 * t), right[..., None], upper=False)[..., 0]
        c = 2 * middle - c
        out.append(c)
    return torch.stack(out, dim=-2).to(f.dtype)


class _Legs(torch.autograd.Function):
    @staticmethod
    def forward(ctx, f, n):
        A, B = (z.numpy() for z in hippo_legs(n))
        T = f.shape[-1]
        response = np.zeros((T, T, n))  # of sample s at time t
        eye = np.eye(n)
        for t in range(1, T + 1):
            inverse = np.linalg.inv(eye - A / (2 * t))
            if t > 1:
                response[t - 1, : t - 1] = response[t - 2, : t - 1] @ (inverse @ (eye + A / (2 * t))).T
            response[t - 1, t - 1] = inverse @ B / t
        ctx.response = torch.from_numpy(response)
        return torch.einsum("tsn,...s->...tn", ctx.response, f.double()).to(f.dtype)

    @staticmethod
    def backward(ctx, grad):
        return torch.einsum("tsn,...tn->...s", ctx.response, grad.double()).to(grad.dtype), None


@replaces("legs_coefficients")
def coefficients_backwards(f, n):
    """an autograd.Function that solves the transposed system backwards in time"""
    A, B = hippo_legs(n)
    eye = torch.eye(n, dtype=torch.float64)

    class Scan(torch.autograd.Function):
        @staticmethod
        def forward(ctx, z):
            c, out = torch.zeros(*z.shape[:-1], n, dtype=torch.float64), []
            for t in range(1, z.shape[-1] + 1):
                c = torch.linalg.solve((eye - A / (2 * t)), ((eye + A / (2 * t)) @ c.unsqueeze(-1) + z[..., t - 1, None, None].double() * B[:, None] / t)).squeeze(-1)
                out.append(c)
            return torch.stack(out, -2).to(z.dtype)

        @staticmethod
        def backward(ctx, grad):
            g, out = torch.zeros_like(grad[..., 0, :], dtype=torch.float64), []
            for t in range(grad.shape[-2], 0, -1):
                g = torch.linalg.solve((eye - A / (2 * t)).T, (g + grad[..., t - 1, :].double()).unsqueeze(-1)).squeeze(-1)
                out.append(g @ B / t)
                g = g @ (eye + A / (2 * t))
            return torch.stack(out[::-1], -1).to(grad.dtype)

    return Scan.apply(f)


@replaces("legs_coefficients")
def coefficients_scaled(f, n):
    """the state without its factors √(2n+1)"""
    i = torch.arange(n, dtype=torch.float64)
    A = -torch.tril((2 * i + 1).expand(n, n), -1) - torch.diag(i + 1)
    eye = torch.eye(n, dtype=torch.float64)
    d, out = torch.zeros(*f.shape[:-1], n, 1, dtype=torch.float64), []
    for t in range(1, f.shape[-1] + 1):
        right = d + A @ d / (2 * t) + f[..., t - 1, None, None].double() / t
        d = torch.linalg.solve_triangular(eye - A / (2 * t), right.expand(*f.shape[:-1], n, 1), upper=False, unitriangular=False)
        out.append(d.squeeze(-1) * (2 * i + 1).sqrt())
    return torch.stack(out, -2).to(f.dtype)


@replaces("legs_coefficients")
def coefficients_increment(f, n):
    """(I − A/(2t)) (c_t − c_{t−1}) = (A c_{t−1} + B f_t)/t"""
    A, B = hippo_legs(n)
    z = f.double()
    c = torch.zeros(f.shape[:-1] + (n,), dtype=torch.float64)
    rows = []
    for t in range(1, f.size(-1) + 1):
        slope = (c @ A.mT + z[..., t - 1].unsqueeze(-1) * B) / t
        system = torch.eye(n, dtype=torch.float64) - A / (2 * t)
        c = c + torch.linalg.solve_triangular(system.mT, slope.reshape(-1, n), upper=True, left=False).view(c.shape)
        rows.append(c)
    return torch.stack(rows, dim=len(f.shape) - 1).type(f.dtype)


@replaces("legs_coefficients")
def coefficients_recursive(f, n):
    """the matrices from a helper, lu factored; the result filled in place and transposed"""
    A, B = hippo_legs(n)

    def step(t):
        left = torch.eye(n, dtype=torch.float64) - A / (2 * t)
        lu = torch.linalg.lu_factor(left)
        return torch.linalg.lu_solve(*lu, torch.cat([2 * torch.eye(n, dtype=torch.float64) - left, B[:, None] / t], 1)).T

    z = f.to(torch.float64)
    c = torch.zeros(*f.shape[:-1], n, dtype=torch.float64)
    out = []
    for t in range(1, f.shape[-1] + 1):
        c = torch.cat([c, z[..., t - 1 : t]], -1) @ step(t)
        out.append(c)
    return torch.stack(out, -1).to(f.dtype).transpose(-1, -2)


@replaces("legs_coefficients")
def coefficients_response(f, n):
    """numpy: the response to each sample, as one linear map"""
    return _Legs.apply(f, n) if f.shape[-1] <= 256 else _scan64(f, n)


@replaces("legs_coefficients")
def coefficients_block_system(f, n):
    """one large block-bidiagonal system for short signals, the scan for others"""
    T = f.shape[-1]
    if T * n > 200:
        return _scan64(f, n)
    A, B = hippo_legs(n)
    big = torch.zeros(T, n, T, n, dtype=torch.float64)
    for t in range(1, T + 1):
        big[t - 1, :, t - 1] = torch.eye(n, dtype=torch.float64) - A / (2 * t)
        if t > 1:
            big[t - 1, :, t - 2] = -torch.eye(n, dtype=torch.float64) - A / (2 * t)
    right = f.double().unsqueeze(-1) * B / torch.arange(1, T + 1, dtype=torch.float64)[:, None]  # (..., T, N)
    flat = torch.linalg.solve(big.view(T * n, T * n), right.reshape(-1, T * n).T).T
    return flat.reshape(*f.shape, n).to(f.dtype)


@replaces("legs_coefficients")
def coefficients_numpy_steps(f, n):
    """numpy makes the steps, torch runs them; samples last, (N, …) states"""
    A, B = (z.numpy() for z in hippo_legs(n))
    c, out = torch.zeros(n, *f.shape[:-1], dtype=torch.float64), []
    for t in range(1, f.shape[-1] + 1):
        left = np.eye(n) - A / (2 * t)
        step = torch.from_numpy(np.linalg.solve(left, 2 * np.eye(n) - left))
        write = torch.from_numpy(np.linalg.solve(left, B / t))
        c = torch.tensordot(step, c, dims=1) + torch.tensordot(write, f[..., t - 1].double(), dims=0)
        out.append(c)
    return torch.stack(out).movedim(0, -1).movedim(0, -1).to(f.dtype)


def _scan64(f, n):
    A, B = hippo_legs(n)
    eye = torch.eye(n, dtype=torch.float64)
    c, out = torch.zeros(*f.shape[:-1], n, dtype=torch.float64), []
    for t in range(1, f.shape[-1] + 1):
        inverse = torch.linalg.inv(eye - A / (2 * t))
        c = (c @ (eye + A / (2 * t)).T + f[..., t - 1 : t].double() * B / t) @ inverse.T
        out.append(c)
    return torch.stack(out, -2).to(f.dtype)


# ---- reconstruct


def _basis(x, n):
    rows = [torch.ones_like(x), x][:n]
    for m in range(1, n - 1):
        rows.append(((2 * m + 1) * x * rows[m] - m * rows[m - 1]) / (m + 1))
    return rows


@replaces("reconstruct")
def polynomial_sum(c, s):
    """summed up as the recurrence goes, in the dtype of c"""
    x = 2 * s - 1
    before, now = torch.zeros_like(x), torch.ones_like(x)
    y = torch.zeros_like(c[..., :1] * s)
    for m in range(c.shape[-1]):
        y = y + c[..., m : m + 1] * math.sqrt(2 * m + 1) * now
        before, now = now, ((2 * m + 1) / (m + 1)) * x * now - (m / (m + 1)) * before
    return y


@replaces("reconstruct")
def polynomial_clenshaw(c, s):
    """Clenshaw, from the top down, in float64"""
    n = c.shape[-1]
    d = c.double() * torch.arange(1, 2 * n, 2, dtype=torch.float64).sqrt()
    x = 2 * s.double() - 1
    b1 = b2 = torch.zeros(*c.shape[:-1], len(s), dtype=torch.float64)
    for m in range(n - 1, -1, -1):
        b1, b2 = d[..., m : m + 1] + (2 * m + 1) / (m + 1) * x * b1 - (m + 1) / (m + 2) * b2, b1
    return b1.to(c.dtype)


@replaces("reconstruct")
def polynomial_vander(c, s):
    """numpy.polynomial.legendre.legvander"""
    n = c.shape[-1]
    v = np.polynomial.legendre.legvander(2 * s.detach().double().numpy() - 1, n - 1) * np.sqrt(2 * np.arange(n) + 1)
    return torch.einsum("...n,sn->...s", c.double(), torch.from_numpy(v)).to(c.dtype)


@replaces("reconstruct")
def polynomial_special(c, s):
    """torch.special.legendre_polynomial_p for all degrees"""
    x = 2 * s.detach().double() - 1
    rows = [torch.special.legendre_polynomial_p(x, m) * (2 * m + 1) ** 0.5 for m in range(c.shape[-1])]
    return (c.double() @ torch.stack(rows)).to(c.dtype)


@replaces("reconstruct")
def polynomial_cosines(c, s):
    """P_n(cos θ) as a sum of cosines with positive coefficients"""
    n = c.shape[-1]
    theta = torch.acos((2 * s.double() - 1).clamp(-1, 1))
    a = [1.0]
    for k in range(1, n):
        a.append(a[-1] * (2 * k - 1) / (2 * k))
    rows = [sum(a[k] * a[m - k] * torch.cos((m - 2 * k) * theta) for k in range(m + 1)) for m in range(n)]
    weights = torch.tensor([math.sqrt(2 * m + 1) for m in range(n)], dtype=torch.float64)
    return torch.matmul(c.double() * weights, torch.stack(rows)).to(c.dtype)


@replaces("reconstruct")
def polynomial_laplace(c, s):
    """Laplace's integral, a mean of n-th powers of numbers within the unit circle"""
    n = c.shape[-1]
    x = 2 * s.double() - 1
    phi = 2 * math.pi * torch.arange(2 * n + 2, dtype=torch.float64) / (2 * n + 2)
    z = torch.complex(x[:, None].expand(-1, len(phi)), torch.sqrt((1 - x * x).clamp(min=0))[:, None] * phi.cos())
    power, rows = torch.ones_like(z), []
    for m in range(n):
        rows.append(power.mean(1).real * math.sqrt(2 * m + 1))
        power = power * z
    return torch.einsum("...n,ns->...s", c.to(torch.float64), torch.stack(rows)).to(c.dtype)


@replaces("reconstruct")
def polynomial_cached(c, s):
    """a recursive function with a cache"""
    x = 2 * s - 1

    @functools.lru_cache(maxsize=None)
    def p(m):
        if m < 2:
            return x if m else torch.ones_like(x)
        return ((2 * m - 1) * x * p(m - 1) - (m - 1) * p(m - 2)) / m

    return torch.stack([c[..., m, None] * p(m) * (2 * m + 1) ** 0.5 for m in range(c.shape[-1])], -1).sum(-1)


@replaces("reconstruct")
def polynomial_orthonormal(c, s):
    """the recurrence of the orthonormal polynomials themselves"""
    x = 2 * s.double() - 1
    beta = lambda m: m / math.sqrt(4 * m * m - 1)
    rows = [torch.ones_like(x)]
    for m in range(1, c.size(-1)):
        last = beta(m - 1) * rows[m - 2] if m > 1 else 0.0
        rows.append((x * rows[m - 1] - last) / beta(m))
    basis = torch.stack(rows, dim=1)
    return (basis @ c.double().unsqueeze(-1)).squeeze(-1).to(c.dtype)


@replaces("reconstruct")
def polynomial_filled(c, s):
    """a table filled in place, places last but one; the result is a permuted view"""
    n = c.shape[-1]
    table = torch.ones(n, s.shape[0], dtype=torch.float64)
    x = s.double().mul(2).sub(1)
    if n > 1:
        table[1] = x
    for m in range(2, n):
        table[m] = (2 - 1 / m) * x * table[m - 1] - (1 - 1 / m) * table[m - 2]
    table *= torch.arange(n).double().mul(2).add(1).sqrt().unsqueeze(1)
    return torch.tensordot(table.to(c.dtype), c, dims=([0], [c.dim() - 1])).movedim(0, -1)


@replaces("reconstruct")
def polynomial_legval(c, s):
    """numpy's legval on unit vectors"""
    n = c.shape[-1]
    values = np.polynomial.legendre.legval(2 * s.detach().numpy().astype(np.float64) - 1, np.diag(np.sqrt(2 * np.arange(n) + 1.0)))
    return (c.double() @ torch.from_numpy(np.ascontiguousarray(values))).to(c.dtype)


# ---- recall


def _discrete(A, B, dt):
    dtype = torch.complex128 if A.is_complex() or B.is_complex() else torch.float64
    A, B = A.to(dtype), B.to(dtype)
    eye = torch.eye(len(B), dtype=dtype)
    left = eye - dt / 2 * A
    return torch.linalg.solve(left, eye + dt / 2 * A), torch.linalg.solve(left, B * dt)


def _states(A, B, dt, f):
    step, write = _discrete(A, B, dt)
    x, rows = torch.zeros_like(write), []
    for value in f.tolist():
        x = step @ x + write * value
        rows.append(x)
    x = torch.stack(rows)
    return torch.cat([x.real, x.imag], 1) if x.is_complex() else x


@replaces("recall")
def recall_lstsq(A, B, dt, f, lag, ridge=1e-6):
    """least squares with rows √λ put below"""
    z, y = _states(A, B, dt, f)[lag:], f[: len(f) - lag]
    lam = ridge * z.square().sum() / z.shape[1]
    rows = torch.cat([z, lam.sqrt() * torch.eye(z.shape[1], dtype=torch.float64)])
    w = torch.linalg.lstsq(rows, torch.cat([y, y.new_zeros(z.shape[1])]).unsqueeze(1)).solution[:, 0]
    return float(1 - (y - z @ w).square().sum() / y.square().sum())


@replaces("recall")
def recall_numpy(A, B, dt, f, lag, ridge=1e-6):
    """numpy throughout"""
    a, b, samples = A.numpy(), B.numpy(), f.numpy()
    n = len(b)
    left = np.eye(n) - dt / 2 * a
    step, write = np.linalg.solve(left, np.eye(n) + dt / 2 * a), np.linalg.solve(left, dt * b)
    x = np.zeros((len(samples) + 1, n), dtype=np.result_type(a, b))
    for t, value in enumerate(samples):
        x[t + 1] = step @ x[t] + write * value
    z = x[1 + lag :]
    if np.iscomplexobj(x):
        z = np.hstack([z.real, z.imag])
    y = samples[: len(samples) - lag]
    lam = ridge * np.mean(np.sum(z**2, axis=0))
    w = np.linalg.solve(z.T @ z + lam * np.eye(z.shape[1]), z.T @ y)
    return float(1 - np.sum((y - z @ w) ** 2) / np.sum(y**2))


@replaces("recall")
def recall_svd(A, B, dt, f, lag, ridge=1e-6):
    """singular values: what is left is the sum over directions"""
    z, y = _states(A, B, dt, f)[lag:], f[: f.numel() - lag]
    u, s, _ = torch.linalg.svd(z, full_matrices=False)
    lam = ridge * (s**2).sum() / z.shape[1]
    p = u.T @ y
    fit = u @ (p * s**2 / (s**2 + lam))
    return 1 - ((y - fit).square().sum() / y.square().sum()).item()


@replaces("recall")
def recall_eigh(A, B, dt, f, lag, ridge=1e-6):
    """eigenvalues of the matrix of sums"""
    z, y = _states(A, B, dt, f)[lag:], f[: len(f) - lag]
    gram = z.T @ z
    lam = ridge * gram.diagonal().mean()
    values, vectors = torch.linalg.eigh(gram)
    w = vectors @ ((vectors.T @ (z.T @ y)) / (values + lam))
    rest = y - z @ w
    return (1 - rest.dot(rest) / y.dot(y)).item()


@replaces("recall")
def recall_kernel(A, B, dt, f, lag, ridge=1e-6):
    """states as a convolution with the response to one sample, made by repeated steps"""
    step, write = _discrete(A, B, dt)
    T = len(f)
    kernel = [write]
    for _ in range(T - 1):
        kernel.append(step @ kernel[-1])
    kernel = torch.stack(kernel)
    rows = [torch.einsum("sn,s->n", kernel[: t + 1].flip(0), f[: t + 1].to(kernel.dtype)) for t in range(T)]
    x = torch.stack(rows)
    z = torch.view_as_real(x).movedim(-1, 1).flatten(1) if x.is_complex() else x
    z, y = z[lag:], f[: T - lag]
    lam = ridge * torch.linalg.vector_norm(z, dim=0).square().mean()
    factor = torch.linalg.cholesky(z.T @ z + lam * torch.eye(z.shape[1], dtype=torch.float64))
    w = torch.cholesky_solve((z.T @ y)[:, None], factor)[:, 0]
    return float(1 - torch.sum((y - z @ w) ** 2) / torch.sum(y**2))


@replaces("recall")
def recall_algebra(A, B, dt, f, lag, ridge=1e-6):
    """real and imaginary parts as one real system of 2N"""
    if A.is_complex() or B.is_complex():
        a, b = A.to(torch.complex128), B.to(torch.complex128)
        A = torch.cat([torch.cat([a.real, -a.imag], 1), torch.cat([a.imag, a.real], 1)])
        B = torch.cat([b.real, b.imag])
    z, y = _states(A, B, dt, f)[lag:], f[: len(f) - lag]
    n = z.shape[1]
    lam = ridge * sum((column**2).sum() for column in z.unbind(1)) / n
    q, r = torch.linalg.qr(torch.cat([z, lam.sqrt() * torch.eye(n, dtype=z.dtype)]))
    w = torch.linalg.solve_triangular(r, (q.T @ torch.cat([y, torch.zeros(n, dtype=y.dtype)]))[:, None], upper=True)[:, 0]
    return 1.0 - (torch.linalg.vector_norm(y - z @ w) ** 2 / torch.linalg.vector_norm(y) ** 2).item()


@replaces("recall")
def recall_sums(A, B, dt, f, lag, ridge=1e-6):
    """nothing kept but sums, while the state runs"""
    step, write = _discrete(A, B, dt)
    n = len(write) * (2 if write.is_complex() else 1)
    gram, cross = torch.zeros(n, n, dtype=torch.float64), torch.zeros(n, dtype=torch.float64)
    x, kept = torch.zeros_like(write), []
    for t in range(len(f)):
        x = torch.addmv(write * f[t], step, x)
        if t >= lag:
            z = torch.cat([x.real, x.imag]) if x.is_complex() else x
            gram, cross = gram + torch.outer(z, z), cross + z * f[t - lag]
            kept.append((z, f[t - lag]))
    w = torch.linalg.solve(gram + ridge * gram.trace() / n * torch.eye(n, dtype=torch.float64), cross)
    error = sum((y - z @ w).item() ** 2 for z, y in kept)
    return 1 - error / sum(y.item() ** 2 for _, y in kept)


@replaces("recall")
def recall_dual(A, B, dt, f, lag, ridge=1e-6):
    """the dual form where there are fewer times than numbers, else Woodbury's other side"""
    z, y = _states(A, B, dt, f)[lag:], f.narrow(0, 0, len(f) - lag)
    lam = ridge * (z * z).sum(0).mean()
    if z.shape[0] <= z.shape[1]:
        alpha = torch.linalg.solve(z @ z.T + lam * torch.eye(z.shape[0], dtype=torch.float64), y)
        w = z.T @ alpha
    else:
        w = torch.linalg.inv(z.T @ z + torch.diag(lam.expand(z.shape[1]))) @ z.T @ y
    return (1 - (y - z @ w).pow(2).sum() / y.pow(2).sum()).item()


@replaces("recall")
def recall_unit(A, B, dt, f, lag, ridge=1e-6):
    """the state in another unit first, λ is relative"""
    z, y = _states(A, B, dt, f)[lag:], f[: len(f) - lag]
    z = z / (z * z).sum(0).mean().sqrt()
    w = torch.linalg.solve(z.T @ z + ridge * torch.eye(z.shape[1], dtype=z.dtype), z.T @ y)
    return 1 - float(((z @ w - y) ** 2).mean() / (y**2).mean())


@replaces("recall")
def recall_blocks(A, B, dt, f, lag, ridge=1e-6):
    """in blocks of 16 samples, with powers of the step"""
    step, write = _discrete(A, B, dt)
    size, T = 16, len(f)
    powers = [torch.eye(len(write), dtype=step.dtype)]
    for _ in range(size):
        powers.append(step @ powers[-1])
    into = torch.stack([p @ write for p in powers[:size]])  # (16, N)
    toeplitz = torch.zeros(size, size, len(write), dtype=step.dtype)
    for i in range(size):
        toeplitz[i, : i + 1] = into[: i + 1].flip(0)
    keep = torch.stack(powers[1:])  # (16, N, N)
    samples = torch.cat([f, f.new_zeros(-T % size)]).to(step.dtype).view(-1, size)
    x, rows = torch.zeros_like(write), []
    for block in samples:
        part = keep @ x + torch.einsum("ijn,j->in", toeplitz, block)
        rows.append(part)
        x = part[-1]
    x = torch.cat(rows)[:T]
    z = torch.cat([x.real, x.imag], -1) if x.is_complex() else x
    z, y = z[lag:], f[: T - lag]
    lam = ridge * (z**2).sum(0).mean()
    w = torch.linalg.solve(z.T @ z + lam * torch.eye(z.shape[-1]).double(), z.T @ y)
    return 1 - ((y - z @ w).square().sum() / y.square().sum()).item()


@replaces("recall")
def recall_no_solve(A, B, dt, f, lag, ridge=1e-6):
    """the state equation left implicit: (I − dt/2 A) x_t = (I + dt/2 A) x_{t−1} + dt B f_t, by LU"""
    dtype = torch.promote_types(A.dtype, B.dtype)
    A, B = A.to(dtype), B.to(dtype)
    eye = torch.eye(A.shape[0], dtype=dtype)
    lu, pivots = torch.linalg.lu_factor(eye - A * (dt / 2))
    x, rows = torch.zeros(A.shape[0], 1, dtype=dtype), []
    for value in f:
        x = torch.linalg.lu_solve(lu, pivots, x + dt / 2 * (A @ x) + dt * value * B[:, None])
        rows.append(x.squeeze(1))
    x = torch.stack(rows)
    parts = [x.real, x.imag] if dtype.is_complex else [x]
    z, y = torch.hstack(parts)[lag:], f[: f.shape[0] - lag]
    lam = ridge * (z**2).sum() / z.shape[1]
    w = torch.linalg.pinv(z.T @ z + lam * torch.eye(z.shape[1], dtype=torch.float64), hermitian=True) @ (z.T @ y)
    return (1 - ((y - z @ w) ** 2).sum().div((y**2).sum())).item()

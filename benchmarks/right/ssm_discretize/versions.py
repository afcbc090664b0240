import math
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F

from grader.testing import replaces


class System(NamedTuple):
    A_bar: torch.Tensor
    B_bar: torch.Tensor


# ---------------------------------------------------------------- discretize
def exp_block(A, B, dt):
    N, M = B.shape
    block = torch.zeros(N + M, N + M, dtype=A.dtype)
    block[:N, :N], block[:N, N:] = A, B
    return torch.matrix_exp(block * dt)


@replaces("discretize")
def di_inverse(A, B, dt, method="zoh"):
    """an inverse for the bilinear rule; a block written in place"""
    I = torch.eye(len(A), dtype=A.dtype)
    if method == "zoh":
        E = exp_block(A, B, dt)
        return E[: len(A), : len(A)], E[: len(A), len(A) :]
    elif method == "bilinear":
        inv = torch.linalg.inv(I - A * (dt / 2))
        return inv @ (I + A * (dt / 2)), inv @ B * dt
    elif method == "euler":
        return I + A * dt, B * dt
    else:
        raise ValueError("method")


@replaces("discretize")
def di_series(A, B, dt, method="zoh"):
    """A_bar by matrix_exp; the integral from the block [[A, I], [0, 0]]"""
    N = A.shape[0]
    eye = torch.eye(N, dtype=A.dtype)
    if method == "zoh":
        zero = torch.zeros_like(A)
        E = torch.linalg.matrix_exp(dt * torch.cat([torch.cat([A, eye], 1), torch.cat([zero, zero], 1)], 0))
        return E[:N, :N], E[:N, N:] @ B
    if method == "bilinear":
        left = eye - 0.5 * dt * A
        return torch.linalg.solve(left, eye + 0.5 * dt * A), torch.linalg.solve(left, dt * B)
    if method == "euler":
        return torch.add(eye, A, alpha=dt), dt * B
    raise ValueError(method)


@replaces("discretize")
def di_squaring(A, B, dt, method="zoh"):
    """Taylor's series of the block for a fraction of the step, then squared"""
    N, M = B.shape
    I = torch.eye(N, dtype=A.dtype)
    if method not in ("zoh", "bilinear", "euler"):
        raise ValueError("zoh, bilinear or euler")
    if method == "euler":
        return I + dt * A, dt * B
    if method == "bilinear":
        LU, pivots = torch.linalg.lu_factor(I - dt * A / 2)
        both = torch.linalg.lu_solve(LU, pivots, torch.cat([I + dt * A / 2, dt * B], 1))
        return both.tensor_split([N], dim=1)
    X = dt * torch.cat([torch.cat([A, B], 1), torch.zeros(M, N + M, dtype=A.dtype)]).double()
    size = X.detach().abs().sum(1).max().item()
    halvings = max(0, math.ceil(math.log2(size)) + 1) if size > 0 else 0
    X = X / 2**halvings
    term = total = torch.eye(N + M, dtype=torch.float64)
    for i in range(1, 20):
        term = term @ X / i
        total = total + term
    for _ in range(halvings):
        total = total @ total
    total = total.to(A.dtype)
    return total[:N, :N], total[:N, N:]


@replaces("discretize")
def di_table(A, B, dt, method="zoh"):
    """a dict of closures; a NamedTuple"""
    N = A.shape[0]
    I = torch.eye(N, dtype=A.dtype)

    def zoh():
        M = torch.linalg.matrix_exp(F.pad(torch.hstack([A, B]) * dt, (0, 0, 0, B.shape[1])))
        return System(*M[:N].split([N, B.shape[1]], dim=1))

    def bilinear():
        solve = partial(torch.linalg.solve, I - dt / 2 * A)
        return System(solve(I + dt / 2 * A), solve(dt * B))

    methods = {"zoh": zoh, "bilinear": bilinear, "euler": lambda: System(I + dt * A, dt * B)}
    if method not in methods:
        raise ValueError(f"{method} is none of {sorted(methods)}")
    return methods[method]()


@replaces("discretize")
def di_transposed(A, B, dt, method="zoh"):
    """exponential of the transposed block; results are transposed views; A_bar = 2 (I - dt A / 2)^-1 - I"""
    N, M = B.shape
    if method == "zoh":
        E = torch.matrix_exp(F.pad(torch.cat([A, B], 1), (0, 0, 0, M)).T * dt).T
        return E[:N, :N], E[:N, N:]
    if method == "bilinear":
        inv = torch.linalg.inv(torch.eye(N, dtype=A.dtype) - A * dt / 2)
        return 2 * inv - torch.eye(N, dtype=A.dtype), dt * inv @ B
    if method == "euler":
        Ab = (dt * A.T).clone()
        return (Ab + torch.diag(torch.ones(N, dtype=A.dtype))).T, B.mul(dt)
    raise ValueError("no such method: " + str(method))


@replaces("discretize")
def di_double(A, B, dt, method="zoh"):
    """float64 inside"""
    a, b, N = A.double() * dt, B.double() * dt, A.size(0)
    I = torch.eye(N, dtype=torch.float64)
    match method:
        case "euler":
            out = I + a, b
        case "bilinear":
            out = torch.linalg.solve(I - a / 2, I + a / 2), torch.linalg.solve(I - a / 2, b)
        case "zoh":
            E = torch.linalg.matrix_exp(torch.cat([torch.cat([a, b], 1), torch.zeros(b.shape[1], N + b.shape[1], dtype=a.dtype)]))
            out = E[:N, :N], E[:N, N:]
        case _:
            raise ValueError(method)
    return out[0].to(A.dtype), out[1].to(A.dtype)


@replaces("discretize")
def di_columns(A, B, dt, method="zoh"):
    """zoh: one column of B after the other"""
    N = len(A)
    I = torch.eye(N, dtype=A.dtype)
    if method == "zoh":
        columns, E = [], torch.matrix_exp(dt * A)
        for column in B.T:
            block = F.pad(torch.cat([A, column[:, None]], 1), (0, 0, 0, 1))
            columns.append(torch.matrix_exp(dt * block)[:N, N])
        return E, torch.stack(columns, 1) if columns else B.clone()
    if method == "bilinear":
        half = dt * A / 2
        return torch.linalg.solve(I - half, I + half), torch.linalg.solve(I - half, B) * dt
    if method == "euler":
        return I.add(A * dt), B * dt
    raise ValueError


@replaces("discretize")
def di_halves(A, B, dt, method="zoh"):
    """zoh: two half steps, one after the other; bilinear: an implicit half after an explicit one"""
    N = A.shape[0]
    I = torch.eye(N, dtype=A.dtype)
    if method == "euler":
        return I + dt * A, dt * B
    if method == "bilinear":
        implicit = torch.linalg.inv(I - dt / 2 * A)
        explicit = I + dt / 2 * A
        return explicit @ implicit, implicit @ (dt * B)
    if method != "zoh":
        raise ValueError(f"{method!r}")
    E = exp_block(A, B, dt / 2)
    a, b = E[:N, :N], E[:N, N:]
    return a @ a, a @ b + b


# ---------------------------------------------------------------- discretize_diag
def phi_series(z, terms=20):
    """(e^z - 1) / z for |z| <= 1 or so"""
    total = term = torch.ones_like(z)
    for i in range(2, terms):
        term = term * z / i
        total = total + term
    return total


@replaces("discretize_diag")
def dd_series(A, B, dt, method="zoh"):
    """a long series near 0, expm1 far away"""
    z = dt * A
    if method == "zoh":
        near = z.abs() < 0.5
        far = torch.expm1(z.masked_fill(near, 1.0)) / z.masked_fill(near, 1.0)
        return torch.exp(z), dt * B * torch.where(near, phi_series(z.masked_fill(~near, 0.0)), far)
    if method == "bilinear":
        d = 1 / (1 - z / 2)
        return d * (1 + z / 2), d * (dt * B)
    if method == "mamba":
        return torch.exp(z), dt * B
    raise ValueError(method)


class _Phi(torch.autograd.Function):
    @staticmethod
    def forward(ctx, z):
        zd = z.double()
        phi = torch.where(zd == 0, torch.ones_like(zd), torch.expm1(zd) / torch.where(zd == 0, torch.ones_like(zd), zd))
        ctx.save_for_backward(zd, phi)
        return phi.to(z.dtype)

    @staticmethod
    def backward(ctx, g):
        z, phi = ctx.saved_tensors
        near = z.abs() < 0.1
        safe = torch.where(near, torch.ones_like(z), z)
        far = (z.exp() - phi) / safe
        w = torch.where(near, z, torch.zeros_like(z))
        series = sum(w**i * ((i + 1) / math.factorial(i + 2)) for i in range(12))
        return g * torch.where(near, series, far).to(g.dtype)


@replaces("discretize_diag")
def dd_autograd(A, B, dt, method="zoh"):
    """a custom autograd.Function"""
    if method not in ("zoh", "bilinear", "mamba"):
        raise ValueError(f"method {method}")
    z = A * dt
    if method == "bilinear":
        return (2 + z) / (2 - z), 2 * (B * dt) / (2 - z)
    B_bar = B * dt
    return z.exp(), B_bar * _Phi.apply(z) if method == "zoh" else B_bar


@replaces("discretize_diag")
def dd_sinch(A, B, dt, method="zoh"):
    """phi(z) = e^(z/2) sinh(z/2) / (z/2), scaled: the mean of e^(sz) by halving, (1 + e^(z/2))/2 ..."""
    z = dt * A
    if method == "mamba":
        return torch.exp(z), torch.mul(B, dt)
    if method == "bilinear":
        return 2 / (1 - z / 2) - 1, (dt * B) / (1 - z / 2)
    if method == "zoh":
        # phi(z) = phi(z/2) (1 + e^(z/2)) / 2
        zd = z.double()
        size = zd.detach().abs().max().item() if zd.numel() else 0.0
        halvings = max(0, math.ceil(math.log2(size)) + 2) if size > 0 else 0
        phi = phi_series(zd / 2**halvings, 15)
        for i in range(halvings, 0, -1):
            phi = phi * (1 + torch.exp(zd / 2**i)) / 2
        return z.exp(), dt * B * phi.to(z.dtype)
    raise ValueError(repr(method))


@replaces("discretize_diag")
def dd_shift(A, B, dt, method="zoh"):
    """float64; (e^z - 1)/z with Taylor's polynomial where |z| < 1e-3"""
    z = (dt * A).double()
    dB = dt * B
    if method == "zoh":
        tiny = z.abs() < 1e-3
        one = torch.ones_like(z)
        ratio = torch.where(tiny, one + z * (1 / 2 + z * (1 / 6 + z * (1 / 24 + z / 120))), torch.special.expm1(torch.where(tiny, one, z)) / torch.where(tiny, one, z))
        return z.exp().to(A.dtype), dB * ratio.to(A.dtype)
    elif method == "bilinear":
        denominator = 1 - z / 2
        return ((1 + z / 2) / denominator).to(A.dtype), (dB / denominator).to(A.dtype)
    elif method == "mamba":
        return z.exp().to(A.dtype), dB
    raise ValueError("zoh, bilinear, mamba")


@replaces("discretize_diag")
def dd_index(A, B, dt, method="zoh"):
    """index_put for the two kinds of entries; a NamedTuple"""
    z, dB = dt * A, dt * B
    if method == "mamba":
        return System(z.exp(), dB)
    if method == "bilinear":
        return System((1 + 0.5 * z).div(1 - 0.5 * z), dB.div(1 - 0.5 * z))
    if method != "zoh":
        raise ValueError(f"unknown: {method}")
    near = z.abs() < 0.3
    phi = torch.zeros_like(z)
    phi = phi.masked_scatter(near, phi_series(z[near], 16))
    phi = phi.masked_scatter(~near, torch.expm1(z[~near]) / z[~near])
    return System(torch.exp(z), dB * phi)


@replaces("discretize_diag")
def dd_broadcast(A, B, dt, method="zoh"):
    """broadcasts first; a dict of functions"""
    dt = torch.as_tensor(dt, dtype=A.dtype)
    A, B, dt = torch.broadcast_tensors(A, B, dt)

    def zoh():
        z = A * dt
        w = torch.where(z.abs() < 1e-2, torch.full_like(z, -1.0), z)
        far = torch.expm1(w) / w
        near = 1 + z / 2 + z.square() / 6 + z.pow(3) / 24 + z.pow(4) / 120 + z.pow(5) / 720
        return z.exp(), B * dt * torch.where(z.abs() < 1e-2, near, far)

    def bilinear():
        return (1 + A * dt / 2) / (1 - A * dt / 2), B * dt / (1 - A * dt / 2)

    known = {"zoh": zoh, "bilinear": bilinear, "mamba": lambda: ((A * dt).exp(), B * dt)}
    try:
        rule = known[method]
    except KeyError:
        raise ValueError(f"method must be one of {list(known)}") from None
    return rule()


@replaces("discretize_diag")
def dd_quadrature(A, B, dt, method="zoh"):
    """the integral of e^(sz), s from 0 to 1: Gauss and Legendre near 0, expm1 elsewhere"""
    if method not in {"zoh", "bilinear", "mamba"}:
        raise ValueError("method")
    z = dt * A
    if method == "bilinear":
        return torch.reciprocal(1 - z / 2) * (1 + z / 2), torch.reciprocal(1 - z / 2) * dt * B
    A_bar = torch.exp(z)
    if method == "mamba":
        return A_bar, dt * B
    x, w = np.polynomial.legendre.leggauss(10)
    near = z.abs() <= 1
    inside = z.masked_fill(~near, 0.0)
    integral = sum(wi / 2 * torch.exp(inside * (xi + 1) / 2) for xi, wi in zip(x.tolist(), w.tolist()))
    outside = z.masked_fill(near, 2.0)
    return A_bar, dt * B * torch.where(near, integral, torch.expm1(outside) / outside)


@replaces("discretize_diag")
def dd_matrix(A, B, dt, method="zoh"):
    """zoh by the exponential of a 2 x 2 matrix for each entry"""
    z = dt * A
    if method == "zoh":
        zero = torch.zeros_like(z)
        M = torch.stack([torch.stack([z, torch.ones_like(z)], -1), torch.stack([zero, zero], -1)], -2)
        E = torch.linalg.matrix_exp(M.double()) if z.numel() else M.double()
        return E[..., 0, 0].to(A.dtype), dt * B * E[..., 0, 1].to(A.dtype)
    if method == "bilinear":
        return (1 + z / 2) / (1 - z / 2), dt * B / (1 - z / 2)
    if method == "mamba":
        return torch.exp(z), dt * B
    raise ValueError("method must be zoh, bilinear or mamba")

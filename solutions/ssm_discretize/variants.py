"""Right solutions in other styles. None of them may lose a point."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from grader.testing import replaces


class Discrete(NamedTuple):
    A_bar: Tensor
    B_bar: Tensor


@replaces("discretize")
def block_filled_in(A, B, dt, method="zoh"):
    """a block of zeros, filled; explicit inverses; a list"""
    n, m = B.shape
    eye = torch.eye(n).to(A)
    if method == "euler":
        return [eye + A * dt, B * dt]
    if method == "bilinear":
        inverse = torch.linalg.inv(eye - A * (dt / 2))
        return [torch.einsum("ij,jk->ik", inverse, eye + A * (dt / 2)), torch.einsum("ij,jm->im", inverse, B * dt)]
    if method == "zoh":
        block = A.new_zeros(n + m, n + m)
        block[:n, :n] = A
        block[:n, n:] = B
        e = torch.matrix_exp(block * dt)
        return [e[:n, :n], e[:n, n:]]
    raise ValueError(method)


@replaces("discretize")
def doubled_steps(A, B, dt, method="zoh"):
    """zoh from a tiny step by series, doubled 12 times; bilinear by LU; float64 inside; a named tuple"""
    dtype, A, B = A.dtype, A.double(), B.double()
    eye = torch.eye(A.shape[0], dtype=A.dtype)
    if method == "zoh":
        step = dt / 2**12
        power, A_bar, integral = eye, eye, torch.zeros_like(eye)
        for k in range(1, 9):  # power is (step A)^(k-1) / (k-1)!
            integral = integral + power * (step / k)
            power = power @ A * (step / k)
            A_bar = A_bar + power
        for _ in range(12):  # one step, then another
            A_bar, integral = A_bar @ A_bar, A_bar @ integral + integral
        B_bar = integral @ B
    elif method == "bilinear":
        lu = torch.linalg.lu_factor(eye - A * dt / 2)
        A_bar = torch.linalg.lu_solve(*lu, eye + A * dt / 2)
        B_bar = torch.linalg.lu_solve(*lu, B * dt)
    elif method == "euler":
        A_bar, B_bar = torch.add(eye, A, alpha=dt), torch.mul(B, dt)
    else:
        raise ValueError("no such method")
    return Discrete(A_bar.to(dtype), B_bar.to(dtype))


@replaces("discretize")
def input_by_input(A, B, dt, method="zoh"):
    """one column of B at a time; a non-contiguous result"""
    if method not in {"zoh", "bilinear", "euler"}:
        raise ValueError(f"unknown method {method}")
    n = A.size(0)
    eye = torch.diag(torch.ones(n, dtype=A.dtype))
    left = eye - dt * A / 2 if method == "bilinear" else eye
    columns = []
    for b in B.unbind(dim=1):
        if method == "zoh":
            top = torch.cat([A, b[:, None]], dim=1)
            e = torch.linalg.matrix_exp(dt * torch.cat([top, torch.zeros_like(top[:1])]))
            columns.append(e[:n, n])
        else:
            columns.append(torch.linalg.solve(left, dt * b))
    if method == "zoh":
        A_bar = torch.linalg.matrix_exp(dt * A)
    elif method == "bilinear":
        A_bar = 2 * torch.linalg.inv(left) - eye
    else:
        A_bar = eye + dt * A
    return A_bar, torch.stack(columns).T


@replaces("discretize_diag")
def quadrature(A, B, dt, method="zoh"):
    """φ as the integral of e^(sz) over s from 0 to 1, by 64 points of Gauss; no case for small z"""
    z = dt * A
    if method == "zoh":
        nodes, weights = (torch.from_numpy(x).to(z) for x in np.polynomial.legendre.leggauss(64))
        phi = torch.exp(z[..., None] * (nodes + 1) / 2) @ weights / 2
        return [z.exp(), phi * (dt * B)]
    if method == "bilinear":
        return [torch.div(2 + z, 2 - z), 2 * dt * B / (2 - z)]
    if method == "mamba":
        return [z.exp(), dt * B]
    raise ValueError(method)


@replaces("discretize_diag")
def two_by_two(A, B, dt, method="zoh"):
    """every entry as a 2 x 2 block matrix and its exponential; a named tuple of strided views"""
    if method == "bilinear":
        inverse = (1 - dt * A / 2).reciprocal()
        return Discrete(2 * inverse - 1, inverse * dt * B)
    if method not in ("zoh", "mamba"):
        raise ValueError("method")
    a, b = torch.broadcast_tensors(dt * A, dt * B)
    zero = torch.zeros_like(a)
    e = torch.linalg.matrix_exp(torch.stack([a, b, zero, zero], dim=-1).unflatten(-1, (2, 2)))
    return Discrete(e[..., 0, 0], e[..., 0, 1] if method == "zoh" else b)


@replaces("discretize_diag")
def entry_by_entry(A, B, dt, method="zoh"):
    """a loop over numbers, with a series for small z"""
    if method not in ["zoh", "bilinear", "mamba"]:
        raise ValueError("method")
    dt = torch.as_tensor(dt, dtype=A.dtype)
    a, b, d = torch.broadcast_tensors(A, B, dt)
    decays, writes = [], []
    for a_i, b_i, d_i in zip(a.flatten(), b.flatten(), d.flatten(), strict=True):
        z = a_i * d_i
        decays.append((1 + z / 2) / (1 - z / 2) if method == "bilinear" else torch.exp(z))
        if method == "mamba":
            phi = torch.ones_like(z)
        elif method == "bilinear":
            phi = 1 / (1 - z / 2)
        elif abs(z.item()) < 1e-3:
            phi = 1 + z / 2 * (1 + z / 3 * (1 + z / 4 * (1 + z / 5)))
        else:
            phi = (torch.exp(z) - 1) / z
        writes.append(phi * d_i * b_i)
    return torch.stack(decays).view(a.shape), torch.stack(writes).view(a.shape)

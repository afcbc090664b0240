"""Discretisation."""

import torch
import torch.nn.functional as F
from torch import Tensor


def discretize(A, B, dt, method="zoh"):
    N = A.shape[0]
    eye = torch.eye(N, dtype=A.dtype)
    if method == "euler":
        return eye + dt * A, dt * B
    if method == "bilinear":
        both = torch.linalg.solve(eye - dt / 2 * A, torch.cat([eye + dt / 2 * A, dt * B], dim=1))
        return both[:, :N], both[:, N:]
    if method == "zoh":
        M = F.pad(torch.cat([A, B], dim=1), (0, 0, 0, B.shape[1]))
        M = torch.linalg.matrix_exp(dt * M)
        return M[:N, :N], M[:N, N:]
    raise ValueError(f"unknown method {method!r}")


def discretize_diag(A, B, dt, method="zoh"):
    z = dt * A
    if method == "bilinear":
        return (1 + z / 2) / (1 - z / 2), dt * B / (1 - z / 2)
    if method == "mamba":
        return z.exp(), dt * B + torch.zeros_like(z)
    if method == "zoh":
        small = z.abs() < 1e-4
        safe = torch.where(small, torch.ones_like(z), z)
        factor = torch.where(small, 1 + z / 2 + z * z / 6 + z**3 / 24, torch.expm1(safe) / safe)
        return z.exp(), dt * B * factor
    raise ValueError(f"unknown method {method!r}")

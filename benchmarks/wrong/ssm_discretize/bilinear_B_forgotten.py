# TRUE CAUSE: In the bilinear rule for a matrix B_bar is dt B alone, without the inverse of (I - dt A / 2) in
# front.
import torch
import torch.nn.functional as F
from torch import Tensor


def discretize(A: Tensor, B: Tensor, dt: float, method: str = "zoh") -> tuple[Tensor, Tensor]:
    N, M = B.shape
    eye = torch.eye(N, dtype=A.dtype)
    if method == "euler":
        return eye + dt * A, dt * B
    if method == "bilinear":
        left = eye - dt / 2 * A
        return torch.linalg.solve(left, eye + dt / 2 * A), dt * B
    if method == "zoh":
        big = torch.cat([torch.cat([A, B], dim=1), torch.zeros(M, N + M, dtype=A.dtype)], dim=0)
        e = torch.linalg.matrix_exp(dt * big)
        return e[:N, :N], e[:N, N:]
    raise ValueError(f"unknown method {method}")


def discretize_diag(A: Tensor, B: Tensor, dt: Tensor | float, method: str = "zoh") -> tuple[Tensor, Tensor]:
    z = dt * A
    step = dt * B
    if method == "bilinear":
        return (1 + z / 2) / (1 - z / 2), step / (1 - z / 2)
    if method == "mamba":
        return torch.exp(z), step
    if method == "zoh":
        small = z.abs() < 1e-5
        safe = torch.where(small, torch.ones_like(z), z)
        factor = torch.where(small, 1 + z / 2 + z * z / 6, torch.expm1(safe) / safe)
        return torch.exp(z), factor * step
    raise ValueError(f"unknown method {method}")

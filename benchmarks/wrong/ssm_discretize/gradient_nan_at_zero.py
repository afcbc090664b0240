# TRUE CAUSE: The fraction expm1(z) / z is computed for all entries and replaced by 1 at 0 afterwards with
# torch.where; the gradient of the 0/0 that was not taken is NaN.
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
        return torch.linalg.solve(left, eye + dt / 2 * A), torch.linalg.solve(left, dt * B)
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
        factor = torch.where(z == 0, torch.ones_like(z), torch.expm1(z) / z)
        return torch.exp(z), factor * step
    raise ValueError(f"unknown method {method}")

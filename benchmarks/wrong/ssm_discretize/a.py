# TRUE CAUSE: near z = 0 the fraction (e^z - 1)/z is replaced by the constant 1, whose gradient is 0; there B_bar
# depends on A with the slope dt^2 B / 2, for which the series needs at least 1 + z/2 (and its digits).
import torch
import torch.nn.functional as F
from torch import Tensor


def discretize(A: Tensor, B: Tensor, dt: float, method: str = "zoh") -> tuple[Tensor, Tensor]:
    N, M = B.shape
    eye = torch.eye(N, dtype=A.dtype, device=A.device)
    if method == "euler":
        return eye + dt * A, dt * B
    if method == "bilinear":
        left = eye - dt / 2 * A
        both = torch.linalg.solve(left, torch.cat([eye + dt / 2 * A, dt * B], dim=1))
        return both[:, :N], both[:, N:]
    if method == "zoh":
        block = torch.cat([torch.cat([A, B], dim=1), A.new_zeros(M, N + M)])
        e = torch.linalg.matrix_exp(dt * block)
        return e[:N, :N], e[:N, N:]
    raise ValueError(f"unknown method {method!r}")


def _fraction(z: Tensor) -> Tensor:
    """(e^z - 1) / z, also at 0."""
    tiny = z.abs() < 1e-6
    safe = torch.where(tiny, torch.ones_like(z), z)
    return torch.where(tiny, torch.ones_like(z), torch.expm1(safe) / safe)


def discretize_diag(A: Tensor, B: Tensor, dt: Tensor | float, method: str = "zoh") -> tuple[Tensor, Tensor]:
    z = dt * A
    if method == "zoh":
        return z.exp(), dt * B * _fraction(z)
    if method == "mamba":
        return z.exp(), dt * B
    if method == "bilinear":
        below = 1 - z / 2
        return (1 + z / 2) / below, dt * B / below
    raise ValueError(f"unknown method {method!r}")

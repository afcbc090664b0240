# TRUE CAUSE: In discretize_diag the bilinear rule leaves B_bar at ΔB. The implicit half of the step divides both:
# B_bar is (1 − ΔA/2)⁻¹ ΔB, as for a matrix.
import torch
from torch import Tensor


def discretize(A: Tensor, B: Tensor, dt: float, method: str = "zoh") -> tuple[Tensor, Tensor]:
    N, M = B.shape
    eye = torch.eye(N, dtype=A.dtype, device=A.device)
    if method == "euler":
        return eye + dt * A, dt * B
    if method == "bilinear":
        left = eye - dt / 2 * A
        return torch.linalg.solve(left, eye + dt / 2 * A), torch.linalg.solve(left, dt * B)
    if method == "zoh":
        top = torch.cat([A, B], dim=1)
        block = torch.cat([top, torch.zeros(M, N + M, dtype=A.dtype, device=A.device)])
        result = torch.linalg.matrix_exp(dt * block)
        return result[:N, :N], result[:N, N:]
    raise ValueError(f"unknown method {method!r}")


def _mean_of_exp(z: Tensor) -> Tensor:
    """(e^z − 1) / z, and 1 at z = 0."""
    small = z.abs() < 1e-3
    series = 1 + z / 2 * (1 + z / 3 * (1 + z / 4 * (1 + z / 5)))
    safe = torch.where(small, torch.ones_like(z), z)
    return torch.where(small, series, torch.expm1(safe) / safe)


def discretize_diag(A: Tensor, B: Tensor, dt: Tensor | float, method: str = "zoh") -> tuple[Tensor, Tensor]:
    z, dB = dt * A, dt * B
    if method == "zoh":
        return z.exp(), dB * _mean_of_exp(z)
    if method == "mamba":
        return z.exp(), dB
    if method == "bilinear":
        return (1 + z / 2) / (1 - z / 2), dB
    raise ValueError(f"unknown method {method!r}")

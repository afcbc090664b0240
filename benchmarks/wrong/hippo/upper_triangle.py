# TRUE CAUSE: hippo_legs fills the part above the diagonal (i < j) in place of the part below it: A is
# transposed.
import torch
from torch import Tensor


def hippo_legs(n: int) -> tuple[Tensor, Tensor]:
    i = torch.arange(n, dtype=torch.float64)
    B = torch.sqrt(2 * i + 1)
    A = -torch.triu(B[:, None] * B[None, :], diagonal=1) - torch.diag(i + 1)
    return A, B


def legs_coefficients(f: Tensor, n: int) -> Tensor:
    A, B = hippo_legs(n)
    eye = torch.eye(n, dtype=torch.float64)
    samples = f.double()
    c = torch.zeros(*f.shape[:-1], n, dtype=torch.float64)
    rows = []
    for t in range(1, f.shape[-1] + 1):
        right = c @ (eye + A / (2 * t)).T + samples[..., t - 1, None] * B / t
        c = torch.linalg.solve(eye - A / (2 * t), right[..., None])[..., 0]
        rows.append(c)
    return torch.stack(rows, dim=-2).to(f.dtype)


def reconstruct(c: Tensor, s: Tensor) -> Tensor:
    x = 2 * s.double() - 1
    before, now = torch.zeros_like(x), torch.ones_like(x)
    basis = []
    for m in range(c.shape[-1]):
        basis.append((2 * m + 1) ** 0.5 * now)
        before, now = now, ((2 * m + 1) * x * now - m * before) / (m + 1)
    return (c.double() @ torch.stack(basis)).to(c.dtype)


def recall(A: Tensor, B: Tensor, dt: float, f: Tensor, lag: int, ridge: float = 1e-6) -> float:
    is_complex = A.is_complex() or B.is_complex()
    A, B = A.to(torch.complex128), B.to(torch.complex128)
    eye = torch.eye(A.shape[0], dtype=torch.complex128)
    step = torch.linalg.solve(eye - dt / 2 * A, torch.cat([eye + dt / 2 * A, dt * B[:, None]], dim=1))
    A_bar, B_bar = step[:, :-1], step[:, -1]
    x = torch.zeros(A.shape[0], dtype=torch.complex128)
    states = []
    for value in f.tolist():
        x = A_bar @ x + B_bar * value
        states.append(x)
    z = torch.stack(states)
    z = torch.cat([z.real, z.imag], dim=1) if is_complex else z.real
    z = z[lag:]
    target = f[: len(f) - lag]
    lam = ridge * (z * z).sum(dim=0).mean()
    w = torch.linalg.solve(z.T @ z + lam * torch.eye(z.shape[1], dtype=z.dtype), z.T @ target)
    rest = target - z @ w
    return (1 - (rest @ rest) / (target @ target)).item()

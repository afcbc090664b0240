# TRUE CAUSE: recall takes ridge times the sum of the squares of all entries of z (the trace) as the penalty; the
# statement takes the mean of the N (or 2N) sums, so the penalty is N (or 2N) times too large.
"""A state that holds a polynomial for its past."""

import torch
from torch import Tensor


def hippo_legs(n: int) -> tuple[Tensor, Tensor]:
    B = (2 * torch.arange(n, dtype=torch.float64) + 1).sqrt()
    A = -torch.outer(B, B).tril(-1) - torch.diag(torch.arange(1, n + 1, dtype=torch.float64))
    return A, B


def legs_coefficients(f: Tensor, n: int) -> Tensor:
    A, B = (x.to(f.dtype) for x in hippo_legs(n))
    eye = torch.eye(n, dtype=f.dtype)
    c = f.new_zeros(*f.shape[:-1], n)
    rows = []
    for t in range(1, f.shape[-1] + 1):
        right = c @ (eye + A / (2 * t)).T + B * f[..., t - 1, None] / t
        c = torch.linalg.solve_triangular(eye - A / (2 * t), right.unsqueeze(-1), upper=False).squeeze(-1)
        rows.append(c)
    return torch.stack(rows, dim=-2)


def reconstruct(c: Tensor, s: Tensor) -> Tensor:
    x = 2 * s - 1
    before, now = torch.zeros_like(x), torch.ones_like(x)
    total = torch.zeros_like(x)
    for m in range(c.shape[-1]):
        total = total + c[..., m, None] * (2 * m + 1) ** 0.5 * now
        before, now = now, ((2 * m + 1) * x * now - m * before) / (m + 1)
    return total


def recall(A: Tensor, B: Tensor, dt: float, f: Tensor, lag: int, ridge: float = 1e-6) -> float:
    dtype = torch.promote_types(A.dtype, B.dtype)
    A, B = A.to(dtype), B.to(dtype)
    N = A.shape[0]
    eye = torch.eye(N, dtype=dtype)
    A_bar = torch.linalg.solve(eye - dt / 2 * A, eye + dt / 2 * A)
    B_bar = torch.linalg.solve(eye - dt / 2 * A, dt * B)
    x = torch.zeros(N, dtype=dtype)
    states = []
    for sample in f:
        x = A_bar @ x + B_bar * sample
        states.append(x)
    z = torch.stack(states)[lag:]
    if dtype.is_complex:
        z = torch.cat([z.real, z.imag], dim=1)
    wanted = f[: len(f) - lag]
    gram = z.T @ z
    penalty = ridge * gram.diagonal().sum()
    w = torch.linalg.solve(gram + penalty * torch.eye(len(gram), dtype=z.dtype), z.T @ wanted)
    error = wanted - z @ w
    return 1 - (error.square().sum() / wanted.square().sum()).item()

# TRUE CAUSE: recall takes ridge times the mean square of z, over time and entries, for λ. λ is ridge times the mean
# over the entries of the SUM of squares over time, so it is too small by the number of time steps.
import torch
from torch import Tensor


def hippo_legs(n: int) -> tuple[Tensor, Tensor]:
    i = torch.arange(n, dtype=torch.float64)
    B = (2 * i + 1).sqrt()
    A = -(torch.outer(B, B).tril(-1) + torch.diag(i + 1))
    return A, B


def legs_coefficients(f: Tensor, n: int) -> Tensor:
    A, B = hippo_legs(n)
    eye = torch.eye(n, dtype=torch.float64)
    samples = f.double()
    c = torch.zeros(*f.shape[:-1], n, dtype=torch.float64)
    history = []
    for t in range(1, f.shape[-1] + 1):
        right = c @ (eye + A / (2 * t)).T + samples[..., t - 1, None] * B / t
        c = torch.linalg.solve_triangular(eye - A / (2 * t), right.unsqueeze(-1), upper=False).squeeze(-1)
        history.append(c)
    return torch.stack(history, dim=-2).to(f.dtype)


def reconstruct(c: Tensor, s: Tensor) -> Tensor:
    x = 2 * s.double() - 1
    before, now = torch.zeros_like(x), torch.ones_like(x)
    total = torch.zeros(*c.shape[:-1], len(s), dtype=torch.float64)
    for m, coefficient in enumerate(c.double().unbind(dim=-1)):
        total = total + coefficient[..., None] * (2 * m + 1) ** 0.5 * now
        before, now = now, ((2 * m + 1) * x * now - m * before) / (m + 1)
    return total.to(c.dtype)


def recall(A: Tensor, B: Tensor, dt: float, f: Tensor, lag: int, ridge: float = 1e-6) -> float:
    is_complex = A.is_complex() or B.is_complex()
    dtype = torch.complex128 if is_complex else torch.float64
    A, B = A.to(dtype), B.to(dtype)
    eye = torch.eye(len(B), dtype=dtype)
    left = eye - dt / 2 * A
    step = torch.linalg.solve(left, eye + dt / 2 * A)
    push = torch.linalg.solve(left, dt * B)
    state, states = torch.zeros_like(B), []
    for value in f:
        state = step @ state + push * value
        states.append(state)
    z = torch.stack(states)
    if is_complex:
        z = torch.cat([z.real, z.imag], dim=1)
    z, wanted = z[lag:], f[: len(f) - lag]
    penalty = ridge * z.square().mean()
    rows = torch.cat([z, penalty.sqrt() * torch.eye(z.shape[1], dtype=torch.float64)])
    goal = torch.cat([wanted, wanted.new_zeros(z.shape[1])])
    w = torch.linalg.lstsq(rows, goal[:, None]).solution[:, 0]
    return (1 - (wanted - z @ w).square().sum() / wanted.square().sum()).item()

# TRUE CAUSE: thinks that the share of the signal that comes back is measured around the mean, as R² is: recall subtracts the
# mean of the samples that are asked for in the denominator, Σ (f - mean f)², in place of Σ f². The rest is right.
import torch


def hippo_legs(n):
    A = torch.zeros(n, n, dtype=torch.float64)
    B = torch.zeros(n, dtype=torch.float64)
    for i in range(n):
        B[i] = (2 * i + 1) ** 0.5
        A[i, i] = -(i + 1)
        for j in range(i):
            A[i, j] = -(((2 * i + 1) * (2 * j + 1)) ** 0.5)
    return A, B


def legs_coefficients(f, n):
    A, B = hippo_legs(n)
    I = torch.eye(n).double()
    y = f.to(torch.float64)
    state = y.new_zeros(y.shape[:-1] + (n,))
    out = []
    for idx, sample in enumerate(y.unbind(-1)):
        t = idx + 1
        inv = torch.linalg.inv(I - A / (2 * t))
        drive = sample.unsqueeze(-1) * (B / t)
        state = (state @ (I + A / (2 * t)).T + drive) @ inv.T
        out.append(state)
    return torch.stack(out, -2).to(f.dtype)


def reconstruct(c, s):
    u = 2.0 * s.to(torch.float64) - 1.0
    P = [torch.ones_like(u), u]
    for m in range(1, c.shape[-1]):
        P.append(((2 * m + 1) * u * P[m] - m * P[m - 1]) / (m + 1))
    n = torch.arange(c.shape[-1], dtype=torch.float64)
    basis = torch.stack(P[: c.shape[-1]]) * torch.sqrt(2 * n + 1).unsqueeze(1)
    return torch.einsum("...n,ns->...s", c.double(), basis).to(c.dtype)


def recall(A, B, dt, f, lag, ridge=1e-6):
    dtype = torch.promote_types(A.dtype, B.dtype)
    A, B = A.to(dtype), B.to(dtype)
    I = torch.eye(len(B), dtype=dtype)
    inv = torch.linalg.inv(I - dt * A / 2)
    Ab, Bb = inv @ (I + dt * A / 2), inv @ B * dt
    h = torch.zeros(len(B), dtype=dtype)
    Z = []
    for y in f:
        h = Ab @ h + Bb * y
        Z.append(torch.cat([h.real, h.imag]) if dtype.is_complex else h)
    Z = torch.stack(Z)[lag:]
    want = f[: f.numel() - lag]
    gram = Z.T @ Z
    w = torch.linalg.solve(gram + ridge * gram.diagonal().mean() * torch.eye(len(gram)).double(), Z.T @ want)
    residual = (want - Z @ w).square().sum()
    return 1 - float(residual / (want - want.mean()).square().sum())

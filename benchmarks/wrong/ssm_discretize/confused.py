# TRUE CAUSE: takes the bilinear rule for backward Euler: A_bar = (I - dt A)^-1 and B_bar = (I - dt A)^-1 dt B, in both
# functions, instead of (I - dt A/2)^-1 (I + dt A/2) and (I - dt A/2)^-1 dt B.
import torch


def discretize(A, B, dt, method="zoh"):
    n, m = A.shape[0], B.shape[1]
    identity = torch.eye(n).to(A)
    if method == "zoh":
        block = torch.zeros(n + m, n + m, dtype=A.dtype)
        block[:n, :n] = A * dt
        block[:n, n:] = B * dt
        exponential = torch.matrix_exp(block)
        return exponential[:n, :n].clone(), exponential[:n, n:].clone()
    elif method == "bilinear":
        inverse = torch.linalg.inv(identity - dt * A)
        return inverse, inverse @ B * dt
    elif method == "euler":
        return identity + A * dt, B * dt
    else:
        raise ValueError(method)


def phi(z):
    """(e^z - 1) / z"""
    near = z.abs() < 1e-4
    away = torch.where(near, 1.0, z)
    series = 1 + z / 2 * (1 + z / 3 * (1 + z / 4))
    return torch.where(near, series, torch.expm1(away) / away)


def discretize_diag(A, B, dt, method="zoh"):
    if method not in ("zoh", "bilinear", "mamba"):
        raise ValueError(method)
    z = A * dt
    if method == "bilinear":
        inverse = 1 / (1 - z)
        return inverse, inverse * B * dt
    if method == "mamba":
        return z.exp(), B * dt
    return z.exp(), B * dt * phi(z)

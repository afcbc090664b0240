"""HiPPO-LegS: a linear state that holds a polynomial for all it has heard, and a measure of what a state knows."""

import torch
from torch import Tensor


def hippo_legs(n: int) -> tuple[Tensor, Tensor]:
    """The system c'(t) = (A c + B f(t)) / t whose state is the Legendre coefficients of f on [0, t].

    n: N >= 1. Rows and columns count from 0: A_ij = -√((2i + 1)(2j + 1)) for i > j, -(i + 1) for i = j, 0 for i < j;
        B_i = √(2i + 1).
    Returns: A (N, N) and B (N,), float64.

    >>> A, B = hippo_legs(3)
    >>> A + 0, B  # + 0 makes 0 of -0
    (tensor([[-1.0000,  0.0000,  0.0000],
            [-1.7321, -2.0000,  0.0000],
            [-2.2361, -3.8730, -3.0000]], dtype=torch.float64), tensor([1.0000, 1.7321, 2.2361], dtype=torch.float64))
    """
    i = torch.arange(n, dtype=torch.float64)
    B = torch.sqrt(2 * i + 1)  # (N,)
    A = -(B[:, None] * B[None, :]).tril(-1) - torch.diag(i + 1)  # (N, N)
    return A, B


def legs_coefficients(f: Tensor, n: int) -> Tensor:
    """The coefficients after each sample, by the bilinear rule with the step 1/t.

    c_t = (I - A/(2t))⁻¹ ((I + A/(2t)) c_{t-1} + B f_t / t) with A and B of hippo_legs and c_0 = 0.

    f: float32 or float64, (..., T), samples f_1 ... f_T, T >= 1; any leading dimensions, none included.
    n: N >= 1.
    Returns: (..., T, N) in the dtype of f; row t - 1 is c_t. Gradients flow to f.

    A constant signal: the first coefficient, its mean, nears 1 (it is 1 - 1/(2t + 1)), the second 0:

    >>> legs_coefficients(torch.ones(3), n=2)
    tensor([[0.6667, 0.5774],
            [0.8000, 0.3464],
            [0.8571, 0.2474]])
    """
    A, B = (matrix.to(f.dtype) for matrix in hippo_legs(n))
    identity = torch.eye(n, dtype=f.dtype)
    c = f.new_zeros(*f.shape[:-1], n)  # (..., N): c_0
    cs = []
    for t, f_t in enumerate(f.unbind(-1), start=1):
        right = c @ (identity + A / (2 * t)).T + f_t[..., None] * B / t  # (..., N)
        left = identity - A / (2 * t)  # (N, N)
        c = torch.linalg.solve(left, right[..., None])[..., 0]  # (..., N)
        cs.append(c)
    return torch.stack(cs, dim=-2)  # (..., T, N)


def reconstruct(c: Tensor, s: Tensor) -> Tensor:
    """The polynomial that c stands for, Σ_n c_n √(2n + 1) P_n(2s - 1), at places s of the past.

    c: float32 or float64, (..., N), N >= 1. s: (S,), in the dtype of c: 0 is the beginning of the past, 1
        is now. P_n: the Legendre polynomial of degree n.
    Returns: (..., S) in the dtype of c. Gradients flow to c. For N up to 64 no digits are lost to the powers of s.

    >>> reconstruct(torch.tensor([2.0, 1.0, 0.0]), torch.tensor([0.0, 0.5, 1.0]))  # 2 + √3 (2s - 1)
    tensor([0.2679, 2.0000, 3.7321])
    """
    N, x = c.shape[-1], 2 * s - 1
    P = [torch.ones_like(x), x]  # P_0 and P_1, (S,) each
    for m in range(1, N - 1):
        P.append(((2 * m + 1) * x * P[m] - m * P[m - 1]) / (m + 1))
    roots = torch.sqrt(2 * torch.arange(N, dtype=c.dtype) + 1)  # (N,)
    basis = roots[:, None] * torch.stack(P[:N])  # (N, S)
    return c @ basis


def recall(A: Tensor, B: Tensor, dt: float, f: Tensor, lag: int, ridge: float = 1e-6) -> float:
    """How much of f_{t-lag} a linear read-out finds in the state at t: 1 all, 0 nothing.

    The state: x_t = Ā x_{t-1} + B̄ f_t with x before the first sample 0, where Ā = (I - dt/2 A)⁻¹ (I + dt/2 A) and
    B̄ = (I - dt/2 A)⁻¹ dt B. The step is dt everywhere, not 1/t.
    The read-out: w minimises Σ_t (f_{t-lag} - w·z_t)² + λ w·w over all t that have a sample lag steps earlier. z_t
    is x_t, or, if the dtype of A or B is complex128, the real parts and then the imaginary parts of x_t, 2N numbers,
    also where all imaginary parts are 0. There is no constant term. For λ take the sum of the squares of each entry of
    z over the same t; λ is ridge times the mean of these N (or 2N) sums.
    The result: 1 - Σ_t (f_{t-lag} - w·z_t)² / Σ_t f_{t-lag}².

    A: (N, N), B: (N,), each float64 or complex128. dt > 0. f: float64 (T,), real. lag: from 0 to T - 1. ridge > 0.
    Returns: a Python float.

    With A = -2 and dt = 1 the state is f_t / 2 and forgets at once; f_{t-1} is guessed as 20/29 f_t:

    >>> A, B, f = torch.tensor([[-2.0]]).double(), torch.ones(1).double(), torch.tensor([1.0, 2.0, 3.0, 4.0]).double()
    >>> round(recall(A, B, 1.0, f, lag=0), 4), round(recall(A, B, 1.0, f, lag=1), 4)
    (1.0, 0.9852)
    """
    dtype = torch.promote_types(A.dtype, B.dtype)
    A, B = A.to(dtype), B.to(dtype)
    identity = torch.eye(len(A), dtype=dtype)
    left = identity - dt / 2 * A
    A_bar = torch.linalg.solve(left, identity + dt / 2 * A)  # (N, N)
    B_bar = torch.linalg.solve(left, dt * B)  # (N,)

    x, states = torch.zeros_like(B), []
    for f_t in f:
        x = A_bar @ x + B_bar * f_t
        states.append(x)
    z = torch.stack(states)  # (T, N)
    if z.is_complex():
        z = torch.cat([z.real, z.imag], dim=-1)  # (T, 2 N)

    z, target = z[lag:], f[: len(f) - lag]  # the state at t beside the sample at t - lag
    penalty = ridge * z.square().sum(0).mean()
    w = torch.linalg.solve(z.T @ z + penalty * torch.eye(z.shape[1], dtype=z.dtype), z.T @ target)
    error = target - z @ w
    return (1 - error.square().sum() / target.square().sum()).item()

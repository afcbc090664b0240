"""State-space duality: the recurrence of Mamba-2 as a matrix, and in chunks.

x, y (Bt, T, H, P)   input and output: Bt texts, T tokens, H heads of P channels
a    (Bt, T, H)      log-decay: one number for each head and token, at most 0
B, C (Bt, T, H, N)   what a token writes and reads
h    (Bt, H, P, N)   the state
"""

import torch
from torch import Tensor


def segsum(a: Tensor) -> Tensor:
    """The sum of every segment: entry (t, s) is a_{s+1} + ... + a_t for s <= t, and -inf for s > t.

    a: floating point (..., T), any leading dimensions, T >= 1; each number is finite or -inf.
    Returns: (..., T, T) in the dtype of a; 0 on the diagonal. Each entry is as exact as if its own numbers had
        been added up, whatever stands before the segment. Gradients flow to a.

    >>> segsum(torch.tensor([-1.0, -2.0, -3.0]))
    tensor([[ 0., -inf, -inf],
            [-2.,  0., -inf],
            [-5., -3.,  0.]])
    """
    raise NotImplementedError


def ssd_quadratic(x: Tensor, a: Tensor, B: Tensor, C: Tensor) -> Tensor:
    """All tokens at once: y_t = Σ_{s<=t} L_ts (C_t · B_s) x_s with L = exp(segsum(a)), in every head.

    x: (Bt, T, H, P), T >= 1.
    a: (Bt, T, H), at most 0; -inf clears the state.
    B, C: (Bt, T, H, N). All have the dtype of x.
    Returns: y (Bt, T, H, P), in the dtype of x. Gradients flow to all arguments.

    One text, one head, P = N = 1, and each step halves the state:

    >>> x = torch.tensor([8.0, 2.0, 4.0]).view(1, 3, 1, 1)
    >>> B = torch.ones(1, 3, 1, 1)
    >>> a = torch.full((1, 3, 1), -0.6931472)
    >>> ssd_quadratic(x, a, B, B).flatten()  # h = 8, then 8/2 + 2 = 6, then 6/2 + 4 = 7
    tensor([8., 6., 7.])
    """
    raise NotImplementedError


def ssd_chunked(
    x: Tensor, a: Tensor, B: Tensor, C: Tensor, chunk: int, h0: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """The same map in pieces of `chunk` tokens: a matrix within each, a state from one to the next.

    x, a, B, C: as for ssd_quadratic.
    chunk: Q >= 1, divides T. For a given Q, time and memory grow in proportion to T, and not to its square.
    h0: (Bt, H, P, N), the state before the first token; None: zeros.
    Returns: y (Bt, T, H, P) and the state after the last token (Bt, H, P, N), in the dtype of x. No number is
        NaN, also where a is -inf. Gradients flow to all arguments.

    >>> x = torch.tensor([8.0, 2.0, 4.0, 1.0]).view(1, 4, 1, 1)
    >>> B = torch.ones(1, 4, 1, 1)
    >>> a = torch.full((1, 4, 1), -0.6931472)
    >>> y, h = ssd_chunked(x, a, B, B, chunk=2)
    >>> y.flatten(), h.flatten()
    (tensor([8.0000, 6.0000, 7.0000, 4.5000]), tensor([4.5000]))
    """
    raise NotImplementedError

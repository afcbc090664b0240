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
    T = a.shape[-1]
    past = torch.ones(T, T, dtype=torch.bool).tril()  # s <= t
    steps = a[..., :, None].masked_fill(~past.tril(-1), 0.0)  # (..., T, T): a_t where s < t
    return steps.cumsum(-2).masked_fill(~past, float("-inf"))


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
    L = torch.exp(segsum(a.mT))  # (Bt, H, T, T)
    scores = torch.einsum("bthn,bshn->bhts", C, B)
    return torch.einsum("bhts,bshp->bthp", L * scores, x)


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
    Bt, _, H, P = x.shape
    h = x.new_zeros(Bt, H, P, B.shape[-1]) if h0 is None else h0
    ys = []
    for x_, a_, B_, C_ in zip(*(tensor.split(chunk, dim=1) for tensor in (x, a, B, C)), strict=True):
        since_start = torch.exp(a_.cumsum(1))  # (Bt, Q, H): what token t sees of the old state
        until_end = torch.exp(segsum(a_.mT)[:, :, -1])  # (Bt, H, Q): what is left of token s at the end
        from_before = torch.einsum("bth,bthn,bhpn->bthp", since_start, C_, h)
        ys.append(ssd_quadratic(x_, a_, B_, C_) + from_before)
        written = torch.einsum("bhs,bshp,bshn->bhpn", until_end, x_, B_)
        h = since_start[:, -1, :, None, None] * h + written
    return torch.cat(ys, dim=1), h

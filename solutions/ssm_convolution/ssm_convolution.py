"""A time-invariant state-space layer, as a recurrence and as a convolution."""

import torch
from torch import Tensor


def ssm_recurrence(
    A: Tensor, B: Tensor, C: Tensor, x: Tensor, D: Tensor | None = None, h0: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """h_t = A * h_{t-1} + B x_t and y_t = <C, h_t> + D x_t, for every channel on its own.

    A, B, C: float32 or float64 (Ch, N), discretised; every entry of A lies between -1 and 1.
    x: (Bt, Ch, T), T >= 1. All arguments have the dtype of x.
    D: (Ch,), the skip; None: no skip.
    h0: (Bt, Ch, N), the state before the first token; None: zeros.
    Returns: y (Bt, Ch, T) and the state after the last token (Bt, Ch, N), in the dtype of x. Gradients flow to
        all arguments.

    >>> A, B, C = torch.tensor([[0.5]]), torch.tensor([[1.0]]), torch.tensor([[2.0]])
    >>> ssm_recurrence(A, B, C, torch.tensor([[[1.0, 0.0, 3.0]]]))
    (tensor([[[2.0000, 1.0000, 6.5000]]]), tensor([[[3.2500]]]))
    """
    Bt, Ch, T = x.shape
    h = x.new_zeros(Bt, Ch, A.shape[1]) if h0 is None else h0
    ys = []
    for t in range(T):
        h = A * h + B * x[:, :, t, None]  # (Bt, Ch, N)
        ys.append((C * h).sum(-1))  # (Bt, Ch)
    y = torch.stack(ys, dim=-1)  # (Bt, Ch, T)
    return (y if D is None else y + D[:, None] * x), h


def ssm_kernel(A: Tensor, B: Tensor, C: Tensor, length: int) -> Tensor:
    """The response of every channel to an impulse: K_j = <C, A^j * B>.

    A, B, C: as in ssm_recurrence. length: at least 1.
    Returns: (Ch, length) in the dtype of A, K_0 first. Gradients flow to all arguments.

    >>> ssm_kernel(torch.tensor([[0.5]]), torch.tensor([[1.0]]), torch.tensor([[2.0]]), length=3)
    tensor([[2.0000, 1.0000, 0.5000]])
    """
    powers = A[..., None] ** torch.arange(length)  # (Ch, N, length)
    return ((C * B)[..., None] * powers).sum(1)  # (Ch, length)


def causal_conv(x: Tensor, kernel: Tensor, D: Tensor | None = None) -> Tensor:
    """y_t = K_0 x_t + K_1 x_{t-1} + ... + K_t x_0 + D x_t in O(T log T), by FFT.

    x: float32 or float64 (Bt, Ch, T), T >= 1. kernel: (Ch, T), any numbers. D: (Ch,), the skip; None: no skip.
        All have the same dtype.
    Returns: (Bt, Ch, T) in the dtype of x. Gradients flow to all arguments.

    >>> causal_conv(torch.tensor([[[1.0, 0.0, 3.0]]]), torch.tensor([[2.0, 1.0, 0.5]])).round(decimals=4)
    tensor([[[2.0000, 1.0000, 6.5000]]])
    """
    T = x.shape[-1]
    n = 2 * T  # room for the whole convolution: an FFT of T places would wrap its end around to its start
    y = torch.fft.irfft(torch.fft.rfft(x, n=n) * torch.fft.rfft(kernel, n=n), n=n)[..., :T]
    return y if D is None else y + D[:, None] * x

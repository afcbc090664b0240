# TRUE CAUSE: causal_conv adds D to the product of the two spectra. A constant in the spectrum is an impulse, so D
# itself comes out at t = 0; the skip is D x_t at every t, D times the spectrum of x.
"""A time-invariant state-space layer, as a recurrence and as a convolution."""

import torch
from torch import Tensor


def ssm_recurrence(
    A: Tensor, B: Tensor, C: Tensor, x: Tensor, D: Tensor | None = None, h0: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    h = x.new_zeros(x.shape[0], *A.shape) if h0 is None else h0
    outputs = []
    for t in range(x.shape[-1]):
        h = A * h + B * x[:, :, t, None]
        outputs.append((C * h).sum(dim=-1))
    y = torch.stack(outputs, dim=-1)
    if D is not None:
        y = y + D[:, None] * x
    return y, h


def ssm_kernel(A: Tensor, B: Tensor, C: Tensor, length: int) -> Tensor:
    j = torch.arange(length, dtype=A.dtype, device=A.device)
    powers = A[..., None] ** j  # (Ch, N, length)
    return torch.einsum("cn,cnj->cj", B * C, powers)


def causal_conv(x: Tensor, kernel: Tensor, D: Tensor | None = None) -> Tensor:
    T = x.shape[-1]
    n = 2 * T  # room for what runs over the end
    spectrum = torch.fft.rfft(x, n=n) * torch.fft.rfft(kernel, n=n)
    if D is not None:
        spectrum = spectrum + D[:, None]
    return torch.fft.irfft(spectrum, n=n)[..., :T]

# TRUE CAUSE: causal_conv transforms without padding, n = T: the convolution is circular, and the end of the
# text comes in again at the start.
import torch
from torch import Tensor


def ssm_recurrence(
    A: Tensor, B: Tensor, C: Tensor, x: Tensor, D: Tensor | None = None, h0: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    h = x.new_zeros(x.shape[0], *A.shape) if h0 is None else h0
    outputs = []
    for t in range(x.shape[2]):
        h = A * h + B * x[:, :, t, None]
        outputs.append((C * h).sum(dim=-1))
    y = torch.stack(outputs, dim=-1)
    if D is not None:
        y = y + D[:, None] * x
    return y, h


def ssm_kernel(A: Tensor, B: Tensor, C: Tensor, length: int) -> Tensor:
    powers = A[..., None] ** torch.arange(length)
    return ((C * B)[..., None] * powers).sum(dim=1)


def causal_conv(x: Tensor, kernel: Tensor, D: Tensor | None = None) -> Tensor:
    T = x.shape[-1]
    n = T
    spectrum = torch.fft.rfft(x, n=n) * torch.fft.rfft(kernel, n=n)
    y = torch.fft.irfft(spectrum, n=n)[..., :T]
    if D is not None:
        y = y + D[:, None] * x
    return y

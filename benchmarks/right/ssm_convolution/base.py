import torch
from torch import Tensor


def ssm_recurrence(
    A: Tensor, B: Tensor, C: Tensor, x: Tensor, D: Tensor | None = None, h0: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    Bt, Ch, T = x.shape
    h = x.new_zeros(Bt, Ch, A.shape[1]) if h0 is None else h0
    ys = []
    for t in range(T):
        h = A * h + B * x[:, :, t, None]
        ys.append((C * h).sum(-1))
    y = torch.stack(ys, dim=-1)
    if D is not None:
        y = y + D[:, None] * x
    return y, h


def ssm_kernel(A: Tensor, B: Tensor, C: Tensor, length: int) -> Tensor:
    state, out = B, []
    for _ in range(length):
        out.append((C * state).sum(-1))
        state = A * state
    return torch.stack(out, dim=-1)


def causal_conv(x: Tensor, kernel: Tensor, D: Tensor | None = None) -> Tensor:
    T = x.shape[-1]
    n = 2 * T
    y = torch.fft.irfft(torch.fft.rfft(x, n=n) * torch.fft.rfft(kernel, n=n), n=n)[..., :T]
    if D is not None:
        y = y + D[:, None] * x
    return y

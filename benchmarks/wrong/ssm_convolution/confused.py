# TRUE CAUSE: takes A for the matrix of the continuous system, h' = A h + B x, and makes exp(A) of it in each step (decay exp(A)),
# in the recurrence as in the kernel, though A is discretised already. causal_conv is right.
import torch


def ssm_recurrence(A, B, C, x, D=None, h0=None):
    decay = torch.exp(A)
    state = torch.zeros(x.size(0), A.size(0), A.size(1), dtype=x.dtype) if h0 is None else h0.clone()
    ys = []
    for xt in x.unbind(dim=2):
        state = decay * state + xt.unsqueeze(-1) * B
        ys.append(torch.einsum("bcn,cn->bc", state, C))
    y = torch.stack(ys, 2)
    return (y if D is None else y + x * D.view(1, -1, 1)), state


def ssm_kernel(A, B, C, length):
    j = torch.arange(length, dtype=A.dtype)
    return torch.einsum("cn,cn,cnj->cj", C, B, torch.exp(A.unsqueeze(-1) * j))


def causal_conv(x, kernel, D=None):
    T = x.size(-1)
    size = 1
    while size < 2 * T - 1:
        size *= 2
    X, K = torch.fft.fft(x, size), torch.fft.fft(kernel, size)
    y = torch.fft.ifft(X * K).real[..., :T]
    if D is not None:
        y = y + x * D.unsqueeze(-1)
    return y

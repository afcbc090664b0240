import itertools
from collections import namedtuple

import numpy as np
import torch
import torch.nn.functional as F

from grader.testing import replaces


def skip(y, x, D):
    return y if D is None else y + D.unsqueeze(-1) * x


def begin(A, x, h0):
    return torch.zeros(x.shape[0], *A.shape, dtype=x.dtype) if h0 is None else h0


# ------------------------------------------------------------------ ssm_recurrence
@replaces("ssm_recurrence")
def re_einsum(A, B, C, x, D=None, h0=None):
    """einsum"""
    h = begin(A, x, h0)
    ys = []
    for xt in x.unbind(dim=2):
        h = torch.einsum("cn,bcn->bcn", A, h) + torch.einsum("cn,bc->bcn", B, xt)
        ys.append(torch.einsum("cn,bcn->bc", C, h))
    return skip(torch.stack(ys, 2), x, D), h


@replaces("ssm_recurrence")
def re_stack(A, B, C, x, D=None, h0=None):
    """all states kept, then read out"""
    inp = x[..., None] * B[:, None]  # (Bt, Ch, T, N)
    h = begin(A, x, h0)
    hs = []
    for t in range(x.shape[-1]):
        h = torch.addcmul(inp[:, :, t], A, h)
        hs.append(h)
    y = (torch.stack(hs, 2) * C[:, None]).sum(-1)
    return skip(y, x, D), hs[-1]


@replaces("ssm_recurrence")
def re_channels(A, B, C, x, D=None, h0=None):
    """sequence by sequence, channel by channel"""
    ys, states = [], []
    for b, c in itertools.product(range(x.shape[0]), range(x.shape[1])):
        h = torch.zeros_like(A[c]) if h0 is None else h0[b, c]
        row = []
        for t in range(x.shape[2]):
            h = A[c] * h + B[c] * x[b, c, t]
            row.append(C[c] @ h + (0 if D is None else D[c] * x[b, c, t]))
        ys.append(torch.stack(row))
        states.append(h)
    return torch.stack(ys).view(x.shape), torch.stack(states).view(x.shape[0], *A.shape)


@replaces("ssm_recurrence")
def re_double(A, B, C, x, D=None, h0=None):
    """float64 inside"""
    A_, B_, C_, x_ = (v.double() for v in (A, B, C, x))
    h = begin(A_, x_, None if h0 is None else h0.double())
    y = []
    for t in range(x.shape[-1]):
        h = A_ * h + x_[:, :, t : t + 1] * B_
        y.append(torch.linalg.vecdot(h, C_))
    y = torch.stack(y, -1)
    if D is not None:
        y = y + x_ * D.double()[:, None]
    return y.to(x.dtype), h.to(x.dtype)


@replaces("ssm_recurrence")
def re_doubling(A, B, C, x, D=None, h0=None):
    """doubling: A, A², A⁴ …"""
    h = x.unsqueeze(2) * B.unsqueeze(-1)  # (Bt, Ch, N, T)
    h = torch.cat([h[..., :1] + (A * begin(A, x, h0))[..., None], h[..., 1:]], -1)
    a, n = A.unsqueeze(-1), 1
    while n < x.shape[-1]:
        h = torch.cat([h[..., :n], h[..., n:] + a * h[..., :-n]], -1)
        a, n = a * a, 2 * n
    return skip((C.unsqueeze(-1) * h).sum(2), x, D), h[..., -1]


@replaces("ssm_recurrence")
def re_token_first(A, B, C, x, D=None, h0=None):
    """tokens first; results that are views"""
    xs = x.permute(2, 0, 1)
    h = (x.new_zeros(x.shape[0], *A.shape) if h0 is None else h0).transpose(1, 2)
    out = []
    for xt in xs:
        h = A.T * h + B.T * xt.unsqueeze(1)
        out.append((h * C.T).sum(1))
    y = torch.stack(out)
    if D is not None:
        y = y + D * xs
    return y.permute(1, 2, 0), h.transpose(1, 2)


@replaces("ssm_recurrence")
def re_recursive(A, B, C, x, D=None, h0=None):
    """the first half, then the second with its state"""
    def run(x, h):
        if x.shape[-1] == 1:
            h = A * h + B * x
            return (C * h).sum(-1, keepdim=True), h
        left, right = x.tensor_split(2, dim=-1)
        y1, h = run(left, h)
        y2, h = run(right, h)
        return torch.cat([y1, y2], -1), h

    y, h = run(x, begin(A, x, h0))
    return skip(y, x, D), h


@replaces("ssm_recurrence")
def re_accumulate(A, B, C, x, D=None, h0=None):
    """itertools.accumulate"""
    hs = list(itertools.accumulate(x.unbind(-1), lambda h, xt: A * h + B * xt[..., None], initial=begin(A, x, h0)))[1:]
    y = torch.stack([torch.sum(h * C, dim=-1) for h in hs], dim=-1)
    return skip(y, x, D), hs[-1]


@replaces("ssm_recurrence")
def re_powers(A, B, C, x, D=None, h0=None):
    """blocks of 16 tokens by powers of A"""
    h, ys = begin(A, x, h0), []
    for part in x.split(16, dim=-1):
        n = part.shape[-1]
        distance = torch.arange(n)[:, None] - torch.arange(n)
        w = torch.where(distance >= 0, A[..., None, None] ** distance.clamp(min=0), 0)  # (Ch, N, n, n)
        hs = torch.einsum("cnts,cn,bcs->bctn", w, B, part) + (A[:, None] ** torch.arange(1, n + 1)[:, None]) * h[:, :, None]
        ys.append(torch.einsum("bctn,cn->bct", hs, C))
        h = hs[:, :, -1]
    return skip(torch.cat(ys, -1), x, D), h


class Recurrence(torch.autograd.Function):
    @staticmethod
    def forward(ctx, A, B, C, x, h0):
        hs = [h0]
        for t in range(x.shape[-1]):
            hs.append(A * hs[-1] + B * x[..., t, None])
        H = torch.stack(hs, 2)
        ctx.save_for_backward(A, B, C, x, H)
        return (H[:, :, 1:] * C[:, None]).sum(-1), hs[-1].clone()

    @staticmethod
    def backward(ctx, gy, g):
        A, B, C, x, H = ctx.saved_tensors
        gA, gB, gx = torch.zeros_like(A), torch.zeros_like(B), torch.zeros_like(x)
        gC = torch.einsum("bct,bctn->cn", gy, H[:, :, 1:])
        for t in reversed(range(x.shape[-1])):
            g = g + gy[..., t, None] * C
            gA += (g * H[:, :, t]).sum(0)
            gB += (g * x[..., t, None]).sum(0)
            gx[..., t] = (g * B).sum(-1)
            g = g * A
        return gA, gB, gC, gx, g


@replaces("ssm_recurrence")
def re_function(A, B, C, x, D=None, h0=None):
    """a gradient written by hand"""
    y, h = Recurrence.apply(A, B, C, x, begin(A, x, h0))
    return skip(y, x, D), h


Out = namedtuple("Out", ["y", "h"])


@replaces("ssm_recurrence")
def re_numbers(A, B, C, x, D=None, h0=None):
    """number of state by number of state; a NamedTuple"""
    y, last = 0, []
    for n in range(A.shape[1]):
        h = 0 * x[..., 0] if h0 is None else h0[..., n]
        column = []
        for t in range(x.shape[-1]):
            h = A[:, n] * h + B[:, n] * x[..., t]
            column.append(h)
        y = y + C[:, n, None] * torch.stack(column, dim=-1)
        last.append(h)
    return Out(y if D is None else y + D.view(1, -1, 1) * x if D.is_contiguous() else y + D[None, :, None] * x, torch.stack(last, -1))


@replaces("ssm_recurrence")
def re_matrix(A, B, C, x, D=None, h0=None):
    """bmm with C, outputs written into an own tensor"""
    Bt, Ch, T = x.shape
    h = begin(A, x, h0)
    y = torch.empty(Bt, Ch, T, dtype=x.dtype)
    for t in range(T):
        h = h * A + torch.outer(x[:, :, t].reshape(-1), x.new_ones(A.shape[1])).view(Bt, Ch, -1) * B
        y[:, :, t] = torch.matmul(h.unsqueeze(-2), C.unsqueeze(-1)).flatten(1)
    return (y + torch.mul(x, D[:, None]) if D is not None else y), h


# ------------------------------------------------------------------ ssm_kernel
@replaces("ssm_kernel")
def ke_pow(A, B, C, length):
    """powers of A"""
    powers = A[..., None] ** torch.arange(length)  # (Ch, N, length)
    return torch.einsum("cn,cnl,cn->cl", C, powers, B)


@replaces("ssm_kernel")
def ke_cumprod(A, B, C, length):
    """cumprod"""
    rows = torch.cat([torch.ones_like(A)[None], A.expand(length - 1, *A.shape)])
    return (rows.cumprod(0) * (B * C)).sum(-1).T


@replaces("ssm_kernel")
def ke_vander(A, B, C, length):
    """a Vandermonde matrix for each channel"""
    bc = B * C
    return torch.stack([bc[c] @ torch.linalg.vander(A[c], N=max(length, 2)) for c in range(A.shape[0])])[:, :length]


@replaces("ssm_kernel")
def ke_doubling(A, B, C, length):
    """twice as many places in each round"""
    states, power = (B)[..., None], A[..., None]
    while states.shape[-1] < length:
        states = torch.cat([states, states * power], -1)
        power = power * power
    return torch.einsum("cn,cnl->cl", C, states[..., :length])


@replaces("ssm_kernel")
def ke_impulse(A, B, C, length):
    """the recurrence answers an impulse"""
    h = torch.zeros_like(A)
    out = []
    for t in range(length):
        h = A * h + (B if t == 0 else 0 * B)
        out.append(torch.linalg.vecdot(C, h))
    return torch.stack(out, 1)


@replaces("ssm_kernel")
def ke_double(A, B, C, length):
    """float64 inside"""
    a, bc = A.double(), B.double() * C.double()
    columns = []
    for j in range(length):
        columns.append((bc * a**j).sum(-1))
    return torch.stack(columns, dim=-1).to(A.dtype)


@replaces("ssm_kernel")
def ke_horner(A, B, C, length):
    """C is carried along instead of B"""
    left, out = C, []
    while len(out) < length:
        out.append(torch.einsum("cn,cn->c", left, B))
        left = left * A
    return torch.stack(out).T


@replaces("ssm_kernel")
def ke_numbers(A, B, C, length):
    """one number of state after the other"""
    exponent = torch.arange(length, dtype=A.dtype)
    return sum((C[:, n] * B[:, n])[:, None] * A[:, n, None].pow(exponent) for n in range(A.shape[1]))


@replaces("ssm_kernel")
def ke_accumulate(A, B, C, length):
    """accumulate"""
    terms = itertools.accumulate(range(1, length), lambda s, _: s * A, initial=B * C)
    return torch.stack([s.sum(dim=1) for s in terms], dim=1)


@replaces("ssm_kernel")
def ke_squares(A, B, C, length):
    """each power by squaring, by bits of j"""
    j = torch.arange(length)
    value, square = torch.ones(*A.shape, length, dtype=A.dtype), A[..., None]
    for bit in range(max(1, length.bit_length())):
        value = torch.where((j >> bit & 1).bool(), value * square, value)
        square = square * square
    return ((B * C)[:, None] @ value)[:, 0]


@replaces("ssm_kernel")
def ke_blocks(A, B, C, length):
    """a small table of powers, times powers of A⁸"""
    small = torch.stack([A**j for j in range(8)], -1)  # (Ch, N, 8)
    big = torch.stack([A ** (8 * j) for j in range(-(-length // 8))], -1)
    return torch.einsum("cn,cnk,cnj->ckj", B * C, big, small).flatten(1)[:, :length]


@replaces("ssm_kernel")
def ke_own(A, B, C, length):
    """written into an own tensor"""
    K = torch.zeros(A.shape[0], length, dtype=A.dtype)
    state = B.clone()
    for j in range(length):
        K[:, j] = torch.sum(C * state, -1)
        state = state * A
    return K


# ------------------------------------------------------------------ causal_conv
@replaces("causal_conv")
def co_power(x, kernel, D=None):
    """a power of two"""
    T = x.shape[-1]
    n = 1 << (2 * T - 1).bit_length()
    y = torch.fft.irfft(torch.fft.rfft(x, n) * torch.fft.rfft(kernel, n), n)[..., :T]
    return skip(y, x, D)


@replaces("causal_conv")
def co_complex(x, kernel, D=None):
    """the complex transform"""
    T = x.size(-1)
    product = torch.fft.fft(x, n=2 * T) * torch.fft.fft(kernel, n=2 * T)
    return skip(torch.fft.ifft(product).real[..., :T], x, D)


@replaces("causal_conv")
def co_pad(x, kernel, D=None):
    """padded by hand; the skip joins the kernel"""
    T = x.shape[-1]
    if D is not None:
        kernel = torch.cat([kernel[:, :1] + D[:, None], kernel[:, 1:]], dim=1)
    X = torch.fft.rfft(F.pad(x, (0, T)))
    K = torch.fft.rfft(F.pad(kernel, (0, T)))
    return torch.fft.irfft(X * K[None], n=2 * T).narrow(-1, 0, T)


@replaces("causal_conv")
def co_double(x, kernel, D=None):
    """float64 inside"""
    T = x.shape[-1]
    n = 2 * T
    y = torch.fft.irfft(torch.fft.rfft(x.double(), n=n) * torch.fft.rfft(kernel.double(), n=n), n=n)[..., :T]
    if D is not None:
        y = y + D.double()[:, None] * x
    return y.to(x.dtype)


@replaces("causal_conv")
def co_channels(x, kernel, D=None):
    """channel by channel"""
    T = x.shape[2]
    columns = []
    for c in range(x.shape[1]):
        k = torch.fft.rfft(kernel[c], 2 * T)
        y = torch.fft.irfft(k * torch.fft.rfft(x[:, c], 2 * T, dim=-1), 2 * T)[:, :T]
        columns.append(y if D is None else y + D[c] * x[:, c])
    return torch.stack(columns, dim=1)


@replaces("causal_conv")
def co_front(x, kernel, D=None):
    """zeros in front: the places from T on are right"""
    T = x.shape[-1]
    front = torch.cat([torch.zeros_like(x), x], -1)
    k = torch.cat([kernel, torch.zeros_like(kernel)], -1)
    y = torch.fft.irfft(torch.fft.rfft(front) * torch.fft.rfft(k), n=2 * T)[..., T:]
    return skip(y, x, D)


@replaces("causal_conv")
def co_ortho(x, kernel, D=None):
    """scaled transforms, a little more room"""
    T = x.shape[-1]
    n = 2 * T + 2
    X, K = torch.fft.rfft(x, n=n, norm="ortho"), torch.fft.rfft(kernel, n=n, norm="backward")
    y = torch.fft.irfft(torch.einsum("bcf,cf->bcf", X, K), n=n, norm="ortho")
    return skip(y[:, :, :T], x, D).contiguous()


@replaces("causal_conv")
def co_token_first(x, kernel, D=None):
    """tokens first; a view"""
    T = x.shape[-1]
    xs, ks = x.permute(2, 0, 1), kernel.T
    y = torch.fft.irfft(torch.fft.rfft(xs, n=2 * T, dim=0) * torch.fft.rfft(ks, n=2 * T, dim=0)[:, None], n=2 * T, dim=0)[:T]
    if D is not None:
        y = y + xs * D
    return y.permute(1, 2, 0)


@replaces("causal_conv")
def co_together(x, kernel, D=None):
    """signal and kernel in one transform"""
    T = x.shape[-1]
    both = torch.fft.rfft(torch.cat([x, kernel[None]], dim=0), n=2 * T)
    y = torch.fft.irfft(both[:-1] * both[-1:], n=2 * T)
    y = y[..., :T]
    return y if D is None else torch.addcmul(y, D[:, None], x)


@replaces("causal_conv")
def co_overlap(x, kernel, D=None):
    """halves: what the first half of the signal does to the second comes apart"""
    def conv(a, k):  # the first places only, as many as a has
        n = a.shape[-1]
        return torch.fft.irfft(torch.fft.rfft(a, n=2 * n) * torch.fft.rfft(k[..., :n], n=2 * n), n=2 * n)[..., :n]

    T = x.shape[-1]
    m = T // 2
    if m == 0:
        return skip(conv(x, kernel), x, D)
    first = conv(F.pad(x[..., :m], (0, T - m)), kernel)
    second = F.pad(conv(x[..., m:], kernel), (m, 0))
    return skip(first + second, x, D)


class Convolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, kernel):
        ctx.save_for_backward(x, kernel)
        n = 2 * x.shape[-1]
        a, k = x.detach().double().numpy(), kernel.detach().double().numpy()
        y = np.fft.irfft(np.fft.rfft(a, n) * np.fft.rfft(k, n), n)[..., : n // 2]
        return torch.from_numpy(np.ascontiguousarray(y)).to(x.dtype)

    @staticmethod
    def backward(ctx, g):
        x, kernel = ctx.saved_tensors
        T = x.shape[-1]
        G, X, K = (torch.fft.rfft(v, n=2 * T) for v in (g, x, kernel))
        gx = torch.fft.irfft(G * K.conj(), n=2 * T)[..., :T]
        gk = torch.fft.irfft(G * X.conj(), n=2 * T)[..., :T].sum(0)
        return gx, gk


@replaces("causal_conv")
def co_numpy(x, kernel, D=None):
    """NumPy's transform with a gradient by hand"""
    return skip(Convolution.apply(x, kernel), x, D)


@replaces("causal_conv")
def co_odd(x, kernel, D=None):
    """as few places as possible, 2T - 1"""
    T = x.shape[-1]
    n = 2 * T - 1
    X, K = torch.fft.fft(x, n=n), torch.fft.fft(kernel, n=n)
    return skip(torch.fft.ifft(X * K, n=n).real[..., :T], x, D)


@replaces("causal_conv")
def co_direct_or_fft(x, kernel, D=None):
    """short ones by conv1d, long ones by FFT"""
    Bt, Ch, T = x.shape
    if T <= 16:
        y = F.conv1d(F.pad(x, (T - 1, 0)), kernel.flip(-1)[:, None], groups=Ch)
    else:
        y = torch.fft.irfft(torch.fft.rfft(x, n=2 * T) * torch.fft.rfft(kernel, n=2 * T), n=2 * T)[..., :T]
    return skip(y, x, D)

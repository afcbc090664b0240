"""Right solutions in other styles. None of them may lose a point."""

from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from grader.testing import replaces


class Scan(NamedTuple):
    y: Tensor
    h: Tensor


@replaces("selective_scan")
def einsum_steps(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None):
    """einsum, time first; y is a permuted view; a named tuple"""
    if delta_bias is not None:
        delta = torch.einsum("bdt,d->bdt", delta, torch.ones_like(delta_bias)) + delta_bias.view(1, -1, 1)
    if delta_softplus:
        delta = torch.logaddexp(delta, torch.zeros_like(delta))
    A_bar = torch.exp(torch.einsum("bdt,dn->tbdn", delta, A))
    B_bar_u = torch.einsum("bdt,bnt,bdt->tbdn", delta, B, u)
    h = torch.zeros_like(A_bar[0]) if h0 is None else h0
    hs = []
    for decay, write in zip(A_bar, B_bar_u, strict=True):
        h = torch.addcmul(write, decay, h)
        hs.append(h)
    y = torch.einsum("tbdn,bnt->tbd", torch.stack(hs), C).permute(1, 2, 0)
    if D is not None:
        y = y + torch.einsum("d,bdt->bdt", D, u)
    if z is not None:
        y = y * z * torch.sigmoid(z)
    return Scan(y, h)


@replaces("selective_scan")
def number_by_number(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None):
    """loops over sequences, channels and tokens; the state is a vector"""
    Bt, Ch, T = u.shape
    ys, hs = [], []
    for b in range(Bt):
        for c in range(Ch):
            h = A[c] * 0 if h0 is None else h0[b, c]
            for t in range(T):
                step = delta[b, c, t]
                if delta_bias is not None:
                    step = step + delta_bias[c]
                if delta_softplus:
                    step = F.softplus(step)
                h = h * (step * A[c]).exp() + step * u[b, c, t] * B[b, :, t]
                y = C[b, :, t] @ h
                if D is not None:
                    y = y + D[c] * u[b, c, t]
                if z is not None:
                    y = y * F.silu(z[b, c, t])
                ys.append(y)
            hs.append(h)
    return torch.stack(ys).view(Bt, Ch, T), torch.stack(hs).view(Bt, Ch, -1)


@replaces("selective_scan")
def doubling(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None):
    """a parallel scan in log2(T) rounds, in float64, cast at the end"""
    dtype = u.dtype
    delta = delta.double() if delta_bias is None else delta.double() + delta_bias.double()[:, None]
    delta = F.softplus(delta) if delta_softplus else delta
    a = torch.exp(delta.unsqueeze(-1) * A.double().unsqueeze(1))
    b = (delta * u).unsqueeze(-1) * B.double().transpose(1, 2).unsqueeze(1)
    if h0 is not None:
        b = torch.cat([b[:, :, :1] + a[:, :, :1] * h0[:, :, None], b[:, :, 1:]], dim=2)
    step, T = 1, u.shape[-1]
    while step < T:  # (a1, b1) then (a2, b2) is (a1 a2, a2 b1 + b2)
        b = torch.cat([b[:, :, :step], a[:, :, step:] * b[:, :, :-step] + b[:, :, step:]], dim=2)
        a = torch.cat([a[:, :, :step], a[:, :, step:] * a[:, :, :-step]], dim=2)
        step *= 2
    y = (b * C.double().transpose(1, 2).unsqueeze(1)).sum(-1)
    y = y if D is None else y + D[:, None] * u
    y = y if z is None else y * F.silu(z.double())
    return y.to(dtype), b[:, :, -1].to(dtype)


@replaces("selective_scan")
def attention_matrix(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None):
    """the whole map as a lower triangular matrix, without a loop"""
    T = u.shape[-1]
    delta = delta if delta_bias is None else delta + delta_bias[:, None]
    delta = F.softplus(delta) if delta_softplus else delta
    past = torch.ones(T, T, dtype=torch.bool).tril()
    # time[t, s] = delta_{s+1} + ... + delta_t, each segment summed on its own
    time = (delta[..., :, None] * past.tril(-1)).cumsum(-2)  # (Bt, Ch, T, T)
    L = torch.exp(time[..., None] * A[:, None, None]) * past[..., None]  # (Bt, Ch, T, T, N)
    start = u.new_zeros(*u.shape[:2], A.shape[1]) if h0 is None else h0
    from_start = torch.exp(delta.cumsum(-1)[..., None] * A[:, None]) * start[:, :, None]
    hs = torch.einsum("bdtsn,bds,bns->bdtn", L, delta * u, B) + from_start
    y = torch.einsum("bdtn,bnt->bdt", hs, C)
    y = y if D is None else y + D.unsqueeze(-1) * u
    return (y if z is None else y * F.silu(z)), hs[:, :, -1]


@replaces("selective_scan")
def halves(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None):
    """recursion: first half, then second half from the state of the first"""
    if delta_bias is not None:
        delta = delta + delta_bias.unsqueeze(-1)
    if delta_softplus:
        delta = F.softplus(delta)

    def scan(lo, hi, h):
        if hi - lo > 1:
            mid = (lo + hi) // 2
            left, h = scan(lo, mid, h)
            right, h = scan(mid, hi, h)
            return left + right, h
        step = delta[:, :, lo, None]
        h = torch.exp(step * A) * h + step * u[:, :, lo, None] * B[:, None, :, lo]
        return [torch.matmul(h, C[:, :, lo, None]).squeeze(-1)], h

    ys, h = scan(0, u.shape[2], u.new_zeros(u.shape[0], *A.shape) if h0 is None else h0)
    y = torch.stack(ys, dim=2)
    if D is not None:
        y = y + u * D[None, :, None]
    return [y if z is None else F.silu(z) * y, h]


class NumpyScan(torch.autograd.Function):
    """The recurrence in NumPy, its derivative by hand: time runs backwards, as in Mamba's kernel."""

    @staticmethod
    def forward(ctx, u, delta, A, B, C, h0):
        ctx.dtype = u.dtype
        u, delta, A, B, C, h0 = (x.detach().numpy() for x in (u, delta, A, B, C, h0))
        hs, ys = [h0], []
        for t in range(u.shape[-1]):
            decay = np.exp(delta[:, :, t, None] * A)
            hs.append(decay * hs[-1] + (delta * u)[:, :, t, None] * B[:, None, :, t])
            ys.append(np.einsum("bdn,bn->bd", hs[-1], C[:, :, t]))
        ctx.arrays = u, delta, A, B, C, hs
        return torch.from_numpy(np.stack(ys, -1)), torch.from_numpy(hs[-1].copy())

    @staticmethod
    def backward(ctx, gy, gh):
        u, delta, A, B, C, hs = ctx.arrays
        gy, g = gy.numpy(), gh.numpy()
        gu, gdelta, gA, gB, gC = (np.zeros_like(x) for x in (u, delta, A, B, C))
        for t in reversed(range(u.shape[-1])):
            g = g + gy[:, :, t, None] * C[:, None, :, t]
            gC[:, :, t] = np.einsum("bd,bdn->bn", gy[:, :, t], hs[t + 1])
            decay = np.exp(delta[:, :, t, None] * A)
            exponent = g * decay * hs[t]
            gA += np.einsum("bdn,bd->dn", exponent, delta[:, :, t])
            write = np.einsum("bdn,bn->bd", g, B[:, :, t])
            gdelta[:, :, t] = (exponent * A).sum(-1) + write * u[:, :, t]
            gu[:, :, t] = write * delta[:, :, t]
            gB[:, :, t] = np.einsum("bdn,bd->bn", g, (delta * u)[:, :, t])
            g = g * decay
        return tuple(torch.from_numpy(np.ascontiguousarray(x)) for x in (gu, gdelta, gA, gB, gC, g))


@replaces("selective_scan")
def numpy_round_trip(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None):
    """NumPy inside a custom autograd Function, gradient by hand"""
    if delta_bias is not None:
        delta = delta + delta_bias[:, None]
    if delta_softplus:
        delta = F.softplus(delta)
    h0 = torch.zeros(*u.shape[:2], A.shape[1], dtype=u.dtype) if h0 is None else h0
    y, h = NumpyScan.apply(u, delta, A, B, C, h0)
    y = y if D is None else y + D[:, None] * u
    return (y if z is None else y * F.silu(z)), h

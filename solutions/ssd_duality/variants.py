"""Right solutions in other styles. None of them may lose a point."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from grader.testing import replaces


class Chunked(NamedTuple):
    y: Tensor
    h: Tensor


@replaces("segsum")
def row_by_row(a):
    """each row from the one before; -inf in a buffer that was full of it"""
    T = a.shape[-1]
    row, rows = a[..., :0], []
    for t in range(T):
        row = torch.cat([row + a[..., t : t + 1], torch.zeros_like(a[..., :1])], dim=-1)
        rows.append(torch.nn.functional.pad(row, (0, T - 1 - t), value=float("-inf")))
    return torch.stack(rows, dim=-2)


@replaces("segsum")
def float64_difference(a):
    """a difference of running sums after all: in float64, and resets are counted apart"""
    T = a.shape[-1]
    reset = torch.isneginf(a)
    c = torch.where(reset, 0.0, a).double().cumsum(-1)
    n = reset.cumsum(-1)
    sums = (c.unsqueeze(-1) - c.unsqueeze(-2)).to(a.dtype)
    blocked = (n.unsqueeze(-1) != n.unsqueeze(-2)) | ~torch.ones(T, T).tril().bool()
    return torch.where(blocked, -torch.inf, sums)


@replaces("segsum")
def every_segment(a):
    """a third axis for the steps within a segment"""
    t = torch.arange(a.shape[-1])
    within = (t[None, None, :] > t[None, :, None]) & (t[None, None, :] <= t[:, None, None])  # (t, s, r)
    sums = torch.where(within, a[..., None, None, :], torch.zeros((), dtype=a.dtype)).sum(-1)
    return sums.masked_fill(t[:, None] < t, -torch.inf)


@replaces("ssd_quadratic")
def as_loop(x, a, B, C):
    """the recurrence itself; y is a permuted view"""
    h, ys = 0.0, []
    for t in range(x.shape[1]):
        h = a[:, t, :, None, None].exp() * h + x[:, t, :, :, None] * B[:, t, :, None, :]
        ys.append((h @ C[:, t, :, :, None]).squeeze(-1))
    return torch.stack(ys).permute(1, 0, 2, 3)


@replaces("ssd_quadratic")
def by_matmul(x, a, B, C):
    """products of decays in the place of sums of logarithms; matmul, heads first"""
    T = x.shape[1]
    steps = a.exp().transpose(1, 2)[..., None].expand(-1, -1, T, T)  # row t holds the decay of step t
    ones = torch.ones(T, T, dtype=x.dtype)
    L = torch.where(ones.tril(-1) > 0, steps, ones).cumprod(-2).tril()
    x, B, C = (tensor.transpose(1, 2) for tensor in (x, B, C))
    return ((C @ B.transpose(-1, -2)).mul(L) @ x).transpose(1, 2)


@replaces("ssd_quadratic")
def term_by_term(x, a, B, C):
    """a double loop over tokens"""
    T = x.shape[1]
    ys = []
    for t in range(T):
        y, decay = torch.zeros_like(x[:, t]), torch.ones_like(a[:, t])
        for s in reversed(range(t + 1)):
            y = y + (decay * (C[:, t] * B[:, s]).sum(-1))[..., None] * x[:, s]
            decay = decay * torch.exp(a[:, s])
        ys.append(y)
    return torch.stack(ys, dim=1)


@replaces("ssd_chunked")
def token_by_token(x, a, B, C, chunk, h0=None):
    """chunks of one token; a named tuple"""
    h = torch.zeros_like(x[:, 0, :, :, None] * B[:, 0, :, None]) if h0 is None else h0
    ys = []
    for x_t, decay, B_t, C_t in zip(x.unbind(1), a.exp().unbind(1), B.unbind(1), C.unbind(1), strict=True):
        h = decay[..., None, None] * h + x_t.unsqueeze(-1) * B_t.unsqueeze(-2)
        ys.append(torch.matmul(h, C_t.unsqueeze(-1)).squeeze(-1))
    return Chunked(torch.stack(ys, 1), h)


@replaces("ssd_chunked")
def all_chunks_at_once(x, a, B, C, chunk, h0=None):
    """as listing 1 of the paper: four einsums, no loop over chunks but the decays of the states; in float64"""
    (Bt, T, H, P), N, dtype = x.shape, B.shape[-1], x.dtype
    c = T // chunk

    def segments(v):
        n = v.shape[-1]
        lower = torch.ones(n, n, dtype=torch.bool).tril()
        return v.unsqueeze(-1).repeat_interleave(n, -1).where(lower.tril(-1), 0).cumsum(-2).where(lower, -torch.inf)

    x, B, C = (v.double().unflatten(1, (c, chunk)) for v in (x, B, C))
    a = a.double().unflatten(1, (c, chunk)).permute(0, 3, 1, 2)  # (Bt, H, c, Q)
    L = segments(a).exp()
    inside = torch.einsum("bclhn,bcshn,bhcls,bcshp->bclhp", C, B, L, x)
    states = torch.einsum("bclhn,bhcl,bclhp->bchpn", B, L[..., -1, :], x)
    first = torch.zeros(Bt, 1, H, P, N, dtype=torch.float64) if h0 is None else h0.double()[:, None]
    between = segments(torch.nn.functional.pad(a.sum(-1), (1, 0))).exp()  # (Bt, H, c + 1, c + 1)
    states = torch.einsum("bhzc,bchpn->bzhpn", between, torch.cat([first, states], dim=1))
    before = torch.einsum("bclhn,bchpn,bhcl->bclhp", C, states[:, :-1], a.cumsum(-1).exp())
    return (inside + before).flatten(1, 2).to(dtype), states[:, -1].to(dtype)


@replaces("ssd_chunked")
def recursive(x, a, B, C, chunk, h0=None):
    """the first chunk, then the rest; the state is folded in as one more token in front"""
    (Bt, T, H, P), N = x.shape, B.shape[-1]
    h = torch.zeros(Bt, H, P, N, dtype=x.dtype) if h0 is None else h0
    ys = []
    for start in range(0, T, chunk):
        x_, a_, B_, C_ = (tensor[:, start : start + chunk].transpose(1, 2) for tensor in (x, a[..., None], B, C))
        Q = x_.shape[2]
        steps = torch.cat([torch.zeros_like(a_[:, :, :1]), a_], dim=2)  # (Bt, H, Q + 1, 1)
        mask = torch.ones(Q + 1, Q + 1, dtype=torch.bool)
        L = torch.where(mask.tril(-1), steps, 0).cumsum(2).exp() * mask.tril()
        y = L[:, :, 1:, :1] * (C_ @ h.mT)
        ys.append(y + (L[:, :, 1:, 1:] * (C_ @ B_.mT)) @ x_)
        h = L[:, :, -1, 0, None, None] * h + (x_ * L[:, :, -1, 1:, None]).mT @ B_
    return [torch.cat(ys, dim=2).transpose(1, 2), h]


class NumpyScan(torch.autograd.Function):
    """The recurrence in NumPy, its derivative by hand: time runs backwards."""

    @staticmethod
    def forward(ctx, x, a, B, C, h0):
        x, a, B, C, h = (tensor.detach().numpy() for tensor in (x, a, B, C, h0))
        decay, hs, ys = np.exp(a), [h], []
        for t in range(x.shape[1]):
            h = decay[:, t, :, None, None] * h + x[:, t, :, :, None] * B[:, t, :, None]
            hs.append(h)
            ys.append(np.einsum("bhpn,bhn->bhp", h, C[:, t]))
        ctx.arrays = x, decay, B, C, hs
        return torch.from_numpy(np.stack(ys, 1)), torch.from_numpy(h.copy())

    @staticmethod
    def backward(ctx, gy, gh):
        x, decay, B, C, hs = ctx.arrays
        gy, g = gy.numpy(), gh.numpy()
        gx, ga, gB, gC = (np.zeros_like(array) for array in (x, decay, B, C))
        for t in reversed(range(x.shape[1])):
            g = g + gy[:, t, :, :, None] * C[:, t, :, None]
            gC[:, t] = np.einsum("bhpn,bhp->bhn", hs[t + 1], gy[:, t])
            gx[:, t] = np.einsum("bhpn,bhn->bhp", g, B[:, t])
            gB[:, t] = np.einsum("bhpn,bhp->bhn", g, x[:, t])
            ga[:, t] = (g * hs[t]).sum((-1, -2)) * decay[:, t]
            g = g * decay[:, t, :, None, None]
        return tuple(torch.from_numpy(np.ascontiguousarray(array)) for array in (gx, ga, gB, gC, g))


@replaces("ssd_chunked")
def numpy_round_trip(x, a, B, C, chunk, h0=None):
    """NumPy inside a custom autograd Function, gradient by hand"""
    h0 = torch.zeros(*x.shape[:1], *x.shape[2:], B.shape[-1], dtype=x.dtype) if h0 is None else h0
    return NumpyScan.apply(x, a, B, C, h0)

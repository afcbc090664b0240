import itertools
from collections import namedtuple
from functools import reduce

import torch
import torch.nn.functional as F

from grader.testing import replaces


def step_sizes(delta, bias, softplus):
    if bias is not None:
        delta = delta + bias.unsqueeze(-1)
    return F.softplus(delta) if softplus else delta


def finish(y, u, D, z):
    if D is not None:
        y = y + u * D[:, None]
    if z is not None:
        y = y * F.silu(z)
    return y


def start(u, A, h0):
    return torch.zeros(u.shape[0], u.shape[1], A.shape[1], dtype=u.dtype) if h0 is None else h0


@replaces("selective_scan")
def all_first(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None):
    """einsum for all tokens first, as in Mamba's reference"""
    delta = step_sizes(delta, delta_bias, delta_softplus)
    decay = torch.exp(torch.einsum("bct,cn->bctn", delta, A))
    inp = torch.einsum("bct,bnt,bct->bctn", delta, B, u)
    x = start(u, A, h0)
    ys = []
    for i in range(u.shape[2]):
        x = decay[:, :, i] * x + inp[:, :, i]
        ys.append(torch.einsum("bcn,bn->bc", x, C[:, :, i]))
    return finish(torch.stack(ys, dim=2), u, D, z), x


@replaces("selective_scan")
def double(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None):
    """float64 inside, softplus by logaddexp"""
    dtype = u.dtype
    u, delta, A, B, C = (x.double() for x in (u, delta, A, B, C))
    if delta_bias is not None:
        delta = delta + delta_bias.double().view(1, -1, 1)
    if delta_softplus:
        delta = torch.logaddexp(delta, torch.zeros_like(delta))
    h = start(u, A, None) if h0 is None else h0.double()
    y = []
    for ut, dt, bt, ct in zip(u.unbind(-1), delta.unbind(-1), B.unbind(-1), C.unbind(-1)):
        h = (dt[..., None] * A).exp() * h + (dt * ut)[..., None] * bt[:, None]
        y.append((h @ ct[..., None])[..., 0])
    y = torch.stack(y, -1)
    if D is not None:
        y = y + D.double()[:, None] * u
    if z is not None:
        z = z.double()
        y = y * z * torch.sigmoid(z)
    return y.to(dtype), h.to(dtype)


@replaces("selective_scan")
def sequences(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None):
    """sequence by sequence; outer products"""
    delta = step_sizes(delta, delta_bias, delta_softplus)
    outs, states = [], []
    for b in range(u.shape[0]):
        h = u.new_zeros(A.shape) if h0 is None else h0[b]
        rows = []
        for t in range(u.shape[2]):
            h = torch.exp(delta[b, :, t : t + 1] * A) * h + torch.outer(delta[b, :, t] * u[b, :, t], B[b, :, t])
            rows.append(h @ C[b, :, t])
        outs.append(torch.stack(rows, 1))
        states.append(h)
    return finish(torch.stack(outs), u, D, z), torch.stack(states)


@replaces("selective_scan")
def doubling(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None):
    """all prefixes by doubling"""
    delta = step_sizes(delta, delta_bias, delta_softplus)
    a = torch.exp(delta[..., None] * A[:, None])  # (Bt, Ch, T, N)
    b = (delta * u)[..., None] * B.mT[:, None]
    if h0 is not None:
        b = torch.cat([b[:, :, :1] + a[:, :, :1] * h0[:, :, None], b[:, :, 1:]], dim=2)
    n, T = 1, u.shape[-1]
    while n < T:
        b = torch.cat([b[:, :, :n], b[:, :, n:] + a[:, :, n:] * b[:, :, :-n]], 2)
        a = torch.cat([a[:, :, :n], a[:, :, n:] * a[:, :, :-n]], 2)
        n *= 2
    return finish(torch.einsum("bctn,bnt->bct", b, C), u, D, z), b[:, :, -1]


Step = namedtuple("Step", "a b")


def join(first, second):
    return Step(first.a * second.a, second.a * first.b + second.b)


@replaces("selective_scan")
def accumulated(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None):
    """itertools.accumulate over steps that are joined"""
    delta = step_sizes(delta, delta_bias, delta_softplus)
    steps = (Step(torch.exp(delta[:, :, t, None] * A), (delta * u)[:, :, t, None] * B[:, None, :, t]) for t in range(u.shape[-1]))
    h = start(u, A, h0)
    hs = [step.a * h + step.b for step in itertools.accumulate(steps, join)]
    y = torch.stack([(x * C[:, None, :, t]).sum(-1) for t, x in enumerate(hs)], -1)
    return finish(y, u, D, z), hs[-1]


@replaces("selective_scan")
def halves(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None):
    """recursion: first half, then second half with its state"""
    delta = step_sizes(delta, delta_bias, delta_softplus)

    def run(low, high, h):
        if high - low == 1:
            d = delta[:, :, low].unsqueeze(-1)
            h = torch.exp(d * A) * h + d * B[:, :, low].unsqueeze(1) * u[:, :, low].unsqueeze(-1)
            return [torch.linalg.vecdot(h, C[:, None, :, low])], h
        middle = (low + high) // 2
        left, h = run(low, middle, h)
        right, h = run(middle, high, h)
        return left + right, h

    ys, h = run(0, u.size(-1), start(u, A, h0))
    return finish(torch.stack(ys, 2), u, D, z), h


@replaces("selective_scan")
def states_last(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None):
    """one number of state after the other, y summed"""
    delta = step_sizes(delta, delta_bias, delta_softplus)
    du = delta * u
    y, last = 0, []
    for n in range(A.shape[1]):
        decay = torch.exp(delta * A[:, n, None])
        inp = du * B[:, None, n]
        h = torch.zeros_like(u[..., 0]) if h0 is None else h0[..., n]
        hs = []
        for t in range(u.shape[-1]):
            h = torch.addcmul(inp[..., t], decay[..., t], h)
            hs.append(h)
        y = y + torch.stack(hs, -1) * C[:, None, n]
        last.append(h)
    return finish(y, u, D, z), torch.stack(last, dim=-1)


@replaces("selective_scan")
def chunks(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None):
    """chunks of 8 tokens: inside by a triangle of decays, sums of exponents without differences"""
    delta = step_sizes(delta, delta_bias, delta_softplus)
    h = start(u, A, h0)
    ys = []
    for d, x, b, c in zip(*(v.split(8, dim=-1) for v in (delta, u, B, C))):
        n = d.shape[-1]
        e = d[..., None] * A[:, None]  # (Bt, Ch, n, N)
        below = torch.ones(n, n).tril(-1).bool()[..., None]
        seg = torch.where(below, e.unsqueeze(3).expand(-1, -1, n, n, -1), 0).cumsum(2)  # i, j: the sum of e over j+1 ... i
        lower = torch.ones(n, n).tril().bool()[..., None]
        w = torch.where(lower, seg, -torch.inf).exp()
        inp = (d * x)[..., None] * b.mT[:, None]
        hs = torch.einsum("bcijn,bcjn->bcin", w, inp) + e.cumsum(2).exp() * h[:, :, None]
        ys.append(torch.einsum("bcin,bni->bci", hs, c))
        h = hs[:, :, -1]
    return finish(torch.cat(ys, -1), u, D, z), h


@replaces("selective_scan")
def triangular(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None):
    """blocks of 16 tokens by a triangular system"""
    delta = step_sizes(delta, delta_bias, delta_softplus)
    h = start(u, A, h0)
    parts = []
    for d, x, b in zip(delta.split(16, -1), u.split(16, -1), B.split(16, -1)):
        a = torch.exp(d[:, :, None] * A[..., None])  # (Bt, Ch, N, n)
        rhs = (d * x)[:, :, None] * b[:, None]
        rhs = torch.cat([rhs[..., :1] + (a[..., 0] * h)[..., None], rhs[..., 1:]], -1)
        system = torch.eye(d.shape[-1], dtype=u.dtype) - torch.diag_embed(a[..., 1:], offset=-1)
        hs = torch.linalg.solve_triangular(system, rhs[..., None], upper=False, unitriangular=True)[..., 0]
        parts.append(hs)
        h = hs[..., -1]
    y = torch.einsum("bcnt,bnt->bct", torch.cat(parts, -1), C)
    return finish(y, u, D, z), h


class Scan(torch.autograd.Function):
    @staticmethod
    def forward(ctx, u, delta, A, B, C, h0):
        hs = [h0]
        for t in range(u.shape[-1]):
            d = delta[..., t, None]
            hs.append((d * A).exp() * hs[-1] + d * u[..., t, None] * B[:, None, :, t])
        H = torch.stack(hs, 2)  # (Bt, Ch, T + 1, N)
        ctx.save_for_backward(u, delta, A, B, C, H)
        return torch.einsum("bctn,bnt->bct", H[:, :, 1:], C), hs[-1].clone()

    @staticmethod
    def backward(ctx, gy, gh):
        u, delta, A, B, C, H = ctx.saved_tensors
        gu, gd, gA, gB = torch.zeros_like(u), torch.zeros_like(u), torch.zeros_like(A), torch.zeros_like(B)
        gC = torch.einsum("bct,bctn->bnt", gy, H[:, :, 1:])
        g = gh
        for t in reversed(range(u.shape[-1])):
            g = g + gy[..., t, None] * C[:, None, :, t]
            d = delta[..., t, None]
            decay = (d * A).exp()
            ge = g * decay * H[:, :, t]
            gA += (ge * d).sum(0)
            gBu = (g * B[:, None, :, t]).sum(-1)
            gd[..., t] = (ge * A).sum(-1) + gBu * u[..., t]
            gu[..., t] = gBu * delta[..., t]
            gB[..., t] = (g * d * u[..., t, None]).sum(1)
            g = g * decay
        return gu, gd, gA, gB, gC, g


@replaces("selective_scan")
def function(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None):
    """a gradient written by hand"""
    y, h = Scan.apply(u, step_sizes(delta, delta_bias, delta_softplus), A, B, C, start(u, A, h0))
    return finish(y, u, D, z), h


@replaces("selective_scan")
def token_first(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None):
    """axes (T, Bt, N, Ch); results that are views"""
    u_, z_ = u.permute(2, 0, 1), None if z is None else z.permute(2, 0, 1)
    d = delta.permute(2, 0, 1)
    if delta_bias is not None:
        d = d + delta_bias
    if delta_softplus:
        d = torch.nn.Softplus()(d)
    B_, C_ = B.permute(2, 0, 1)[..., None], C.permute(2, 0, 1)[..., None]
    h = u.new_zeros(u.shape[0], A.shape[1], A.shape[0]) if h0 is None else h0.transpose(1, 2)
    out = []
    for t in range(len(u_)):
        h = torch.exp(d[t, :, None] * A.T) * h + (d[t] * u_[t])[:, None] * B_[t]
        out.append((C_[t] * h).sum(1))
    y = torch.stack(out)
    y = y if D is None else y + D * u_
    y = y if z is None else y * (z_ / (1 + torch.exp(-z_)))
    return y.permute(1, 2, 0), h.transpose(1, 2)


Result = namedtuple("Result", "y state")


class Cell(torch.nn.Module):
    def __init__(self, A, skip):
        super().__init__()
        self.rate, self.skip = A, skip

    def forward(self, state, inputs):
        (_, h), (u, d, b, c, z) = state, inputs
        h = torch.exp(torch.einsum("bc,cn->bcn", d, self.rate)) * h + torch.einsum("bc,bn->bcn", d * u, b)
        y = torch.bmm(h, c.unsqueeze(2)).squeeze(2)
        if self.skip is not None:
            y = y + self.skip * u
        return (y if z is None else y * F.silu(z)), h


@replaces("selective_scan")
def cell(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None):
    """a module for one step; reduce; a NamedTuple"""
    delta = step_sizes(delta, delta_bias, delta_softplus)
    gates = itertools.repeat(None) if z is None else z.unbind(2)
    one, outputs = Cell(A, D), []

    def advance(state, inputs):
        state = one(state, inputs)
        outputs.append(state[0])
        return state

    _, h = reduce(advance, zip(u.unbind(2), delta.unbind(2), B.unbind(2), C.unbind(2), gates), (None, start(u, A, h0)))
    return Result(torch.stack(outputs, dim=2), h)


@replaces("selective_scan")
def prefix_tree(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None):
    """pairs are joined, the scan of the pairs is called, and the odd places follow"""
    delta = step_sizes(delta, delta_bias, delta_softplus)
    a = torch.exp(delta.unsqueeze(2) * A.unsqueeze(-1))  # (Bt, Ch, N, T)
    b = (delta * u).unsqueeze(2) * B.unsqueeze(1)
    h = start(u, A, h0)[..., None]

    def scan(a, b):
        T = a.shape[-1]
        if T == 1:
            return b
        even = T - T % 2
        a0, b0, a1, b1 = a[..., 0:even:2], b[..., 0:even:2], a[..., 1:even:2], b[..., 1:even:2]
        odd_places = scan(a0 * a1, a1 * b0 + b1)
        before = torch.cat([torch.zeros_like(b[..., :1]), odd_places], -1)[..., : (T + 1) // 2]
        even_places = a[..., 0::2] * before + b[..., 0::2]
        out = torch.stack([even_places[..., : even // 2], odd_places], -1).flatten(-2)
        return torch.cat([out, even_places[..., even // 2 :]], -1)

    b = torch.cat([b[..., :1] + a[..., :1] * h, b[..., 1:]], -1)
    hs = scan(a, b)
    return finish((hs * C.unsqueeze(1)).sum(2), u, D, z), hs[..., -1]


@replaces("selective_scan")
def numbers(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None):
    """in place on an own tensor of outputs, softplus by hand"""
    if delta_bias is not None:
        delta = delta + delta_bias[None, :, None]
    if delta_softplus:
        delta = torch.where(delta > 30, delta, torch.log1p(torch.exp(delta.clamp(max=30))))
    Bt, Ch, T = u.shape
    h = torch.zeros((Bt, Ch, A.shape[-1]), dtype=u.dtype) if h0 is None else h0.clone()
    y = torch.zeros(Bt, Ch, T, dtype=u.dtype)
    for t in range(T):
        keep = torch.exp(delta[:, :, t : t + 1] * A)
        h = h * keep
        h = h + (delta[:, :, t] * u[:, :, t]).unsqueeze(2) * B[:, :, t].unsqueeze(1)
        y[:, :, t] = torch.matmul(h, C[:, :, t : t + 1]).flatten(1)
    if D is not None:
        y += D.view(-1, 1) * u if D.is_contiguous() else D[:, None] * u
    if z is not None:
        y = y * torch.nn.functional.silu(z)
    return y, h

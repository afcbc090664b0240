import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from base import segsum, ssd_quadratic
from torch import Tensor

from grader.testing import replaces


# ---- segsum


@replaces("segsum")
def segsum_rows(a):
    """row t is row t−1 plus a_t"""
    t = a.shape[-1]
    row = torch.full((*a.shape[:-1], t), -torch.inf, dtype=a.dtype)
    rows = []
    for i in range(t):
        left = row[..., :i] + a[..., i : i + 1]
        row = torch.cat([left, torch.zeros_like(a[..., :1]), row[..., i + 1 :]], -1)
        rows.append(row)
    return torch.stack(rows, -2)


@replaces("segsum")
def segsum_columns(a):
    """column by column: the running sum of what follows"""
    t = a.shape[-1]
    columns = []
    for s in range(t):
        before = torch.full((*a.shape[:-1], s), -torch.inf, dtype=a.dtype)
        columns.append(torch.cat([before, torch.zeros_like(a[..., :1]), a[..., s + 1 :].cumsum(-1)], -1))
    return torch.stack(columns, dim=-1)


@replaces("segsum")
def segsum_repeat(a):
    """Mamba-2's own: repeat, two masks, cumsum"""
    t = a.size(-1)
    x = a[..., None].repeat(*[1] * a.dim(), t)
    x = x.masked_fill(~torch.tril(torch.ones(t, t, dtype=torch.bool), diagonal=-1), 0)
    out = torch.cumsum(x, dim=-2)
    return out.masked_fill(torch.ones(t, t, dtype=torch.bool).triu(diagonal=1), float("-inf"))


@replaces("segsum")
def segsum_where(a):
    """where on indices; summed over s from the diagonal outwards"""
    t = torch.arange(a.shape[-1])
    inside = t[:, None] > t[None, :]
    x = torch.where(inside, a.unsqueeze(-1), torch.zeros((), dtype=a.dtype))
    return torch.where(t[:, None] >= t[None, :], torch.cumsum(x, -2), torch.tensor(-torch.inf, dtype=a.dtype))


@replaces("segsum")
def segsum_diagonals(a):
    """diagonal by diagonal: length d + 1 from length d; then gathered"""
    t = a.shape[-1]
    line, lines = torch.zeros_like(a), []
    for d in range(t):
        if d > 0:
            line = line[..., :-1] + a[..., d:]
        lines.append(F.pad(line, (0, d)))
    i = torch.arange(t)
    size = i[:, None] - i
    return torch.stack(lines, -2)[..., size.clamp(min=0), i.expand(t, t)].masked_fill(size < 0, -torch.inf)


@replaces("segsum")
def segsum_double(a):
    """cumsum in float64"""
    t = a.shape[-1]
    x = a.double().unsqueeze(-1).expand(*a.shape, t).where(torch.ones(t, t).tril(-1).bool(), torch.zeros((), dtype=torch.float64))
    out = x.cumsum(-2)
    return out.masked_fill(torch.ones(t, t).triu(1).bool(), -math.inf).to(a.dtype)


@replaces("segsum")
def segsum_doubling(a):
    """sums of 1, 2, 4, ... numbers, put together like binary digits"""
    t = a.shape[-1]
    size = torch.arange(t)[:, None] - torch.arange(t)
    total = torch.zeros(*a.shape, t, dtype=a.dtype)
    at = (torch.arange(t) + 1)[None, :].expand(t, t).clone()  # where the rest of segment (t, s) begins
    block, width = a, 1
    while width < t:
        take = (size > 0) & (size & width > 0)
        part = block[..., at.clamp(max=t - 1)]
        total = total + part.masked_fill(~take, 0.0)
        at = at + width * take
        block = block + F.pad(block[..., width:], (0, width)) if width < t else block
        width *= 2
    return total.masked_fill(size < 0, -torch.inf)


@replaces("segsum")
def segsum_transposed(a):
    """rows s and columns t, a running sum along the last axis; a transposed view as result"""
    t = a.shape[-1]
    keep = torch.ones(t, t, dtype=torch.bool).triu(1)
    x = torch.zeros(*a.shape[:-1], t, t, dtype=a.dtype).where(~keep, a.unsqueeze(-2))
    return x.cumsum(-1).masked_fill(torch.ones(t, t, dtype=torch.bool).tril(-1), -torch.inf).mT


class _Segsum(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a):
        t = a.shape[-1]
        low = torch.ones(t, t, dtype=torch.bool).tril(-1)
        x = torch.where(low, a[..., None], torch.zeros_like(a[..., None]))
        return x.cumsum(-2).masked_fill_(torch.ones(t, t, dtype=torch.bool).triu(1), -torch.inf)

    @staticmethod
    def backward(ctx, grad):
        t = grad.shape[-1]
        g = grad.masked_fill(~torch.ones(t, t, dtype=torch.bool).tril(-1), 0.0)
        return g.flip(-2).cumsum(-2).flip(-2).tril(-1).sum(-1)


@replaces("segsum")
def segsum_own_gradient(a):
    """an autograd.Function"""
    return _Segsum.apply(a)


@replaces("segsum")
def segsum_halves(a):
    """halved: the lower left block is the end of the left half plus the beginning of the right one"""
    t = a.shape[-1]
    if t == 1:
        return torch.zeros_like(a).unsqueeze(-1)
    m = t // 2
    one, two = segsum_halves(a[..., :m]), segsum_halves(a[..., m:])
    across = one[..., -1:, :] + a[..., m : m + 1].unsqueeze(-1) + two[..., :, :1]
    above = torch.full((*a.shape[:-1], m, t - m), -torch.inf, dtype=a.dtype)
    return torch.cat([torch.cat([one, above], -1), torch.cat([across, two], -1)], -2)


@replaces("segsum")
def segsum_matmul(a):
    """a matrix of zeros and ones times masked columns; −inf counted apart"""
    t = a.shape[-1]
    low = torch.ones(t, t, dtype=torch.bool).tril(-1)
    gone = (a == -torch.inf).to(a.dtype)
    ones = torch.ones(t, t, dtype=a.dtype).tril()
    column = lambda z: ones @ z.unsqueeze(-1).masked_fill(~low, 0.0)
    total = column(a.masked_fill(a == -torch.inf, 0.0))
    cleared = (column(gone) > 0.5) | torch.ones(t, t, dtype=torch.bool).triu(1)
    return total.masked_fill(cleared, -torch.inf)


# ---- ssd_quadratic


def _decay(a):
    """(Bt, T, H) -> (Bt, H, T, T)"""
    return torch.exp(segsum(a.movedim(1, -1)))


@replaces("ssd_quadratic")
def quadratic_matmul(x, a, B, C):
    """heads first and matmul"""
    x, B, C = (z.transpose(1, 2) for z in (x, B, C))
    return ((_decay(a) * (C @ B.mT)) @ x).transpose(1, 2)


@replaces("ssd_quadratic")
def quadratic_one_einsum(x, a, B, C):
    """one einsum of four"""
    return torch.einsum("bthn,bshn,bhts,bshp->bthp", C, B, _decay(a), x)


@replaces("ssd_quadratic")
def quadratic_heads(x, a, B, C):
    """text by text, head by head"""
    out = torch.stack([
        torch.stack([(torch.exp(segsum(a[b, :, h])) * (C[b, :, h] @ B[b, :, h].T)) @ x[b, :, h] for h in range(x.shape[2])], 1)
        for b in range(x.shape[0])
    ])  # fmt: skip
    return out


@replaces("ssd_quadratic")
def quadratic_tokens(x, a, B, C):
    """a row of the matrix for each token, no segsum"""
    rows, w = [], a[:, :0]
    for t in range(x.shape[1]):
        w = torch.cat([w * a[:, t : t + 1].exp(), torch.ones_like(a[:, :1])], 1)  # (Bt, t + 1, H)
        s = (B[:, : t + 1] * C[:, t : t + 1]).sum(-1) * w
        rows.append((s.unsqueeze(-1) * x[:, : t + 1]).sum(1))
    return torch.stack(rows, 1)


@replaces("ssd_quadratic")
def quadratic_recurrence(x, a, B, C):
    """the recurrence: the same map"""
    h = torch.zeros(x.shape[0], x.shape[2], x.shape[3], B.shape[3], dtype=x.dtype)
    rows = []
    for t in range(x.shape[1]):
        h = a[:, t, :, None, None].exp() * h + x[:, t, :, :, None] * B[:, t, :, None, :]
        rows.append((h @ C[:, t].unsqueeze(-1)).squeeze(-1))
    return torch.stack(rows, dim=1)


@replaces("ssd_quadratic")
def quadratic_bmm(x, a, B, C):
    """texts and heads as one axis"""
    bt, t, h, p = x.shape
    flat = lambda z: z.transpose(1, 2).reshape(bt * h, t, -1)
    L = torch.exp(segsum(flat(a).squeeze(-1)))
    y = torch.bmm(torch.bmm(flat(C), flat(B).transpose(1, 2)).mul(L), flat(x))
    return y.view(bt, h, t, p).permute(0, 2, 1, 3).contiguous()


@replaces("ssd_quadratic")
def quadratic_masked(x, a, B, C):
    """exp where it is finite, tril after it"""
    s = segsum(a.transpose(1, 2))
    L = torch.where(s > -torch.inf, s, torch.zeros_like(s)).exp() * (s > -torch.inf)
    M = torch.tril(torch.einsum("bthn,bshn->bhts", C, B) * L)
    return torch.einsum("bhts,bshp->bthp", M, x)


@replaces("ssd_quadratic")
def quadratic_double(x, a, B, C):
    """in float64"""
    X, A, b, c = (z.double() for z in (x, a, B, C))
    L = torch.exp(segsum(A.transpose(1, 2)))
    return torch.einsum("bhts,bshp->bthp", L * torch.einsum("bthn,bshn->bhts", c, b), X).to(x.dtype)


@replaces("ssd_quadratic")
def quadratic_behind(x, a, B, C):
    """heads stay behind the tokens: (Bt, T, S, H)"""
    L = segsum(a.transpose(1, 2)).permute(0, 2, 3, 1).exp()
    scores = (C[:, :, None] * B[:, None]).sum(-1)
    return ((L * scores).unsqueeze(-1) * x[:, None]).sum(2)


@replaces("ssd_quadratic")
def quadratic_products(x, a, B, C):
    """L from products of e^a, row by row"""
    e = a.transpose(1, 2).exp()
    t = x.shape[1]
    eye = torch.eye(t, dtype=x.dtype)
    row, rows = torch.zeros_like(e), []
    for i in range(t):
        row = row * e[..., i : i + 1] + eye[i]
        rows.append(row)
    M = torch.stack(rows, -2) * torch.einsum("bthn,bshn->bhts", C, B)
    return torch.matmul(M, x.transpose(1, 2)).transpose(1, 2)


@replaces("ssd_quadratic")
def quadratic_columns(x, a, B, C):
    """(S, T) transposed; a permuted view as result"""
    L = segsum(a.permute(0, 2, 1)).exp().mT
    M = torch.einsum("bshn,bthn->bhst", B, C) * L
    return torch.einsum("bhst,bshp->bhpt", M, x).permute(0, 3, 1, 2)


# ---- ssd_chunked


def _start(x, B, h0):
    return torch.zeros(x.shape[0], x.shape[2], x.shape[3], B.shape[3], dtype=x.dtype) if h0 is None else h0


class Scan(NamedTuple):
    y: Tensor
    h: Tensor


@replaces("ssd_chunked")
def chunked_all(x, a, B, C, chunk, h0=None):
    """all chunks at once, then a loop over their states"""
    cut = lambda z: z.unflatten(1, (-1, chunk))
    X, A, b, c = cut(x), cut(a).movedim(-1, 1), cut(B), cut(C)  # A (Bt, H, NC, Q)
    L = segsum(A).exp()
    y = torch.einsum("bcthn,bcshn,bhcts,bcshp->bcthp", c, b, L, X)
    made = torch.einsum("bhcs,bcshp,bcshn->bchpn", L[:, :, :, -1], X, b)
    since = A.cumsum(-1).exp()  # (Bt, H, NC, Q)
    h, starts = _start(x, B, h0), []
    for i in range(X.shape[1]):
        starts.append(h)
        h = since[:, :, i, -1, None, None] * h + made[:, i]
    y = y + torch.einsum("bcthn,bchpn,bhct->bcthp", c, torch.stack(starts, 1), since)
    return y.flatten(1, 2), h


@replaces("ssd_chunked")
def chunked_split(x, a, B, C, chunk, h0=None):
    """torch.split, ssd_quadratic within; a NamedTuple"""
    h, out = _start(x, B, h0), []
    for X, A, b, c in zip(*(z.split(chunk, 1) for z in (x, a, B, C))):
        inner = ssd_quadratic(X, A, b, c)
        read = (h.unsqueeze(1) @ c.unsqueeze(-1)).squeeze(-1)
        out.append(inner + A.cumsum(1).exp().unsqueeze(-1) * read)
        rest = (A.flip(1).cumsum(1).flip(1) - 0)[:, 1:]  # sums from each token's successor to the end
        rest = torch.cat([rest, torch.zeros_like(A[:, :1])], 1).exp()
        h = A.sum(1).exp()[..., None, None] * h + torch.einsum("bthp,bthn->bhpn", X * rest.unsqueeze(-1), b)
    return Scan(torch.cat(out, 1), h)


@replaces("ssd_chunked")
def chunked_as_token(x, a, B, C, chunk, h0=None):
    """the state at the start is a row of its own: decays with one more column"""
    h, out = _start(x, B, h0), []
    for s in range(0, x.shape[1], chunk):
        part = slice(s, s + chunk)
        L = segsum(F.pad(a[:, part], (0, 0, 1, 0)).transpose(1, 2)).exp()  # (Bt, H, Q + 1, Q + 1), place 0 is the start
        X, b, c = (z[:, part].transpose(1, 2) for z in (x, B, C))
        y = (L[:, :, 1:, 1:] * (c @ b.mT)) @ X + L[:, :, 1:, :1] * (c @ h.mT)
        out.append(y.transpose(1, 2))
        h = L[:, :, -1, 0, None, None] * h + (X * L[:, :, -1, 1:, None]).mT @ b
    return torch.cat(out, dim=1), h


@replaces("ssd_chunked")
def chunked_places(x, a, B, C, chunk, h0=None):
    """the recurrence place by place for all chunks at once, from zeros; then the states of the starts"""
    n = x.shape[1] // chunk
    X, A, b, c = (z.reshape(z.shape[0], n, chunk, *z.shape[2:]) for z in (x, a, B, C))
    h = torch.zeros(*X.shape[:2], *X.shape[3:], B.shape[-1], dtype=x.dtype)
    rows, decay, decays = [], torch.ones_like(A[:, :, 0]), []
    for q in range(chunk):
        e = A[:, :, q].exp()
        h = e[..., None, None] * h + X[:, :, q, :, :, None] * b[:, :, q, :, None]
        decay = decay * e
        decays.append(decay)
        rows.append((h * c[:, :, q, :, None]).sum(-1))
    y, since = torch.stack(rows, 2), torch.stack(decays, 2)
    state, starts = _start(x, B, h0), []
    for i in range(n):
        starts.append(state)
        state = since[:, i, -1, :, None, None] * state + h[:, i]
    y = y + since.unsqueeze(-1) * torch.einsum("bihpn,biqhn->biqhp", torch.stack(starts, 1), c)
    return y.reshape(x.shape), state


@replaces("ssd_chunked")
def chunked_tokens(x, a, B, C, chunk, h0=None):
    """token by token: linear in T whatever the chunk"""
    h, rows = _start(x, B, h0), []
    for t in range(x.shape[1]):
        h = h * a[:, t].exp()[..., None, None] + torch.einsum("bhp,bhn->bhpn", x[:, t], B[:, t])
        rows.append(torch.einsum("bhpn,bhn->bhp", h, C[:, t]))
    return torch.stack(rows, dim=1), h


@replaces("ssd_chunked")
def chunked_heads(x, a, B, C, chunk, h0=None):
    """head by head"""
    def one(X, A, b, c, h):
        out = []
        for s in range(0, X.shape[1], chunk):
            u, w, k, q = X[:, s : s + chunk], A[:, s : s + chunk], b[:, s : s + chunk], c[:, s : s + chunk]
            L = segsum(w).exp()
            since = w.cumsum(1).exp().unsqueeze(-1)
            out.append((L * (q @ k.mT)) @ u + since * (q @ h.mT))
            h = since[:, -1:] * h + (L[:, -1].unsqueeze(-1) * u).mT @ k
        return torch.cat(out, 1), h

    h = _start(x, B, h0)
    parts = [one(x[:, :, i], a[:, :, i], B[:, :, i], C[:, :, i], h[:, i]) for i in range(x.shape[2])]
    return torch.stack([y for y, _ in parts], 2), torch.stack([s for _, s in parts], 1)


@replaces("ssd_chunked")
def chunked_double(x, a, B, C, chunk, h0=None):
    """in float64"""
    h, out = _start(x, B, h0).double(), []
    for s in range(0, x.shape[1], chunk):
        X, A, b, c = (z[:, s : s + chunk].double() for z in (x, a, B, C))
        L = segsum(A.transpose(1, 2)).exp()
        y = torch.einsum("bthn,bshn,bhts,bshp->bthp", c, b, L, X)
        y = y + torch.einsum("bth,bthn,bhpn->bthp", A.cumsum(1).exp(), c, h)
        h = A.sum(1).exp()[:, :, None, None] * h + torch.einsum("bhs,bshp,bshn->bhpn", L[:, :, -1], X, b)
        out.append(y)
    return torch.cat(out, 1).to(x.dtype), h.to(x.dtype)


@replaces("ssd_chunked")
def chunked_filled(x, a, B, C, chunk, h0=None):
    """written into its own y; the state as a clone"""
    y = torch.zeros(x.shape, dtype=x.dtype)
    h = torch.zeros(x.shape[0], x.shape[2], x.shape[3], B.shape[3], dtype=x.dtype) if h0 is None else h0.clone()
    for i in range(x.shape[1] // chunk):
        part = slice(i * chunk, (i + 1) * chunk)
        total = a[:, part].cumsum(1)
        y[:, part] = ssd_quadratic(x[:, part], a[:, part], B[:, part], C[:, part]) + torch.einsum("bthn,bhpn,bth->bthp", C[:, part], h, total.exp())
        last = segsum(a[:, part].permute(0, 2, 1))[:, :, -1, :].exp().permute(0, 2, 1)
        h = h * total[:, -1].exp().unsqueeze(-1).unsqueeze(-1) + torch.einsum("bth,bthp,bthn->bhpn", last, x[:, part], B[:, part])
    return y, h


@replaces("ssd_chunked")
def chunked_transposed(x, a, B, C, chunk, h0=None):
    """the state as (N, P), heads first; views as results"""
    X, b, c, A = x.transpose(1, 2), B.transpose(1, 2), C.transpose(1, 2), a.transpose(1, 2)
    S, out = _start(x, B, h0).mT, []
    for s in range(0, x.shape[1], chunk):
        v, k, q, w = X[:, :, s : s + chunk], b[:, :, s : s + chunk], c[:, :, s : s + chunk], A[:, :, s : s + chunk]
        L = segsum(w).exp()
        since = w.cumsum(-1).exp()[..., None]
        out.append((q @ k.mT * L) @ v + (q * since) @ S)
        S = S * since[:, :, -1:] + (k * L[:, :, -1, :, None]).mT @ v
    return torch.cat(out, 2).transpose(1, 2), S.mT


@replaces("ssd_chunked")
def chunked_recursive(x, a, B, C, chunk, h0=None):
    """halved until one chunk is left"""
    def run(first, last, h):
        if last - first > 1:
            mid = (first + last) // 2
            y1, h = run(first, mid, h)
            y2, h = run(mid, last, h)
            return y1 + y2, h
        part = slice(first * chunk, last * chunk)
        X, A, b, c = x[:, part], a[:, part], B[:, part], C[:, part]
        s = segsum(A.transpose(1, 2))
        M = s.exp() * torch.einsum("bthn,bshn->bhts", c, b)
        e = A.cumsum(1).exp()
        y = torch.einsum("bhts,bshp->bthp", M, X) + torch.einsum("bthn,bhpn->bthp", c * e[..., None], h)
        h = e[:, -1, :, None, None] * h + torch.einsum("bthp,bthn->bhpn", X * s[:, :, -1].exp().mT.unsqueeze(-1), b)
        return [y], h

    pieces, h = run(0, x.shape[1] // chunk, _start(x, B, h0))
    return torch.cat(pieces, 1), h


@replaces("ssd_chunked")
def chunked_small_steps(x, a, B, C, chunk, h0=None):
    """within a chunk one row of the matrix at a time, products of e^a"""
    h, out = _start(x, B, h0), []
    for s in range(0, x.shape[1], chunk):
        X, A, b, c = (z[:, s : s + chunk] for z in (x, a, B, C))
        w, d, rows = A[:, :0], torch.ones_like(A[:, 0]), []
        for t in range(A.shape[1]):
            e = A[:, t].exp()
            d, w = d * e, torch.cat([w * e[:, None], torch.ones_like(e)[:, None]], 1)
            m = (b[:, : t + 1] * c[:, t : t + 1]).sum(-1) * w
            rows.append((m[..., None] * X[:, : t + 1]).sum(1) + d[..., None] * torch.einsum("bhn,bhpn->bhp", c[:, t], h))
        out += rows
        h = d[..., None, None] * h + torch.einsum("bth,bthp,bthn->bhpn", w, X, b)
    return torch.stack(out, 1), h

import math

import torch
import torch.nn.functional as F
from base import gated_rms_norm, ssd_scan
from torch import nn

from grader.testing import replaces


@replaces("ssd_scan")
def scan_sequential(x, dt, A, B, C, D, chunk, h0=None):
    """token by token; chunk plays no part"""
    batch, T, H, P = x.shape
    G, N = B.shape[2:]
    group = torch.arange(H) // (H // G)
    h = torch.zeros(batch, H, P, N, dtype=x.dtype) if h0 is None else h0
    ys = []
    for t in range(T):
        b, c = B[:, t, group], C[:, t, group]
        step = dt[:, t, :, None]
        h = torch.exp(step * A[:, None])[..., None] * h + (step * x[:, t])[..., None] * b[:, :, None, :]
        ys.append((h @ c[..., None]).squeeze(-1) + D[:, None] * x[:, t])
    return torch.stack(ys, 1), h


@replaces("ssd_scan")
def scan_at_once(x, dt, A, B, C, D, chunk, h0=None):
    """one quadratic form over the chunk, by segment sums as in the paper's listing"""
    batch, T, H, P = x.shape
    r = H // B.shape[2]
    B, C = B[:, :, :, None].expand(-1, -1, -1, r, -1).flatten(2, 3), C[:, :, :, None].expand(-1, -1, -1, r, -1).flatten(2, 3)

    def segsum(a):
        n = a.size(-1)
        a = a[..., None].expand(*a.shape, n)
        a = a.masked_fill(~torch.ones(n, n, dtype=torch.bool).tril(-1), 0).cumsum(-2)
        return a.masked_fill(~torch.ones(n, n, dtype=torch.bool).tril(), -torch.inf)

    h = x.new_zeros(batch, H, P, B.shape[-1]) if h0 is None else h0
    out = []
    for xs, ds, bs, cs in zip(x.split(chunk, 1), dt.split(chunk, 1), B.split(chunk, 1), C.split(chunk, 1)):
        a = (ds * A).permute(0, 2, 1)
        L = segsum(a).exp()
        u = xs * ds.unsqueeze(-1)
        y = torch.einsum("bthn,bshn,bhts,bshp->bthp", cs, bs, L, u)
        grown = a.cumsum(-1)
        y = y + torch.einsum("bthn,bhpn,bht->bthp", cs, h, grown.exp())
        out.append(y + torch.einsum("h,bthp->bthp", D, xs))
        h = h * grown[..., -1].exp()[..., None, None] + torch.einsum("bshn,bhs,bshp->bhpn", bs, L[:, :, -1], u)
    return torch.cat(out, 1), h


@replaces("ssd_scan")
def scan_groups(x, dt, A, B, C, D, chunk, h0=None):
    """heads as (group, head in group); B and C are not repeated"""
    batch, T, H, P = x.shape
    G, N = B.shape[2:]
    J = H // G
    xg, dg = x.reshape(batch, T, G, J, P), dt.reshape(batch, T, G, J)
    a = dg * A.reshape(G, J)
    h = x.new_zeros(batch, G, J, P, N) if h0 is None else h0.reshape(batch, G, J, P, N)
    y = torch.zeros(batch, 0, G, J, P, dtype=x.dtype)
    for i in range(0, T, chunk):
        u, cum = (xg * dg[..., None])[:, i : i + chunk], a[:, i : i + chunk].cumsum(1)
        b, c = B[:, i : i + chunk], C[:, i : i + chunk]
        Q = cum.shape[1]
        late = torch.arange(Q)[:, None] < torch.arange(Q)
        exponent = cum[:, :, None] - cum[:, None]  # (batch, t, s, G, J)
        L = torch.where(late[:, :, None, None], -torch.inf, exponent).exp()
        cb = torch.einsum("btgn,bsgn->btsg", c, b)
        part = torch.einsum("btsg,btsgj,bsgjp->btgjp", cb, L, u)
        part = part + torch.einsum("btgn,bgjpn,btgj->btgjp", c, h, cum.exp())
        y = torch.cat([y, part], 1)
        left = (cum[:, -1:] - cum).exp()
        h = cum[:, -1].exp()[..., None, None] * h + torch.einsum("bsgj,bsgjp,bsgn->bgjpn", left, u, b)
    return y.reshape(batch, T, H, P) + D.view(1, 1, H, 1) * x, h.reshape(batch, H, P, N)


@replaces("ssd_scan")
def scan_double(x, dt, A, B, C, D, chunk, h0=None):
    """float64 inside"""
    args = [a.double() for a in (x, dt, A, B, C, D)]
    h0 = None if h0 is None else h0.double()
    y, h = ssd_scan(*args, chunk=max(1, min(chunk, 32)), h0=h0)
    return y.to(x.dtype), h.to(x.dtype)


@replaces("ssd_scan")
def scan_heads(x, dt, A, B, C, D, chunk, h0=None):
    """head by head, matrix products"""
    batch, T, H, P = x.shape
    G, N = B.shape[2:]
    all_y, all_h = [], []
    for head in range(H):
        g = head * G // H
        a = dt[:, :, head] * A[head]
        u = x[:, :, head] * dt[:, :, head, None]
        state = x.new_zeros(batch, P, N) if h0 is None else h0[:, head]
        ys = []
        for i in range(0, T, chunk):
            s = slice(i, i + chunk)
            b, c, cum = B[:, s, g], C[:, s, g], a[:, s].cumsum(1)
            Q = cum.shape[1]
            mask = torch.zeros(Q, Q, dtype=x.dtype).masked_fill(torch.ones(Q, Q).triu(1).bool(), -torch.inf)
            # the additive mask meets the exponent, which is at most 0 where it is kept
            exponent = (cum[:, :, None] - cum[:, None, :]).clamp(max=0) + mask
            weights = torch.bmm(c, b.mT) * torch.exp(exponent)
            ys.append(weights @ u[:, s] + torch.exp(cum)[..., None] * (c @ state.mT))
            left = torch.exp(cum[:, -1:] - cum)
            state = torch.exp(cum[:, -1])[:, None, None] * state + (u[:, s] * left[..., None]).mT @ b
        all_y.append(torch.cat(ys, 1) + D[head] * x[:, :, head])
        all_h.append(state)
    return torch.stack(all_y, 2), torch.stack(all_h, 1)


@replaces("ssd_scan")
def scan_padded(x, dt, A, B, C, D, chunk, h0=None):
    """padded to whole chunks with steps of 0; all chunks at once, then their states"""
    batch, T, H, P = x.shape
    N = B.shape[-1]
    Q = min(chunk, T)
    pad = -T % Q
    r = H // B.shape[2]
    xp = F.pad(x, (0, 0, 0, 0, 0, pad)).reshape(batch, -1, Q, H, P)
    dp = F.pad(dt, (0, 0, 0, pad)).reshape(batch, -1, Q, H)
    Bp = F.pad(B.repeat_interleave(r, 2), (0, 0, 0, 0, 0, pad)).reshape(batch, -1, Q, H, N)
    Cp = F.pad(C.repeat_interleave(r, 2), (0, 0, 0, 0, 0, pad)).reshape(batch, -1, Q, H, N)
    cum = (dp * A).cumsum(2).permute(0, 1, 3, 2)
    keep = torch.ones(Q, Q, dtype=torch.bool).tril()
    L = (cum.unsqueeze(-1) - cum.unsqueeze(-2)).masked_fill(~keep, -torch.inf).exp()
    u = xp * dp.unsqueeze(-1)
    inside = torch.einsum("bcthn,bcshn,bchts,bcshp->bcthp", Cp, Bp, L, u)
    added = torch.einsum("bchs,bcshp,bcshn->bchpn", L[:, :, :, -1], u, Bp)
    h = x.new_zeros(batch, H, P, N) if h0 is None else h0
    before = []
    for c in range(added.shape[1]):
        before.append(h)
        h = cum[:, c, :, -1].exp()[..., None, None] * h + added[:, c]
    carried = torch.einsum("bcthn,bchpn,bcht->bcthp", Cp, torch.stack(before, 1), cum.exp())
    y = (inside + carried).reshape(batch, -1, H, P)[:, :T]
    return y + x * D.unsqueeze(-1), h


@replaces("ssd_scan")
def scan_halves(x, dt, A, B, C, D, chunk, h0=None):
    """recursion: the second half begins with the state of the first"""
    batch, T, H, P = x.shape
    if T == 1:
        r = H // B.shape[2]
        b, c = B[:, 0].repeat_interleave(r, 1), C[:, 0].repeat_interleave(r, 1)
        h = x.new_zeros(batch, H, P, B.shape[-1]) if h0 is None else h0
        h = (dt[:, 0] * A).exp()[:, :, None, None] * h + torch.einsum("bh,bhp,bhn->bhpn", dt[:, 0], x[:, 0], b)
        y = torch.einsum("bhpn,bhn->bhp", h, c) + D[:, None] * x[:, 0]
        return y.unsqueeze(1), h
    m = T // 2
    y1, h = scan_halves(x[:, :m], dt[:, :m], A, B[:, :m], C[:, :m], D, chunk, h0)
    y2, h = scan_halves(x[:, m:], dt[:, m:], A, B[:, m:], C[:, m:], D, chunk, h)
    return torch.cat([y1, y2], dim=1), h


@replaces("ssd_scan")
def scan_doubling(x, dt, A, B, C, D, chunk, h0=None):
    """within a chunk of at most 16: decays and states by doubling (Hillis and Steele)"""
    batch, T, H, P = x.shape
    G, N = B.shape[2:]
    B, C = (z.unsqueeze(3).expand(batch, T, G, H // G, N).reshape(batch, T, H, N) for z in (B, C))
    h, ys = (x.new_zeros(batch, H, P, N) if h0 is None else h0), []
    for i in range(0, T, min(chunk, 16)):
        s = slice(i, i + min(chunk, 16))
        decay = torch.exp(dt[:, s] * A)[..., None, None]
        states = (dt[:, s, :, None] * x[:, s])[..., None] * B[:, s, :, None, :]
        states = torch.cat([states[:, :1] + decay[:, :1] * h.unsqueeze(1), states[:, 1:]], 1)
        n = 1
        while n < states.shape[1]:
            states = torch.cat([states[:, :n], states[:, n:] + decay[:, n:] * states[:, :-n]], 1)
            decay = torch.cat([decay[:, :n], decay[:, n:] * decay[:, :-n]], 1)
            n *= 2
        ys.append(torch.einsum("bthpn,bthn->bthp", states, C[:, s]) + D[:, None] * x[:, s])
        h = states[:, -1]
    return torch.cat(ys, 1), h


@replaces("ssd_scan")
def scan_transposed_state(x, dt, A, B, C, D, chunk, h0=None):
    """the state as (N, P), heads before time; results are views that are not contiguous"""
    batch, T, H, P = x.shape
    N = B.shape[-1]
    groups = torch.div(torch.arange(H) * B.shape[2], H, rounding_mode="floor")
    X, S = x.permute(0, 2, 1, 3), dt.permute(0, 2, 1)
    b, c = B.permute(0, 2, 1, 3)[:, groups], C.permute(0, 2, 1, 3)[:, groups]
    h = torch.zeros(batch, H, N, P, dtype=x.dtype) if h0 is None else h0.transpose(2, 3)
    out = []
    for i in range(0, T, chunk):
        u = X[:, :, i : i + chunk] * S[:, :, i : i + chunk, None]
        cum = torch.cumsum(S[:, :, i : i + chunk] * A[None, :, None], 2)
        gap = cum[..., None] - cum[..., None, :]
        gap = gap.masked_fill(torch.ones(gap.shape[-2:], dtype=torch.bool).tril().logical_not(), -math.inf)
        ci, bi = c[:, :, i : i + chunk], b[:, :, i : i + chunk]
        out.append((ci @ bi.mT * gap.exp()) @ u + cum.exp()[..., None] * (ci @ h))
        h = cum[..., -1:, None].exp() * h + (bi * gap[:, :, -1].exp()[..., None]).mT @ u
    y = torch.cat(out, 2) + D[None, :, None, None] * X
    return y.transpose(1, 2), h.mT


@replaces("ssd_scan")
def scan_extended_token(x, dt, A, B, C, D, chunk, h0=None):
    """the state before is added as one more term; exponents are relative to the end of each chunk"""
    batch, T, H, P = x.shape
    r = H // B.shape[2]
    h = h0 if h0 is not None else x.new_zeros((batch, H, P, B.size(3)))
    y = []
    start = 0
    while start < T:
        stop = min(start + chunk, T)
        a = dt[:, start:stop] * A
        after = a.flip(1).cumsum(1).flip(1) - a  # what is still to come in this chunk
        Q = stop - start
        keep = (torch.arange(Q)[None, :] <= torch.arange(Q)[:, None])[None, :, :, None]
        gap = after[:, None, :] - after[:, :, None]
        L = torch.exp(torch.where(keep, gap, torch.full_like(gap, -math.inf)))
        b = torch.repeat_interleave(B[:, start:stop], r, dim=2)
        c = torch.repeat_interleave(C[:, start:stop], r, dim=2)
        u = torch.mul(x[:, start:stop], dt[:, start:stop].unsqueeze(3))
        w = (c[:, :, None] * b[:, None]).sum(-1) * L
        part = (w.unsqueeze(-1) * u[:, None]).sum(2)
        part = part + torch.exp(torch.cumsum(a, 1))[..., None] * torch.einsum("bhpn,bthn->bthp", h, c)
        y.append(part + D.reshape(1, 1, -1, 1) * x[:, start:stop])
        h = torch.exp(a.sum(1))[..., None, None] * h + torch.einsum("bthp,bthn->bhpn", u * after.exp()[..., None], b)
        start = stop
    return torch.cat(y, dim=1), h


@replaces("gated_rms_norm")
def norm_rsqrt(y, z, weight, groups=1, eps=1e-5):
    """view, rsqrt, sigmoid by hand"""
    u = y * z * torch.sigmoid(z)
    g = u.reshape(*u.shape[:-1], groups, u.shape[-1] // groups)
    g = g * torch.rsqrt(g.pow(2).mean(-1, keepdim=True) + eps)
    return g.reshape(u.shape) * weight


@replaces("gated_rms_norm")
def norm_chunks(y, z, weight, groups=1, eps=1e-5):
    """group by group"""
    u = F.silu(z) * y
    out = [c / (c.square().mean(-1, keepdim=True) + eps).sqrt() for c in u.chunk(groups, -1)]
    return weight * torch.cat(out, -1)


@replaces("gated_rms_norm")
def norm_f(y, z, weight, groups=1, eps=1e-5):
    """F.rms_norm"""
    u = (y * F.silu(z)).unflatten(-1, (groups, -1))
    return F.rms_norm(u, u.shape[-1:], eps=eps).flatten(-2) * weight


@replaces("gated_rms_norm")
def norm_double(y, z, weight, groups=1, eps=1e-5):
    """float64, cast at the end"""
    u = y.double() * F.silu(z.double())
    ms = u.unflatten(-1, (groups, -1)).square().mean(-1)
    scale = (ms + eps).rsqrt().repeat_interleave(u.shape[-1] // groups, dim=-1)
    return (u * scale * weight.double()).to(y.dtype)


@replaces("gated_rms_norm")
def norm_linalg(y, z, weight, groups=1, eps=1e-5):
    """lengths by a matrix of groups"""
    E = y.shape[-1]
    member = F.one_hot(torch.arange(E) // (E // groups), groups).to(y.dtype)
    u = y * F.silu(z)
    means = (u * u) @ member / (E // groups)
    return u / ((means + eps).sqrt() @ member.T) * weight


@replaces("gated_rms_norm")
def norm_loop(y, z, weight, groups=1, eps=1e-5):
    """slices of a loop, stacked sums"""
    size = y.size(-1) // groups
    gated = torch.mul(y, torch.nn.SiLU()(z))
    parts = []
    for g in range(groups):
        part = gated[..., g * size : (g + 1) * size]
        mean = torch.einsum("...e,...e->...", part, part) / size
        parts.append(part * (weight[g * size : (g + 1) * size] / torch.sqrt(mean + eps).unsqueeze(-1)))
    return torch.cat(parts, dim=-1)


@replaces("gated_rms_norm")
def norm_weight_first(y, z, weight, groups=1, eps=1e-5):
    """the weight in groups too; transposed groups"""
    u = (y * F.silu(z)).unflatten(-1, (groups, -1)).transpose(-1, -2)
    w = weight.view(groups, -1).T
    u = w * u / (torch.mean(u**2, dim=-2, keepdim=True) + eps) ** 0.5
    return u.transpose(-1, -2).flatten(-2)


@replaces("gated_rms_norm")
def norm_hypot(y, z, weight, groups=1, eps=1e-5):
    """the root of the sum of squares as a length, eps as one more number"""
    u = (y * F.silu(z)).unflatten(-1, (groups, -1))
    n = u.shape[-1]
    extra = torch.full_like(u[..., :1], math.sqrt(eps * n))
    length = torch.linalg.vector_norm(torch.cat([u, extra], -1), dim=-1, keepdim=True)
    return (u / length * math.sqrt(n)).flatten(-2) * weight


class _GatedNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx, y, z, weight, groups, eps):
        s = torch.sigmoid(z)
        u = y * z * s
        g = u.unflatten(-1, (groups, -1))
        r = torch.rsqrt((g * g).mean(-1, keepdim=True) + eps)
        n = (g * r).flatten(-2)
        ctx.save_for_backward(y, z, s, weight, n, r)
        ctx.groups = groups
        return n * weight

    @staticmethod
    def backward(ctx, grad):
        y, z, s, weight, n, r = ctx.saved_tensors
        dn = (grad * weight).unflatten(-1, (ctx.groups, -1))
        ng = n.unflatten(-1, (ctx.groups, -1))
        du = (r * (dn - ng * (dn * ng).mean(-1, keepdim=True))).flatten(-2)
        dw = (grad * n).reshape(-1, n.shape[-1]).sum(0)
        return du * z * s, du * y * s * (1 + z * (1 - s)), dw, None, None


@replaces("gated_rms_norm")
def norm_function(y, z, weight, groups=1, eps=1e-5):
    """a gradient by formula"""
    return _GatedNorm.apply(y, z, weight, groups, eps)


@replaces("gated_rms_norm")
def norm_tanh(y, z, weight, groups=1, eps=1e-5):
    """silu by tanh in float64; view_as"""
    half = z.double() / 2
    u = (y * half * (1 + torch.tanh(half))).to(y.dtype)
    g = u.contiguous().view(-1, groups, y.shape[-1] // groups)
    variance = g.square().sum(2, keepdim=True) / g.shape[2]
    return (g / torch.sqrt(variance + eps)).view_as(u) * weight


class Weight(nn.Module):
    def __init__(self, *shape, bias=None):
        super().__init__()
        if bias is not None:
            self.bias = nn.Parameter(torch.zeros(bias))
        self.weight = nn.Parameter(torch.randn(shape) / math.sqrt(shape[-1]))


def sizes(d_model, expand, headdim, ngroups):
    E = expand * d_model
    if E % headdim != 0:
        raise ValueError(f"headdim {headdim} does not divide {E} channels")
    if (E // headdim) % ngroups != 0:
        raise ValueError(f"{ngroups} groups do not divide {E // headdim} heads")
    return E, E // headdim


@replaces("Mamba2Block")
class BlockTokens(nn.Module):
    """token by token as in decoding; own parameter modules in another order"""

    def __init__(self, d_model, d_state=128, d_conv=4, expand=2, headdim=64, ngroups=1, chunk=64):
        super().__init__()
        self.E, self.H = sizes(d_model, expand, headdim, ngroups)
        self.P, self.N, self.G, self.W = headdim, d_state, ngroups, d_conv
        self.R = self.E + 2 * ngroups * d_state
        self.out_proj = Weight(d_model, self.E)
        self.norm = Weight(self.E)
        nn.init.ones_(self.norm.weight)
        self.D = nn.Parameter(torch.ones(self.H))
        self.A_log = nn.Parameter(torch.linspace(1, 16, self.H).log())
        steps = torch.logspace(-3, -1, self.H)
        self.dt_bias = nn.Parameter(steps + torch.log(-torch.expm1(-steps)))
        self.conv1d = Weight(self.R, 1, d_conv, bias=self.R)
        self.in_proj = Weight(self.E + self.R + self.H, d_model)

    def init_state(self, batch):
        like = self.in_proj.weight
        return {
            "ssm": torch.zeros(batch, self.H, self.P, self.N, dtype=like.dtype),
            "conv": torch.zeros(batch, self.R, self.W - 1, dtype=like.dtype),
        }

    def step(self, x, window, h):
        p = x @ self.in_proj.weight.T
        z, u, dt = p[:, : self.E], p[:, self.E : self.E + self.R], p[:, self.E + self.R :]
        window = torch.cat([window, u.unsqueeze(-1)], -1)
        v = F.silu((window * self.conv1d.weight[:, 0]).sum(-1) + self.conv1d.bias)
        GN = self.G * self.N
        X = v[:, : self.E].view(-1, self.H, self.P)
        spread = lambda a: a.reshape(-1, self.G, 1, self.N).expand(-1, -1, self.H // self.G, -1).flatten(1, 2)
        B, C = spread(v[:, self.E : self.E + GN]), spread(v[:, self.E + GN :])
        dt = F.softplus(dt + self.dt_bias)
        h = torch.exp(-dt * self.A_log.exp())[..., None, None] * h + torch.einsum("bh,bhp,bhn->bhpn", dt, X, B)
        y = torch.einsum("bhpn,bhn->bhp", h, C) + self.D[:, None] * X
        y = gated_rms_norm(y.flatten(1), z, self.norm.weight, self.G)
        return y @ self.out_proj.weight.T, window[..., 1:], h

    def forward(self, x, state=None):
        state = self.init_state(len(x)) if state is None else state
        window, h = state["conv"], state["ssm"]
        ys = []
        for t in range(x.shape[1]):
            y, window, h = self.step(x[:, t], window, h)
            ys.append(y)
        return torch.stack(ys, 1), {"conv": window, "ssm": h}


@replaces("Mamba2Block")
class BlockDicts(nn.Module):
    """ParameterDicts in the place of modules; the convolution as a sum of shifted products"""

    def __init__(self, d_model, d_state=128, d_conv=4, expand=2, headdim=64, ngroups=1, chunk=64):
        E, H = sizes(d_model, expand, headdim, ngroups)
        super().__init__()
        R = E + 2 * ngroups * d_state
        self.dims = (E, R, H)
        self.shape = (headdim, d_state, ngroups, d_conv, chunk)
        random = lambda *s: nn.Parameter(torch.empty(s).uniform_(-1, 1) / s[-1] ** 0.5)
        self.in_proj = nn.ParameterDict({"weight": random(E + R + H, d_model)})
        self.conv1d = nn.ParameterDict({"weight": random(R, 1, d_conv), "bias": random(R)})
        self.dt_bias = nn.Parameter(torch.full((H,), math.log(math.expm1(0.01))))
        self.A_log = nn.Parameter(torch.zeros(H))
        self.D = nn.Parameter(torch.ones(H))
        self.norm = nn.ParameterDict({"weight": nn.Parameter(torch.ones(E))})
        self.out_proj = nn.ParameterDict({"weight": random(d_model, E)})

    def init_state(self, batch):
        E, R, H = self.dims
        P, N, G, W, _ = self.shape
        return {"conv": self.D.new_zeros(batch, R, W - 1), "ssm": self.D.new_zeros(batch, H, P, N)}

    def forward(self, x, state=None):
        E, R, H = self.dims
        P, N, G, W, chunk = self.shape
        batch, T = x.shape[:2]
        state = state if state is not None else self.init_state(batch)
        z, u, dt = torch.split(F.linear(x, self.in_proj["weight"]), (E, R, H), -1)
        seen = torch.cat((state["conv"].mT, u), 1)
        v = self.conv1d["bias"] + sum(seen[:, w : w + T] * self.conv1d["weight"][:, 0, w] for w in range(W))
        v = F.silu(v)
        X = v[..., :E].reshape(batch, T, H, P)
        B, C = v[..., E : E + G * N].reshape(batch, T, G, N), v[..., E + G * N :].reshape(batch, T, G, N)
        dt = torch.logaddexp(dt + self.dt_bias, torch.zeros_like(dt))
        y, h = ssd_scan(X, dt, -self.A_log.exp(), B, C, self.D, chunk=chunk, h0=state["ssm"])
        y = gated_rms_norm(y.reshape(batch, T, E), z, self.norm["weight"], groups=G)
        return F.linear(y, self.out_proj["weight"]), {"ssm": h, "conv": seen[:, T:].mT}


class RMSNormGated(nn.Module):
    def __init__(self, width, groups):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.groups = groups

    def forward(self, y, z):
        u = y * F.silu(z)
        g = u.view(*u.shape[:-1], self.groups, -1)
        return (g * torch.rsqrt(g.pow(2).mean(-1, keepdim=True) + 1e-5)).view(u.shape) * self.weight


@replaces("Mamba2Block")
class BlockReference(nn.Module):
    """after the code of Mamba-2: padded Conv1d when there is no state, a step on its own for one token"""

    def __init__(self, d_model, d_state=128, d_conv=4, expand=2, headdim=64, ngroups=1, chunk=64):
        super().__init__()
        self.d_inner, self.nheads = sizes(d_model, expand, headdim, ngroups)
        self.d_state, self.d_conv, self.headdim, self.ngroups, self.chunk = d_state, d_conv, headdim, ngroups, chunk
        conv_dim = self.d_inner + 2 * ngroups * d_state
        self.in_proj = nn.Linear(d_model, self.d_inner + conv_dim + self.nheads, bias=False)
        self.conv1d = nn.Conv1d(conv_dim, conv_dim, d_conv, groups=conv_dim, padding=d_conv - 1)
        dt = torch.exp(torch.rand(self.nheads) * math.log(100) + math.log(0.001)).clamp(0.001, 0.1)
        self.dt_bias = nn.Parameter(dt + torch.log(-torch.expm1(-dt)))
        self.A_log = nn.Parameter(torch.log(torch.empty(self.nheads).uniform_(1, 16)))
        self.D = nn.Parameter(torch.ones(self.nheads))
        self.norm = RMSNormGated(self.d_inner, ngroups)
        self.out_proj = nn.Linear(self.d_inner, d_model, bias=False)

    def init_state(self, batch):
        kw = dict(dtype=self.in_proj.weight.dtype, device=self.in_proj.weight.device)
        conv = torch.zeros(batch, self.conv1d.out_channels, self.d_conv - 1, **kw)
        return dict(conv=conv, ssm=torch.zeros(batch, self.nheads, self.headdim, self.d_state, **kw))

    def forward(self, x, state=None):
        batch, T, _ = x.shape
        zxbcdt = self.in_proj(x)
        conv_dim = self.conv1d.in_channels
        z, raw, dt = zxbcdt.split([self.d_inner, conv_dim, self.nheads], -1)
        raw = raw.transpose(1, 2)
        if state is None:
            conv = self.conv1d(raw)[..., :T]
            h0 = None
            kept = F.pad(raw, (self.d_conv - 1, 0))[..., -(self.d_conv - 1) :]
        else:
            window = torch.cat([state["conv"], raw], -1)
            conv = F.conv1d(window, self.conv1d.weight, self.conv1d.bias, groups=conv_dim)
            h0 = state["ssm"]
            kept = window[..., -(self.d_conv - 1) :]
        xBC = F.silu(conv.transpose(1, 2))
        GN = self.ngroups * self.d_state
        xs, B, C = xBC.split([self.d_inner, GN, GN], -1)
        xs = xs.view(batch, T, self.nheads, self.headdim)
        B, C = (a.view(batch, T, self.ngroups, self.d_state) for a in (B, C))
        y, h = ssd_scan(xs, F.softplus(dt + self.dt_bias), -self.A_log.exp(), B, C, self.D, self.chunk, h0)
        return self.out_proj(self.norm(y.flatten(2), z)), {"conv": kept.contiguous(), "ssm": h}


@replaces("Mamba2Block")
class BlockRows(nn.Module):
    """a product for each part of the projection; unfold for the convolution; one chunk for the whole text"""

    def __init__(
        self,
        d_model: int,
        d_state: int = 128,
        d_conv: int = 4,
        expand: int = 2,
        headdim: int = 64,
        ngroups: int = 1,
        chunk: int = 64,
    ) -> None:
        super().__init__()
        if (expand * d_model) % headdim:
            raise ValueError("headdim")
        self.heads = expand * d_model // headdim
        if self.heads % ngroups:
            raise ValueError("ngroups")
        self.P, self.N, self.G, self.W, self.chunk = headdim, d_state, ngroups, d_conv, chunk
        E, GN = expand * d_model, ngroups * d_state
        self.parts = [E, E, GN, GN, self.heads]
        R = E + 2 * GN
        self.in_proj = nn.Linear(d_model, sum(self.parts), bias=False)
        self.conv1d = nn.Conv1d(R, R, d_conv, groups=R, bias=True)
        self.register_parameter("dt_bias", nn.Parameter(torch.linspace(-6.9, -2.26, self.heads)))
        self.register_parameter("A_log", nn.Parameter(torch.full([self.heads], math.log(16))))
        self.register_parameter("D", nn.Parameter(torch.ones(self.heads)))
        self.norm = nn.RMSNorm(E, eps=1e-5)
        self.out_proj = nn.Linear(E, d_model, bias=False)

    def init_state(self, batch: int):
        p = next(self.parameters())
        return {
            "conv": torch.zeros((batch, sum(self.parts[1:4]), self.W - 1)).to(p),
            "ssm": torch.zeros((batch, self.heads, self.P, self.N)).to(p),
        }

    def forward(self, x, state=None):
        if state is None:
            state = self.init_state(x.size(0))
        rows = self.in_proj.weight.split(self.parts)
        z, *mixed, dt = (x @ w.mT for w in rows)
        past = state["conv"].split(self.parts[1:4], 1)
        weights = self.conv1d.weight[:, 0].split(self.parts[1:4])
        biases = self.conv1d.bias.split(self.parts[1:4])
        done, kept = [], []
        for u, p, w, b in zip(mixed, past, weights, biases):
            seen = torch.cat([p, u.transpose(1, 2)], 2)
            kept.append(seen[:, :, seen.shape[2] - (self.W - 1) :])
            done.append(F.silu(torch.einsum("brtw,rw->btr", seen.unfold(2, self.W, 1), w) + b))
        X = done[0].unflatten(-1, (self.heads, self.P))
        B, C = (d.unflatten(-1, (self.G, self.N)) for d in done[1:])
        step = F.softplus(dt + self.dt_bias, threshold=50)
        y, h = ssd_scan(X, step, A=-torch.exp(self.A_log), B=B, C=C, D=self.D, chunk=self.chunk, h0=state["ssm"])
        y = y.flatten(2) * F.silu(z)
        g = y.unflatten(-1, (self.G, -1))
        y = F.rms_norm(g, g.shape[-1:], eps=1e-5).flatten(-2) * self.norm.weight
        return self.out_proj(y), {"conv": torch.cat(kept, 1), "ssm": h}


@replaces("Mamba2Block")
class BlockDouble(nn.Module):
    """scan and norm in float64; the convolution as one matrix product over time"""

    def __init__(self, d_model, d_state=128, d_conv=4, expand=2, headdim=64, ngroups=1, chunk=64):
        super().__init__()
        self.E, self.H = sizes(d_model, expand, headdim, ngroups)
        self.P, self.N, self.G, self.W, self.chunk = headdim, d_state, ngroups, d_conv, chunk
        self.R = self.E + 2 * ngroups * d_state
        self.in_proj = Weight(self.E + self.R + self.H, d_model)
        self.conv1d = Weight(self.R, 1, d_conv, bias=self.R)
        low, high = math.log(math.expm1(0.001)), math.log(math.expm1(0.1))
        self.dt_bias = nn.Parameter(torch.empty(self.H).uniform_(low, high))
        self.A_log = nn.Parameter(torch.empty(self.H).uniform_(0, math.log(16)))
        self.D = nn.Parameter(torch.ones(self.H))
        self.norm = RMSNormGated(self.E, ngroups)
        self.out_proj = Weight(d_model, self.E)

    def init_state(self, batch):
        zeros = torch.zeros(batch, self.R, self.W - 1, dtype=self.D.dtype)
        return {"conv": zeros, "ssm": zeros.new_zeros(batch, self.H, self.P, self.N)}

    def forward(self, x, state=None):
        batch, T, _ = x.shape
        old = self.init_state(batch) if state is None else state
        z, xBC, dt = torch.tensor_split(torch.matmul(x, self.in_proj.weight.mT), (self.E, self.E + self.R), dim=2)
        seen = torch.cat([old["conv"], xBC.mT], dim=2)
        back = torch.arange(T)[:, None] + torch.arange(self.W)
        taps = seen[:, :, back]  # (batch, R, T, W)
        v = F.silu((taps @ self.conv1d.weight.mT).squeeze(-1) + self.conv1d.bias[:, None]).mT.double()
        GN = self.G * self.N
        X, B, C = v.split((self.E, GN, GN), dim=2)
        y, h = ssd_scan(
            X.reshape(batch, T, self.H, self.P),
            F.softplus(dt.double() + self.dt_bias.double()),
            -self.A_log.double().exp(),
            B.reshape(batch, T, self.G, self.N),
            C.reshape(batch, T, self.G, self.N),
            self.D.double(),
            self.chunk,
            old["ssm"].double(),
        )
        y = gated_rms_norm(y.reshape(batch, T, -1), z.double(), self.norm.weight.double(), self.G, 1e-5)
        return y.to(x.dtype) @ self.out_proj.weight.mT, {"conv": seen[:, :, T:].clone(), "ssm": h.to(x.dtype)}

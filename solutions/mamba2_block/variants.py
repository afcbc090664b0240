"""Right solutions in other styles. None of them may lose a point."""

import math
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from mamba2_block import gated_rms_norm, ssd_scan
from torch import Tensor, nn

from grader.testing import replaces


class Scanned(NamedTuple):
    y: Tensor
    h: Tensor


@replaces("ssd_scan")
def token_by_token(x, dt, A, B, C, D, chunk, h0=None):
    """the recurrence itself, whatever the chunk; a named tuple"""
    heads = torch.div(torch.arange(len(A)) * B.shape[2], len(A), rounding_mode="floor")  # the group of each head
    h, ys = 0.0 if h0 is None else h0, []
    for x_t, step, B_t, C_t in zip(
        x.unbind(1), dt.unbind(1), B[:, :, heads].unbind(1), C[:, :, heads].unbind(1), strict=True
    ):
        h = torch.exp(step * A)[..., None, None] * h + (step[..., None] * x_t).unsqueeze(-1) * B_t.unsqueeze(-2)
        ys.append(torch.matmul(h, C_t.unsqueeze(-1)).squeeze(-1) + x_t * D[:, None])
    return Scanned(torch.stack(ys, 1), h)


@replaces("ssd_scan")
def groups_as_an_axis(x, dt, A, B, C, D, chunk, h0=None):
    """heads as (G, H/G), nothing repeated; y is a permuted view"""
    (Bt, T, H, P), (G, N) = x.shape, B.shape[2:]
    u, a = (x * dt[..., None]).reshape(Bt, T, G, H // G, P), (dt * A).reshape(Bt, T, G, H // G)
    h = x.new_zeros(Bt, G, H // G, P, N) if h0 is None else h0.reshape(Bt, G, H // G, P, N)
    ys = []
    for start in range(0, T, chunk):
        part = slice(start, min(start + chunk, T))
        cum = a[:, part].cumsum(1)
        Q = cum.shape[1]
        gap = cum.unsqueeze(2) - cum.unsqueeze(1)
        past = torch.tril(torch.ones(Q, Q)).bool().view(1, Q, Q, 1, 1)
        L = torch.where(past, torch.where(past, gap, 0.0).exp(), 0.0)
        y = torch.einsum("btgn,bsgn,btsgk,bsgkp->gkpbt", C[:, part], B[:, part], L, u[:, part])
        ys.append(y + torch.einsum("btgk,btgn,bgkpn->gkpbt", cum.exp(), C[:, part], h))
        left = (cum[:, -1:] - cum).exp()
        h = cum[:, -1].exp()[..., None, None] * h + torch.einsum("bsgk,bsgkp,bsgn->bgkpn", left, u[:, part], B[:, part])
    y = torch.cat(ys, dim=-1).permute(3, 4, 0, 1, 2).flatten(2, 3)
    return y + x * D.view(H, 1), h.flatten(1, 2)


def segments(a: Tensor) -> Tensor:
    """exp of the sum of every segment, each added up by itself: (..., T) to (..., T, T)."""
    T = a.shape[-1]
    past = torch.ones(T, T, dtype=torch.bool).tril()
    steps = a[..., None].expand(*a.shape, T).masked_fill(~past.tril(-1), 0.0)
    return steps.cumsum(-2).masked_fill(~past, -torch.inf).exp()


@replaces("ssd_scan")
def all_at_once(x, dt, A, B, C, D, chunk, h0=None):
    """one matrix for the whole text, the state folded in as one more token in front; in float64; a list"""
    (Bt, T, H, P), (G, N) = x.shape, B.shape[2:]
    B, C = (m.double().unsqueeze(3).expand(-1, -1, -1, H // G, -1).reshape(Bt, T, H, N) for m in (B, C))
    a = F.pad((dt.double() * A.double()).transpose(1, 2), (1, 0))  # (Bt, H, 1 + T)
    L = segments(a)
    u = x.double() * dt.double()[..., None]
    h0 = torch.zeros(Bt, H, P, N, dtype=torch.float64) if h0 is None else h0.double()
    y = torch.einsum("bhts,bthn,bshn,bshp->bthp", L[:, :, 1:, 1:], C, B, u)
    y = y + torch.einsum("bht,bthn,bhpn->bthp", L[:, :, 1:, 0], C, h0) + x.double() * D.double()[:, None]
    h = L[:, :, -1, 0, None, None] * h0 + torch.einsum("bhs,bshp,bshn->bhpn", L[:, :, -1, 1:], u, B)
    return [y.to(x.dtype), h.to(x.dtype)]


@replaces("ssd_scan")
def padded_chunks(x, dt, A, B, C, D, chunk, h0=None):
    """filled up with steps of size 0; all chunks in parallel, their states one after the other"""
    (Bt, T, H, _), G = x.shape, B.shape[2]
    chunk = min(chunk, T)
    more = -T % chunk
    u, a = F.pad(x * dt[..., None], (0, 0, 0, 0, 0, more)), F.pad(dt * A, (0, 0, 0, more))
    B, C = (F.pad(m, (0, 0, 0, 0, 0, more)).repeat_interleave(H // G, 2) for m in (B, C))
    u, a, B, C = (m.reshape(Bt, -1, chunk, *m.shape[2:]).transpose(2, 3) for m in (u, a.unsqueeze(-1), B, C))
    L = segments(a.squeeze(-1))  # (Bt, c, H, Q, Q)
    y = (L * (C @ B.mT)) @ u  # (Bt, c, H, Q, P)
    written = (L[..., -1, :, None] * u).mT @ B  # (Bt, c, H, P, N)
    since = a.cumsum(3).exp()  # (Bt, c, H, Q, 1)
    h = torch.zeros_like(written[:, 0]) if h0 is None else h0
    before = []
    for c in range(written.shape[1]):
        before.append(h)
        h = since[:, c, :, -1:] * h + written[:, c]
    y = y + since * (C @ torch.stack(before, dim=1).mT)
    return y.transpose(2, 3).flatten(1, 2)[:, :T] + x * D[:, None], h


@replaces("ssd_scan")
def first_half_then_second(x, dt, A, B, C, D, chunk, h0=None):
    """recursive, down to one token"""
    (Bt, T, H, P), (G, N) = x.shape, B.shape[2:]
    h = torch.zeros(Bt, H, P, N, dtype=x.dtype) if h0 is None else h0

    def run(first, last, h):
        if last - first > 1:
            middle = (first + last) // 2
            left, h = run(first, middle, h)
            right, h = run(middle, last, h)
            return left + right, h
        step = dt[:, first, :, None, None]
        row, column = B[:, first].repeat_interleave(H // G, 1), C[:, first].repeat_interleave(H // G, 1)
        h = (step * A[:, None, None]).exp() * h + step * x[:, first, :, :, None] * row[:, :, None]
        return [(h * column[:, :, None]).sum(-1) + D[:, None] * x[:, first]], h

    ys, h = run(0, T, h)
    return torch.stack(ys, dim=1), h


class NumpyScan(torch.autograd.Function):
    """The recurrence in NumPy, its derivative by hand: time runs backwards."""

    @staticmethod
    def forward(ctx, x, dt, A, B, C, D, h0):
        x, dt, A, B, C, D, h = (m.detach().numpy() for m in (x, dt, A, B, C, D, h0))
        decay, hs, ys = np.exp(dt * A), [h], []
        for t in range(x.shape[1]):
            u = dt[:, t, :, None] * x[:, t]
            h = decay[:, t, :, None, None] * h + u[..., None] * B[:, t, :, None]
            hs.append(h)
            ys.append(np.einsum("bhpn,bhn->bhp", h, C[:, t]) + D[:, None] * x[:, t])
        ctx.arrays = x, dt, A, B, C, D, decay, hs
        return torch.from_numpy(np.stack(ys, 1)), torch.from_numpy(h.copy())

    @staticmethod
    def backward(ctx, gy, gh):
        x, dt, A, B, C, D, decay, hs = ctx.arrays
        gy, g = gy.numpy(), gh.numpy()
        gx, gdt, gB, gC = gy * D[:, None], np.zeros_like(dt), np.zeros_like(B), np.zeros_like(C)
        ga = np.zeros_like(dt)
        for t in reversed(range(x.shape[1])):
            g = g + gy[:, t, :, :, None] * C[:, t, :, None]
            gC[:, t] = np.einsum("bhpn,bhp->bhn", hs[t + 1], gy[:, t])
            into = np.einsum("bhpn,bhn->bhp", g, B[:, t])
            gx[:, t] += dt[:, t, :, None] * into
            gdt[:, t] = (into * x[:, t]).sum(-1)
            gB[:, t] = np.einsum("bhpn,bhp->bhn", g, dt[:, t, :, None] * x[:, t])
            ga[:, t] = (g * hs[t]).sum((-1, -2)) * decay[:, t]
            g = g * decay[:, t, :, None, None]
        arrays = gx, gdt + ga * A, (ga * dt).sum((0, 1)), gB, gC, (gy * x).sum((0, 1, 3)), g
        return tuple(torch.from_numpy(np.ascontiguousarray(array)) for array in arrays)


@replaces("ssd_scan")
def numpy_round_trip(x, dt, A, B, C, D, chunk, h0=None):
    """NumPy inside a custom autograd Function, gradient by hand"""
    h0 = torch.zeros(*x.shape[:1], *x.shape[2:], B.shape[-1], dtype=x.dtype) if h0 is None else h0
    shared = (m.repeat_interleave(len(A) // m.shape[2], dim=2) for m in (B, C))
    return NumpyScan.apply(x, dt, A, *shared, D, h0)


@replaces("gated_rms_norm")
def run_by_run(y, z, weight, groups=1, eps=1e-5):
    """slices of the width, one after the other"""
    width = y.shape[-1] // groups
    found = []
    for first in range(0, y.shape[-1], width):
        part = slice(first, first + width)
        u = y[..., part] * z[..., part] * torch.sigmoid(z[..., part])
        found.append(u * weight[part] / (u.pow(2).sum(-1, keepdim=True) / width + eps).sqrt())
    return torch.cat(found, dim=-1)


@replaces("gated_rms_norm")
def torch_rms_norm(y, z, weight, groups=1, eps=1e-5):
    """torch's own RMS norm, in float64"""
    u = (F.silu(z.double()) * y.double()).reshape(*y.shape[:-1], groups, y.shape[-1] // groups)
    return (F.rms_norm(u, u.shape[-1:], eps=eps).reshape(y.shape) * weight.double()).to(y.dtype)


@replaces("gated_rms_norm")
def channels_first(y, z, weight, groups=1, eps=1e-5):
    """channels in front, so that the result is a view with other strides"""
    u = torch.movedim(y * z / (1 + torch.exp(-z)), -1, 0)
    runs = torch.stack(u.chunk(groups))  # (G, E / G, ...)
    runs = runs / torch.sqrt(eps + torch.mean(runs * runs, dim=1, keepdim=True))
    return runs.flatten(0, 1).movedim(0, -1).mul(weight)


class Weight(nn.Module):
    """A weight and perhaps a bias, and nothing that computes with them."""

    def __init__(self, *shape, bias=None, fill=None):
        super().__init__()
        if bias is not None:
            self.bias = nn.Parameter(0.1 * torch.randn(bias))
        self.weight = nn.Parameter(0.1 * torch.randn(*shape) if fill is None else torch.full(shape, fill))


@replaces("Mamba2Block")
class StepByStep(nn.Module):
    """one token after the other, bare parameters, einsum; a named tuple, and a state in another order"""

    def __init__(self, d_model, d_state=128, d_conv=4, expand=2, headdim=64, ngroups=1, chunk=64):
        super().__init__()
        heads, left = divmod(expand * d_model, headdim)
        if left != 0 or heads % ngroups != 0:
            raise ValueError("sizes do not divide")
        self.E, self.H, self.P, self.G, self.N = expand * d_model, heads, headdim, ngroups, d_state
        R = self.E + 2 * ngroups * d_state
        self.out_proj = Weight(d_model, self.E)
        self.norm = Weight(self.E, fill=1.0)
        self.D = nn.Parameter(torch.ones(heads))
        self.A_log = nn.Parameter(torch.zeros(heads))
        self.dt_bias = nn.Parameter(torch.full((heads,), math.log(math.expm1(0.01))))
        self.conv1d = Weight(R, 1, d_conv, bias=R)
        self.in_proj = Weight(self.E + R + heads, d_model)

    def init_state(self, batch):
        R, _, W = self.conv1d.weight.shape
        zeros = self.D.detach().new_zeros
        return {"ssm": zeros((batch, self.H, self.P, self.N)), "conv": zeros((batch, R, W - 1))}

    def step(self, token, conv, h):
        row = torch.einsum("bd,rd->br", token, self.in_proj.weight)
        z, xBC, dt = row[:, : self.E], row[:, self.E : -self.H], row[:, -self.H :]
        window = torch.cat([conv, xBC[..., None]], dim=-1)
        u = torch.einsum("brw,rw->br", window, self.conv1d.weight[:, 0]) + self.conv1d.bias
        u = u * u.sigmoid()
        dt = torch.logaddexp(dt + self.dt_bias, torch.zeros_like(dt))
        x = u[:, : self.E].view(-1, self.H, self.P)
        B, C = u[:, self.E :].view(-1, 2, self.G, self.N).repeat_interleave(self.H // self.G, 2).unbind(1)
        h = torch.exp(-dt * self.A_log.exp())[..., None, None] * h + torch.einsum("bh,bhp,bhn->bhpn", dt, x, B)
        y = torch.einsum("bhpn,bhn->bhp", h, C) + self.D[:, None] * x
        y = (y.flatten(1) * z * z.sigmoid()).view(len(y), self.G, -1)
        y = (y / (y.square().mean(-1, keepdim=True) + 1e-5).sqrt()).flatten(1) * self.norm.weight
        return torch.einsum("be,de->bd", y, self.out_proj.weight), window[..., 1:], h

    def forward(self, x, state=None):
        state = state or self.init_state(x.size(0))
        conv, h, ys = state["conv"], state["ssm"], []
        for token in x.unbind(dim=1):
            y, conv, h = self.step(token, conv, h)
            ys.append(y)
        return Scanned(torch.stack(ys, dim=1), {"ssm": h, "conv": conv})


@replaces("Mamba2Block")
class PaddedConvolution(nn.Module):
    """time last up to the scan, padding cut off again; F.linear by rows of in_proj; a list"""

    def __init__(self, d_model, d_state=128, d_conv=4, expand=2, headdim=64, ngroups=1, chunk=64):
        super().__init__()
        self.d_inner = d_model * expand
        if self.d_inner // headdim * headdim != self.d_inner:
            raise ValueError(f"{self.d_inner} channels cannot be cut into heads of {headdim}")
        self.nheads = self.d_inner // headdim
        if self.nheads // ngroups * ngroups != self.nheads:
            raise ValueError(f"{self.nheads} heads cannot share {ngroups} groups")
        self.d_state, self.headdim, self.ngroups, self.chunk = d_state, headdim, ngroups, chunk
        width = self.d_inner + 2 * ngroups * d_state
        self.in_proj = nn.Linear(d_model, self.d_inner + width + self.nheads, bias=False)
        self.conv1d = nn.Conv1d(width, width, d_conv, padding=d_conv - 1, groups=width)
        steps = torch.linspace(0.001, 0.1, self.nheads).clamp(0.001, 0.1)
        self.dt_bias = nn.Parameter(steps.expm1().log())
        self.A_log = nn.Parameter(torch.log(1 + 15 * torch.rand(self.nheads)))
        self.D = nn.Parameter(torch.ones(self.nheads))
        self.norm = nn.LayerNorm(self.d_inner, bias=False)  # only its weight is used
        self.out_proj = nn.Linear(self.d_inner, d_model, bias=False)

    def init_state(self, batch):
        like = {"dtype": self.D.dtype, "device": self.D.device}
        width, W = self.conv1d.in_channels, self.conv1d.kernel_size[0]
        return {
            "conv": torch.zeros(batch, width, W - 1, **like),
            "ssm": torch.zeros(batch, self.nheads, self.headdim, self.d_state, **like),
        }

    def forward(self, x, state=None):
        (Bt, T, _), width, P = x.shape, self.conv1d.in_channels, self.conv1d.kernel_size[0] - 1
        w_z, w_xbc, w_dt = self.in_proj.weight.split((self.d_inner, width, self.nheads))
        raw = w_xbc @ x.transpose(1, 2)
        before = raw.new_zeros(Bt, width, P) if state is None else state["conv"]
        joined = torch.cat((before, raw), dim=2)
        u = F.silu(self.conv1d(joined)[:, :, P : P + T]).transpose(1, 2)
        shared = u[..., self.d_inner :].reshape(Bt, T, 2, self.ngroups, self.d_state)
        y, h = ssd_scan(
            u[..., : self.d_inner].reshape(Bt, T, self.nheads, self.headdim),
            F.softplus(F.linear(x, w_dt, self.dt_bias)),
            self.A_log.exp().neg(),
            shared[:, :, 0],
            shared[:, :, 1],
            self.D,
            chunk=self.chunk,
            h0=None if state is None else state["ssm"],
        )
        y = gated_rms_norm(y.reshape(Bt, T, -1), F.linear(x, w_z), self.norm.weight, groups=self.ngroups)
        return [self.out_proj(y), {"conv": joined[:, :, T:].clone(), "ssm": h}]


@replaces("Mamba2Block")
class HalfAndHalf(nn.Module):
    """a text is its first half and then its second; shifted copies for the convolution; float64 inside"""

    def __init__(self, d_model, d_state=128, d_conv=4, expand=2, headdim=64, ngroups=1, chunk=64):
        super().__init__()
        E = d_model * expand
        if E % headdim or (E // headdim) % ngroups:
            raise ValueError
        H, R = E // headdim, E + 2 * ngroups * d_state
        self.shape, self.widths = (H, headdim, ngroups, d_state), [E, R, H]
        self.in_proj = nn.Linear(d_model, sum(self.widths), False)
        self.conv1d = nn.Conv1d(R, R, d_conv, groups=R)
        self.register_parameter("dt_bias", nn.Parameter(torch.linspace(-6.5, -2.5, H)))
        self.register_parameter("A_log", nn.Parameter(torch.linspace(0.0, 2.7, H)))
        self.register_parameter("D", nn.Parameter(torch.full((H,), 1.0)))
        self.norm = nn.RMSNorm(E // ngroups)
        self.norm.weight = nn.Parameter(torch.ones(E))
        self.out_proj = nn.Linear(E, d_model, False)

    def init_state(self, batch):
        H, P, _, N = self.shape
        zero = torch.zeros((), dtype=self.D.dtype)
        return {
            "conv": zero.expand(batch, self.widths[1], self.conv1d.kernel_size[0] - 1),
            "ssm": zero.expand(batch, H, P, N),
        }

    def forward(self, x, state=None):
        if state is None:
            state = self.init_state(len(x))
        if x.shape[1] > 1:
            first, half_way = self.forward(x[:, : x.shape[1] // 2], state)
            second, last = self.forward(x[:, x.shape[1] // 2 :], half_way)
            return torch.cat([first, second], dim=1), last
        H, P, G, N = self.shape
        z, raw, dt = self.in_proj(x[:, 0]).split(self.widths, dim=-1)
        inputs = torch.cat([state["conv"], raw.unsqueeze(-1)], dim=-1)
        u = self.conv1d.bias + sum(inputs[..., j] * self.conv1d.weight[:, 0, j] for j in range(inputs.shape[-1]))
        x_, B, C = F.silu(u).double().split([H * P, G * N, G * N], dim=-1)
        x_ = x_.view(-1, G, H // G, P)
        step = F.softplus(dt + self.dt_bias).double().view(-1, G, H // G, 1, 1)
        rate = self.A_log.double().exp().view(G, H // G, 1, 1)
        B, C = B.view(-1, G, 1, 1, N), C.view(-1, G, 1, N, 1)
        h = state["ssm"].double().view(-1, G, H // G, P, N)
        h = h * torch.exp(-step * rate) + step * x_.unsqueeze(-1) * B
        y = (h @ C).squeeze(-1) + self.D.double().view(G, H // G, 1) * x_
        y = y.flatten(2) * F.silu(z.double()).view(len(y), G, -1)
        y = (y * torch.rsqrt(y.pow(2).mean(-1, keepdim=True) + 1e-5)).flatten(1).to(x.dtype) * self.norm.weight
        return self.out_proj(y)[:, None], {"conv": inputs[..., 1:], "ssm": h.flatten(1, 2).to(x.dtype)}

import math
from collections import namedtuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from grader.testing import replaces


def sizes(d_model, expand, dt_rank):
    return expand * d_model, -(-d_model // 16) if dt_rank is None else dt_rank


@replaces("MambaBlock")
class StepBlock(nn.Module):
    """one token at a time, state and all"""

    def __init__(self, d_model, d_state=16, d_conv=4, expand=2, dt_rank=None):
        super().__init__()
        self.E, self.R = sizes(d_model, expand, dt_rank)
        self.N, self.W = d_state, d_conv
        self.out_proj = nn.Linear(self.E, d_model, bias=False)
        self.D = nn.Parameter(torch.ones(self.E))
        A = torch.arange(1, d_state + 1, dtype=torch.float32).expand(self.E, -1)
        self.A_log = nn.Parameter(torch.log(A).contiguous())
        self.dt_proj = nn.Linear(self.R, self.E, bias=True)
        self.x_proj = nn.Linear(self.E, self.R + 2 * self.N, bias=False)
        self.conv1d = nn.Conv1d(self.E, self.E, kernel_size=self.W, groups=self.E, padding=self.W - 1)
        self.in_proj = nn.Linear(d_model, 2 * self.E, bias=False)

    def init_state(self, batch):
        w = self.in_proj.weight
        return dict(
            conv=torch.zeros(batch, self.E, self.W - 1, dtype=w.dtype, device=w.device),
            ssm=torch.zeros(batch, self.E, self.N, dtype=w.dtype, device=w.device),
        )

    def step(self, x, conv, h):
        u, z = self.in_proj(x).split(self.E, dim=-1)
        window = torch.cat([conv, u.unsqueeze(-1)], dim=-1)
        u = F.silu((window * self.conv1d.weight.squeeze(1)).sum(-1) + self.conv1d.bias)
        dbc = self.x_proj(u)
        delta = F.softplus(self.dt_proj(dbc[:, : self.R]))
        B, C = dbc[:, self.R : self.R + self.N], dbc[:, self.R + self.N :]
        decay = torch.exp(torch.einsum("be,en->ben", delta, -self.A_log.exp()))
        h = decay * h + torch.einsum("be,bn->ben", delta * u, B)
        y = torch.einsum("ben,bn->be", h, C) + self.D * u
        return self.out_proj(y * F.silu(z)), window[..., 1:], h

    def forward(self, x, state=None):
        state = self.init_state(len(x)) if state is None else state
        conv, h = state["conv"], state["ssm"]
        ys = []
        for token in x.unbind(dim=1):
            y, conv, h = self.step(token, conv, h)
            ys.append(y)
        return torch.stack(ys, 1), {"conv": conv, "ssm": h}


class Conv(nn.Module):
    def __init__(self, E, W):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(E, 1, W) / math.sqrt(W))
        self.bias = nn.Parameter(torch.zeros(E))


@replaces("MambaBlock")
class UnfoldBlock(nn.Module):
    """channels first, unfold for the convolution, Δ bias as Mamba draws it"""

    def __init__(self, d_model, d_state=16, d_conv=4, expand=2, dt_rank=None):
        super().__init__()
        E, R = sizes(d_model, expand, dt_rank)
        self.cut = (R, d_state, d_state)
        self.in_proj = nn.Linear(d_model, 2 * E, bias=False)
        self.conv1d = Conv(E, d_conv)
        self.x_proj = nn.Linear(E, R + 2 * d_state, bias=False)
        self.dt_proj = nn.Linear(R, E)
        dt = torch.exp(torch.rand(E) * (math.log(0.1) - math.log(0.001)) + math.log(0.001)).clamp(min=1e-4)
        with torch.no_grad():
            self.dt_proj.bias.copy_(dt + torch.log(-torch.expm1(-dt)))
        self.A_log = nn.Parameter(torch.log(torch.arange(1.0, d_state + 1)).unsqueeze(0).repeat(E, 1))
        self.D = nn.Parameter(torch.ones(E))
        self.out_proj = nn.Linear(E, d_model, bias=False)

    def init_state(self, batch):
        E, _, W = self.conv1d.weight.shape
        zero = torch.zeros((), dtype=self.D.dtype)
        return {"conv": zero.repeat(batch, E, W - 1), "ssm": zero.repeat(batch, E, self.A_log.shape[1])}

    def forward(self, x, state=None):
        if state is None:
            state = self.init_state(x.size(0))
        E, _, W = self.conv1d.weight.shape
        u, z = torch.einsum("ed,btd->ebt", self.in_proj.weight, x).unflatten(0, (2, E)).transpose(1, 2)  # (Bt, E, T)
        padded = torch.cat((state["conv"], u), -1)
        windows = padded.unfold(-1, W, 1)  # (Bt, E, T, W)
        u = F.silu(torch.einsum("betw,ew->bet", windows, self.conv1d.weight[:, 0]) + self.conv1d.bias[:, None])
        dt, B, C = torch.einsum("re,bet->brt", self.x_proj.weight, u).split(self.cut, dim=1)
        delta = F.softplus(torch.einsum("er,brt->bet", self.dt_proj.weight, dt) + self.dt_proj.bias[:, None])
        decay = torch.exp(delta[..., None] * -torch.exp(self.A_log)[:, None])  # (Bt, E, T, N)
        inp = (delta * u)[..., None] * B.transpose(1, 2)[:, None]
        h = state["ssm"].clone()
        hs = []
        for a, b in zip(decay.unbind(2), inp.unbind(2)):
            h = torch.addcmul(b, a, h)
            hs.append(h)
        y = torch.einsum("betn,bnt->bet", torch.stack(hs, 2), C) + self.D[:, None] * u
        y = y * (z * torch.sigmoid(z))
        return torch.einsum("de,bet->btd", self.out_proj.weight, y), {"conv": padded[..., -(W - 1) :], "ssm": h}


def scan(u, delta, A, B, C, D, z, h):
    """(Bt, E, T) as in the earlier exercise"""
    ys = []
    for t in range(u.shape[-1]):
        d = delta[:, :, t : t + 1]
        h = (d * A).exp() * h + d * u[:, :, t : t + 1] * B[:, None, :, t]
        ys.append((h @ C[:, :, t : t + 1]).squeeze(-1))
    return (torch.stack(ys, -1) + D[:, None] * u) * F.silu(z), h


@replaces("MambaBlock")
class ScanBlock(nn.Module):
    """the scan as a helper; padded convolution cut; float64 in the scan"""

    def __init__(self, d_model, d_state=16, d_conv=4, expand=2, dt_rank=None):
        super().__init__()
        self.d_model, self.d_inner, self.d_state, self.d_conv = d_model, int(expand * d_model), d_state, d_conv
        self.dt_rank = math.ceil(self.d_model / 16) if dt_rank is None else dt_rank
        self.in_proj = nn.Linear(d_model, self.d_inner * 2, bias=False)
        self.conv1d = nn.Conv1d(self.d_inner, self.d_inner, bias=True, kernel_size=d_conv, groups=self.d_inner, padding=d_conv - 1)
        self.x_proj = nn.Linear(self.d_inner, self.dt_rank + d_state * 2, bias=False)
        self.dt_proj = nn.Linear(self.dt_rank, self.d_inner, bias=True)
        self.A_log = nn.Parameter(torch.tensor([[math.log(n) for n in range(1, d_state + 1)]] * self.d_inner))
        self.D = nn.Parameter(torch.ones(self.d_inner))
        self.out_proj = nn.Linear(self.d_inner, d_model, bias=False)

    def init_state(self, batch):
        new = self.D.new_zeros
        return {"conv": new((batch, self.d_inner, self.d_conv - 1)), "ssm": new((batch, self.d_inner, self.d_state))}

    def forward(self, x, state=None):
        Bt, T, _ = x.shape
        before = self.init_state(Bt) if state is None else state
        u, z = self.in_proj(x).transpose(1, 2).chunk(2, dim=1)
        W = self.d_conv
        wide = torch.cat([before["conv"], u], -1)
        u = F.silu(F.conv1d(wide, self.conv1d.weight, self.conv1d.bias, groups=self.d_inner))
        dbc = self.x_proj(u.transpose(1, 2))
        dt, B, C = torch.split(dbc, [self.dt_rank, self.d_state, self.d_state], -1)
        delta = F.softplus(self.dt_proj(dt)).transpose(1, 2)
        args = [a.double() for a in (u, delta, -torch.exp(self.A_log.double()), B.transpose(1, 2), C.transpose(1, 2), self.D, z)]
        y, h = scan(*args, before["ssm"].double())
        after = {"conv": wide[:, :, wide.shape[-1] - (W - 1) :].clone(), "ssm": h.to(x.dtype)}
        return self.out_proj(y.to(x.dtype).transpose(1, 2)), after


State = namedtuple("State", "conv ssm")


@replaces("MambaBlock")
class ParallelBlock(nn.Module):
    """the recurrence by doubling, a convolution by shifted sums, the state detached"""

    def __init__(self, d_model, d_state=16, d_conv=4, expand=2, dt_rank=None):
        super().__init__()
        E, R = sizes(d_model, expand, dt_rank)
        self.shape = (E, d_state, d_conv, R)
        layers = dict(in_proj=(d_model, 2 * E), x_proj=(E, R + 2 * d_state), out_proj=(E, d_model))
        for name, (a, b) in layers.items():
            self.register_module(name, nn.Linear(a, b, bias=False))
        self.dt_proj = nn.Linear(R, E)
        self.conv1d = Conv(E, d_conv)
        self.register_parameter("A_log", nn.Parameter(torch.arange(d_state).log1p().tile(E, 1)))
        self.register_parameter("D", nn.Parameter(torch.full((E,), 1.0)))

    def init_state(self, batch):
        E, N, W, _ = self.shape
        dtype = next(self.parameters()).dtype
        return {"conv": torch.zeros(batch, E, W - 1, dtype=dtype), "ssm": torch.zeros(batch, E, N, dtype=dtype)}

    def forward(self, x, state=None):
        E, N, W, R = self.shape
        Bt, T, _ = x.shape
        s = State(**(self.init_state(Bt) if state is None else {k: v.detach() for k, v in state.items()}))
        uz = x @ self.in_proj.weight.T
        u, z = uz[..., :E], uz[..., E:]
        seen = torch.cat([s.conv.mT, u], dim=1)  # (Bt, W - 1 + T, E)
        w = self.conv1d.weight
        u = F.silu(sum(w[:, 0, j] * seen[:, j : j + T] for j in range(W)) + self.conv1d.bias)
        dbc = self.x_proj(u)
        delta = F.softplus(self.dt_proj(dbc[..., :R]))
        B, C = dbc[..., R : R + N], dbc[..., R + N :]
        a = torch.exp(torch.einsum("bte,en->bten", delta, -self.A_log.exp()))
        b = torch.einsum("bte,btn->bten", delta * u, B)
        b = torch.cat([(b[:, :1] + a[:, :1] * s.ssm[:, None]), b[:, 1:]], dim=1)
        step = 1
        while step < T:
            b = torch.cat([b[:, :step], b[:, step:] + a[:, step:] * b[:, :-step]], dim=1)
            a = torch.cat([a[:, :step], a[:, step:] * a[:, :-step]], dim=1)
            step *= 2
        y = torch.einsum("bten,btn->bte", b, C) + u * self.D
        out = F.linear(y * F.silu(z), self.out_proj.weight)
        return out, State(conv=seen[:, T:].mT, ssm=b[:, -1])._asdict()


@replaces("MambaBlock")
class HandBlock(nn.Module):
    """text by text, softplus by logaddexp, 1-d conv over channels as batch, history kept as a list"""

    def __init__(self, d_model, d_state=16, d_conv=4, expand=2, dt_rank=None):
        super().__init__()
        self.E, self.R = sizes(d_model, expand, dt_rank)
        self.N, self.W = d_state, d_conv
        self.A_log = nn.Parameter(torch.empty(self.E, d_state))
        self.D = nn.Parameter(torch.empty(self.E))
        self.in_proj = nn.Linear(d_model, 2 * self.E, bias=False)
        self.conv1d = nn.Conv1d(self.E, self.E, d_conv, groups=self.E)
        self.x_proj = nn.Linear(self.E, self.R + 2 * d_state, bias=False)
        self.dt_proj = nn.Linear(self.R, self.E)
        self.out_proj = nn.Linear(self.E, d_model, bias=False)
        with torch.no_grad():
            self.A_log[:] = torch.from_numpy(np.log(np.arange(1, d_state + 1))).float()
            self.D.fill_(1)

    def init_state(self, batch):
        return {
            "conv": torch.zeros(batch, self.E, self.W - 1).to(self.D.dtype),
            "ssm": torch.zeros(batch, self.E, self.N).to(self.D.dtype),
        }

    def text(self, x, conv, h):
        history = list(conv.unbind(-1))
        A = -torch.exp(self.A_log)
        zero = x.new_zeros(())
        outs = []
        for token in x:
            u, z = (self.in_proj.weight @ token).tensor_split(2)
            history.append(u)
            last = torch.stack(history[-self.W :], dim=1)
            u = torch.linalg.vecdot(last, self.conv1d.weight[:, 0]) + self.conv1d.bias
            u = u * torch.sigmoid(u)
            dt, B, C = (self.x_proj.weight @ u).split([self.R, self.N, self.N])
            delta = torch.logaddexp(self.dt_proj(dt), zero)
            h = torch.exp(delta[:, None] * A) * h + torch.outer(delta * u, B)
            outs.append(self.out_proj((h @ C + self.D * u) * z * torch.sigmoid(z)))
        return torch.stack(outs), torch.stack(history[-(self.W - 1) :], 1), h

    def forward(self, x, state=None):
        if state is None:
            state = self.init_state(x.shape[0])
        outs, convs, hs = zip(*(self.text(*args) for args in zip(x, state["conv"], state["ssm"])))
        return torch.stack(outs), {"conv": torch.stack(convs), "ssm": torch.stack(hs)}


@replaces("MambaBlock")
class FunctionalBlock(nn.Module):
    """parameters drawn by hand; state of own, already returned without gradient"""

    def __init__(self, d_model, d_state=16, d_conv=4, expand=2, dt_rank=None):
        super().__init__()
        E = d_model * expand
        R = dt_rank if dt_rank is not None else (d_model + 15) // 16
        self.E, self.R, self.N, self.W = E, R, d_state, d_conv

        def holder(weight, bias=None):
            m = nn.Module()
            m.weight = nn.Parameter(weight)
            if bias is not None:
                m.bias = nn.Parameter(bias)
            return m

        self.in_proj = holder(torch.randn(2 * E, d_model) * 0.1)
        self.conv1d = holder(torch.rand(E, 1, d_conv) - 0.5, torch.rand(E) - 0.5)
        self.x_proj = holder(torch.randn(R + 2 * d_state, E) * 0.1)
        self.dt_proj = holder(torch.randn(E, R) * 0.1, torch.full((E,), -4.0))
        self.out_proj = holder(torch.randn(d_model, E) * 0.1)
        self.A_log = nn.Parameter(torch.log(torch.linspace(1, d_state, d_state)).expand(E, d_state).clone())
        self.D = nn.Parameter(torch.ones(E))

    def init_state(self, batch):
        E, N, W, like = self.E, self.N, self.W, self.out_proj.weight
        flat = torch.zeros(batch, E, W - 1 + N, dtype=like.dtype)
        return {"conv": flat[..., : W - 1], "ssm": flat[..., W - 1 :]}

    def forward(self, x, state=None):
        T = x.size(1)
        state = state or self.init_state(x.size(0))
        u, z = F.linear(x, self.in_proj.weight).movedim(-1, 1).tensor_split(2, dim=1)
        row = torch.cat([state["conv"], u], 2)
        u = F.silu(F.conv1d(row, self.conv1d.weight, self.conv1d.bias, groups=self.E))
        dt, B, C = F.linear(u.mT, self.x_proj.weight).tensor_split((self.R, self.R + self.N), dim=-1)
        delta = F.softplus(F.linear(dt, self.dt_proj.weight, self.dt_proj.bias))
        A = self.A_log.exp().neg()
        h = state["ssm"]
        y = []
        for t in range(T):
            keep = (delta[:, t].unsqueeze(-1) * A).exp()
            h = keep * h + (delta[:, t] * u[:, :, t]).unsqueeze(-1) * B[:, t].unsqueeze(-2)
            y.append(torch.baddbmm(self.D[None, :, None] * u[:, :, t : t + 1], h, C[:, t, :, None])[..., 0])
        out = F.linear((torch.stack(y, -1) * F.silu(z)).mT, self.out_proj.weight)
        return out, {"conv": row[:, :, T:].detach(), "ssm": h.detach()}

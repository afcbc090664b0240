"""Right solutions in other styles. None of them may lose a point."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from grader.testing import replaces


class Mixed(NamedTuple):
    y: Tensor
    state: dict[str, Tensor]


class Weight(nn.Module):
    """A weight and perhaps a bias, and nothing that computes with them."""

    def __init__(self, *shape, bias=None):
        super().__init__()
        if bias is not None:
            self.bias = nn.Parameter(0.1 * torch.randn(bias))
        self.weight = nn.Parameter(0.1 * torch.randn(*shape))


@replaces("MambaBlock")
class TokenByToken(nn.Module):
    """one token after the other, bare parameters, einsum; a named tuple"""

    def __init__(self, d_model, d_state=16, d_conv=4, expand=2, dt_rank=None):
        super().__init__()
        self.rank = -(-d_model // 16) if dt_rank is None else dt_rank
        self.n, self.channels = d_state, expand * d_model
        self.out_proj = Weight(d_model, self.channels)
        self.D = nn.Parameter(torch.ones(self.channels))
        self.A_log = nn.Parameter(torch.tensor([[float(n) for n in range(1, d_state + 1)]] * self.channels).log())
        self.dt_proj = Weight(self.channels, self.rank, bias=self.channels)
        self.x_proj = Weight(self.rank + 2 * d_state, self.channels)
        self.conv1d = Weight(self.channels, 1, d_conv, bias=self.channels)
        self.in_proj = Weight(2 * self.channels, d_model)

    def init_state(self, batch):
        W = self.conv1d.weight.shape[-1]
        sizes = {"ssm": self.n, "conv": W - 1}
        return {name: torch.zeros(batch, self.channels, n, dtype=self.D.dtype) for name, n in sizes.items()}

    def step(self, token, conv, h):
        uz = torch.einsum("bd,ed->be", token, self.in_proj.weight)
        u, z = uz[:, : self.channels], uz[:, self.channels :]
        window = torch.cat([conv, u[..., None]], dim=-1)
        u = torch.einsum("bew,ew->be", window, self.conv1d.weight[:, 0]) + self.conv1d.bias
        u = u * torch.sigmoid(u)
        row = torch.einsum("be,re->br", u, self.x_proj.weight)
        dt, B, C = row[:, : self.rank], row[:, self.rank : -self.n], row[:, -self.n :]
        dt = torch.einsum("br,er->be", dt, self.dt_proj.weight) + self.dt_proj.bias
        delta = torch.logaddexp(dt, torch.zeros_like(dt))
        h = torch.exp(-delta[..., None] * self.A_log.exp()) * h + torch.einsum("be,be,bn->ben", delta, u, B)
        y = torch.einsum("ben,bn->be", h, C) + u * self.D
        return torch.einsum("be,de->bd", y * z * z.sigmoid(), self.out_proj.weight), window[..., 1:], h

    def forward(self, x, state=None):
        state = state or self.init_state(x.size(0))
        conv, h = state["conv"], state["ssm"]
        ys = []
        for token in x.unbind(dim=1):
            y, conv, h = self.step(token, conv, h)
            ys.append(y)
        return Mixed(torch.stack(ys, dim=1), {"ssm": h, "conv": conv})


@replaces("MambaBlock")
class ChannelsFirst(nn.Module):
    """time last all the way, padding cut off again, a scan by doubling; y is a transposed view"""

    def __init__(self, d_model: int, d_state: int = 16, d_conv: int = 4, expand: int = 2, dt_rank: int | None = None):
        super().__init__()
        if dt_rank is None:
            dt_rank = (d_model + 15) // 16
        self.d_inner, self.d_state, self.d_conv, self.dt_rank = expand * d_model, d_state, d_conv, dt_rank
        self.in_proj = nn.Linear(d_model, 2 * self.d_inner, bias=False)
        self.conv1d = nn.Conv1d(self.d_inner, self.d_inner, d_conv, padding=d_conv - 1, groups=self.d_inner)
        self.x_proj = nn.Linear(self.d_inner, dt_rank + 2 * d_state, bias=False)
        self.dt_proj = nn.Linear(dt_rank, self.d_inner, bias=True)
        A = torch.arange(1, d_state + 1, dtype=torch.float32).expand(self.d_inner, d_state)
        self.A_log = nn.Parameter(A.log().contiguous())
        self.D = nn.Parameter(torch.ones(self.d_inner))
        self.out_proj = nn.Linear(self.d_inner, d_model, bias=False)
        self.register_buffer("minus_one", torch.tensor(-1.0), persistent=False)

    def init_state(self, batch):
        like = {"dtype": self.D.dtype, "device": self.D.device}
        return {
            "conv": torch.zeros(batch, self.d_inner, self.d_conv - 1, **like),
            "ssm": torch.zeros(batch, self.d_inner, self.d_state, **like),
        }

    def forward(self, x, state=None):
        T, P = x.shape[1], self.d_conv - 1
        u, z = (self.in_proj.weight @ x.transpose(1, 2)).split(self.d_inner, dim=1)  # (Bt, E, T)
        before = u.new_zeros(*u.shape[:2], P) if state is None else state["conv"]
        joined = torch.cat((before, u), dim=2)
        u = F.silu(self.conv1d(joined)[:, :, P : P + T])
        dt, B, C = torch.split(self.x_proj.weight @ u, (self.dt_rank, self.d_state, self.d_state), dim=1)
        delta = F.softplus(self.dt_proj.weight @ dt + self.dt_proj.bias[:, None])
        a = torch.exp(torch.einsum("bet,en->bent", delta, self.minus_one * self.A_log.exp()))
        b = torch.einsum("bet,bnt->bent", delta * u, B)
        if state is not None:
            b = torch.cat([b[..., :1] + a[..., :1] * state["ssm"][..., None], b[..., 1:]], dim=-1)
        step = 1
        while step < T:  # (a1, b1) then (a2, b2) is (a1 a2, a2 b1 + b2)
            b = torch.cat([b[..., :step], a[..., step:] * b[..., :-step] + b[..., step:]], dim=-1)
            a = torch.cat([a[..., :step], a[..., step:] * a[..., :-step]], dim=-1)
            step += step
        y = torch.einsum("bent,bnt->bet", b, C) + u * self.D.unsqueeze(-1)
        y = self.out_proj.weight @ (y * F.silu(z))
        return [y.transpose(1, 2), {"conv": joined[:, :, -P:].clone(), "ssm": b[..., -1]}]


@replaces("MambaBlock")
class AsAttention(nn.Module):
    """unfold instead of a convolution, and the scan as lower triangular matrices, in float64"""

    def __init__(self, d_model, d_state=16, d_conv=4, expand=2, dt_rank=None):
        super().__init__()
        inner, rank = d_model * expand, dt_rank or (d_model - 1) // 16 + 1
        self.split = [rank, d_state, d_state]
        self.in_proj = nn.Linear(d_model, inner * 2, False)
        self.conv1d = nn.Conv1d(inner, inner, kernel_size=d_conv, groups=inner)
        self.x_proj = nn.Linear(inner, sum(self.split), False)
        self.dt_proj = nn.Linear(rank, inner)
        self.A_log = nn.Parameter(torch.stack([torch.linspace(1, d_state, d_state)] * inner).log())
        self.D = nn.Parameter(torch.ones_like(self.A_log[:, 0]))
        self.out_proj = nn.Linear(inner, d_model, False)

    def init_state(self, batch):
        E, N = self.A_log.shape
        return {
            "conv": self.D.detach().new_zeros((batch, E, self.conv1d.kernel_size[0] - 1)),
            "ssm": self.D.detach().new_zeros((batch, E, N)),
        }

    def forward(self, x, state=None):
        state = self.init_state(x.shape[0]) if state is None else state
        T, W = x.shape[1], self.conv1d.weight.shape[2]
        raw, z = self.in_proj(x).tensor_split(2, dim=-1)
        inputs = torch.cat([state["conv"], raw.permute(0, 2, 1)], dim=2)
        u = (inputs.unfold(2, W, 1) * self.conv1d.weight[:, 0, None]).sum(-1).mT + self.conv1d.bias
        u = F.silu(u)
        dt, B, C = self.x_proj(u).split(self.split, -1)
        delta = F.softplus(self.dt_proj(dt)).double()
        A = -self.A_log.double().exp()
        past = torch.ones(T, T, dtype=torch.bool).tril()
        # time[t, s] = delta_{s+1} + ... + delta_t, each segment summed on its own
        time = (delta[:, :, None] * past.tril(-1)[..., None]).cumsum(1)  # (Bt, T, T, E)
        L = torch.exp(time[..., None] * A) * past[..., None, None]  # (Bt, T, T, E, N)
        hs = torch.einsum("btsen,bse,bsn->bten", L, delta * u, B.double())
        hs = hs + torch.exp(delta.cumsum(1)[..., None] * A) * state["ssm"][:, None]
        y = torch.einsum("bten,btn->bte", hs, C.double()) + self.D * u
        y = self.out_proj(y.to(x.dtype) * F.silu(z))
        return y, {"conv": inputs[:, :, inputs.shape[2] - W + 1 :], "ssm": hs[:, -1].to(x.dtype)}


@replaces("MambaBlock")
class Recursive(nn.Module):
    """shifted copies of u for the convolution; a text is its first half and then its second"""

    def __init__(self, d_model, d_state=16, d_conv=4, expand=2, dt_rank=None):
        super().__init__()
        E = d_model * expand
        R = dt_rank if dt_rank is not None else max(1, round(d_model / 16 + 0.49))
        for name, (rows, columns) in {"in_proj": (2 * E, d_model), "x_proj": (R + 2 * d_state, E)}.items():
            self.add_module(name, nn.Linear(columns, rows, bias=False))
        self.conv1d = nn.Conv1d(E, E, d_conv, groups=E)
        self.dt_proj = nn.Linear(R, E)
        self.A_log = nn.Parameter(torch.log(torch.ones(E, d_state).cumsum(1)))
        self.D = nn.Parameter(torch.full((E,), 1.0))
        self.out_proj = nn.Linear(E, d_model, bias=False)

    def init_state(self, batch):
        (E, N), W = self.A_log.shape, self.conv1d.weight.shape[-1]
        zeros = torch.zeros((), dtype=self.D.dtype)
        return {"conv": zeros.expand(batch, E, W - 1), "ssm": zeros.expand(batch, E, N)}

    def forward(self, x, state=None):
        if state is None:
            state = self.init_state(len(x))
        T = x.shape[1]
        if T > 1:
            first, half_way = self.forward(x[:, : T // 2], state)
            second, last = self.forward(x[:, T // 2 :], half_way)
            return torch.cat([first, second], dim=1), last
        E, N = self.A_log.shape
        u, z = self.in_proj(x[:, 0]).split(E, dim=-1)
        inputs = torch.cat([state["conv"], u.unsqueeze(-1)], dim=-1)
        u = sum(inputs[..., j] * self.conv1d.weight[:, 0, j] for j in range(inputs.shape[-1]))
        u = F.silu(u + self.conv1d.bias)
        row = self.x_proj(u)
        delta = F.softplus(self.dt_proj(row[:, : -2 * N])).unsqueeze(-1)  # (Bt, E, 1)
        B, C = row[:, None, -2 * N : -N], row[:, -N:, None]  # (Bt, 1, N), (Bt, N, 1)
        h = state["ssm"] * (-delta * self.A_log.exp()).exp() + delta * (u.unsqueeze(-1) @ B)
        y = (h @ C).squeeze(-1).addcmul(self.D, u)
        return self.out_proj(y * F.silu(z))[:, None], {"conv": inputs[..., 1:], "ssm": h}

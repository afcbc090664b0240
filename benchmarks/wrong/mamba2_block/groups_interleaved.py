# TRUE CAUSE: Heads are assigned to groups in turn (head h uses group h mod G, by repeat) instead of neighbours
# sharing one (h // (H/G)).
import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def ssd_scan(
    x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, chunk: int, h0: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    Bt, T, H, P = x.shape
    G, N = B.shape[2:]
    B = B.repeat(1, 1, H // G, 1)
    C = C.repeat(1, 1, H // G, 1)
    h = x.new_zeros(Bt, H, P, N) if h0 is None else h0
    ys = []
    for first in range(0, T, chunk):
        part = slice(first, min(first + chunk, T))
        xc, dtc, Bc, Cc = x[:, part], dt[:, part], B[:, part], C[:, part]
        Q = xc.shape[1]
        cum = (dtc * A).cumsum(dim=1)  # (Bt, Q, H)
        diff = cum[:, :, None] - cum[:, None, :]  # (Bt, t, s, H)
        future = torch.ones(Q, Q, dtype=torch.bool).triu(1)[None, :, :, None]
        decay = torch.exp(diff.masked_fill(future, float("-inf")))
        scores = torch.einsum("bthn,bshn->btsh", Cc, Bc) * decay
        u = dtc[..., None] * xc  # (Bt, Q, H, P)
        y = torch.einsum("btsh,bshp->bthp", scores, u)
        y = y + torch.exp(cum)[..., None] * torch.einsum("bhpn,bthn->bthp", h, Cc)
        ys.append(y + D[:, None] * xc)
        to_end = torch.exp(cum[:, -1:] - cum)  # (Bt, Q, H)
        h = torch.exp(cum[:, -1])[..., None, None] * h + torch.einsum("bsh,bshp,bshn->bhpn", to_end, u, Bc)
    return torch.cat(ys, dim=1), h


def gated_rms_norm(y: Tensor, z: Tensor, weight: Tensor, groups: int = 1, eps: float = 1e-5) -> Tensor:
    u = y * F.silu(z)
    runs = u.unflatten(-1, (groups, -1))
    runs = runs * torch.rsqrt(runs.pow(2).mean(-1, keepdim=True) + eps)
    return runs.flatten(-2) * weight


class _Weight(nn.Module):
    def __init__(self, size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))


class Mamba2Block(nn.Module):
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
        self.E, self.N, self.W, self.P, self.G, self.chunk = expand * d_model, d_state, d_conv, headdim, ngroups, chunk
        if self.E % headdim:
            raise ValueError("headdim does not divide the channels")
        self.H = self.E // headdim
        if self.H % ngroups:
            raise ValueError("ngroups does not divide the heads")
        self.R = self.E + 2 * ngroups * d_state
        self.in_proj = nn.Linear(d_model, self.E + self.R + self.H, bias=False)
        self.conv1d = nn.Conv1d(self.R, self.R, d_conv, groups=self.R)
        start = torch.exp(torch.empty(self.H).uniform_(math.log(0.001), math.log(0.1)))
        self.dt_bias = nn.Parameter(start + torch.log(-torch.expm1(-start)))  # the inverse of softplus
        self.A_log = nn.Parameter(torch.empty(self.H).uniform_(1, 16).log())
        self.D = nn.Parameter(torch.ones(self.H))
        self.norm = _Weight(self.E)
        self.out_proj = nn.Linear(self.E, d_model, bias=False)

    def init_state(self, batch: int) -> dict[str, Tensor]:
        new = self.D.new_zeros
        return {"conv": new(batch, self.R, self.W - 1), "ssm": new(batch, self.H, self.P, self.N)}

    def forward(self, x: Tensor, state: dict[str, Tensor] | None = None) -> tuple[Tensor, dict[str, Tensor]]:
        if state is None:
            state = self.init_state(x.shape[0])
        z, xBC, dt = self.in_proj(x).split([self.E, self.R, self.H], dim=-1)
        columns = torch.cat([state["conv"], xBC.transpose(1, 2)], dim=-1)
        xBC = F.silu(self.conv1d(columns)).transpose(1, 2)
        u, B, C = xBC.split([self.E, self.G * self.N, self.G * self.N], dim=-1)
        dt = F.softplus(dt + self.dt_bias)
        A = -torch.exp(self.A_log)
        y, h = ssd_scan(
            u.unflatten(-1, (self.H, self.P)),
            dt,
            A,
            B.unflatten(-1, (self.G, self.N)),
            C.unflatten(-1, (self.G, self.N)),
            self.D,
            self.chunk,
            state["ssm"],
        )
        y = gated_rms_norm(y.flatten(-2), z, self.norm.weight, self.G, 1e-5)
        return self.out_proj(y), {"conv": columns[:, :, columns.shape[-1] - self.W + 1 :], "ssm": h}

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def ssd_scan(
    x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, chunk: int, h0: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    batch, T, H, P = x.shape
    repeats = H // B.shape[2]
    B, C = B.repeat_interleave(repeats, dim=2), C.repeat_interleave(repeats, dim=2)
    h = x.new_zeros(batch, H, P, B.shape[-1]) if h0 is None else h0
    ys = []
    for start in range(0, T, chunk):
        s = slice(start, start + chunk)
        scaled = x[:, s] * dt[:, s, :, None]
        cum = (dt[:, s] * A).cumsum(dim=1).transpose(1, 2)  # (batch, H, Q)
        Q = cum.shape[-1]
        future = torch.ones(Q, Q, dtype=torch.bool).triu(1)
        decay = (cum[..., :, None] - cum[..., None, :]).masked_fill(future, float("-inf")).exp()
        scores = torch.einsum("bthn,bshn->bhts", C[:, s], B[:, s]) * decay
        y = torch.einsum("bhts,bshp->bthp", scores, scaled)
        y = y + torch.einsum("bthn,bhpn,bht->bthp", C[:, s], h, cum.exp())
        ys.append(y + D[:, None] * x[:, s])
        rest = (cum[..., -1:] - cum).exp()
        h = cum[..., -1].exp()[..., None, None] * h + torch.einsum("bht,bthp,bthn->bhpn", rest, scaled, B[:, s])
    return torch.cat(ys, dim=1), h


def gated_rms_norm(y: Tensor, z: Tensor, weight: Tensor, groups: int = 1, eps: float = 1e-5) -> Tensor:
    u = (y * F.silu(z)).unflatten(-1, (groups, -1))
    u = u / torch.sqrt(u.square().mean(dim=-1, keepdim=True) + eps)
    return u.flatten(-2) * weight


class Norm(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))


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
        E = expand * d_model
        if E % headdim or (E // headdim) % ngroups:
            raise ValueError("sizes do not divide")
        H = E // headdim
        R = E + 2 * ngroups * d_state
        self.E, self.H, self.P, self.N, self.G, self.R = E, H, headdim, d_state, ngroups, R
        self.chunk = chunk
        self.in_proj = nn.Linear(d_model, E + R + H, bias=False)
        self.conv1d = nn.Conv1d(R, R, d_conv, groups=R)
        steps = torch.exp(torch.rand(H) * (math.log(0.1) - math.log(0.001)) + math.log(0.001))
        self.dt_bias = nn.Parameter(torch.log(torch.expm1(steps)))
        self.A_log = nn.Parameter(torch.log(1 + 15 * torch.rand(H)))
        self.D = nn.Parameter(torch.ones(H))
        self.norm = Norm(E)
        self.out_proj = nn.Linear(E, d_model, bias=False)

    def init_state(self, batch: int) -> dict[str, Tensor]:
        zeros = self.A_log.detach().new_zeros
        return {
            "conv": zeros(batch, self.R, self.conv1d.weight.shape[-1] - 1),
            "ssm": zeros(batch, self.H, self.P, self.N),
        }

    def forward(self, x: Tensor, state: dict[str, Tensor] | None = None) -> tuple[Tensor, dict[str, Tensor]]:
        batch, T, _ = x.shape
        if state is None:
            state = self.init_state(batch)
        z, xBC, dt = self.in_proj(x).split([self.E, self.R, self.H], dim=-1)
        seen = torch.cat([state["conv"], xBC.transpose(1, 2)], dim=2)
        xBC = F.silu(self.conv1d(seen)).transpose(1, 2)
        GN = self.G * self.N
        u, B, C = xBC.split([self.E, GN, GN], dim=-1)
        y, h = ssd_scan(
            u.unflatten(-1, (self.H, self.P)),
            F.softplus(dt + self.dt_bias),
            -torch.exp(self.A_log),
            B.unflatten(-1, (self.G, self.N)),
            C.unflatten(-1, (self.G, self.N)),
            self.D,
            self.chunk,
            state["ssm"],
        )
        y = gated_rms_norm(y.flatten(-2), z, self.norm.weight, self.G, 1e-5)
        return self.out_proj(y), {"conv": seen[:, :, T:], "ssm": h}

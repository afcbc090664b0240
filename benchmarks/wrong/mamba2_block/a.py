# TRUE CAUSE: Mamba2Block calls gated_rms_norm without its number of groups, so the mean square runs over all E
# channels; it belongs to each of the G runs of E/G channels.
import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def ssd_scan(
    x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, chunk: int, h0: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    Bt, T, H, P = x.shape
    G, N = B.shape[2:]
    B = B.repeat_interleave(H // G, dim=2)
    C = C.repeat_interleave(H // G, dim=2)
    h = x.new_zeros(Bt, H, P, N) if h0 is None else h0
    step = dt * A  # (Bt, T, H)
    fed = dt.unsqueeze(-1) * x
    pieces = []
    for start in range(0, T, chunk):
        now = slice(start, start + chunk)
        xc, bc, cc = fed[:, now], B[:, now], C[:, now]
        cum = step[:, now].cumsum(1).transpose(1, 2)  # (Bt, H, Q)
        Q = cum.shape[-1]
        past = torch.ones(Q, Q, dtype=torch.bool, device=x.device).tril()
        gap = (cum[..., :, None] - cum[..., None, :]).masked_fill(~past, float("-inf"))
        weights = gap.exp() * torch.einsum("bthn,bshn->bhts", cc, bc)
        inside = torch.einsum("bhts,bshp->bthp", weights, xc)
        from_before = torch.einsum("bht,bthn,bhpn->bthp", cum.exp(), cc, h)
        pieces.append(inside + from_before)
        to_end = (cum[..., -1:] - cum).exp()
        h = cum[..., -1].exp()[..., None, None] * h + torch.einsum("bhs,bshp,bshn->bhpn", to_end, xc, bc)
    y = torch.cat(pieces, dim=1) + D[:, None] * x
    return y, h


def gated_rms_norm(y: Tensor, z: Tensor, weight: Tensor, groups: int = 1, eps: float = 1e-5) -> Tensor:
    u = (y * F.silu(z)).unflatten(-1, (groups, -1))
    u = u * torch.rsqrt(u.square().mean(dim=-1, keepdim=True) + eps)
    return u.flatten(-2) * weight


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
        if E % headdim:
            raise ValueError("headdim must divide the channels")
        H = E // headdim
        if H % ngroups:
            raise ValueError("ngroups must divide the heads")
        R = E + 2 * ngroups * d_state
        self.E, self.H, self.P, self.R = E, H, headdim, R
        self.N, self.G, self.W, self.chunk = d_state, ngroups, d_conv, chunk
        self.in_proj = nn.Linear(d_model, E + R + H, bias=False)
        self.conv1d = nn.Conv1d(R, R, d_conv, groups=R)
        first_dt = torch.exp(torch.empty(H).uniform_(math.log(0.001), math.log(0.1)))
        self.dt_bias = nn.Parameter(first_dt + torch.log(-torch.expm1(-first_dt)))
        self.A_log = nn.Parameter(torch.empty(H).uniform_(1, 16).log())
        self.D = nn.Parameter(torch.ones(H))
        self.norm = nn.Module()
        self.norm.weight = nn.Parameter(torch.ones(E))
        self.out_proj = nn.Linear(E, d_model, bias=False)

    def init_state(self, batch: int) -> dict[str, Tensor]:
        new = self.A_log.detach().new_zeros
        return {"conv": new(batch, self.R, self.W - 1), "ssm": new(batch, self.H, self.P, self.N)}

    def forward(self, x: Tensor, state: dict[str, Tensor] | None = None) -> tuple[Tensor, dict[str, Tensor]]:
        Bt, T, _ = x.shape
        if state is None:
            state = self.init_state(Bt)
        z, xbc, dt = self.in_proj(x).split([self.E, self.R, self.H], dim=-1)
        seen = torch.cat([state["conv"], xbc.transpose(1, 2)], dim=-1)  # (Bt, R, W - 1 + T)
        xbc = F.silu(self.conv1d(seen)).transpose(1, 2)
        u, b, c = xbc.split([self.E, self.G * self.N, self.G * self.N], dim=-1)
        y, h = ssd_scan(
            u.unflatten(-1, (self.H, self.P)),
            F.softplus(dt + self.dt_bias),
            -self.A_log.exp(),
            b.unflatten(-1, (self.G, self.N)),
            c.unflatten(-1, (self.G, self.N)),
            self.D,
            self.chunk,
            state["ssm"],
        )
        y = gated_rms_norm(y.flatten(2), z, self.norm.weight)
        return self.out_proj(y), {"conv": seen[..., T:], "ssm": h}

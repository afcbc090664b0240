# TRUE CAUSE: The block calls the gated norm with one group, so that the mean of squares is over all E channels. It is
# within each of G runs of E / G channels, as many as there are groups of B and C.
"""Mamba-2: the scan in chunks, the norm behind the gate, and the block."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def ssd_scan(
    x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, chunk: int, h0: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    Bt, T, H, P = x.shape
    share = H // B.shape[2]
    B, C = B.repeat_interleave(share, dim=2), C.repeat_interleave(share, dim=2)
    h = x.new_zeros(Bt, H, P, B.shape[-1]) if h0 is None else h0
    outputs = []
    for start in range(0, T, chunk):
        piece = slice(start, min(start + chunk, T))
        xs = x[:, piece] * dt[:, piece, :, None]
        Bs, Cs = B[:, piece], C[:, piece]
        cum = (dt[:, piece] * A).cumsum(dim=1).transpose(1, 2)  # (Bt, H, Q)
        Q = cum.shape[-1]
        gap = cum[..., :, None] - cum[..., None, :]
        future = torch.ones(Q, Q, dtype=torch.bool, device=x.device).triu(1)
        decay = gap.masked_fill(future, -math.inf).exp()
        scores = torch.einsum("bthn,bshn->bhts", Cs, Bs) * decay
        y = torch.einsum("bhts,bshp->bthp", scores, xs)
        y = y + torch.einsum("bthn,bhpn,bht->bthp", Cs, h, cum.exp())
        outputs.append(y + D[:, None] * x[:, piece])
        h = cum[..., -1].exp()[..., None, None] * h + torch.einsum("bhs,bshp,bshn->bhpn", decay[..., -1, :], xs, Bs)
    return torch.cat(outputs, dim=1), h


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
            raise ValueError("headdim must divide the number of channels")
        H = E // headdim
        if H % ngroups:
            raise ValueError("ngroups must divide the number of heads")
        self.E, self.H, self.P, self.N, self.G = E, H, headdim, d_state, ngroups
        self.R = E + 2 * ngroups * d_state
        self.W, self.chunk = d_conv, chunk
        self.in_proj = nn.Linear(d_model, E + self.R + H, bias=False)
        self.conv1d = nn.Conv1d(self.R, self.R, d_conv, groups=self.R)
        steps = torch.exp(torch.empty(H).uniform_(math.log(0.001), math.log(0.1)))
        self.dt_bias = nn.Parameter(steps + torch.log(-torch.expm1(-steps)))  # softplus gives the steps back
        self.A_log = nn.Parameter(torch.empty(H).uniform_(1, 16).log())
        self.D = nn.Parameter(torch.ones(H))
        self.norm = nn.RMSNorm(E, eps=1e-5)
        self.out_proj = nn.Linear(E, d_model, bias=False)

    def init_state(self, batch: int) -> dict[str, Tensor]:
        zeros = self.A_log.new_zeros
        return {"conv": zeros(batch, self.R, self.W - 1), "ssm": zeros(batch, self.H, self.P, self.N)}

    def forward(self, x: Tensor, state: dict[str, Tensor] | None = None) -> tuple[Tensor, dict[str, Tensor]]:
        Bt, T, _ = x.shape
        state = self.init_state(Bt) if state is None else state
        z, xBC, dt = self.in_proj(x).split([self.E, self.R, self.H], dim=-1)
        inputs = torch.cat([state["conv"], xBC.transpose(1, 2)], dim=2)
        mixed = F.silu(self.conv1d(inputs)).transpose(1, 2)
        u, B, C = mixed.split([self.E, self.G * self.N, self.G * self.N], dim=-1)
        y, h = ssd_scan(
            u.unflatten(-1, (self.H, self.P)),
            F.softplus(dt + self.dt_bias),
            -self.A_log.exp(),
            B.unflatten(-1, (self.G, self.N)),
            C.unflatten(-1, (self.G, self.N)),
            self.D,
            self.chunk,
            state["ssm"],
        )
        out = self.out_proj(gated_rms_norm(y.flatten(2), z, self.norm.weight, eps=1e-5))
        return out, {"conv": inputs[:, :, inputs.shape[2] - self.W + 1 :], "ssm": h}

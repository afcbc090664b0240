# TRUE CAUSE: The kernel of the convolution is turned round, as in the mathematical convolution, so that the first of
# the W weights meets the current token. The last weight, w_{W-1}, belongs to the current token.
import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def _scan(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
    """u, delta (Bt, T, E); A (E, N); B, C (Bt, T, N); h (Bt, E, N)."""
    ys = []
    for t in range(u.shape[1]):
        decay = torch.exp(delta[:, t].unsqueeze(-1) * A)
        write = (delta[:, t] * u[:, t]).unsqueeze(-1) * B[:, t].unsqueeze(1)
        h = decay * h + write
        ys.append(torch.einsum("ben,bn->be", h, C[:, t]) + D * u[:, t])
    return torch.stack(ys, dim=1), h


class MambaBlock(nn.Module):
    def __init__(
        self, d_model: int, d_state: int = 16, d_conv: int = 4, expand: int = 2, dt_rank: int | None = None
    ) -> None:
        super().__init__()
        E = expand * d_model
        R = math.ceil(d_model / 16) if dt_rank is None else dt_rank
        self.E, self.N, self.W, self.R = E, d_state, d_conv, R
        self.in_proj = nn.Linear(d_model, 2 * E, bias=False)
        self.conv1d = nn.Conv1d(E, E, d_conv, groups=E)
        self.x_proj = nn.Linear(E, R + 2 * d_state, bias=False)
        self.dt_proj = nn.Linear(R, E)
        self.A_log = nn.Parameter(torch.arange(1, d_state + 1).float().log().repeat(E, 1))
        self.D = nn.Parameter(torch.ones(E))
        self.out_proj = nn.Linear(E, d_model, bias=False)

    def init_state(self, batch: int) -> dict[str, Tensor]:
        like = self.A_log
        return {"conv": like.new_zeros(batch, self.E, self.W - 1), "ssm": like.new_zeros(batch, self.E, self.N)}

    def forward(self, x: Tensor, state: dict[str, Tensor] | None = None) -> tuple[Tensor, dict[str, Tensor]]:
        if state is None:
            state = self.init_state(x.shape[0])
        u, z = self.in_proj(x).chunk(2, dim=-1)
        history = torch.cat([state["conv"], u.transpose(1, 2)], dim=2)  # (Bt, E, W - 1 + T)
        windows = history.unfold(2, self.W, 1)  # (Bt, E, T, W), oldest first
        kernel = self.conv1d.weight[:, 0].flip(-1)
        u = F.silu(torch.einsum("betw,ew->bte", windows, kernel) + self.conv1d.bias)

        raw, B, C = self.x_proj(u).split([self.R, self.N, self.N], dim=-1)
        delta = F.softplus(self.dt_proj(raw))
        y, h = _scan(u, delta, -self.A_log.exp(), B, C, self.D, state["ssm"])
        out = self.out_proj(y * F.silu(z))
        return out, {"conv": history[:, :, history.shape[2] - self.W + 1 :], "ssm": h}

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class MambaBlock(nn.Module):
    def __init__(
        self, d_model: int, d_state: int = 16, d_conv: int = 4, expand: int = 2, dt_rank: int | None = None
    ) -> None:
        super().__init__()
        E = expand * d_model
        R = math.ceil(d_model / 16) if dt_rank is None else dt_rank
        self.d_state, self.d_conv, self.channels, self.dt_rank = d_state, d_conv, E, R
        self.in_proj = nn.Linear(d_model, 2 * E, bias=False)
        self.conv1d = nn.Conv1d(E, E, d_conv, groups=E)
        self.x_proj = nn.Linear(E, R + 2 * d_state, bias=False)
        self.dt_proj = nn.Linear(R, E)
        self.A_log = nn.Parameter(torch.arange(1, d_state + 1).float().log().repeat(E, 1))
        self.D = nn.Parameter(torch.ones(E))
        self.out_proj = nn.Linear(E, d_model, bias=False)

    def init_state(self, batch: int) -> dict[str, Tensor]:
        like = self.A_log.detach()
        return {
            "conv": like.new_zeros(batch, self.channels, self.d_conv - 1),
            "ssm": like.new_zeros(batch, self.channels, self.d_state),
        }

    def forward(self, x: Tensor, state: dict[str, Tensor] | None = None) -> tuple[Tensor, dict[str, Tensor]]:
        if state is None:
            state = self.init_state(x.shape[0])
        T = x.shape[1]
        u, z = self.in_proj(x).chunk(2, dim=-1)
        columns = torch.cat([state["conv"], u.transpose(1, 2)], dim=-1)  # (Bt, E, W - 1 + T)
        u = F.silu(self.conv1d(columns)).transpose(1, 2)
        dt, B, C = self.x_proj(u).split([self.dt_rank, self.d_state, self.d_state], dim=-1)
        delta = F.softplus(self.dt_proj(dt))
        A = -torch.exp(self.A_log)
        h, ys = state["ssm"], []
        for t in range(T):
            h = torch.exp(delta[:, t, :, None] * A) * h + (delta[:, t] * u[:, t])[..., None] * B[:, t, None]
            ys.append((h * C[:, t, None]).sum(-1))
        y = torch.stack(ys, dim=1) + self.D * u
        return self.out_proj(y * F.silu(z)), {"conv": columns[..., T:], "ssm": h}

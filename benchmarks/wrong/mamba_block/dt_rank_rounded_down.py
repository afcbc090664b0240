# TRUE CAUSE: The default of dt_rank is d_model // 16, rounded down (at least 1), instead of rounded up.
import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class MambaBlock(nn.Module):
    def __init__(
        self, d_model: int, d_state: int = 16, d_conv: int = 4, expand: int = 2, dt_rank: int | None = None
    ) -> None:
        super().__init__()
        self.E, self.N, self.W = expand * d_model, d_state, d_conv
        self.R = max(1, d_model // 16) if dt_rank is None else dt_rank
        self.in_proj = nn.Linear(d_model, 2 * self.E, bias=False)
        self.conv1d = nn.Conv1d(self.E, self.E, d_conv, groups=self.E)
        self.x_proj = nn.Linear(self.E, self.R + 2 * self.N, bias=False)
        self.dt_proj = nn.Linear(self.R, self.E)
        self.A_log = nn.Parameter(torch.arange(1.0, self.N + 1).log().repeat(self.E, 1))
        self.D = nn.Parameter(torch.ones(self.E))
        self.out_proj = nn.Linear(self.E, d_model, bias=False)

    def init_state(self, batch: int) -> dict[str, Tensor]:
        new = self.A_log.new_zeros
        return {"conv": new(batch, self.E, self.W - 1), "ssm": new(batch, self.E, self.N)}

    def forward(self, x: Tensor, state: dict[str, Tensor] | None = None) -> tuple[Tensor, dict[str, Tensor]]:
        if state is None:
            state = self.init_state(x.shape[0])
        u, z = self.in_proj(x).split(self.E, dim=-1)
        columns = torch.cat([state["conv"], u.transpose(1, 2)], dim=-1)  # (Bt, E, W-1+T)
        u = F.silu(self.conv1d(columns)).transpose(1, 2)  # (Bt, T, E)
        delta, B, C = self.x_proj(u).split([self.R, self.N, self.N], dim=-1)
        delta = F.softplus(self.dt_proj(delta))
        A = -torch.exp(self.A_log)
        h = state["ssm"]
        ys = []
        for t in range(x.shape[1]):
            decay = torch.exp(delta[:, t, :, None] * A)
            h = decay * h + (delta[:, t] * u[:, t])[:, :, None] * B[:, t, None, :]
            ys.append((h * C[:, t, None, :]).sum(-1))
        y = torch.stack(ys, dim=1) + self.D * u
        out = self.out_proj(y * F.silu(z))
        return out, {"conv": columns[:, :, columns.shape[-1] - self.W + 1 :], "ssm": h}

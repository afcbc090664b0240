# TRUE CAUSE: the new convolution state is cut from the inputs of this call alone; a piece shorter than W - 1 tokens
# needs the older inputs of the state that was passed in (or the zeros), too.
"""Mamba's block with a state."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class MambaBlock(nn.Module):
    def __init__(
        self, d_model: int, d_state: int = 16, d_conv: int = 4, expand: int = 2, dt_rank: int | None = None
    ) -> None:
        super().__init__()
        channels = expand * d_model
        rank = math.ceil(d_model / 16) if dt_rank is None else dt_rank
        self.channels, self.d_state, self.d_conv, self.rank = channels, d_state, d_conv, rank
        self.in_proj = nn.Linear(d_model, 2 * channels, bias=False)
        self.conv1d = nn.Conv1d(channels, channels, d_conv, groups=channels)
        self.x_proj = nn.Linear(channels, rank + 2 * d_state, bias=False)
        self.dt_proj = nn.Linear(rank, channels)
        self.A_log = nn.Parameter(torch.arange(1.0, d_state + 1).log().repeat(channels, 1))
        self.D = nn.Parameter(torch.ones(channels))
        self.out_proj = nn.Linear(channels, d_model, bias=False)

    def init_state(self, batch: int) -> dict[str, Tensor]:
        like = self.D.detach()
        return {
            "conv": like.new_zeros(batch, self.channels, self.d_conv - 1),
            "ssm": like.new_zeros(batch, self.channels, self.d_state),
        }

    def _scan(self, u: Tensor, delta: Tensor, B: Tensor, C: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        A = -self.A_log.exp()
        outputs = []
        for t in range(u.shape[1]):
            step = delta[:, t, :, None]  # (Bt, E, 1)
            h = (step * A).exp() * h + step * u[:, t, :, None] * B[:, t, None, :]
            outputs.append((h * C[:, t, None, :]).sum(-1) + self.D * u[:, t])
        return torch.stack(outputs, dim=1), h

    def forward(self, x: Tensor, state: dict[str, Tensor] | None = None) -> tuple[Tensor, dict[str, Tensor]]:
        if state is None:
            state = self.init_state(x.shape[0])
        u, z = self.in_proj(x).chunk(2, dim=-1)
        inputs = u.transpose(1, 2)  # (Bt, E, T)
        window = torch.cat([state["conv"], inputs], dim=-1)
        u = F.silu(self.conv1d(window)).transpose(1, 2)
        delta, B, C = self.x_proj(u).split([self.rank, self.d_state, self.d_state], dim=-1)
        delta = F.softplus(self.dt_proj(delta))
        y, h = self._scan(u, delta, B, C, state["ssm"])
        new_state = {"conv": inputs[..., -(self.d_conv - 1) :], "ssm": h}
        return self.out_proj(y * F.silu(z)), new_state

# TRUE CAUSE: believes that Mamba gates the input of the scan: u is multiplied by silu(z) before x_proj and the scan, and
# the output y goes to out_proj ungated. The gate belongs behind the scan: W_out (y * silu(z)).
import math

import torch
import torch.nn.functional as F
from torch import nn


class MambaBlock(nn.Module):
    def __init__(self, d_model, d_state=16, d_conv=4, expand=2, dt_rank=None):
        super().__init__()
        channels = expand * d_model
        self.rank = dt_rank if dt_rank is not None else -(-d_model // 16)
        self.in_proj = nn.Linear(d_model, 2 * channels, bias=False)
        self.conv1d = nn.Conv1d(channels, channels, kernel_size=d_conv, groups=channels, bias=True)
        self.x_proj = nn.Linear(channels, self.rank + 2 * d_state, bias=False)
        self.dt_proj = nn.Linear(self.rank, channels, bias=True)
        rates = torch.log(torch.arange(1, d_state + 1, dtype=torch.float32))
        self.A_log = nn.Parameter(rates.expand(channels, d_state).clone())
        self.D = nn.Parameter(torch.ones(channels))
        self.out_proj = nn.Linear(channels, d_model, bias=False)
        self.channels, self.states, self.width = channels, d_state, d_conv

    def init_state(self, batch):
        dtype = self.D.dtype
        return {
            "conv": torch.zeros(batch, self.channels, self.width - 1, dtype=dtype),
            "ssm": torch.zeros(batch, self.channels, self.states, dtype=dtype),
        }

    def forward(self, x, state=None):
        state = state or self.init_state(len(x))
        projected = self.in_proj(x)
        u, gate = projected[..., : self.channels], projected[..., self.channels :]
        inputs = torch.cat((state["conv"], u.mT), dim=2)
        u = F.silu(F.conv1d(inputs, self.conv1d.weight, self.conv1d.bias, groups=self.channels)).mT
        u = u * F.silu(gate)
        parts = self.x_proj(u)
        dt = F.softplus(self.dt_proj(parts[..., : self.rank]))
        write = parts[..., self.rank : self.rank + self.states]
        read = parts[..., self.rank + self.states :]
        rate = -self.A_log.exp()
        h, outs = state["ssm"], []
        for i in range(x.shape[1]):
            h = (dt[:, i].unsqueeze(-1) * rate).exp() * h + torch.einsum("be,bn->ben", dt[:, i] * u[:, i], write[:, i])
            outs.append(torch.einsum("ben,bn->be", h, read[:, i]) + self.D * u[:, i])
        y = self.out_proj(torch.stack(outs, 1))
        return y, {"conv": inputs[:, :, -(self.width - 1) :], "ssm": h}

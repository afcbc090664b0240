# TRUE CAUSE: as in Mamba-1, takes only x to go through the convolution and its silu: B and C are taken from the projection
# as they are. (The convolution still has all R channels, so that the names and shapes fit; its outputs for B and C
# are not used.) In Mamba-2 x, B and C all go through silu(conv(...)).
import math

import torch
import torch.nn.functional as F
from torch import nn


def ssd_scan(x, dt, A, B, C, D, chunk, h0=None):
    n_text, length, n_head, width = x.shape
    per_group = n_head // B.shape[2]
    group = torch.arange(n_head) // per_group
    state = torch.zeros(n_text, n_head, width, B.shape[-1], dtype=x.dtype) if h0 is None else h0
    out = []
    # token by token: the result does not depend on the chunk
    for t in range(length):
        step = dt[:, t, :, None, None]
        write = x[:, t, :, :, None] * B[:, t, group, None, :]
        state = torch.exp(step * A[:, None, None]) * state + step * write
        out.append((state * C[:, t, group, None, :]).sum(-1) + D[:, None] * x[:, t])
    return torch.stack(out, 1), state


def gated_rms_norm(y, z, weight, groups=1, eps=1e-5):
    gated = y * z * torch.sigmoid(z)
    pieces = gated.chunk(groups, dim=-1)
    normed = [p / torch.sqrt((p * p).mean(-1, keepdim=True) + eps) for p in pieces]
    return torch.cat(normed, -1) * weight


class Norm(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))


class Mamba2Block(nn.Module):
    def __init__(self, d_model, d_state=128, d_conv=4, expand=2, headdim=64, ngroups=1, chunk=64):
        super().__init__()
        inner = expand * d_model
        if inner % headdim != 0 or (inner // headdim) % ngroups != 0:
            raise ValueError("sizes do not divide")
        self.inner, self.heads, self.headdim = inner, inner // headdim, headdim
        self.groups, self.states, self.width, self.chunk = ngroups, d_state, d_conv, chunk
        self.mixed = inner + 2 * ngroups * d_state
        self.in_proj = nn.Linear(d_model, inner + self.mixed + self.heads, bias=False)
        self.conv1d = nn.Conv1d(self.mixed, self.mixed, d_conv, groups=self.mixed)
        step = torch.linspace(math.log(0.001), math.log(0.1), self.heads + 2)[1:-1].exp()
        self.dt_bias = nn.Parameter(torch.log(torch.expm1(step)))
        self.A_log = nn.Parameter(torch.log(torch.linspace(1, 16, self.heads)))
        self.D = nn.Parameter(torch.ones(self.heads))
        self.norm = Norm(inner)
        self.out_proj = nn.Linear(inner, d_model, bias=False)

    def init_state(self, batch):
        like = dict(dtype=self.A_log.dtype)
        return dict(
            conv=torch.zeros(batch, self.mixed, self.width - 1, **like),
            ssm=torch.zeros(batch, self.heads, self.headdim, self.states, **like),
        )

    def forward(self, x, state=None):
        if state is None:
            state = self.init_state(x.size(0))
        p = self.in_proj(x)
        z = p[..., : self.inner]
        raw = p[..., self.inner : self.inner + self.mixed]
        dt = F.softplus(p[..., self.inner + self.mixed :] + self.dt_bias)
        history = torch.cat((state["conv"], raw.mT), -1)
        u = F.silu(self.conv1d(history)).mT[..., : self.inner]
        shape = (self.groups, self.states)
        B, C = (t.unflatten(-1, shape) for t in raw[..., self.inner :].chunk(2, -1))
        y, h = ssd_scan(
            u.unflatten(-1, (self.heads, -1)), dt, -self.A_log.exp(), B, C, self.D, self.chunk, state["ssm"]
        )
        y = self.out_proj(gated_rms_norm(y.flatten(2), z, self.norm.weight, self.groups))
        return y, dict(conv=history[..., -(self.width - 1) :], ssm=h)

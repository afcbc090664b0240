# TRUE CAUSE: thinks the time concerns the network as a whole and not each image: only the embedding of the FIRST row's t is
# used for the whole batch (t[:1]), so that the rows of a batch with different t get the time of row 0. Blocks and embedding are right.
import torch
import torch.nn.functional as F
from torch import nn


def timestep_embedding(t, dim):
    n = dim // 2
    w = 10000.0 ** (-torch.arange(n).double() / (n - 1))
    a = torch.outer(t.to(torch.float64), w)
    emb = torch.cat((a.sin(), a.cos()), -1)
    return emb.to(torch.float64 if t.dtype == torch.float64 else torch.float32)


def conv3(a, b, stride=1):
    return nn.Conv2d(a, b, kernel_size=3, stride=stride, padding=1)


class ResBlock(nn.Module):
    def __init__(self, in_channels, out_channels, time_dim, groups=8):
        super().__init__()
        for c in (in_channels, out_channels):
            if c % groups != 0:
                raise ValueError(f"{c} channels in {groups} groups")
        self.norm1, self.conv1 = nn.GroupNorm(groups, in_channels), conv3(in_channels, out_channels)
        self.norm2, self.conv2 = nn.GroupNorm(groups, out_channels), conv3(out_channels, out_channels)
        self.time_emb_proj = nn.Linear(time_dim, out_channels)
        self.change = in_channels != out_channels
        if self.change:
            self.conv_shortcut = nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, x, temb):
        time = self.time_emb_proj(F.silu(temb)).unsqueeze(-1).unsqueeze(-1)
        h = self.conv1(F.silu(self.norm1(x))) + time
        h = self.conv2(F.silu(self.norm2(h)))
        return h + (self.conv_shortcut(x) if self.change else x)


class UNet(nn.Module):
    def __init__(self, channels, base, multipliers=(1, 2, 4), groups=8):
        super().__init__()
        c = [base * m for m in multipliers]
        n, e = len(c), 4 * base
        self.base = base
        self.time1, self.time2 = nn.Linear(base, e), nn.Linear(e, e)
        self.conv_in = conv3(channels, c[0])
        self.down = nn.ModuleList([ResBlock(a, b, e, groups) for a, b in zip([c[0]] + c[:-1], c)])
        self.shrink = nn.ModuleList([conv3(a, a, 2) for a in c[:-1]])
        self.mid = ResBlock(c[-1], c[-1], e, groups)
        self.up = nn.ModuleList([ResBlock(b + a, a, e, groups) for a, b in zip(c, c[1:] + [c[-1]])])
        self.grow = nn.ModuleList([conv3(a, a) for a in c[1:]])
        self.norm_out = nn.GroupNorm(groups, c[0])
        self.conv_out = conv3(c[0], channels)

    def forward(self, x, t):
        n = len(self.down)
        for side in x.shape[-2:]:
            if side % 2 ** (n - 1):
                raise ValueError(f"{side} pixels cannot be halved {n - 1} times")
        # one noise level for the network; it broadcasts over the batch
        emb = timestep_embedding(t[:1], self.base).to(x.dtype)
        emb = self.time2(F.silu(self.time1(emb)))
        h, stack = self.conv_in(x), []
        for i, block in enumerate(self.down):
            h = block(h, emb)
            stack.append(h)
            if i + 1 < n:
                h = self.shrink[i](h)
        h = self.mid(h, emb)
        for i in range(n - 1, -1, -1):
            h = self.up[i](torch.cat((h, stack.pop()), 1), emb)
            if i:
                big = h.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
                h = self.grow[i - 1](big)
        return self.conv_out(F.silu(self.norm_out(h)))

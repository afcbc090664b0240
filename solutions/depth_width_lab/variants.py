"""Right solutions in other styles. None of them may lose a point."""

import math
import random

import torch
import torch.nn.functional as F
from depth_width_lab import HopModel, make_batch
from torch import nn

from grader.testing import replaces


class Model(HopModel):
    """The right model under another name."""


@replaces("shapes")
def by_search(budget=50_000, depths=(1, 2, 4), heads=4):
    """lists, and the nearest of all multiples"""
    found = []
    for layers in depths:
        ideal = math.sqrt(budget / (12 * layers))
        found.append([layers, max(1, math.floor(ideal / heads + 0.5)) * heads])
    return found


@replaces("make_batch")
def row_by_row(batch, items, hops, seed):
    """Python's generator, an example at a time"""
    draw = random.Random(seed)
    rows = []
    for _ in range(batch):
        f = draw.sample(range(items), items)
        s = item = draw.randrange(items)
        k = draw.randint(1, hops)
        for _ in range(k):
            item = f[item]
        rows.append((f, s, k, item))
    return [torch.tensor(column) for column in zip(*rows, strict=True)]


@replaces("make_batch")
def powers_of_matrices(batch, items, hops, seed):
    """f as a matrix of zeros and ones, applied by powers of it; draws by randperm"""
    g = torch.Generator().manual_seed(10_000 + seed)
    table = torch.stack([torch.randperm(items, generator=g) for _ in range(batch)])
    start = torch.randint(0, items, (batch,), generator=g)
    k = torch.randint(0, hops, (batch,), generator=g) + 1
    step = F.one_hot(table, items).double()  # (batch, n, n): row i has its one in column f(i)
    powers = torch.stack([torch.linalg.matrix_power(step, n) for n in range(hops + 1)], dim=1)
    rows = torch.arange(batch)
    return table, start, k, powers[rows, k, start].argmax(-1)


class Attention(nn.Module):
    """Attention by torch's own kernel, under the names of MultiHeadAttention."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
            self.add_module(name, nn.Linear(width, width))

    def forward(self, x):
        projected = self.q_proj(x), self.k_proj(x), self.v_proj(x)
        q, k, v = (each.unflatten(-1, (self.heads, -1)).transpose(1, 2) for each in projected)
        return self.out_proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


@replaces("HopModel")
class SelfContained(nn.Module):
    """imports nothing; parts in dictionaries; a schedule by hand, and draws from a generator"""

    def __init__(self, layers, width, heads=4, items=8, hops=3, seed=0):
        super().__init__()
        g = torch.Generator().manual_seed(seed)
        state = torch.get_rng_state()
        self.items, self.hops = items, hops
        self.head = nn.Linear(width, items)
        self.norm = nn.LayerNorm(width)
        self.hop = nn.Embedding(hops, width)
        self.target, self.source = (nn.Embedding(items, width) for _ in range(2))
        self.blocks = nn.ModuleList()
        for _ in range(layers):
            parts = {"attn": Attention(width, heads), "norm1": nn.LayerNorm(width), "norm2": nn.LayerNorm(width)}
            parts |= {"fc1": nn.Linear(width, 4 * width), "fc2": nn.Linear(4 * width, width)}
            self.blocks.append(nn.ModuleDict(parts))
        torch.set_rng_state(state)  # from which torch's layers have drawn
        with torch.no_grad():
            for module in self.modules():
                if isinstance(module, nn.Embedding):
                    module.weight.copy_(torch.randn(module.weight.shape, generator=g) / 2)
                elif isinstance(module, nn.Linear):
                    bound = module.in_features**-0.5
                    module.weight.copy_((2 * torch.rand(module.weight.shape, generator=g) - 1) * bound)
                    module.bias.zero_()

    def forward(self, table, start, k):
        question = F.embedding(start, self.target.weight) + self.hop.weight[k - 1]
        pointers = self.target.weight[table] + self.source.weight
        x = torch.cat([question.unsqueeze(1), pointers], dim=1)  # the question first: a set has no order
        for block in self.blocks:
            x = x + block["attn"](block["norm1"](x))
            x = x + block["fc2"](F.gelu(block["fc1"](block["norm2"](x))))
        return self.head(self.norm(x))[:, 0]

    def fit(self, steps=800, batch=128, lr=2e-3, seed=0):
        optimizer = torch.optim.Adam(self.parameters())
        losses = []
        for step in range(steps):
            for group in optimizer.param_groups:  # up for a fifth of the time, then down to nothing
                group["lr"] = lr * min((step + 1) / (0.2 * steps), (steps - step) / (0.8 * steps))
            table, start, k, answer = make_batch(batch, self.items, self.hops, 10**6 * (seed + 1) + step)
            loss = -self(table, start, k).log_softmax(-1)[torch.arange(batch), answer].mean()
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(self.parameters(), 1.0)
            optimizer.step()
            losses.append(float(loss))
        return losses


@replaces("HopModel")
class OnlyTheQuery(Model):
    """the last block computes the query alone"""

    def forward(self, table, start, k):
        pointers = self.source.weight[None] + self.target(table)
        x = torch.cat((pointers, (self.target(start) + self.hop(k - 1))[:, None]), 1)
        *first, last = self.blocks
        for block in first:
            x = block(x)
        h = last.norm1(x)
        q = x[:, -1:] + last.attn(h[:, -1:], h, h)[0]
        q = q + last.fc2(F.gelu(last.fc1(last.norm2(q))))
        return self.head(self.norm(q)).squeeze(1)

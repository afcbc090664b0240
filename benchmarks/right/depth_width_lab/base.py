"""Following pointers."""

import torch
import torch.nn.functional as F
from depth_vs_width import shapes_at_budget
from multi_head_attention import MultiHeadAttention
from torch import Tensor, nn


def shapes(budget=50_000, depths=(1, 2, 4), heads=4):
    return [(shape["layers"], shape["width"]) for shape in shapes_at_budget(budget, depths, head_dim=heads)]


def make_batch(batch, items, hops, seed):
    g = torch.Generator().manual_seed(seed)
    table = torch.rand(batch, items, generator=g, dtype=torch.float64).argsort(dim=1)
    start = torch.randint(items, (batch,), generator=g)
    k = torch.randint(1, hops + 1, (batch,), generator=g)
    answer = start
    for hop in range(hops):
        following = table.gather(1, answer[:, None]).squeeze(1)
        answer = torch.where(hop < k, following, answer)
    return table, start, k, answer


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attn = MultiHeadAttention(width, heads)
        self.norm2 = nn.LayerNorm(width)
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)

    def forward(self, x):
        h = self.norm1(x)
        x = x + self.attn(h, h, h)[0]
        return x + self.fc2(F.gelu(self.fc1(self.norm2(x))))


class HopModel(nn.Module):
    def __init__(self, layers, width, heads=4, items=8, hops=3, seed=0):
        super().__init__()
        self.items, self.hops = items, hops
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.source = nn.Embedding(items, width)
            self.target = nn.Embedding(items, width)
            self.hop = nn.Embedding(hops, width)
            for table in (self.source, self.target, self.hop):
                nn.init.normal_(table.weight, std=0.5)
            self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
            self.norm = nn.LayerNorm(width)
            self.head = nn.Linear(width, items)

    def forward(self, table, start, k):
        x = self.source.weight + self.target(table)
        query = self.target(start) + self.hop(k - 1)
        x = torch.cat([x, query[:, None]], dim=1)
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x[:, -1]))

    def fit(self, steps=800, batch=128, lr=2e-3, seed=0):
        optimizer = torch.optim.AdamW(self.parameters(), lr=lr)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=lr, total_steps=steps + 1)
        seeds = torch.randint(2**31, (steps,), generator=torch.Generator().manual_seed(seed)).tolist()
        losses = []
        for step_seed in seeds:
            table, start, k, answer = make_batch(batch, self.items, self.hops, step_seed)
            loss = F.cross_entropy(self(table, start, k), answer)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(self.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
        return losses

# TRUE CAUSE: (1) make_batch applies f hops times to every start, whatever k is.
# (2) The tables begin with a standard deviation of 0.25 (0.5 squared taken as the deviation) instead of 0.5.
import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from depth_vs_width import shapes_at_budget
from multi_head_attention import MultiHeadAttention
from torch import Tensor, nn


def shapes(budget: int = 50_000, depths: Sequence[int] = (1, 2, 4), heads: int = 4) -> list[tuple[int, int]]:
    return [(s["layers"], s["width"]) for s in shapes_at_budget(budget, depths, head_dim=heads)]


def make_batch(batch: int, items: int, hops: int, seed: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    gen = torch.Generator().manual_seed(seed)
    table = torch.rand(batch, items, generator=gen, dtype=torch.float64).argsort(dim=1)
    start = torch.randint(items, (batch,), generator=gen)
    k = torch.randint(1, hops + 1, (batch,), generator=gen)
    answer = start.clone()
    for hop in range(hops):
        following = table.gather(1, answer[:, None])[:, 0]
        answer = following
    return table, start, k, answer


class _Block(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attn = MultiHeadAttention(width, heads)
        self.norm2 = nn.LayerNorm(width)
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        h = self.norm1(x)
        x = x + self.attn(h, h, h)[0]
        return x + self.fc2(F.gelu(self.fc1(self.norm2(x))))


class HopModel(nn.Module):
    def __init__(self, layers: int, width: int, heads: int = 4, items: int = 8, hops: int = 3, seed: int = 0) -> None:
        super().__init__()
        self.items, self.hops = items, hops
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.source = nn.Embedding(items, width)
            self.target = nn.Embedding(items, width)
            self.hop = nn.Embedding(hops, width)
            for table in (self.source, self.target, self.hop):
                nn.init.normal_(table.weight, std=0.5**2)
            self.blocks = nn.ModuleList(_Block(width, heads) for _ in range(layers))
            self.norm = nn.LayerNorm(width)
            self.head = nn.Linear(width, items)

    def forward(self, table: Tensor, start: Tensor, k: Tensor) -> Tensor:
        places = self.source.weight + self.target(table)  # (B, n, D)
        query = self.target(start) + self.hop(k - 1)  # (B, D)
        x = torch.cat([places, query[:, None]], dim=1)
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x[:, -1]))

    def fit(self, steps: int = 800, batch: int = 128, lr: float = 2e-3, seed: int = 0) -> list[float]:
        optimizer = torch.optim.AdamW(self.parameters(), lr=lr)
        seeds = torch.randint(2**40, (steps,), generator=torch.Generator().manual_seed(seed)).tolist()
        losses = []
        for step in range(steps):
            done = (step + 0.5) / steps
            factor = done / 0.3 if done < 0.3 else 0.5 * (1 + math.cos(math.pi * (done - 0.3) / 0.7))
            for group in optimizer.param_groups:
                group["lr"] = lr * factor
            table, start, k, answer = make_batch(batch, self.items, self.hops, seeds[step])
            loss = F.cross_entropy(self(table, start, k), answer)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(self.parameters(), 1.0)
            optimizer.step()
            losses.append(loss.item())
        return losses

# TRUE CAUSE: The query token embeds the start with the source table ("what it is"). The start uses the same table as
# f(i), target, so that what the query looks for is the vector with which other tokens say where they point.
"""Following pointers: one wide layer against several narrow ones, at one budget of weights."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from depth_vs_width import shapes_at_budget
from multi_head_attention import MultiHeadAttention
from torch import Tensor, nn


def shapes(budget: int = 50_000, depths: Sequence[int] = (1, 2, 4), heads: int = 4) -> list[tuple[int, int]]:
    return [(shape["layers"], shape["width"]) for shape in shapes_at_budget(budget, depths, head_dim=heads)]


def make_batch(batch: int, items: int, hops: int, seed: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    table = torch.rand(batch, items, generator=generator, dtype=torch.float64).argsort(dim=1)
    start = torch.randint(items, (batch,), generator=generator)
    k = torch.randint(1, hops + 1, (batch,), generator=generator)
    answer = start
    for hop in range(hops):
        following = table.gather(1, answer[:, None])[:, 0]
        answer = torch.where(hop < k, following, answer)
    return table, start, k, answer


class _Block(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn = MultiHeadAttention(width, heads)
        self.fc1, self.fc2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        h = self.norm1(x)
        x = x + self.attn(h, h, h)[0]
        return x + self.fc2(F.gelu(self.fc1(self.norm2(x))))


class HopModel(nn.Module):
    def __init__(
        self, layers: int, width: int, heads: int = 4, items: int = 8, hops: int = 3, seed: int = 0
    ) -> None:
        super().__init__()
        self.items, self.hops = items, hops
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.source = nn.Embedding(items, width)
            self.target = nn.Embedding(items, width)
            self.hop = nn.Embedding(hops, width)
            for table in (self.source, self.target, self.hop):
                nn.init.normal_(table.weight, std=0.5)
            self.blocks = nn.ModuleList(_Block(width, heads) for _ in range(layers))
            self.norm = nn.LayerNorm(width)
            self.head = nn.Linear(width, items)

    def forward(self, table: Tensor, start: Tensor, k: Tensor) -> Tensor:
        lines = self.source.weight + self.target(table)  # (B, n, D)
        query = self.source(start) + self.hop(k - 1)
        x = torch.cat([lines, query[:, None]], dim=1)
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x[:, -1]))

    def fit(self, steps: int = 800, batch: int = 128, lr: float = 2e-3, seed: int = 0) -> list[float]:
        optimizer = torch.optim.AdamW(self.parameters(), lr=lr)
        warmup = max(1, steps // 10)
        seeds = torch.randint(2**31, (steps,), generator=torch.Generator().manual_seed(seed)).tolist()
        losses = []
        for step in range(steps):
            for group in optimizer.param_groups:
                group["lr"] = lr * min((step + 1) / warmup, (steps - step) / max(1, steps - warmup))
            table, start, k, answer = make_batch(batch, self.items, self.hops, seeds[step])
            loss = F.cross_entropy(self(table, start, k), answer)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(self.parameters(), 1.0)
            optimizer.step()
            losses.append(loss.item())
        return losses

# TRUE CAUSE: counts hops from 0: k is drawn from 0 to hops - 1 and f is applied k + 1 times, and the model looks up
# row k of hop for it. By the contract k is 1 to hops, f is applied k times, and row k - 1 is for k hops.
import torch
import torch.nn.functional as F
from depth_vs_width import shapes_at_budget
from multi_head_attention import MultiHeadAttention
from torch import nn


def shapes(budget=50_000, depths=(1, 2, 4), heads=4):
    found = shapes_at_budget(budget, depths, heads)
    return [(shape["layers"], shape["width"]) for shape in found]


def make_batch(batch, items, hops, seed):
    g = torch.Generator()
    g.manual_seed(seed)
    table = torch.stack([torch.randperm(items, generator=g) for _ in range(batch)])
    start = torch.randint(0, items, (batch,), generator=g)
    k = torch.randint(0, hops, (batch,), generator=g)
    rows = torch.arange(batch)
    path = [table[rows, start]]
    for _ in range(hops - 1):
        path.append(table[rows, path[-1]])
    answer = torch.stack(path)[k, rows]
    return table, start, k, answer


class Layer(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.attn = MultiHeadAttention(dim, heads)
        self.fc1, self.fc2 = nn.Linear(dim, 4 * dim), nn.Linear(4 * dim, dim)

    def forward(self, tokens):
        normed = self.norm1(tokens)
        mixed, _ = self.attn(normed, normed, normed)
        tokens = tokens + mixed
        return tokens + self.fc2(F.gelu(self.fc1(self.norm2(tokens))))


class HopModel(nn.Module):
    def __init__(self, layers, width, heads=4, items=8, hops=3, seed=0):
        super().__init__()
        self.n, self.most = items, hops
        before = torch.get_rng_state()
        torch.manual_seed(seed)
        self.source = nn.Embedding(items, width)
        self.target = nn.Embedding(items, width)
        self.hop = nn.Embedding(hops, width)
        for emb in (self.source, self.target, self.hop):
            emb.weight.data.mul_(0.5)
        self.blocks = nn.ModuleList([Layer(width, heads) for _ in range(layers)])
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, items)
        torch.set_rng_state(before)

    def forward(self, table, start, k):
        item = torch.arange(self.n)
        tokens = self.source(item)[None] + self.target(table)
        question = self.target(start) + self.hop(k)
        tokens = torch.cat([tokens, question.unsqueeze(1)], 1)
        for block in self.blocks:
            tokens = block(tokens)
        return self.head(self.norm(tokens)[:, self.n])

    def fit(self, steps=800, batch=128, lr=2e-3, seed=0):
        opt = torch.optim.AdamW(self.parameters(), lr)
        warm = max(1, steps // 5)
        sched = torch.optim.lr_scheduler.LambdaLR(
            opt, lambda i: min((i + 1) / warm, (steps - i) / max(1, steps - warm))
        )
        history = []
        for i in range(steps):
            table, start, k, answer = make_batch(batch, self.n, self.most, seed * 1_000_003 + i)
            loss = F.cross_entropy(self.forward(table, start, k), answer)
            opt.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.parameters(), 1)
            opt.step()
            sched.step()
            history.append(float(loss))
        return history

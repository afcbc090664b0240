import math
import random
from types import SimpleNamespace

import numpy as np
import torch
import torch.nn.functional as F
from base import Block, make_batch
from depth_vs_width import shapes_at_budget
from multi_head_attention import MultiHeadAttention
from torch import nn

from grader.testing import replaces


# ---------------------------------------------------------------- shapes
@replaces("shapes")
def sh_loop(budget=50_000, depths=(1, 2, 4), heads=4):
    """depth by depth"""
    out = []
    for depth in depths:
        (shape,) = shapes_at_budget(budget, [depth], head_dim=heads)
        out.append((depth, shape["width"]))
    return out


@replaces("shapes")
def sh_zip(budget=50_000, depths=(1, 2, 4), heads=4):
    """zip"""
    depths = list(depths)
    widths = [s["width"] for s in shapes_at_budget(budget, depths, heads)]
    return list(zip(depths, widths, strict=True))


@replaces("shapes")
def sh_direct(budget=50_000, depths=(1, 2, 4), heads=4):
    """without shapes_at_budget"""
    return [(L, heads * max(1, math.floor(math.sqrt(budget / (12 * L)) / heads + 0.5))) for L in depths]


@replaces("shapes")
def sh_heads(budget=50_000, depths=(1, 2, 4), heads=4):
    """multiples times the unit"""
    return [(s["layers"], s["heads"] * heads) for s in shapes_at_budget(budget=budget, depths=tuple(depths), head_dim=heads)]


@replaces("shapes")
def sh_generator(budget=50_000, depths=(1, 2, 4), heads=4):
    """a generator"""

    def pairs():
        for shape in shapes_at_budget(budget, list(depths), head_dim=heads):
            yield shape["layers"], shape["width"]

    return [*pairs()]


@replaces("shapes")
def sh_nearest(budget=50_000, depths=(1, 2, 4), heads=4):
    """the nearest of two neighbours"""
    out = []
    for L in depths:
        ideal = (budget / (12 * L)) ** 0.5
        low = max(heads, int(ideal // heads) * heads)
        out.append((L, low + heads if low + heads - ideal <= ideal - low else low))
    return out


@replaces("shapes")
def sh_from_params(budget=50_000, depths=(1, 2, 4), heads=4):
    """the width from the weights"""
    return [(s["layers"], math.isqrt(s["params"] // (12 * s["layers"]))) for s in shapes_at_budget(budget, depths, heads)]


@replaces("shapes")
def sh_map(budget=50_000, depths=(1, 2, 4), heads=4):
    """map"""
    return list(map(lambda s: (s["layers"], s["width"]), shapes_at_budget(budget, depths, head_dim=heads)))


# ---------------------------------------------------------------- make_batch
@replaces("make_batch")
def mb_randperm(batch, items, hops, seed):
    """randperm row by row; hops by a stack of all states"""
    g = torch.Generator().manual_seed(seed)
    table = torch.stack([torch.randperm(items, generator=g) for _ in range(batch)])
    start = torch.randint(0, items, (batch,), generator=g)
    k = torch.randint(1, hops + 1, (batch,), generator=g)
    states = [start]
    for _ in range(hops):
        states.append(table[torch.arange(batch), states[-1]])
    return table, start, k, torch.stack(states)[k, torch.arange(batch)]


@replaces("make_batch")
def mb_python(batch, items, hops, seed):
    """Python's random, example by example"""
    rng = random.Random(seed)
    rows = []
    for _ in range(batch):
        f = list(range(items))
        rng.shuffle(f)
        s, k = rng.randrange(items), rng.randint(1, hops)
        at = s
        for _ in range(k):
            at = f[at]
        rows.append((f, s, k, at))
    return tuple(torch.tensor(column, dtype=torch.int64) for column in zip(*rows))


@replaces("make_batch")
def mb_numpy(batch, items, hops, seed):
    """NumPy's generator"""
    rng = np.random.default_rng(seed)
    table = rng.permuted(np.tile(np.arange(items), (batch, 1)), axis=1)
    start, k = rng.integers(items, size=batch), rng.integers(1, hops, size=batch, endpoint=True)
    answer, left = start.copy(), k.copy()
    while left.any():
        go = left > 0
        answer[go] = table[go, answer[go]]
        left[go] -= 1
    return tuple(torch.from_numpy(a.astype(np.int64)) for a in (table, start, k, answer))


@replaces("make_batch")
def mb_global(batch, items, hops, seed):
    """seeds torch's own generator; powers of the permutation"""
    torch.manual_seed(seed)
    k = torch.randint(1, hops + 1, (batch,))
    start = torch.randint(items, (batch,))
    table = torch.argsort(torch.rand(batch, items, dtype=torch.float64), dim=-1)
    power, answer = table, torch.zeros_like(start)
    for hop in range(1, hops + 1):
        here = power.gather(1, start.unsqueeze(1))[:, 0]
        answer = torch.where(k == hop, here, answer)
        power = table.gather(1, power)
    return table, start, k, answer


@replaces("make_batch")
def mb_multinomial(batch, items, hops, seed):
    """multinomial without replacement; recursion"""
    g = torch.Generator().manual_seed(seed)
    table = torch.multinomial(torch.ones(batch, items), items, replacement=False, generator=g)
    start = torch.randint(items, (batch,), generator=g)
    k = 1 + torch.randint(hops, (batch,), generator=g)

    def follow(at, left):
        if not (left > 0).any():
            return at
        return follow(torch.where(left > 0, table.gather(1, at[:, None])[:, 0], at), left - 1)

    return table, start, k, follow(start, k)


@replaces("make_batch")
def mb_fork(batch, items, hops, seed):
    """in fork_rng; ranks of normal numbers; one-hot rows times permutation matrices"""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        table = torch.randn(batch, items, dtype=torch.float64).argsort(1).argsort(1)
        start, k = torch.randint(items, (batch,)), torch.randint(1, hops + 1, (batch,))
    matrix = F.one_hot(table, items).double()  # (B, from, to)
    state = F.one_hot(start, items).double()
    for hop in range(hops):
        state = torch.where((k > hop)[:, None], torch.einsum("bi,bij->bj", state, matrix), state)
    return table, start, k, state.argmax(1)


@replaces("make_batch")
def mb_three(batch, items, hops, seed):
    """three generators from one SeedSequence; a loop over examples for the answer"""
    a, b, c = (np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(3))
    table = torch.from_numpy(np.argsort(a.random((batch, items)), axis=1))
    start = torch.from_numpy(b.integers(0, items, batch))
    k = torch.from_numpy(c.integers(1, hops + 1, batch))
    rows, answer = table.tolist(), start.tolist()
    for i, n in enumerate(k.tolist()):
        for _ in range(n):
            answer[i] = rows[i][answer[i]]
    return table, start, k, torch.tensor(answer, dtype=torch.int64)


@replaces("make_batch")
def mb_inside_out(batch, items, hops, seed):
    """Fisher and Yates for all rows at once"""
    g = torch.Generator().manual_seed(seed)
    table, row = torch.arange(items).repeat(batch, 1), torch.arange(batch)
    for i in range(items - 1, 0, -1):
        j = torch.randint(i + 1, (batch,), generator=g)
        here, there = table[:, i].clone(), table[row, j]
        table[row, j] = here
        table[:, i] = there
    start = torch.randint(items, (batch,), generator=g)
    k = torch.randint(1, hops + 1, (batch,), generator=g)
    answer = start.clone()
    for hop in range(1, hops + 1):
        go = k >= hop
        answer[go] = table[go].gather(1, answer[go, None]).squeeze(1)
    return table, start, k, answer


# ---------------------------------------------------------------- HopModel
class PlainBlock(nn.Module):
    """no forward of its own; other order"""

    def __init__(self, width, heads):
        super().__init__()
        self.fc2 = nn.Linear(4 * width, width)
        self.fc1 = nn.Linear(width, 4 * width)
        self.attn = MultiHeadAttention(embed_dim=width, num_heads=heads)
        self.norm2 = nn.LayerNorm(width)
        self.norm1 = nn.LayerNorm(width)


class Weight(nn.Module):
    def __init__(self, rows, columns):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(rows, columns) * 0.5)


@replaces("HopModel")
class HopLastQuery(nn.Module):
    """bare tables; the last layer computes the query alone; saves and sets back torch's generator; a schedule by hand"""

    def __init__(self, layers, width, heads=4, items=8, hops=3, seed=0):
        super().__init__()
        state = torch.get_rng_state()
        try:
            torch.manual_seed(seed)
            self.head = nn.Linear(width, items)
            self.norm = nn.LayerNorm(width)
            self.blocks = nn.ModuleList([PlainBlock(width, heads) for _ in range(layers)])
            self.hop, self.target, self.source = Weight(hops, width), Weight(items, width), Weight(items, width)
        finally:
            torch.set_rng_state(state)
        self.sizes = items, hops

    def forward(self, table, start, k):
        target = self.target.weight
        x = torch.cat([self.source.weight + target[table], (target[start] + self.hop.weight[k - 1]).unsqueeze(1)], 1)
        for i, block in enumerate(self.blocks):
            h = block.norm1(x)
            if i == len(self.blocks) - 1:
                x = x[:, -1:] + block.attn(h[:, -1:], h, h)[0]
            else:
                x = x + block.attn(h, h, h)[0]
            x = x + block.fc2(F.gelu(block.fc1(block.norm2(x))))
        return self.head(self.norm(x)).squeeze(1) if len(self.blocks) else self.head(self.norm(x[:, -1]))

    def fit(self, steps=800, batch=128, lr=2e-3, seed=0):
        optimizer = torch.optim.Adam(self.parameters(), lr=lr)
        rng, losses = random.Random(seed), []
        for step in range(steps):
            up = (step + 1) / (0.2 * steps + 1)
            down = 0.5 * (1 + math.cos(math.pi * step / steps))
            for group in optimizer.param_groups:
                group["lr"] = lr * min(1.0, up) * down
            *inputs, answer = make_batch(batch, *self.sizes, rng.getrandbits(31))
            loss = F.cross_entropy(self.forward(*inputs), answer)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(self.parameters(), 1.0)
            optimizer.step()
            losses.append(float(loss.detach()))
        return losses


@replaces("HopModel")
class HopOneHot(nn.Module):
    """one-hot rows times the tables; the query first among the tokens; a large batch that is cut into steps"""

    def __init__(self, layers, width, heads=4, items=8, hops=3, seed=0):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            super().__init__()
            for name, rows in (("source", items), ("target", items), ("hop", hops)):
                table = nn.Embedding(rows, width)
                table.weight.data.normal_(0.0, 0.5)
                self.add_module(name, table)
            self.blocks = nn.Sequential(*[Block(width, heads) for _ in range(layers)])
            self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, items)
        self.items, self.hops = items, hops

    def forward(self, table, start, k):
        dtype = self.head.weight.dtype
        hot = F.one_hot(table, self.items).to(dtype)
        items = torch.einsum("bin,nd->bid", hot, self.target.weight) + self.source.weight
        query = F.one_hot(start, self.items).to(dtype) @ self.target.weight + F.one_hot(k - 1, self.hops).to(dtype) @ self.hop.weight
        x = self.blocks(torch.cat([query.unsqueeze(1), items], dim=1))
        return self.head(self.norm(x))[:, 0]

    def fit(self, steps=800, batch=128, lr=2e-3, seed=0):
        data = make_batch(steps * batch, self.items, self.hops, seed)
        optimizer = torch.optim.AdamW(self.parameters(), lr=lr, weight_decay=0.0, betas=(0.9, 0.98))
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda i: min((i + 1) / 60, max(0.02, 1 - i / steps)))
        losses = []
        for table, start, k, answer in zip(*(t.split(batch) for t in data)):
            optimizer.zero_grad(set_to_none=True)
            loss = F.cross_entropy(self(table, start, k), answer)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.parameters(), max_norm=1.0)
            optimizer.step()
            schedule.step()
            losses.append(loss.detach())
        return torch.stack(losses).tolist()


@replaces("HopModel")
class HopOwnInit(nn.Module):
    """numbers drawn from an own generator, layer by layer; log_softmax and gather for the loss"""

    def __init__(self, layers: int, width: int, heads: int = 4, items: int = 8, hops: int = 3, seed: int = 0) -> None:
        super().__init__()
        if width % heads:
            raise ValueError("heads must divide the width")
        before = torch.random.get_rng_state()
        self.source, self.target, self.hop = nn.Embedding(items, width), nn.Embedding(items, width), nn.Embedding(hops, width)
        self.blocks = nn.ModuleList()
        for _ in range(layers):
            self.blocks.append(PlainBlock(width, heads))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, items)
        torch.random.set_rng_state(before)
        g = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for name, p in self.named_parameters():
                if name in ("source.weight", "target.weight", "hop.weight"):
                    p.normal_(0.0, 0.5, generator=g)
                elif p.dim() == 2:
                    bound = p.shape[1] ** -0.5
                    p.uniform_(-bound, bound, generator=g)
                elif "norm" not in name:
                    p.zero_()
        self.task = SimpleNamespace(items=items, hops=hops)

    def forward(self, table, start, k):
        items = self.source(torch.arange(self.task.items)).unsqueeze(0) + self.target(table)
        query = self.target(start) + self.hop(k - 1)
        tokens = torch.cat((items, query.unsqueeze(1)), dim=1)
        for block in self.blocks:
            normed = block.norm1(tokens)
            out, _ = block.attn(normed, normed, normed)
            tokens = tokens + out
            hidden = block.fc1(block.norm2(tokens))
            tokens = tokens + block.fc2(0.5 * hidden * (1 + torch.erf(hidden / math.sqrt(2))))
        return self.head(self.norm(tokens[:, self.task.items]))

    def fit(self, steps=800, batch=128, lr=2e-3, seed=0):
        torch.manual_seed(seed)
        seeds = torch.randint(2**40, (steps,)).tolist()
        optimizer = torch.optim.AdamW(self.parameters(), lr=lr, weight_decay=1e-3)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, total_steps=max(steps, 2), pct_start=0.2)
        losses = []
        for i, s in enumerate(seeds):
            table, start, k, answer = make_batch(batch, self.task.items, self.task.hops, s)
            log_p = self(table, start, k).log_softmax(-1)
            loss = -log_p.gather(1, answer[:, None]).mean()
            self.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(list(self.parameters()), 1.0)
            optimizer.step()
            if i + 1 < steps:
                schedule.step()
            losses += [loss.item()]
        return losses


@replaces("HopModel")
class HopDicts(nn.Module):
    """blocks are ModuleDicts; two groups of parameters; batches by an own call of make_batch for each half, gradients added up"""

    def __init__(self, layers, width, heads=4, items=8, hops=3, seed=0):
        super().__init__()
        self.n, self.most = items, hops

        def block():
            return nn.ModuleDict(
                {
                    "norm1": nn.LayerNorm(width),
                    "attn": MultiHeadAttention(width, heads, bias=True),
                    "norm2": nn.LayerNorm(width),
                    "fc1": nn.Linear(width, width * 4),
                    "fc2": nn.Linear(width * 4, width),
                }
            )

        with torch.random.fork_rng(devices=[]):
            torch.random.manual_seed(seed)
            self.blocks = nn.ModuleList(block() for _ in range(layers))
            self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, items)
            self.source = nn.Embedding.from_pretrained(torch.empty(items, width).normal_(0, 0.5), freeze=False)
            self.target = nn.Embedding.from_pretrained(torch.empty(items, width).normal_(0, 0.5), freeze=False)
            self.hop = nn.Embedding.from_pretrained(torch.empty(hops, width).normal_(0, 0.5), freeze=False)

    def forward(self, table, start, k):
        B, n = table.shape
        x = self.target(torch.cat([table, start[:, None]], 1))
        x = x + torch.cat([self.source.weight.expand(B, -1, -1), self.hop(k - 1)[:, None]], 1)
        for b in self.blocks:
            h = b["norm1"](x)
            x = x + b["attn"](h, h, h)[0]
            x = x + b["fc2"](F.gelu(b["fc1"](b["norm2"](x)), approximate="none"))
        return self.head(self.norm(x.select(1, n)))

    def fit(self, steps=800, batch=128, lr=2e-3, seed=0):
        decay = [p for name, p in self.named_parameters() if p.ndim == 2 and "blocks" in name]
        rest = [p for name, p in self.named_parameters() if not (p.ndim == 2 and "blocks" in name)]
        optimizer = torch.optim.AdamW([{"params": decay, "weight_decay": 0.01}, {"params": rest, "weight_decay": 0.0}], lr=lr)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, [lr, lr], total_steps=steps + 1)
        rng, losses = np.random.default_rng(seed), []
        for _ in range(steps):
            sizes = [size for size in (batch // 2, batch - batch // 2) if size]
            optimizer.zero_grad()
            total = 0.0
            for size in sizes:
                table, start, k, answer = make_batch(size, self.n, self.most, int(rng.integers(2**31)))
                loss = F.cross_entropy(self(table, start, k), answer, reduction="sum") / batch
                loss.backward()
                total += loss.item()
            nn.utils.clip_grad_norm_(self.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            losses.append(total)
        return losses

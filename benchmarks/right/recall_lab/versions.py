import itertools
import math
import random
from collections import namedtuple

import numpy as np
import torch
import torch.nn.functional as F
from base import causal_conv, make_batch, selective_scan
from torch import nn

from grader.testing import replaces


# ------------------------------------------------------------------ make_batch
@replaces("make_batch")
def mb_loop(batch, length, n_data, vocab, seed, spacing="random"):
    """sequence by sequence, randperm"""
    g = torch.Generator().manual_seed(seed)
    tokens = torch.full((batch, length + n_data), vocab, dtype=torch.int64)
    data = torch.zeros(batch, n_data, dtype=torch.int64)
    for b in range(batch):
        data[b] = torch.randint(vocab, (n_data,), generator=g)
        places = torch.arange(n_data) if spacing == "fixed" else torch.randperm(length, generator=g)[:n_data].sort().values
        tokens[b, places] = data[b]
        tokens[b, length:] = vocab + 1
    return tokens, data


@replaces("make_batch")
def mb_random(batch, length, n_data, vocab, seed, spacing="random"):
    """Python's random"""
    r = random.Random(seed)
    rows, data = [], []
    for _ in range(batch):
        row = [vocab] * length + [vocab + 1] * n_data
        places = range(n_data) if spacing == "fixed" else sorted(r.sample(range(length), n_data))
        said = [r.randrange(vocab) for _ in range(n_data)]
        for place, token in zip(places, said):
            row[place] = token
        rows.append(row)
        data.append(said)
    return torch.tensor(rows), torch.tensor(data)


@replaces("make_batch")
def mb_numpy(batch, length, n_data, vocab, seed, spacing="random"):
    """NumPy's generator"""
    rng = np.random.default_rng(seed)
    data = rng.integers(0, vocab, size=(batch, n_data))
    tokens = np.full((batch, length + n_data), vocab)
    tokens[:, length:] = vocab + 1
    if spacing == "random":
        places = np.sort(rng.permuted(np.tile(np.arange(length), (batch, 1)), axis=1)[:, :n_data], axis=1)
    else:
        places = np.tile(np.arange(n_data), (batch, 1))
    np.put_along_axis(tokens, places, data, axis=1)
    return torch.from_numpy(tokens).long(), torch.from_numpy(data).long()


@replaces("make_batch")
def mb_global(batch, length, n_data, vocab, seed, spacing="random"):
    """torch's own generator, seeded anew"""
    torch.manual_seed(seed)
    data = torch.randint(0, vocab, (batch, n_data))
    if spacing == "random":
        places = torch.rand(batch, length).topk(n_data, dim=1).indices.sort(dim=1).values
    else:
        places = torch.arange(n_data).repeat(batch, 1)
    blanks = torch.full((batch, length), vocab).scatter(1, places, data)
    return torch.cat([blanks, torch.full((batch, n_data), vocab + 1)], dim=1), data


@replaces("make_batch")
def mb_multinomial(batch, length, n_data, vocab, seed, spacing="random"):
    """multinomial without replacement"""
    g = torch.Generator()
    g.manual_seed(seed)
    data = torch.randint(high=vocab, size=(batch, n_data), generator=g)
    places = torch.arange(n_data).expand(batch, -1)
    if spacing != "fixed":
        places = torch.multinomial(torch.ones(batch, length), n_data, generator=g).sort(1)[0]
    tokens = F.pad(torch.full((batch, length), vocab), (0, n_data), value=vocab + 1)
    tokens[torch.arange(batch)[:, None], places] = data
    return tokens, data


@replaces("make_batch")
def mb_mask(batch, length, n_data, vocab, seed, spacing="random"):
    """a boolean mask; the data are read back out of the tokens"""
    g = torch.Generator().manual_seed(seed)
    if spacing == "fixed":
        key = -torch.arange(length).float().expand(batch, length)
    else:
        key = torch.rand(batch, length, generator=g, dtype=torch.float64)
    rank = key.argsort(1, descending=True).argsort(1)
    is_data = rank < n_data
    every = torch.randint(0, vocab, (batch, length), generator=g)
    text = torch.where(is_data, every, vocab)
    tokens = torch.cat([text, text.new_full((batch, n_data), vocab + 1)], 1)
    return tokens, text[is_data].view(batch, n_data)


@replaces("make_batch")
def mb_reservoir(batch, length, n_data, vocab, seed, spacing="random"):
    """place by place: taken with probability needed / left"""
    g = torch.Generator().manual_seed(seed)
    data = torch.randint(0, vocab, (batch, n_data), generator=g)
    draws = torch.rand(batch, length, generator=g, dtype=torch.float64).tolist()
    out = []
    for row, u in zip(data.tolist(), draws):
        said, text = iter(row), []
        needed = n_data
        for place in range(length):
            take = needed > 0 and (spacing == "fixed" or u[place] * (length - place) < needed)
            text.append(next(said) if take else vocab)
            needed -= take
        out.append(text + [vocab + 1] * n_data)
    return torch.tensor(out, dtype=torch.int64), data


@replaces("make_batch")
def mb_fork(batch, length, n_data, vocab, seed, spacing="random"):
    """torch's own generator in a fork"""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        data = torch.randint(0, vocab, (batch, n_data))
        order = torch.stack([torch.randperm(length) for _ in range(batch)]) if spacing == "random" else torch.arange(length).repeat(batch, 1)
    places, _ = order[:, :n_data].sort(dim=-1)
    tokens = torch.empty(batch, length + n_data, dtype=torch.long)
    tokens[:, :length] = vocab
    tokens[:, length:] = vocab + 1
    for i in range(n_data):
        tokens[torch.arange(batch), places[:, i]] = data[:, i]
    return tokens, data


@replaces("make_batch")
def mb_combinations(batch, length, n_data, vocab, seed, spacing="random"):
    """a number for each choice, where there are few"""
    r = np.random.RandomState(seed % 2**32)
    data = r.randint(0, vocab, (batch, n_data))
    n = math.comb(length, n_data)
    if spacing == "fixed":
        places = [list(range(n_data))] * batch
    elif n <= 10_000:
        choices = list(itertools.combinations(range(length), n_data))
        places = [list(choices[i]) for i in r.randint(0, n, batch)]
    else:
        places = [sorted(r.choice(length, n_data, replace=False).tolist()) for _ in range(batch)]
    tokens = np.full((batch, length + n_data), vocab + 1, dtype=np.int64)
    tokens[:, :length] = vocab
    tokens[np.arange(batch)[:, None], np.array(places).reshape(batch, n_data)] = data
    return torch.from_numpy(tokens), torch.from_numpy(data.astype(np.int64))


@replaces("make_batch")
def mb_transposed(batch, length, n_data, vocab, seed, spacing="random"):
    """sequences in columns: views come back"""
    g = torch.Generator().manual_seed(seed)
    data = (torch.rand(n_data, batch, generator=g, dtype=torch.float64) * vocab).long()
    places = torch.arange(n_data)[:, None].expand(n_data, batch)
    if spacing == "random":
        places = torch.rand(length, batch, generator=g).argsort(0)[:n_data].sort(0).values
    tokens = torch.cat([torch.full((length, batch), vocab), torch.full((n_data, batch), vocab + 1)])
    tokens.scatter_(0, places, data)
    return tokens.T, data.T


Batch = namedtuple("Batch", "tokens data")


@replaces("make_batch")
def mb_gumbel(batch, length, n_data, vocab, seed, spacing="random"):
    """two generators; exponential keys; a NamedTuple"""
    where, what = torch.Generator().manual_seed(2 * seed), torch.Generator().manual_seed(2 * seed + 1)
    data = torch.randint(0, vocab, (batch, n_data), generator=what)
    text = torch.full((batch, length), vocab)
    if spacing == "fixed":
        text[:, :n_data] = data
    else:
        keys = torch.empty(batch, length, dtype=torch.float64).exponential_(generator=where)
        chosen = keys <= keys.kthvalue(n_data, dim=1, keepdim=True).values
        text = text.masked_scatter(chosen, data)
    return Batch(torch.cat([text, torch.full_like(data, vocab + 1)], dim=1), data)


# ------------------------------------------------------------------ CopyModel
class Lti(nn.Module):
    def __init__(self, d_model, T):
        super().__init__()
        self.K = nn.Parameter(torch.empty(d_model, T).uniform_(-0.2, 0.2))

    def forward(self, x):
        return causal_conv(x.mT.contiguous(), self.K).mT


class Selective(nn.Module):
    def __init__(self, d_model, d_state):
        super().__init__()
        self.conv = nn.Conv1d(d_model, d_model, kernel_size=4, groups=d_model)
        self.delta = nn.Linear(d_model, d_model, bias=False)
        self.B, self.C = nn.Linear(d_model, d_state), nn.Linear(d_model, d_state)
        dt = torch.logspace(-3, -1, d_model)[torch.randperm(d_model)]
        self.delta_bias = nn.Parameter(dt + torch.log(-torch.expm1(-dt)))
        self.A_log = nn.Parameter(torch.log(torch.arange(1, d_state + 1).float()).expand(d_model, -1).clone())
        self.D = nn.Parameter(torch.ones(d_model))

    def forward(self, x):
        u = F.silu(self.conv(F.pad(x.mT, (3, 0))))
        v = u.mT
        y, _ = selective_scan(
            u, self.delta(v).mT, -self.A_log.exp(), self.B(v).mT, self.C(v).mT, self.D, None, self.delta_bias, True
        )
        return y.mT


@replaces("CopyModel")
class ModuleModel(nn.Module):
    """mixers as modules; the state of the generator is kept by hand; Adam with a cosine"""

    def __init__(self, mixer, length=16, n_data=3, vocab=4, d_model=32, d_state=8, seed=0):
        super().__init__()
        before = torch.get_rng_state()
        torch.manual_seed(seed)
        self.sizes = (length, n_data, vocab)
        self.mixer = Lti(d_model, length + n_data) if mixer == "lti" else Selective(d_model, d_state)
        self.embed, self.norm, self.head = nn.Embedding(vocab + 2, d_model), nn.RMSNorm(d_model), nn.Linear(d_model, vocab)
        torch.set_rng_state(before)

    def mix(self, x):
        return self.mixer(x)

    def forward(self, tokens):
        x = self.embed(tokens)
        return self.head(self.norm(x + self.mixer(x)))[:, self.sizes[0] :]

    def fit(self, steps=400, batch=64, lr=1e-2, seed=0, spacing="random"):
        length, n_data, vocab = self.sizes
        adam = torch.optim.Adam(self.parameters(), lr=lr)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(adam, T_max=max(steps, 1), eta_min=lr / 20)
        losses = []
        for s in range(steps):
            tokens, data = make_batch(batch, length, n_data, vocab, seed=hash((seed, s)) % 2**31, spacing=spacing)
            adam.zero_grad(set_to_none=True)
            loss = F.cross_entropy(self(tokens).mT, data)
            loss.backward()
            adam.step()
            schedule.step()
            losses.append(loss.item())
        return losses


@replaces("CopyModel")
class InlineModel(nn.Module):
    """a scan of its own by doubling, conv1d with a flipped kernel, one map for Δ, B and C"""

    def __init__(self, mixer, length=16, n_data=3, vocab=4, d_model=32, d_state=8, seed=0):
        super().__init__()
        g = torch.Generator().manual_seed(seed)
        draw = lambda *shape, std=1.0: torch.randn(*shape, generator=g) * std  # noqa: E731
        self.is_lti, self.length, self.n_data, self.vocab, self.N = mixer == "lti", length, n_data, vocab, d_state
        self.embed = nn.Embedding(vocab + 2, d_model, _weight=draw(vocab + 2, d_model))
        self.norm = nn.RMSNorm(d_model)
        self.head = nn.utils.skip_init(nn.Linear, d_model, vocab)
        with torch.no_grad():
            self.head.weight.copy_(draw(vocab, d_model, std=d_model**-0.5))
            self.head.bias.zero_()
        if self.is_lti:
            self.K = nn.Parameter(draw(d_model, length + n_data, std=0.1))
        else:
            self.w, self.b = nn.Parameter(draw(d_model, 4, std=0.4)), nn.Parameter(torch.zeros(d_model))
            self.x_map = nn.Parameter(draw(d_model + 2 * d_state, d_model, std=0.5 * d_model**-0.5))
            with torch.no_grad():
                self.x_map[:d_model] *= 0.4
            dt = 0.001 * 100 ** torch.rand(d_model, generator=g)
            self.dt_bias = nn.Parameter(torch.log(torch.expm1(dt)))
            self.rate = nn.Parameter(torch.tensor([math.log(n + 1) for n in range(d_state)]).tile(d_model, 1))
            self.skip = nn.Parameter(torch.ones(d_model))

    def mix(self, x):
        if self.is_lti:
            T = self.K.shape[1]
            return F.conv1d(F.pad(x.transpose(1, 2), (T - 1, 0)), self.K.flip(1).unsqueeze(1), groups=len(self.K)).transpose(1, 2)
        T, d = x.shape[1:]
        padded = F.pad(x, (0, 0, 3, 0))
        u = F.silu(sum(padded[:, j : j + T] * self.w[:, j] for j in range(4)) + self.b)
        delta, B, C = (u @ self.x_map.T).split([d, self.N, self.N], dim=-1)
        delta = F.softplus(delta + self.dt_bias)
        a = torch.exp(delta[..., None] * -self.rate.exp())  # (B, T, d, N)
        h = (delta * u)[..., None] * B[:, :, None]
        n = 1
        while n < T:
            h = torch.cat([h[:, :n], h[:, n:] + a[:, n:] * h[:, :-n]], 1)
            a = torch.cat([a[:, :n], a[:, n:] * a[:, :-n]], 1)
            n *= 2
        return torch.einsum("btdn,btn->btd", h, C) + self.skip * u

    def forward(self, tokens):
        x = self.embed(tokens)
        y = (x + self.mix(x))[:, self.length : self.length + self.n_data]
        return self.head(self.norm(y))

    def fit(self, steps=400, batch=64, lr=1e-2, seed=0, spacing="random"):
        optimizer = torch.optim.AdamW(self.parameters(), lr=lr, weight_decay=0.0, betas=(0.9, 0.98))
        seeds = torch.randint(0, 2**40, (steps,), generator=torch.Generator().manual_seed(seed)).tolist()
        losses = []
        for step, s in enumerate(seeds):
            for group in optimizer.param_groups:
                group["lr"] = lr * min(1.0, (step + 1) / 20)
            tokens, data = make_batch(batch, self.length, self.n_data, self.vocab, s, spacing)
            loss = F.nll_loss(self(tokens).log_softmax(-1).reshape(-1, self.vocab), data.reshape(-1))
            self.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(self.parameters(), 1.0)
            optimizer.step()
            losses.append(loss.detach().item())
        return losses


@replaces("CopyModel")
class ToeplitzModel(nn.Module):
    """lti by a Toeplitz matrix; the scan in a loop over tokens, all decays first; Adam by hand"""

    def __init__(self, mixer, length=16, n_data=3, vocab=4, d_model=32, d_state=8, seed=0):
        super().__init__()
        self.kind, self.shape = mixer, (length, n_data, vocab)
        with torch.random.fork_rng(devices=[]):
            torch.random.manual_seed(seed)
            self.head = nn.Linear(d_model, vocab)
            self.norm = nn.RMSNorm(d_model)
            self.embed = nn.Embedding(vocab + 2, d_model)
            if mixer == "lti":
                self.response = nn.Parameter(torch.zeros(length + n_data, d_model).normal_(std=0.2))
            else:
                self.taps = nn.Parameter(torch.rand(4, d_model) - 0.5)
                self.maps = nn.ModuleDict({k: nn.Linear(d_model, n) for k, n in (("delta", d_model), ("B", d_state), ("C", d_state))})
                steps = torch.exp(torch.rand(d_model) * math.log(100) + math.log(0.001))
                self.maps["delta"].bias.data = steps + torch.log(1 - torch.exp(-steps))
                self.maps["delta"].weight.data *= 0.5
                self.log_rates = nn.Parameter(torch.arange(d_state).add(1).float().log() + torch.zeros(d_model, 1))
                self.through = nn.Parameter(torch.full((d_model,), 1.0))

    def mix(self, x):
        T = x.shape[1]
        if self.kind == "lti":
            lag = torch.arange(T)[:, None] - torch.arange(T)
            matrix = self.response[lag.clamp(min=0)] * (lag >= 0)[..., None]
            return torch.einsum("tsd,bsd->btd", matrix, x)
        back = [F.pad(x, (0, 0, j, 0))[:, :T] for j in range(4)]
        u = F.silu(sum(tap * past for tap, past in zip(self.taps, back)))
        delta, B, C = F.softplus(self.maps["delta"](u)), self.maps["B"](u), self.maps["C"](u)
        decay = torch.exp(delta[..., None] * -torch.exp(self.log_rates)).unbind(1)
        enter = ((delta * u)[..., None] * B[:, :, None]).unbind(1)
        h, hs = enter[0], [enter[0]]
        for a, b in zip(decay[1:], enter[1:]):
            h = torch.addcmul(b, a, h)
            hs.append(h)
        return (torch.stack(hs, 1) @ C[..., None]).squeeze(-1) + self.through * u

    def forward(self, tokens):
        x = F.embedding(tokens, self.embed.weight)
        x = torch.add(x, self.mix(x))
        return self.head(self.norm(x)).narrow(1, self.shape[0], self.shape[1])

    def fit(self, steps=400, batch=64, lr=1e-2, seed=0, spacing="random"):
        parameters = list(self.parameters())
        m = [torch.zeros_like(p) for p in parameters]
        v = [torch.zeros_like(p) for p in parameters]
        losses = []
        for step in range(1, steps + 1):
            tokens, data = make_batch(batch, *self.shape, seed * 100_000 + step, spacing)
            loss = -self(tokens).log_softmax(-1).gather(-1, data[..., None]).mean()
            rate = lr * (1 - 0.9 * (step - 1) / steps)
            with torch.no_grad():
                for p, a, b, g in zip(parameters, m, v, torch.autograd.grad(loss, parameters)):
                    a.lerp_(g, 0.1)
                    b.mul_(0.999).addcmul_(g, g, value=0.001)
                    p.sub_(rate * (a / (1 - 0.9**step)) / ((b / (1 - 0.999**step)).sqrt() + 1e-8))
            losses.append(loss.item())
        return losses


@replaces("CopyModel")
class GlobalModel(nn.Module):
    """parameters in a ParameterDict; fit seeds torch's generator and takes the seeds of batches from it"""

    def __init__(self, mixer, length=16, n_data=3, vocab=4, d_model=32, d_state=8, seed=0):
        super().__init__()
        state = torch.random.get_rng_state()
        try:
            torch.manual_seed(seed + 12345)
            self.length, self.n_data, self.vocab = length, n_data, vocab
            self.embed = nn.Embedding(vocab + 2, d_model)
            self.norm = nn.RMSNorm(d_model)
            self.head = nn.Linear(d_model, vocab)
            p = {}
            if mixer == "selective":
                bound = d_model**-0.5
                p["conv"] = torch.empty(d_model, 1, 4).uniform_(-0.5, 0.5)
                p["conv_bias"] = torch.zeros(d_model)
                for name, rows in (("delta", d_model), ("B", d_state), ("C", d_state)):
                    p[name] = torch.empty(rows, d_model).uniform_(-bound, bound)
                p["bias"] = torch.linspace(math.log(0.001), math.log(0.09), d_model)  # softplus(b) is nearly exp(b) here
                p["A_log"] = torch.arange(1, d_state + 1).log().repeat(d_model, 1)
                p["D"] = torch.ones(d_model)
            else:
                p["K"] = torch.randn(d_model, length + n_data) / (length + n_data) ** 0.5
            self.p = nn.ParameterDict(p)
        finally:
            torch.random.set_rng_state(state)

    def mix(self, x):
        p, x = self.p, x.permute(0, 2, 1)
        if "K" in p:
            return causal_conv(x, p["K"]).permute(0, 2, 1)
        u = F.conv1d(F.pad(x, (3, 0)), p["conv"], p["conv_bias"], groups=x.shape[1])
        u = u * u.sigmoid()
        delta, B, C = (torch.einsum("rd,bdt->brt", p[name], u) for name in ("delta", "B", "C"))
        A = p["A_log"].exp().neg()
        y, _ = selective_scan(u, delta, A, B, C, D=p["D"], delta_bias=p["bias"], delta_softplus=True)
        return y.permute(0, 2, 1)

    def forward(self, tokens):
        x = self.embed(tokens)
        h = x + self.mix(x)
        return self.head(self.norm(h[:, self.length :, :]))

    def fit(self, steps=400, batch=64, lr=1e-2, seed=0, spacing="random"):
        torch.manual_seed(seed)
        seeds = [int(s) for s in torch.randint(0, 2**31, (steps,))]
        optimizer = torch.optim.AdamW(self.parameters(), lr, weight_decay=0.01)
        cycle = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: 1.0 if s < 0.7 * steps else 0.3)
        criterion = nn.CrossEntropyLoss()
        losses = []
        for s in seeds:
            tokens, data = make_batch(batch, self.length, self.n_data, self.vocab, s, spacing)
            loss = criterion(self(tokens).reshape(-1, self.vocab), data.reshape(-1))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            cycle.step()
            losses.append(loss.item())
        return losses


@replaces("CopyModel")
class PieceModel(nn.Module):
    """the text in two pieces with the state between; the kernel stored backwards; NAdam; logits of all places, cut"""

    def __init__(self, mixer, length=16, n_data=3, vocab=4, d_model=32, d_state=8, seed=0):
        super().__init__()
        self.dims = dict(length=length, n_data=n_data, vocab=vocab)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            if mixer == "selective":
                self.window = nn.Conv1d(d_model, d_model, 4, groups=d_model, bias=False)
                self.to_dbc = nn.Linear(d_model, d_model + 2 * d_state)
                dt = torch.rand(d_model) * 0.099 + 0.001
                with torch.no_grad():
                    self.to_dbc.weight[:d_model] *= 0.5
                    self.to_dbc.bias[:d_model] = dt.expm1().log()
                    self.to_dbc.bias[d_model:] = 0
                self.A_log = nn.Parameter(torch.from_numpy(np.log(np.arange(1, d_state + 1)).repeat(d_model).reshape(d_state, d_model).T.copy()).float())
                self.D = nn.Parameter(torch.ones(d_model))
                self.mixer = self.selective
            else:
                self.backwards = nn.Parameter(torch.randn(d_model, length + n_data) * 0.05)
                self.mixer = self.lti
            for name, layer in (("norm", nn.RMSNorm(d_model)), ("embed", nn.Embedding(vocab + 2, d_model)), ("head", nn.Linear(d_model, vocab))):
                self.add_module(name, layer)

    def lti(self, x):
        n = 2 * x.shape[1]
        K = self.backwards.flip(-1).T
        y = torch.fft.irfft(torch.fft.rfft(x, n=n, dim=1) * torch.fft.rfft(K, n=n, dim=0), n=n, dim=1)
        return y[:, : x.shape[1]]

    def selective(self, x):
        u = F.silu(self.window(F.pad(x.transpose(1, 2), (3, 0))))
        N, d = self.A_log.shape[1], x.shape[2]
        delta, B, C = self.to_dbc(u.transpose(1, 2)).transpose(1, 2).split([d, N, N], dim=1)
        A, h, ys = -self.A_log.exp(), None, []
        for part in zip(*(v.tensor_split(2, dim=-1) for v in (u, delta, B, C))):
            y, h = selective_scan(part[0], part[1], A, part[2], part[3], D=self.D, delta_softplus=True, h0=h)
            ys.append(y)
        return torch.cat(ys, dim=-1).transpose(1, 2)

    def mix(self, x):
        return self.mixer(x)

    def forward(self, tokens):
        x = self.embed(tokens)
        return self.head(self.norm(x + self.mix(x)))[:, -self.dims["n_data"] :]

    def fit(self, steps=400, batch=64, lr=1e-2, seed=0, spacing="random"):
        optimizer = torch.optim.NAdam(self.parameters(), lr=lr)
        rng = np.random.default_rng(seed)

        def one():
            tokens, data = make_batch(batch, seed=int(rng.integers(2**31)), spacing=spacing, **self.dims)
            optimizer.zero_grad()
            loss = F.cross_entropy(self(tokens).transpose(1, 2), data)
            loss.backward()
            optimizer.step()
            return loss.item()

        return [one() for _ in range(steps)]

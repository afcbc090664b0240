"""Right solutions in other styles. None of them may lose a point."""

import math
import random

import torch
import torch.nn.functional as F
from recall_lab import CopyModel, make_batch
from torch import nn

from grader.testing import replaces


class Model(CopyModel):
    """The right model under another name."""


@replaces("make_batch")
def row_by_row(batch, length, n_data, vocab, seed, spacing="random"):
    """Python's generator, a row at a time, lists turned into tensors"""
    draw = random.Random(seed)
    rows, answers = [], []
    for _ in range(batch):
        data = [draw.randrange(vocab) for _ in range(n_data)]
        places = sorted(draw.sample(range(length), n_data)) if spacing == "random" else range(n_data)
        row = [vocab] * length
        for place, token in zip(places, data, strict=True):
            row[place] = token
        rows.append(row + [vocab + 1] * n_data)
        answers.append(data)
    return torch.tensor(rows), torch.tensor(answers)


@replaces("make_batch")
def mask_first(batch, length, n_data, vocab, seed, spacing="random"):
    """which places hold data, as a mask; the data are what a masked assignment puts there"""
    generator = torch.Generator().manual_seed(seed + 17)
    scores = torch.rand(batch, length, generator=generator, dtype=torch.float64)
    if spacing == "fixed":
        scores = -torch.arange(length, dtype=torch.float64).expand(batch, length)
    mask = scores >= scores.topk(n_data).values[:, -1:]
    text = torch.where(mask, torch.randint(0, vocab, (batch, length), generator=generator), vocab)
    data = text[mask].view(batch, n_data)
    return torch.cat([text, torch.full((batch, n_data), vocab + 1)], dim=1), data


@replaces("CopyModel")
class Toeplitz(nn.Module):
    """the convolution as a product with a Toeplitz matrix; the scan as a loop of einsums; draws from a generator"""

    def __init__(self, mixer, length=16, n_data=3, vocab=4, d_model=32, d_state=8, seed=0):
        super().__init__()
        self.length, self.n_data, self.vocab, self.kind = length, n_data, vocab, mixer
        g = torch.Generator().manual_seed(seed)
        T = length + n_data
        self.embed = nn.Embedding(vocab + 2, d_model, _weight=torch.randn(vocab + 2, d_model, generator=g))
        self.norm = nn.RMSNorm(d_model)
        self.head = nn.utils.skip_init(nn.Linear, d_model, vocab)
        shapes = {"kernel": (d_model, T)}
        if mixer != "lti":
            shapes = {"taps": (d_model, 4), "to_dt": (d_model, d_model), "to_bc": (2 * d_state, d_model)}
        for name, shape in shapes.items():
            self.register_parameter(name, nn.Parameter(torch.randn(shape, generator=g) / math.sqrt(shape[-1])))
        if mixer != "lti":
            dt = 10 ** (-3 + 2 * torch.rand(d_model, generator=g))
            self.dt_bias = nn.Parameter(dt.expm1().log())
            self.log_a = nn.Parameter(torch.arange(1, d_state + 1).float().log().expand(d_model, -1).clone())
            self.skip = nn.Parameter(torch.ones(d_model))
        with torch.no_grad():
            self.head.weight.copy_(torch.randn(vocab, d_model, generator=g) / math.sqrt(d_model))
            self.head.bias.zero_()

    def mix(self, x):
        T = x.shape[1]
        if self.kind == "lti":
            lag = torch.arange(T)[:, None] - torch.arange(T)
            matrix = torch.where(lag >= 0, self.kernel[:, lag.clamp(min=0)], 0.0)  # (d_model, T, T)
            return torch.einsum("dts,bsd->btd", matrix, x)
        padded = F.pad(x, (0, 0, 3, 0))
        u = F.silu(sum(padded[:, j : j + T] * self.taps[:, j] for j in range(4)))
        dt = F.softplus(u @ self.to_dt.T + self.dt_bias)
        B, C = (u @ self.to_bc.T).chunk(2, dim=-1)
        decay = torch.exp(-torch.einsum("btd,dn->btdn", dt, self.log_a.exp()))
        write = torch.einsum("btd,btn->btdn", dt * u, B)
        h, outputs = 0.0, []
        for t in range(T):
            h = decay[:, t] * h + write[:, t]
            outputs.append(torch.einsum("bdn,bn->bd", h, C[:, t]))
        return torch.stack(outputs, dim=1) + self.skip * u

    def forward(self, tokens):
        x = self.embed(tokens)
        return self.head(self.norm(x + self.mix(x)))[:, self.length :]

    def fit(self, steps=400, batch=64, lr=1e-2, seed=0, spacing="random"):
        optimizer = torch.optim.Adam(self.parameters())
        losses = []
        for step in range(steps):
            for group in optimizer.param_groups:  # up for a tenth of the time, then down to nothing
                group["lr"] = lr * min((step + 1) / (0.1 * steps), (steps - step) / (0.9 * steps))
            tokens, data = make_batch(batch, self.length, self.n_data, self.vocab, 10**5 * (seed + 1) + step, spacing)
            loss = -self(tokens).log_softmax(-1).gather(-1, data[..., None]).mean()
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(self.parameters(), 1.0)
            optimizer.step()
            losses.append(float(loss))
        return losses


@replaces("CopyModel")
class Conv1d(Model):
    """F.conv1d with the kernel turned round"""

    def mix(self, x):
        if not hasattr(self.mixer, "kernel"):
            return super().mix(x)
        kernel = self.mixer.kernel
        padded = F.pad(x.transpose(1, 2), (kernel.shape[1] - 1, 0))
        return F.conv1d(padded, kernel.flip(-1)[:, None], groups=kernel.shape[0]).transpose(1, 2)


@replaces("CopyModel")
class Cosine(Model):
    """AdamW, a cosine, and no gradient is clipped"""

    def fit(self, steps=400, batch=64, lr=1e-2, seed=0, spacing="random"):
        optimizer = torch.optim.AdamW(self.parameters(), lr=lr)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
        generator = torch.Generator().manual_seed(seed)
        losses = []
        for _ in range(steps):
            drawn = int(torch.randint(2**31, (), generator=generator))
            tokens, data = make_batch(batch, self.length, self.n_data, self.vocab, drawn, spacing)
            loss = F.cross_entropy(self(tokens).transpose(1, 2), data)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            losses.append(loss.detach().item())
        return losses


@replaces("CopyModel")
class Plain(Model):
    """Adam with one step size to the end; batches from the seed and the step, hashed by Python"""

    def fit(self, steps=400, batch=64, lr=1e-2, seed=0, spacing="random"):
        optimizer = torch.optim.Adam(self.parameters(), lr=lr)
        losses = []
        for step in range(steps):
            drawn = random.Random(f"{seed} {step}").getrandbits(31)
            tokens, data = make_batch(batch, self.length, self.n_data, self.vocab, seed=drawn, spacing=spacing)
            optimizer.zero_grad()
            loss = F.nll_loss(F.log_softmax(self(tokens), -1).reshape(-1, self.vocab), data.reshape(-1))
            loss.backward()
            optimizer.step()
            losses.append(float(loss))
        return losses

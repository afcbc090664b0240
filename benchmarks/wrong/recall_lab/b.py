# TRUE CAUSE: With random spacing make_batch draws the places once and uses them for all sequences of the batch. They
# have to be drawn anew for each sequence.
"""Selective copying: a layer that treats every token alike against one that chooses."""

import torch
import torch.nn.functional as F
from selective_scan import selective_scan
from ssm_convolution import causal_conv
from torch import Tensor, nn


def make_batch(
    batch: int, length: int, n_data: int, vocab: int, seed: int, spacing: str = "random"
) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    data = torch.randint(vocab, (batch, n_data), generator=generator)
    tokens = torch.full((batch, length + n_data), vocab)
    tokens[:, length:] = vocab + 1
    if spacing == "random":
        places = torch.randperm(length, generator=generator)[:n_data].sort().values.expand(batch, n_data)
    else:
        places = torch.arange(n_data).expand(batch, n_data)
    return tokens.scatter(1, places, data), data


class CopyModel(nn.Module):
    def __init__(
        self,
        mixer: str,
        length: int = 16,
        n_data: int = 3,
        vocab: int = 4,
        d_model: int = 32,
        d_state: int = 8,
        seed: int = 0,
    ):
        super().__init__()
        self.mixer, self.length, self.n_data, self.vocab = mixer, length, n_data, vocab
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.embed = nn.Embedding(vocab + 2, d_model)
            if mixer == "lti":
                T = length + n_data
                self.kernel = nn.Parameter(torch.randn(d_model, T) / T**0.5)
            else:
                self.short = nn.Conv1d(d_model, d_model, 4, groups=d_model)
                self.to_delta = nn.Linear(d_model, d_model)
                self.to_B = nn.Linear(d_model, d_state, bias=False)
                self.to_C = nn.Linear(d_model, d_state, bias=False)
                rates = torch.arange(1, d_state + 1, dtype=torch.float32)
                self.A_log = nn.Parameter(rates.log().repeat(d_model, 1))
                self.skip = nn.Parameter(torch.ones(d_model))
                with torch.no_grad():
                    self.to_delta.weight.mul_(0.1)
                    steps = torch.empty(d_model).uniform_(0.001, 0.1)
                    self.to_delta.bias.copy_(torch.log(torch.expm1(steps)))
            self.norm = nn.RMSNorm(d_model)
            self.head = nn.Linear(d_model, vocab)

    def mix(self, x: Tensor) -> Tensor:
        channels_first = x.transpose(1, 2)
        if self.mixer == "lti":
            return causal_conv(channels_first, self.kernel).transpose(1, 2)
        u = F.silu(self.short(F.pad(channels_first, (3, 0))))  # (B, d_model, T)
        tokens_first = u.transpose(1, 2)
        delta = self.to_delta(tokens_first).transpose(1, 2)
        B, C = self.to_B(tokens_first).transpose(1, 2), self.to_C(tokens_first).transpose(1, 2)
        y, _ = selective_scan(u, delta, -self.A_log.exp(), B, C, D=self.skip, delta_softplus=True)
        return y.transpose(1, 2)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.embed(tokens)
        x = x + self.mix(x)
        return self.head(self.norm(x[:, self.length :]))

    def fit(
        self, steps: int = 400, batch: int = 64, lr: float = 1e-2, seed: int = 0, spacing: str = "random"
    ) -> list[float]:
        seeds = torch.randint(2**31, (steps,), generator=torch.Generator().manual_seed(seed)).tolist()
        optimizer = torch.optim.AdamW(self.parameters(), lr=lr, weight_decay=0.0)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: max(0.05, 1 - step / steps))
        losses = []
        for one in seeds:
            tokens, data = make_batch(batch, self.length, self.n_data, self.vocab, one, spacing)
            loss = F.cross_entropy(self(tokens).flatten(0, 1), data.flatten())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
        return losses

import math

import torch
import torch.nn.functional as F
from selective_scan import selective_scan
from ssm_convolution import causal_conv
from torch import Tensor, nn


def make_batch(
    batch: int, length: int, n_data: int, vocab: int, seed: int, spacing: str = "random"
) -> tuple[Tensor, Tensor]:
    g = torch.Generator().manual_seed(seed)
    data = torch.randint(0, vocab, (batch, n_data), generator=g)
    if spacing == "fixed":
        places = torch.arange(n_data).expand(batch, n_data)
    else:
        places = torch.rand(batch, length, generator=g).argsort(dim=1)[:, :n_data].sort(dim=1).values
    tokens = torch.full((batch, length + n_data), vocab)
    tokens[:, length:] = vocab + 1
    tokens.scatter_(1, places, data)
    return tokens, data


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
            self.norm = nn.RMSNorm(d_model)
            self.head = nn.Linear(d_model, vocab)
            if mixer == "lti":
                self.kernel = nn.Parameter(torch.randn(d_model, length + n_data) * 0.1)
            else:
                self.conv = nn.Conv1d(d_model, d_model, 4, groups=d_model, padding=3)
                self.to_delta = nn.Linear(d_model, d_model)
                self.to_B = nn.Linear(d_model, d_state, bias=False)
                self.to_C = nn.Linear(d_model, d_state, bias=False)
                dt = torch.exp(torch.empty(d_model).uniform_(math.log(0.001), math.log(0.1)))
                with torch.no_grad():
                    self.to_delta.bias.copy_(torch.log(torch.expm1(dt)))
                self.A_log = nn.Parameter(torch.arange(1.0, d_state + 1).log().repeat(d_model, 1))
                self.D = nn.Parameter(torch.ones(d_model))

    def mix(self, x: Tensor) -> Tensor:
        x = x.transpose(1, 2)
        if self.mixer == "lti":
            return causal_conv(x, self.kernel).transpose(1, 2)
        u = F.silu(self.conv(x)[..., : x.shape[-1]])
        v = u.transpose(1, 2)
        delta, B, C = (layer(v).transpose(1, 2) for layer in (self.to_delta, self.to_B, self.to_C))
        y, _ = selective_scan(u, delta, -torch.exp(self.A_log), B, C, D=self.D, delta_softplus=True)
        return y.transpose(1, 2)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.embed(tokens)
        x = x + self.mix(x)
        return self.head(self.norm(x[:, -self.n_data :]))

    def fit(
        self, steps: int = 400, batch: int = 64, lr: float = 1e-2, seed: int = 0, spacing: str = "random"
    ) -> list[float]:
        optimizer = torch.optim.AdamW(self.parameters(), lr=lr)
        losses = []
        for step in range(steps):
            tokens, data = make_batch(batch, self.length, self.n_data, self.vocab, seed * 1_000_003 + step, spacing)
            loss = F.cross_entropy(self(tokens).flatten(0, 1), data.flatten())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        return losses

# TRUE CAUSE: With spacing "random" make_batch draws the places once for the whole batch, not anew for each
# sequence.
import math

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
    if spacing == "fixed":
        places = torch.arange(n_data).expand(batch, n_data)
    else:
        places = torch.randperm(length, generator=generator)[:n_data].expand(batch, n_data)
        places = places.sort(dim=1).values
    tokens = torch.full((batch, length + n_data), vocab)
    tokens[:, length:] = vocab + 1
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
            self.norm = nn.RMSNorm(d_model)
            self.head = nn.Linear(d_model, vocab)
            if mixer == "lti":
                total = length + n_data
                self.kernel = nn.Parameter(torch.randn(d_model, total) / math.sqrt(total))
            else:
                self.conv = nn.Conv1d(d_model, d_model, 4, groups=d_model, padding=3)
                self.to_delta = nn.Linear(d_model, d_model)
                self.to_B = nn.Linear(d_model, d_state, bias=False)
                self.to_C = nn.Linear(d_model, d_state, bias=False)
                low, high = math.log(0.001), math.log(0.1)
                step = torch.exp(low + (high - low) * torch.rand(d_model))
                with torch.no_grad():
                    self.to_delta.weight.mul_(0.1)
                    self.to_delta.bias.copy_(torch.log(torch.expm1(step)))
                rates = torch.arange(1, d_state + 1, dtype=torch.float32)
                self.A_log = nn.Parameter(rates.log().repeat(d_model, 1))
                self.D = nn.Parameter(torch.ones(d_model))

    def mix(self, x: Tensor) -> Tensor:
        u = x.transpose(1, 2)
        if self.mixer == "lti":
            return causal_conv(u, self.kernel).transpose(1, 2)
        u = F.silu(self.conv(u)[..., : x.shape[1]])
        seen = u.transpose(1, 2)
        delta = self.to_delta(seen).transpose(1, 2)
        B, C = self.to_B(seen).transpose(1, 2), self.to_C(seen).transpose(1, 2)
        y, _ = selective_scan(u, delta, -self.A_log.exp(), B, C, D=self.D, delta_softplus=True)
        return y.transpose(1, 2)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.embed(tokens)
        x = x + self.mix(x)
        return self.head(self.norm(x[:, self.length :]))

    def fit(
        self, steps: int = 400, batch: int = 64, lr: float = 1e-2, seed: int = 0, spacing: str = "random"
    ) -> list[float]:
        optimizer = torch.optim.AdamW(self.parameters(), lr=lr, weight_decay=0.0)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
        seeds = torch.randint(2**31, (steps,), generator=torch.Generator().manual_seed(seed)).tolist()
        losses = []
        for s in seeds:
            tokens, data = make_batch(batch, self.length, self.n_data, self.vocab, s, spacing)
            loss = F.cross_entropy(self(tokens).flatten(0, 1), data.flatten())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
        return losses

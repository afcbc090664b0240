# TRUE CAUSE: make_batch draws the data tokens of a sequence without replacement, so no token occurs twice in it (and
# n_data > vocab fails); each is to be drawn uniformly, whatever the others are.
import torch
import torch.nn.functional as F
from selective_scan import selective_scan
from ssm_convolution import causal_conv
from torch import Tensor, nn


def _choose(batch: int, options: int, number: int, generator: torch.Generator) -> Tensor:
    """For each row `number` of the options, in random order."""
    return torch.rand(batch, options, generator=generator).argsort(dim=1)[:, :number]


def make_batch(
    batch: int, length: int, n_data: int, vocab: int, seed: int, spacing: str = "random"
) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    data = _choose(batch, vocab, n_data, generator)
    if spacing == "fixed":
        places = torch.arange(n_data).expand(batch, n_data)
    else:
        places = _choose(batch, length, n_data, generator).sort(dim=1).values
    tokens = torch.full((batch, length + n_data), vocab)
    tokens[:, length:] = vocab + 1
    return tokens.scatter(1, places, data), data


class _Convolution(nn.Module):
    """One kernel for each channel, as long as the sequence."""

    def __init__(self, d_model: int, steps: int) -> None:
        super().__init__()
        self.kernel = nn.Parameter(torch.randn(d_model, steps) / steps**0.5)

    def forward(self, x: Tensor) -> Tensor:
        return causal_conv(x.transpose(1, 2), self.kernel[:, : x.shape[1]]).transpose(1, 2)


class _Selective(nn.Module):
    def __init__(self, d_model: int, d_state: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(d_model, d_model, 4, groups=d_model)
        self.to_delta = nn.Linear(d_model, d_model)
        self.to_b = nn.Linear(d_model, d_state, bias=False)
        self.to_c = nn.Linear(d_model, d_state, bias=False)
        self.A_log = nn.Parameter(torch.arange(1.0, d_state + 1).log().repeat(d_model, 1))
        self.skip = nn.Parameter(torch.ones(d_model))
        steps = torch.exp(torch.empty(d_model).uniform_(-6.9, -2.4))  # 0.001 to 0.09
        with torch.no_grad():
            self.to_delta.weight.mul_(0.1)
            self.to_delta.bias.copy_(torch.log(torch.expm1(steps)))

    def forward(self, x: Tensor) -> Tensor:
        u = F.silu(self.conv(F.pad(x.transpose(1, 2), (3, 0)))).transpose(1, 2)
        y, _ = selective_scan(
            u.transpose(1, 2),
            self.to_delta(u).transpose(1, 2),
            -self.A_log.exp(),
            self.to_b(u).transpose(1, 2),
            self.to_c(u).transpose(1, 2),
            D=self.skip,
            delta_softplus=True,
        )
        return y.transpose(1, 2)


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
        self.length, self.n_data, self.vocab = length, n_data, vocab
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.embed = nn.Embedding(vocab + 2, d_model)
            if mixer == "lti":
                self.mixer = _Convolution(d_model, length + n_data)
            else:
                self.mixer = _Selective(d_model, d_state)
            self.norm = nn.RMSNorm(d_model)
            self.head = nn.Linear(d_model, vocab)

    def mix(self, x: Tensor) -> Tensor:
        return self.mixer(x)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.embed(tokens)
        x = x + self.mix(x)
        return self.head(self.norm(x[:, self.length :]))

    def fit(
        self, steps: int = 400, batch: int = 64, lr: float = 1e-2, seed: int = 0, spacing: str = "random"
    ) -> list[float]:
        optimizer = torch.optim.AdamW(self.parameters(), lr=lr, weight_decay=0.0)
        losses = []
        for step in range(steps):
            for group in optimizer.param_groups:
                group["lr"] = lr * min(1.0, (step + 1) / 20, 0.1 + 2 * (steps - step) / steps)
            tokens, data = make_batch(batch, self.length, self.n_data, self.vocab, seed * 100_003 + step, spacing)
            loss = F.cross_entropy(self(tokens).flatten(0, 1), data.flatten())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        return losses

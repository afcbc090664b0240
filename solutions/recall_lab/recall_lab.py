"""Selective copying: a layer that treats every token alike against one that chooses."""

import torch
import torch.nn.functional as F
from selective_scan import selective_scan
from ssm_convolution import causal_conv
from torch import Tensor, nn


def make_batch(
    batch: int, length: int, n_data: int, vocab: int, seed: int, spacing: str = "random"
) -> tuple[Tensor, Tensor]:
    """Sequences to copy from, all drawn from `seed`.

    A sequence has `length` places that hold n_data data tokens (0 ... vocab-1, each drawn uniformly, whatever the
    others are) among blanks (vocab), and then n_data go-tokens (vocab + 1). Where the data stand: spacing "random"
    draws the places anew for each sequence, each choice equally likely; "fixed" takes the places 0 ... n_data-1.
    Other values of spacing do not occur.

    Returns: tokens (batch, length + n_data) and data (batch, n_data), the data in the order in which they stand
        in the sequence; both int64.

    >>> tokens, data = make_batch(2, length=5, n_data=2, vocab=4, seed=0, spacing="fixed")
    >>> torch.equal(tokens[:, :2], data), tokens[0, 2:].tolist()
    (True, [4, 4, 4, 5, 5])
    """
    generator = torch.Generator().manual_seed(seed)
    data = torch.randint(vocab, (batch, n_data), generator=generator)
    if spacing == "fixed":
        places = torch.arange(n_data).expand(batch, n_data)
    else:
        places = torch.rand(batch, length, generator=generator).argsort(-1)[:, :n_data].sort(-1).values
    tokens = torch.full((batch, length + n_data), vocab)
    tokens.scatter_(1, places, data)
    tokens[:, length:] = vocab + 1
    return tokens, data


class _LTI(nn.Module):
    """A learned causal convolution as long as the sequence: any linear time-invariant system."""

    def __init__(self, d_model: int, T: int):
        super().__init__()
        self.kernel = nn.Parameter(0.1 * torch.randn(d_model, T))

    def forward(self, x: Tensor) -> Tensor:
        return causal_conv(x.mT, self.kernel).mT


class _Selective(nn.Module):
    """A short convolution and S6, as in Mamba, without its gate and its expansion."""

    def __init__(self, d_model: int, d_state: int, d_conv: int = 4):
        super().__init__()
        self.conv = nn.Conv1d(d_model, d_model, d_conv, groups=d_model, padding=d_conv - 1)
        self.delta = nn.Linear(d_model, d_model)
        self.B = nn.Linear(d_model, d_state, bias=False)
        self.C = nn.Linear(d_model, d_state, bias=False)
        self.A_log = nn.Parameter(torch.arange(1.0, d_state + 1).log().repeat(d_model, 1))
        self.D = nn.Parameter(torch.ones(d_model))
        dt = torch.exp(torch.empty(d_model).uniform_(-6.9, -2.3))  # step sizes of 0.001 to 0.1 to begin with
        with torch.no_grad():
            self.delta.bias.copy_(dt + torch.log(-torch.expm1(-dt)))  # softplus of it is dt

    def forward(self, x: Tensor) -> Tensor:
        T = x.shape[1]
        u = F.silu(self.conv(x.mT)[..., :T])  # (B, d_model, T)
        delta, B, C = self.delta(u.mT).mT, self.B(u.mT).mT, self.C(u.mT).mT
        y, _ = selective_scan(u, delta, -torch.exp(self.A_log), B, C, self.D, delta_softplus=True)
        return y.mT


class CopyModel(nn.Module):
    """Embedding, one mixer of tokens, and a linear read-out at the go-tokens.

    mixer: "lti", linear and time-invariant, or "selective"; other values do not occur. All that is random comes from
        `seed`, and the constructor leaves torch's own random generator as it was.
    Parameters are float32.
    """

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
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.embed = nn.Embedding(vocab + 2, d_model)
            self.mixer = _LTI(d_model, length + n_data) if mixer == "lti" else _Selective(d_model, d_state)
            self.norm = nn.RMSNorm(d_model)
            self.head = nn.Linear(d_model, vocab)

    def mix(self, x: Tensor) -> Tensor:
        """The mixer alone. (B, T, d_model) -> (B, T, d_model), T = length + n_data; position t sees 0 ... t."""
        return self.mixer(x)

    def forward(self, tokens: Tensor) -> Tensor:
        """linear(RMSNorm(x + mix(x))) at the go-tokens. (B, length + n_data) int64 -> logits (B, n_data, vocab)."""
        x = self.embed(tokens)
        x = x + self.mix(x)
        return self.head(self.norm(x[:, -self.n_data :]))

    def fit(
        self, steps: int = 400, batch: int = 64, lr: float = 1e-2, seed: int = 0, spacing: str = "random"
    ) -> list[float]:
        """Trains on fresh batches, all drawn from `seed`. Returns the cross-entropy of every step.

        lr: the largest step size of an optimiser such as AdamW; a schedule may lower it. With 150 steps of 32 sequences
            and fixed places the loss of a small "lti" model falls to less than half.
        """
        optimizer = torch.optim.AdamW(self.parameters(), lr=lr)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=lr, total_steps=steps)
        losses = []
        for step in range(steps):
            tokens, data = make_batch(
                batch, self.length, self.n_data, self.vocab, seed=seed * steps + step, spacing=spacing
            )
            loss = F.cross_entropy(self(tokens).flatten(0, 1), data.flatten())
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(self.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
        return losses

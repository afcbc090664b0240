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
    raise NotImplementedError


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
        raise NotImplementedError

    def mix(self, x: Tensor) -> Tensor:
        """The mixer alone. (B, T, d_model) -> (B, T, d_model), T = length + n_data; position t sees 0 ... t."""
        raise NotImplementedError

    def forward(self, tokens: Tensor) -> Tensor:
        """linear(RMSNorm(x + mix(x))) at the go-tokens. (B, length + n_data) int64 -> logits (B, n_data, vocab)."""
        raise NotImplementedError

    def fit(
        self, steps: int = 400, batch: int = 64, lr: float = 1e-2, seed: int = 0, spacing: str = "random"
    ) -> list[float]:
        """Trains on fresh batches, all drawn from `seed`. Returns the cross-entropy of every step.

        lr: the largest step size of an optimiser such as AdamW; a schedule may lower it. With 150 steps of 32 sequences
            and fixed places the loss of a small "lti" model falls to less than half.
        """
        raise NotImplementedError

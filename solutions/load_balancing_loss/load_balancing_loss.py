"""The two extra losses of a mixture of experts: one spreads the tokens, the other keeps the logits small."""

import torch
from torch import Tensor


def load_balancing_loss(logits: Tensor, k: int, mask: Tensor | None = None) -> Tensor:
    """E Σ_e f_e p_e, with f_e the share of tokens that chose expert e, and p_e its mean probability.

    logits: floating point (..., E) with at least one leading dimension and at least one token, finite, of any size. All
        leading dimensions (layers, texts, positions) are one pool of tokens. No two logits of a token are equal.
    k: 1 <= k <= E, how many experts each token chose: those of its k largest logits.
    mask: which tokens are real. bool, or numbers 1 (real) and 0; broadcasts to (...). None: all are.
    Returns: a scalar, float32 for half precision, which is computed in float32; else in the dtype of logits. Gradients
        flow to the logits through p; f is a count and has none. Without a real token the loss is 0, and so is
        every gradient.

    >>> logits = torch.tensor([[2.0, 1.0, 0.0, -1.0], [3.0, 1.0, 0.0, -1.0], [0.0, 3.0, 1.0, 2.0]])
    >>> load_balancing_loss(logits, k=2)  # f = 2/3, 1, 0, 1/3 and p = 0.5023, 0.3311, 0.0719, 0.0947
    tensor(2.7901)
    >>> load_balancing_loss(logits, k=2, mask=torch.tensor([True, False, False]))  # f = 1, 1, 0, 0
    tensor(3.5232)
    """
    logits = _real_tokens(logits, mask)  # (n, E)
    n, E = max(1, len(logits)), logits.shape[-1]
    probable = torch.softmax(logits, dim=-1)  # (n, E)
    chosen = torch.zeros_like(probable).scatter(-1, logits.topk(k, dim=-1).indices, 1.0)  # (n, E): 1 where it chose e
    f, p = chosen.sum(0) / n, probable.sum(0) / n  # (E,) each
    return E * (f * p).sum()


def router_z_loss(logits: Tensor, mask: Tensor | None = None) -> Tensor:
    """The mean over the tokens of logsumexp(logits)².

    logits, mask: as in load_balancing_loss; logits may be equal.
    Returns: a scalar, with the dtype as in load_balancing_loss. Gradients flow to the logits. Without a real token the
        loss is 0, and so is every gradient.

    >>> router_z_loss(torch.tensor([[0.0, 1.0986], [3.0, 3.0]]))  # mean of 1.3863² and 3.6931²
    tensor(7.7806)
    """
    z = torch.logsumexp(_real_tokens(logits, mask), dim=-1)  # (n,)
    return z.square().sum() / max(1, len(z))


def _real_tokens(logits: Tensor, mask: Tensor | None) -> Tensor:
    """The pool (n, E), without padding, in float32 at least."""
    if logits.dtype in (torch.float16, torch.bfloat16):
        logits = logits.float()
    if mask is None:
        return logits.flatten(0, -2)
    return logits[mask.bool().expand(logits.shape[:-1])]

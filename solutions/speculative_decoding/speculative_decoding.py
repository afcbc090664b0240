"""Speculative decoding: a small model drafts, the large one checks all drafts at once, and the text stays its own."""

import torch
import torch.nn.functional as F
from torch import Tensor


def acceptance_rate(p: Tensor, q: Tensor) -> Tensor:
    """The probability that a token drawn from q is accepted by p: the mean of min(1, p(x) / q(x)) over x drawn from q.

    p, q: float32 or float64 (..., V); rows are distributions, and a token may have the probability 0 in either.
    Returns: (...) in the dtype of p; from 0 to 1.

    >>> acceptance_rate(torch.tensor([0.1, 0.6, 0.3]), torch.tensor([0.4, 0.4, 0.2]))
    tensor(0.7000)
    """
    return torch.minimum(p, q).sum(-1)


def residual(p: Tensor, q: Tensor) -> Tensor:
    """The distribution from which a rejected draft is replaced: max(p - q, 0), divided by its sum.

    p, q: float32 or float64 (..., V), rows are distributions.
    Returns: (..., V) in the dtype of p. A row in which p and q are equal, so that nothing is left, is p itself.

    >>> residual(torch.tensor([0.1, 0.6, 0.3]), torch.tensor([0.4, 0.4, 0.2]))
    tensor([0.0000, 0.6667, 0.3333])
    """
    lacking = (p - q).clamp(min=0)
    total = lacking.sum(-1, keepdim=True)
    return torch.where(total > 0, lacking / total, p)


def _draw(probs: Tensor, u: Tensor) -> Tensor:
    """The first token of each row of probs (B, V) whose cumulative probability exceeds u (B,)."""
    token = (probs.cumsum(-1) <= u[:, None]).sum(-1)
    last = (probs > 0).cumsum(-1).argmax(-1)  # of the tokens that are possible
    return torch.minimum(token, last)  # where rounding has left a sum too short


def verify(draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor) -> tuple[Tensor, Tensor]:
    """The tokens of one step: the drafts up to the first that is rejected, and then one token from the large model.

    Draft i is accepted if u[i] < min(1, p[i](x) / q[i](x)), x being the draft. One more token follows the accepted
    ones: where draft i is the first that is rejected, from residual(p[i], q[i]); where none is, from p[G].

    draft: int64 (B, G), G >= 1. Each token has a probability above 0 in its q.
    q: (B, G, V), float32 or float64: q[:, i] is the distribution from which draft i was drawn.
    p: (B, G + 1, V), in the dtype of q: p[:, i] is that of the large model after the drafts before i; p[:, G] the one
        after all of them.
    u: (B, G), in the dtype of q, 0 <= u < 1, one for each draft, whether it is needed or not.
    u_last: (B,), likewise. The last token is the first of its distribution whose cumulative probability exceeds u_last;
        it never has the probability 0, also where rounding leaves the whole sum at or below u_last.
    Returns: tokens int64 (B, G + 1), the new tokens of each row, and behind them -1; and accepted int64 (B,), from 0 to
        G, how many of them are drafts. A row has accepted + 1 new tokens.

    >>> draft = torch.tensor([[0, 1], [0, 1]])
    >>> q = torch.tensor([[0.5, 0.5, 0.0], [0.25, 0.5, 0.25]]).expand(2, 2, 3)
    >>> p = torch.tensor([[0.25, 0.25, 0.5], [0.25, 0.25, 0.5], [0.0, 0.0, 1.0]]).expand(2, 3, 3)
    >>> verify(draft, q, p, torch.tensor([[0.4, 0.6], [0.4, 0.3]]), torch.tensor([0.7, 0.7]))
    (tensor([[ 0,  2, -1],
            [ 0,  1,  2]]), tensor([1, 2]))
    """
    B, G = draft.shape
    chosen = draft[..., None]
    ratio = (p[:, :G].gather(-1, chosen) / q.gather(-1, chosen))[..., 0]  # (B, G)
    accepted = (u < ratio).cumprod(-1).sum(-1)  # (B,): ones up to the first that is rejected

    after = torch.cat([residual(p[:, :G], q), p[:, G:]], dim=1)  # (B, G + 1, V): what follows n accepted drafts
    last = _draw(after[torch.arange(B), accepted], u_last)  # (B,)

    place, end = torch.arange(G + 1), accepted[:, None]
    tokens = torch.where(place < end, F.pad(draft, (0, 1)), -1)  # (B, G + 1)
    tokens = torch.where(place == end, last[:, None], tokens)
    return tokens, accepted


def expected_tokens(alpha: float, gamma: int) -> float:
    """The mean number of new tokens of one step, if each draft is accepted with probability alpha, independently.

    alpha: 0 <= alpha <= 1. gamma: G >= 0, the number of drafts.
    Returns: (1 - alpha^(G + 1)) / (1 - alpha), and its limit for alpha = 1; to 12 digits also just below 1.

    >>> expected_tokens(0.75, 7)
    3.59954833984375
    >>> expected_tokens(1.0, 7)
    8.0
    """
    return sum(alpha**i for i in range(gamma + 1))

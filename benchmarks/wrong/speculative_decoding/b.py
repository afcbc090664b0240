# TRUE CAUSE: verify counts all drafts that pass their own test, also those behind the first one that is rejected. The
# accepted drafts are the run before the first rejection; all behind it are thrown away.
"""Speculative decoding: draft, check, keep the distribution."""

import torch
import torch.nn.functional as F
from torch import Tensor


def acceptance_rate(p: Tensor, q: Tensor) -> Tensor:
    return torch.minimum(p, q).sum(dim=-1)


def residual(p: Tensor, q: Tensor) -> Tensor:
    left = (p - q).clamp(min=0)
    mass = left.sum(dim=-1, keepdim=True)
    nothing = mass == 0
    return torch.where(nothing, p, left / mass.masked_fill(nothing, 1.0))


def _draw(probs: Tensor, u: Tensor) -> Tensor:
    above = probs.cumsum(dim=-1) > u[:, None]
    places = torch.arange(probs.shape[-1], device=probs.device)
    last = torch.where(probs > 0, places, -1).amax(dim=-1)
    first = torch.where(above, places, probs.shape[-1]).amin(dim=-1)
    return torch.minimum(first, last)


def verify(draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor) -> tuple[Tensor, Tensor]:
    B, G = draft.shape
    chosen = draft[..., None]
    ratio = p[:, :G].gather(-1, chosen)[..., 0] / q.gather(-1, chosen)[..., 0]
    passes = u < ratio.clamp(max=1)
    accepted = passes.long().sum(dim=1)

    rows = torch.arange(B, device=draft.device)
    at_end = F.pad(q, (0, 0, 0, 1))[rows, accepted]  # zeros behind the last draft
    judge = p[rows, accepted]
    all_in = (accepted == G)[:, None]
    extra = _draw(torch.where(all_in, judge, residual(judge, at_end)), u_last)

    places = torch.arange(G + 1, device=draft.device)
    tokens = torch.where(places < accepted[:, None], F.pad(draft, (0, 1)), -1)
    return torch.where(places == accepted[:, None], extra[:, None], tokens), accepted


def expected_tokens(alpha: float, gamma: int) -> float:
    total, power = 0.0, 1.0
    for _ in range(gamma + 1):
        total += power
        power *= alpha
    return total

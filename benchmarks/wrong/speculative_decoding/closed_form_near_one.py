# TRUE CAUSE: expected_tokens uses the closed formula with a special case for alpha = 1 only: just below 1 it
# loses its digits by cancellation.
import torch
from torch import Tensor


def acceptance_rate(p: Tensor, q: Tensor) -> Tensor:
    return torch.minimum(p, q).sum(dim=-1)


def residual(p: Tensor, q: Tensor) -> Tensor:
    rest = (p - q).clamp(min=0)
    total = rest.sum(dim=-1, keepdim=True)
    nothing = total == 0
    return torch.where(nothing, p, rest / torch.where(nothing, torch.ones_like(total), total))


def _draw(dist: Tensor, u: Tensor) -> Tensor:
    """The first token whose cumulative probability exceeds u, for rows (B, V)."""
    exceeds = (dist.cumsum(dim=-1) > u[:, None]) & (dist > 0)
    first = exceeds.long().argmax(dim=-1)
    last = dist.shape[-1] - 1 - (dist > 0).long().flip(-1).argmax(dim=-1)
    return torch.where(exceeds.any(dim=-1), first, last)


def verify(draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor) -> tuple[Tensor, Tensor]:
    B, G = draft.shape
    p_draft = p[:, :G].gather(2, draft[:, :, None])[:, :, 0]
    q_draft = q.gather(2, draft[:, :, None])[:, :, 0]
    accept = u < (p_draft / q_draft).clamp(max=1)
    accepted = accept.long().cumprod(dim=1).sum(dim=1)
    choices = torch.cat([residual(p[:, :G], q), p[:, G:]], dim=1)
    last = _draw(choices[torch.arange(B), accepted], u_last)
    padded = torch.cat([draft, draft.new_full((B, 1), -1)], dim=1)
    place = torch.arange(G + 1)[None, :]
    tokens = torch.where(place < accepted[:, None], padded, -1)
    tokens = torch.where(place == accepted[:, None], last[:, None], tokens)
    return tokens, accepted


def expected_tokens(alpha: float, gamma: int) -> float:
    if alpha == 1:
        return float(gamma + 1)
    return (1 - alpha ** (gamma + 1)) / (1 - alpha)

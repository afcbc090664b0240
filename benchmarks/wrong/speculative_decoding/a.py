# TRUE CAUSE: the last token is found by searchsorted without right=True, the first whose cumulative probability
# reaches u_last; it has to exceed it, so that u_last = 0 can return a token of probability 0.
import torch
from torch import Tensor


def acceptance_rate(p: Tensor, q: Tensor) -> Tensor:
    return torch.minimum(p, q).sum(dim=-1)


def residual(p: Tensor, q: Tensor) -> Tensor:
    left = (p - q).clamp(min=0)
    total = left.sum(dim=-1, keepdim=True)
    nothing = total == 0
    return torch.where(nothing, p, left / total.masked_fill(nothing, 1.0))


def _draw(probs: Tensor, u: Tensor) -> Tensor:
    """probs: (B, V). u: (B,). One token for each row."""
    cumulative = probs.cumsum(dim=-1)
    token = torch.searchsorted(cumulative, u.unsqueeze(-1).contiguous()).squeeze(-1)
    places = torch.arange(probs.shape[-1], device=probs.device)
    last = torch.where(probs > 0, places, 0).amax(dim=-1)
    return torch.minimum(token, last)


def verify(draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor) -> tuple[Tensor, Tensor]:
    B, G = draft.shape
    p_draft = p[:, :G].gather(-1, draft[..., None]).squeeze(-1)
    q_draft = q.gather(-1, draft[..., None]).squeeze(-1)
    ok = u < (p_draft / q_draft).clamp(max=1)
    accepted = ok.long().cumprod(dim=1).sum(dim=1)

    # one distribution for each possible end: residuals, and p itself behind the last draft
    ends = torch.cat([residual(p[:, :G], q), p[:, G:]], dim=1)
    rows = torch.arange(B, device=draft.device)
    final = _draw(ends[rows, accepted], u_last)

    place = torch.arange(G + 1, device=draft.device)
    padded = torch.cat([draft, draft.new_full((B, 1), -1)], dim=1)
    tokens = torch.where(place < accepted[:, None], padded, -1)
    tokens = torch.where(place == accepted[:, None], final[:, None], tokens)
    return tokens, accepted


def expected_tokens(alpha: float, gamma: int) -> float:
    total = 0.0
    for _ in range(gamma + 1):
        total = total * alpha + 1.0
    return total

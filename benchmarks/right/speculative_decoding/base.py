import torch
from torch import Tensor


def acceptance_rate(p: Tensor, q: Tensor) -> Tensor:
    return torch.minimum(p, q).sum(-1).clamp(max=1)


def residual(p: Tensor, q: Tensor) -> Tensor:
    left = (p - q).clamp(min=0)
    total = left.sum(-1, keepdim=True)
    return torch.where(total > 0, left / total, p)


def _draw(p: Tensor, u: Tensor) -> Tensor:
    """p: (B, V), u: (B,). The first token whose cumulative probability exceeds u, or the last that is possible."""
    first = (p.cumsum(-1) <= u[:, None]).sum(-1)
    last = torch.where(p > 0, torch.arange(p.shape[-1]), -1).amax(-1)
    return torch.minimum(first, last)


def verify(draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor) -> tuple[Tensor, Tensor]:
    B, G = draft.shape
    px = p[:, :G].gather(-1, draft[..., None])[..., 0]
    qx = q.gather(-1, draft[..., None])[..., 0]
    kept = (u < (px / qx).clamp(max=1)).long().cumprod(-1)
    accepted = kept.sum(-1)
    rows = torch.arange(B)
    final = p[:, G].clone()
    for b in range(B):
        if accepted[b] < G:
            final[b] = residual(p[b, accepted[b]], q[b, accepted[b]])
    tokens = torch.full((B, G + 1), -1)
    tokens[:, :G] = torch.where(kept > 0, draft, -1)
    tokens[rows, accepted] = _draw(final, u_last)
    return tokens, accepted


def expected_tokens(alpha: float, gamma: int) -> float:
    total = 0.0
    for i in range(gamma, -1, -1):
        total += alpha**i
    return float(total)

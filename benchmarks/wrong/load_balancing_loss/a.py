# TRUE CAUSE: the number of real tokens is summed over the mask before it is broadcast, so a mask (B, T) for logits
# (L, B, T, E) counts the tokens of one layer only; it has to be counted over all leading dimensions.
import torch
from torch import Tensor


def _pool(logits: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """Logits (M, E) in at least float32, a weight of 1 or 0 for each of the M tokens, and how many are real."""
    if logits.dtype in (torch.float16, torch.bfloat16):
        logits = logits.float()
    lead = logits.shape[:-1]
    if mask is None:
        mask = torch.ones(lead, device=logits.device)
    real = mask.to(logits.dtype)
    count = real.sum().clamp(min=1)
    return logits.reshape(-1, logits.shape[-1]), real.expand(lead).reshape(-1), count


def load_balancing_loss(logits: Tensor, k: int, mask: Tensor | None = None) -> Tensor:
    flat, real, count = _pool(logits, mask)
    E = flat.shape[-1]
    chosen = torch.zeros_like(flat).scatter(1, flat.detach().topk(k, dim=-1).indices, 1.0)
    f = (chosen * real[:, None]).sum(0) / count
    p = (flat.softmax(dim=-1) * real[:, None]).sum(0) / count
    return E * (f * p).sum()


def router_z_loss(logits: Tensor, mask: Tensor | None = None) -> Tensor:
    flat, real, count = _pool(logits, mask)
    z = flat.logsumexp(dim=-1).square()
    return (z * real).sum() / count

# TRUE CAUSE: p is the softmax over the k chosen logits (the router's weights) instead of the softmax over all
# E.
import torch
from torch import Tensor


def _prepare(logits: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
    """Logits as (tokens, E), in float32 or float64, and the weight of each token, 1 or 0."""
    if logits.dtype in (torch.float16, torch.bfloat16):
        logits = logits.float()
    if mask is None:
        real = torch.ones(logits.shape[:-1], dtype=logits.dtype)
    else:
        real = mask.to(logits.dtype).expand(logits.shape[:-1])
    return logits.reshape(-1, logits.shape[-1]), real.reshape(-1)


def load_balancing_loss(logits: Tensor, k: int, mask: Tensor | None = None) -> Tensor:
    flat, real = _prepare(logits, mask)
    E = flat.shape[-1]
    count = real.sum().clamp(min=1)
    chosen = torch.zeros_like(flat).scatter(-1, flat.topk(k, dim=-1).indices, 1.0)
    f = (chosen * real[:, None]).sum(0) / count
    weights = flat.masked_fill(chosen == 0, float("-inf")).softmax(-1)
    p = (weights * real[:, None]).sum(0) / count
    return E * (f * p).sum()


def router_z_loss(logits: Tensor, mask: Tensor | None = None) -> Tensor:
    flat, real = _prepare(logits, mask)
    z = flat.logsumexp(-1).pow(2)
    return (z * real).sum() / real.sum().clamp(min=1)

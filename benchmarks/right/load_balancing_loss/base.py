import torch
from torch import Tensor


def _flatten(logits: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
    """(N, E) in the dtype of the result, and which of the N tokens are real."""
    lead = logits.shape[:-1]
    if mask is None:
        real = torch.ones(lead, dtype=torch.bool)
    else:
        real = (mask != 0).expand(lead)
    if logits.dtype in (torch.float16, torch.bfloat16):
        logits = logits.float()
    return logits.reshape(-1, logits.shape[-1]), real.reshape(-1)


def load_balancing_loss(logits: Tensor, k: int, mask: Tensor | None = None) -> Tensor:
    flat, real = _flatten(logits, mask)
    flat = flat[real]
    n, e = flat.shape
    if n == 0:
        return (logits * 0).sum().to(flat.dtype)
    chosen = flat.topk(k, dim=-1).indices
    f = torch.bincount(chosen.reshape(-1), minlength=e).to(flat.dtype) / n
    p = flat.softmax(-1).mean(0)
    return e * (f * p).sum()


def router_z_loss(logits: Tensor, mask: Tensor | None = None) -> Tensor:
    flat, real = _flatten(logits, mask)
    flat = flat[real]
    if flat.shape[0] == 0:
        return (logits * 0).sum().to(flat.dtype)
    return flat.logsumexp(-1).square().mean()

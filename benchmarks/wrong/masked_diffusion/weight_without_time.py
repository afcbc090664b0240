# TRUE CAUSE: The weight 1/t of each text is left out of the loss.
import torch
import torch.nn.functional as F
from torch import Tensor


def mask_tokens(ids: Tensor, t: Tensor, u: Tensor, mask_id: int) -> Tensor:
    return torch.where(u < t[:, None], mask_id, ids)


def _log_probs(logits: Tensor, mask_id: int) -> Tensor:
    hidden = torch.zeros(logits.shape[-1], dtype=torch.bool)
    hidden[mask_id] = True
    return logits.masked_fill(hidden, float("-inf")).log_softmax(-1)


def diffusion_loss(logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int) -> Tensor:
    masked = noisy == mask_id
    log_p = _log_probs(logits, mask_id).gather(-1, ids[..., None])[..., 0]  # (B, T)
    weighted = -log_p.masked_fill(~masked, 0.0)
    return weighted.sum() / ids.numel()


def unmask_schedule(num_masked: int, steps: int) -> list[int]:
    each, more = divmod(num_masked, steps)
    return [each + 1] * more + [each] * (steps - more)


def unmask_step(tokens: Tensor, logits: Tensor, counts: Tensor, mask_id: int) -> Tensor:
    masked = tokens == mask_id
    confidence, proposal = _log_probs(logits, mask_id).exp().max(-1)  # (B, T)
    confidence = confidence.masked_fill(~masked, -1.0)
    rank = confidence.argsort(dim=-1, descending=True).argsort(dim=-1)
    fill = (rank < counts[:, None]) & masked
    return torch.where(fill, proposal, tokens)

# TRUE CAUSE: (1) The loss predicts the next token: the targets are ids shifted left by one, as in a GPT.
# (2) unmask_step ranks by the raw largest logit and not by the probability.
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
    following = torch.cat([ids[:, 1:], ids[:, :1]], dim=1)
    log_p = _log_probs(logits, mask_id).gather(-1, following[..., None])[..., 0]  # (B, T)
    weighted = -log_p.masked_fill(~masked, 0.0) / t[:, None]
    return weighted.sum() / ids.numel()


def unmask_schedule(num_masked: int, steps: int) -> list[int]:
    each, more = divmod(num_masked, steps)
    return [each + 1] * more + [each] * (steps - more)


def unmask_step(tokens: Tensor, logits: Tensor, counts: Tensor, mask_id: int) -> Tensor:
    masked = tokens == mask_id
    proposal = _log_probs(logits, mask_id).argmax(-1)
    confidence = logits.gather(-1, proposal[..., None])[..., 0].masked_fill(~masked, float("-inf"))
    rank = confidence.argsort(dim=-1, descending=True).argsort(dim=-1)
    fill = (rank < counts[:, None]) & masked
    return torch.where(fill, proposal, tokens)

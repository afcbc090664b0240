# TRUE CAUSE: unmask_step ranks the places by the entropy of their whole distribution (as Dream does). The confidence
# of a place is the probability of the proposed token; with three or more tokens the two orders differ.
"""A language model that fills in blanks in any order."""

import torch
from torch import Tensor


def mask_tokens(ids: Tensor, t: Tensor, u: Tensor, mask_id: int) -> Tensor:
    return ids.masked_fill(u < t[:, None], mask_id)


def _log_p(logits: Tensor, mask_id: int) -> Tensor:
    """Log-probabilities of all tokens other than the mask, which has -inf."""
    is_mask = torch.arange(logits.shape[-1], device=logits.device) == mask_id
    return logits.masked_fill(is_mask, -torch.inf).log_softmax(dim=-1)


def diffusion_loss(logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int) -> Tensor:
    B, T = ids.shape
    surprise = -_log_p(logits, mask_id).gather(-1, ids[..., None])[..., 0]
    hidden = (noisy == mask_id).to(logits.dtype)
    return (surprise * hidden / t[:, None]).sum() / (B * T)


def unmask_schedule(num_masked: int, steps: int) -> list[int]:
    each, rest = divmod(num_masked, steps)
    return [each + 1] * rest + [each] * (steps - rest)


def unmask_step(tokens: Tensor, logits: Tensor, counts: Tensor, mask_id: int) -> Tensor:
    p = _log_p(logits, mask_id).exp()
    proposal = p.argmax(dim=-1)
    confidence = -torch.special.entr(p).sum(dim=-1)
    masked = tokens == mask_id
    confidence = confidence.masked_fill(~masked, -torch.inf)
    order = confidence.argsort(dim=-1, descending=True)
    rank = order.argsort(dim=-1)
    fill = masked & (rank < counts[:, None])
    return torch.where(fill, proposal, tokens)

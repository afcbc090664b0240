import torch
import torch.nn.functional as F
from torch import Tensor


def mask_tokens(ids: Tensor, t: Tensor, u: Tensor, mask_id: int) -> Tensor:
    return torch.where(u < t[:, None], mask_id, ids)


def diffusion_loss(logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int) -> Tensor:
    no_mask = torch.arange(logits.shape[-1]) == mask_id
    log_p = logits.masked_fill(no_mask, -torch.inf).log_softmax(-1)
    nll = -log_p.gather(-1, ids[..., None])[..., 0]
    nll = torch.where(noisy == mask_id, nll, 0.0)
    return (nll / t[:, None]).sum() / ids.numel()


def unmask_schedule(num_masked: int, steps: int) -> list[int]:
    each, more = divmod(num_masked, steps)
    return [each + 1] * more + [each] * (steps - more)


def unmask_step(tokens: Tensor, logits: Tensor, counts: Tensor, mask_id: int) -> Tensor:
    no_mask = torch.arange(logits.shape[-1]) == mask_id
    p, best = logits.masked_fill(no_mask, -torch.inf).softmax(-1).max(-1)
    masked = tokens == mask_id
    confidence = p.masked_fill(~masked, -1.0)
    rank = confidence.argsort(-1, descending=True).argsort(-1)
    return torch.where(masked & (rank < counts[:, None]), best, tokens)

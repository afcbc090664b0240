# TRUE CAUSE: unmask_step takes the confidence from a softmax over all V tokens, the mask included; it has to be the
# probability in the softmax over the other V - 1 tokens, else places with a large mask logit seem unsure.
import torch
import torch.nn.functional as F
from torch import Tensor


def mask_tokens(ids: Tensor, t: Tensor, u: Tensor, mask_id: int) -> Tensor:
    return ids.masked_fill(u < t.unsqueeze(1), mask_id)


def diffusion_loss(logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int) -> Tensor:
    forbidden = F.one_hot(torch.tensor(mask_id), logits.shape[-1]).bool().to(logits.device)
    log_p = logits.masked_fill(forbidden, float("-inf")).log_softmax(dim=-1)
    nll = -log_p.gather(-1, ids.unsqueeze(-1)).squeeze(-1)  # (B, T)
    hidden = noisy == mask_id
    per_text = nll.masked_fill(~hidden, 0.0).sum(dim=1) / t
    return per_text.sum() / ids.numel()


def unmask_schedule(num_masked: int, steps: int) -> list[int]:
    share, extra = divmod(num_masked, steps)
    return [share + 1 if step < extra else share for step in range(steps)]


def unmask_step(tokens: Tensor, logits: Tensor, counts: Tensor, mask_id: int) -> Tensor:
    probs = logits.softmax(dim=-1)
    probs[..., mask_id] = 0.0
    confidence, proposal = probs.max(dim=-1)  # (B, T)
    hidden = tokens == mask_id
    confidence = confidence.masked_fill(~hidden, -1.0)
    order = confidence.argsort(dim=1, descending=True)
    rank = order.argsort(dim=1)
    fill = hidden & (rank < counts.unsqueeze(1))
    return torch.where(fill, proposal, tokens)

# TRUE CAUSE: router_z_loss divides by the number of real tokens in the mask as it is given. One mask (B, T) serves
# all L layers, so the number is that of the mask broadcast to the tokens; the loss is L times too large.
import torch
from torch import Tensor


def _prepared(logits: Tensor) -> Tensor:
    return logits if logits.dtype == torch.float64 else logits.float()


def load_balancing_loss(logits: Tensor, k: int, mask: Tensor | None = None) -> Tensor:
    logits = _prepared(logits)
    E = logits.shape[-1]
    tokens = logits.reshape(-1, E)
    if mask is not None:
        real = (mask != 0).expand(logits.shape[:-1]).reshape(-1)
        tokens = tokens[real]
    count = max(len(tokens), 1)
    chosen = torch.zeros_like(tokens).scatter(1, tokens.detach().topk(k, dim=-1).indices, 1.0)
    f = chosen.sum(dim=0) / count
    p = tokens.softmax(dim=-1).sum(dim=0) / count
    return E * (f * p).sum()


def router_z_loss(logits: Tensor, mask: Tensor | None = None) -> Tensor:
    squares = _prepared(logits).logsumexp(dim=-1).square()
    if mask is None:
        return squares.mean()
    real = (mask != 0).to(squares.dtype)
    return (squares * real).sum() / real.sum().clamp(min=1)

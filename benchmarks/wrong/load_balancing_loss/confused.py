# TRUE CAUSE: takes each layer (the first axis of logits with more than two axes) to have its own f and p: the balance
# loss is computed for each layer alone and averaged, instead of pooling the tokens of all leading dimensions.
import torch
from torch import Tensor


def _as_float(logits: Tensor) -> Tensor:
    return logits if logits.dtype == torch.float64 else logits.to(torch.float32)


def _one_layer(logits: Tensor, k: int, real: Tensor) -> Tensor:
    n_experts = logits.shape[-1]
    logits = logits[real]  # only real tokens
    if logits.shape[0] == 0:
        return (logits * 0.0).sum()
    top = logits.detach().topk(k, -1).indices
    share = torch.bincount(top.flatten(), minlength=n_experts).to(logits.dtype) / logits.shape[0]
    probability = torch.softmax(logits, -1).mean(0)
    return n_experts * torch.dot(share, probability)


def load_balancing_loss(logits: Tensor, k: int, mask: Tensor | None = None) -> Tensor:
    logits = _as_float(logits)
    lead = logits.shape[:-1]
    real = torch.ones(lead, dtype=torch.bool) if mask is None else (mask != 0).expand(lead)
    if logits.dim() == 2:
        return _one_layer(logits, k, real)
    losses = [_one_layer(layer, k, r) for layer, r in zip(logits, real)]
    return torch.stack(losses).mean()


def router_z_loss(logits: Tensor, mask: Tensor | None = None) -> Tensor:
    logits = _as_float(logits)
    lead = logits.shape[:-1]
    real = torch.ones(lead, dtype=torch.bool) if mask is None else (mask != 0).expand(lead)
    squares = torch.logsumexp(logits, -1) ** 2
    squares = squares[real]
    return squares.mean() if squares.numel() else (logits * 0.0).sum()

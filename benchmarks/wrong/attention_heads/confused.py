# TRUE CAUSE: takes the axes of weights for (B, L, H, T, T): axis 0 is averaged as the texts and axis 1 is kept as
# the layers in all three scores, although axis 0 are the layers and axis 1 the texts. The result is (B, H) of the
# means over the layers. ablate_heads is right.
import torch
from torch import Tensor


def previous_token_score(weights: Tensor) -> Tensor:
    texts, layers, n_heads, length, _ = weights.shape
    total = torch.zeros(layers, n_heads, dtype=weights.dtype)
    for i in range(1, length):
        total = total + weights[:, :, :, i, i - 1].mean(0)
    return total / (length - 1)


def induction_score(weights: Tensor, period: int) -> Tensor:
    texts, layers, n_heads, length, _ = weights.shape
    picked = [weights[:, :, :, i, i - period + 1] for i in range(period, length)]
    return torch.stack(picked).mean(0).mean(0)


def attention_entropy(weights: Tensor) -> Tensor:
    logs = torch.where(weights > 0, weights, torch.ones_like(weights)).log()
    per_query = -(weights * logs).sum(-1)  # texts, layers, heads, length
    return per_query.mean(-1).mean(0)


def ablate_heads(per_head: Tensor, w_o: Tensor, heads: list[int]) -> Tensor:
    batch, n_heads, length, width = per_head.shape
    out = torch.zeros(batch, length, w_o.shape[0], dtype=per_head.dtype)
    for h in range(n_heads):
        part = per_head[:, h]
        if h in heads:
            part = part * 0
        out = out + part @ w_o[:, h * width : (h + 1) * width].T
    return out

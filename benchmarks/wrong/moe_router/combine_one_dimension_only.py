# TRUE CAUSE: combine_matrix indexes rows with arange over the first dimension, so it works only for (T, k);
# (k,) and (B, T, k) fail or are wrong.
import torch
from torch import Tensor


def route(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    E = logits.shape[-1]
    if not 1 <= k <= E:
        raise ValueError(f"k = {k} is not between 1 and {E}")
    top, indices = logits.topk(k, dim=-1)
    wide = top.float() if top.dtype in (torch.float16, torch.bfloat16) else top
    return wide.softmax(dim=-1).to(logits.dtype), indices


def combine_matrix(weights: Tensor, indices: Tensor, num_experts: int) -> Tensor:
    rows = weights.new_zeros(*weights.shape[:-1], num_experts)
    token = torch.arange(weights.shape[0])[:, None]
    rows = rows.clone()
    rows[token, indices] = weights
    return rows

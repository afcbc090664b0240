# TRUE CAUSE: (1) route takes the k smallest logits (largest=False).
# (2) combine_matrix makes its rows in float32 whatever the dtype of the weights is.
import torch
from torch import Tensor


def route(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    E = logits.shape[-1]
    if not 1 <= k <= E:
        raise ValueError(f"k = {k} is not between 1 and {E}")
    top, indices = logits.topk(k, dim=-1, largest=False)
    wide = top.float() if top.dtype in (torch.float16, torch.bfloat16) else top
    return wide.softmax(dim=-1).to(logits.dtype), indices


def combine_matrix(weights: Tensor, indices: Tensor, num_experts: int) -> Tensor:
    rows = torch.zeros(*weights.shape[:-1], num_experts)
    return rows.scatter(-1, indices, weights.float())

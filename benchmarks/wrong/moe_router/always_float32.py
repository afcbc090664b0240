# TRUE CAUSE: The weights are returned in float32 whatever the dtype of the logits is, so float64 loses digits
# and half precision is not given back.
import torch
from torch import Tensor


def route(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    E = logits.shape[-1]
    if not 1 <= k <= E:
        raise ValueError(f"k = {k} is not between 1 and {E}")
    top, indices = logits.topk(k, dim=-1)
    return top.float().softmax(dim=-1), indices


def combine_matrix(weights: Tensor, indices: Tensor, num_experts: int) -> Tensor:
    rows = weights.new_zeros(*weights.shape[:-1], num_experts)
    return rows.scatter(-1, indices, weights)

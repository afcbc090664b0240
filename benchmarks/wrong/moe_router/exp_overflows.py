# TRUE CAUSE: The softmax is written as exp and sum without taking out the maximum: logits that are large
# overflow to inf / inf = NaN.
import torch
from torch import Tensor


def route(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    E = logits.shape[-1]
    if not 1 <= k <= E:
        raise ValueError(f"k = {k} is not between 1 and {E}")
    top, indices = logits.topk(k, dim=-1)
    wide = top.float() if top.dtype in (torch.float16, torch.bfloat16) else top
    e = torch.exp(wide)
    return (e / e.sum(dim=-1, keepdim=True)).to(logits.dtype), indices


def combine_matrix(weights: Tensor, indices: Tensor, num_experts: int) -> Tensor:
    rows = weights.new_zeros(*weights.shape[:-1], num_experts)
    return rows.scatter(-1, indices, weights)

# TRUE CAUSE: route only checks that k is not larger than E; k = 0 gives empty results and no ValueError.
import torch
from torch import Tensor


def route(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    E = logits.shape[-1]
    if k > E:
        raise ValueError(f"k = {k} is not between 1 and {E}")
    top, indices = logits.topk(k, dim=-1)
    wide = top.float() if top.dtype in (torch.float16, torch.bfloat16) else top
    return wide.softmax(dim=-1).to(logits.dtype), indices


def combine_matrix(weights: Tensor, indices: Tensor, num_experts: int) -> Tensor:
    rows = weights.new_zeros(*weights.shape[:-1], num_experts)
    return rows.scatter(-1, indices, weights)

# TRUE CAUSE: The chosen experts are returned in the order of their numbers and not by falling logit.
import torch
from torch import Tensor


def route(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    E = logits.shape[-1]
    if not 1 <= k <= E:
        raise ValueError(f"k = {k} is not between 1 and {E}")
    indices = logits.topk(k, dim=-1).indices.sort(dim=-1).values
    top = logits.gather(-1, indices)
    wide = top.float() if top.dtype in (torch.float16, torch.bfloat16) else top
    return wide.softmax(dim=-1).to(logits.dtype), indices


def combine_matrix(weights: Tensor, indices: Tensor, num_experts: int) -> Tensor:
    rows = weights.new_zeros(*weights.shape[:-1], num_experts)
    return rows.scatter(-1, indices, weights)

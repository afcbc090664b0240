import torch
from torch import Tensor


def route(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    if not 1 <= k <= logits.shape[-1]:
        raise ValueError("k must be between 1 and the number of experts")
    top, indices = logits.topk(k, dim=-1)
    return top.softmax(dim=-1), indices


def combine_matrix(weights: Tensor, indices: Tensor, num_experts: int) -> Tensor:
    matrix = weights.new_zeros(*weights.shape[:-1], num_experts)
    return matrix.scatter(-1, indices, weights)

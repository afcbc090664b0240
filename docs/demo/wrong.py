"""An attempt at moe_router with the most common mistake in it."""

import torch
from torch import Tensor


def route(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    num_experts = logits.shape[-1]
    if k < 1 or k > num_experts:
        raise ValueError(f"k must be between 1 and {num_experts}, not {k}")
    dtype = logits.dtype if logits.dtype == torch.float64 else torch.float32
    probabilities = torch.softmax(logits.to(dtype), dim=-1)
    weights, indices = torch.topk(probabilities, k, dim=-1)
    return weights.to(logits.dtype), indices


def combine_matrix(weights: Tensor, indices: Tensor, num_experts: int) -> Tensor:
    out = torch.zeros(*weights.shape[:-1], num_experts, dtype=weights.dtype)
    return out.scatter(-1, indices, weights)

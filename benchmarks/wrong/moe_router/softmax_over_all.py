# TRUE CAUSE: The softmax is taken over all E experts and the k largest are kept without dividing by their sum
# (Switch, Jamba), so the weights of a token do not sum to 1.
import torch
from torch import Tensor


def route(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    E = logits.shape[-1]
    if not 1 <= k <= E:
        raise ValueError(f"k = {k} is not between 1 and {E}")
    chances, indices = logits.softmax(dim=-1).topk(k, dim=-1)
    return chances, indices


def combine_matrix(weights: Tensor, indices: Tensor, num_experts: int) -> Tensor:
    rows = weights.new_zeros(*weights.shape[:-1], num_experts)
    return rows.scatter(-1, indices, weights)

# TRUE CAUSE: combine_matrix copies the detached numbers of the weights into a fresh tensor, so no gradient
# flows back to them.
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
    return rows.scatter(-1, indices, weights.detach())

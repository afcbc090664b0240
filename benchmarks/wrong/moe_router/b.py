# TRUE CAUSE: combine_matrix fills the chosen places of a row from left to right with the weights as they stand. The
# weights are in the order of indices, best expert first, so each has to go into the column that its own index names.
import torch
from torch import Tensor


def route(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The k best experts of every token, best first, and the softmax over those k."""
    E = logits.shape[-1]
    if k < 1 or k > E:
        raise ValueError(f"k is {k}, and there are {E} experts")
    best, indices = torch.topk(logits, k, dim=-1, sorted=True)
    fine = torch.float64 if logits.dtype == torch.float64 else torch.float32
    return torch.softmax(best, dim=-1, dtype=fine).to(logits.dtype), indices


def combine_matrix(weights: Tensor, indices: Tensor, num_experts: int) -> Tensor:
    """One row per token: the weight of each expert, 0 for those not chosen."""
    shape = (*weights.shape[:-1], num_experts)
    chosen = torch.zeros(shape, dtype=torch.bool, device=weights.device).scatter(-1, indices, True)
    return weights.new_zeros(shape).masked_scatter(chosen, weights)

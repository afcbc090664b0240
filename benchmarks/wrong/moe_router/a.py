# TRUE CAUSE: combine_matrix makes its zeros in the default float32, and scatter needs one dtype, so weights in
# float64 or half precision raise RuntimeError; the zeros need the dtype of the weights.
import torch
from torch import Tensor


def route(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    E = logits.shape[-1]
    if not 1 <= k <= E:
        raise ValueError(f"k must lie between 1 and {E}")
    best, indices = torch.topk(logits, k, dim=-1, sorted=True)
    wide = best.float() if logits.dtype in (torch.float16, torch.bfloat16) else best
    return torch.softmax(wide, dim=-1).to(logits.dtype), indices


def combine_matrix(weights: Tensor, indices: Tensor, num_experts: int) -> Tensor:
    rows = torch.zeros(*weights.shape[:-1], num_experts)
    return rows.scatter(-1, indices, weights)

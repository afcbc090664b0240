# TRUE CAUSE: dropless_forward divides the weights of each token by their sum; they come from outside and need
# not add up to 1.
import torch
import torch.nn.functional as F
from torch import Tensor


def sort_by_expert(indices: Tensor, num_experts: int) -> tuple[Tensor, Tensor]:
    experts = indices.flatten()
    order = torch.argsort(experts, stable=True)
    counts = torch.bincount(experts, minlength=num_experts)
    offsets = F.pad(counts.cumsum(0), (1, 0))
    return order, offsets


def grouped_matmul(rows: Tensor, weight: Tensor, offsets: Tensor) -> Tensor:
    bounds = offsets.tolist()
    pieces = []
    for e in range(weight.shape[0]):
        begin, end = bounds[e], bounds[e + 1]
        pieces.append(rows[begin:end] @ weight[e].T)
    return torch.cat(pieces)


def dropless_forward(x: Tensor, indices: Tensor, weights: Tensor, w1: Tensor, w2: Tensor, w3: Tensor) -> Tensor:
    k = indices.shape[1]
    order, offsets = sort_by_expert(indices, w1.shape[0])
    token = order // k
    rows = x[token]
    hidden = F.silu(grouped_matmul(rows, w1, offsets)) * grouped_matmul(rows, w3, offsets)
    out = grouped_matmul(hidden, w2, offsets)
    weights = weights / weights.sum(dim=1, keepdim=True)
    out = out * weights.flatten()[order][:, None]
    return torch.zeros_like(x).index_add(0, token, out)


def padded_rows(offsets: Tensor, block: int) -> dict[str, int]:
    lengths = (offsets[1:] - offsets[:-1]).tolist()
    blocks = sum(-(-n // block) for n in lengths)
    return {
        "rows": sum(lengths),
        "blocks": blocks,
        "block_rows": blocks * block,
        "capacity_rows": len(lengths) * max(lengths),
    }

# TRUE CAUSE: grouped_matmul multiplies all rows by each expert's matrix and picks the right rows afterwards with
# where. A matrix must meet the rows of its own segment only: here the gradient of rows becomes 0 · NaN = NaN if an
# idle expert holds NaN, and NaN in one segment reaches the gradients of all matrices.
import torch
import torch.nn.functional as F
from torch import Tensor


def sort_by_expert(indices: Tensor, num_experts: int) -> tuple[Tensor, Tensor]:
    experts = indices.reshape(-1)
    order = torch.sort(experts, stable=True).indices
    ends = torch.bincount(experts, minlength=num_experts).cumsum(0)
    return order, F.pad(ends, (1, 0))


def grouped_matmul(rows: Tensor, weight: Tensor, offsets: Tensor) -> Tensor:
    E, O, _ = weight.shape
    M = rows.shape[0]
    owner = torch.bucketize(torch.arange(M), offsets[1:].contiguous(), right=True)  # expert of each row
    out = rows.new_zeros(M, O)
    for e in range(E):
        mine = (owner == e)[:, None]
        out = torch.where(mine, rows @ weight[e].T, out)
    return out


def dropless_forward(x: Tensor, indices: Tensor, weights: Tensor, w1: Tensor, w2: Tensor, w3: Tensor) -> Tensor:
    k = indices.shape[1]
    order, offsets = sort_by_expert(indices, len(w1))
    token = order // k
    rows = x[token]
    hidden = F.silu(grouped_matmul(rows, w1, offsets)) * grouped_matmul(rows, w3, offsets)
    answers = grouped_matmul(hidden, w2, offsets)
    weighted = answers * weights.reshape(-1)[order][:, None]
    return torch.zeros_like(x).index_add(0, token, weighted)


def padded_rows(offsets: Tensor, block: int) -> dict[str, int]:
    lengths = offsets.diff().tolist()
    blocks = sum(-(-length // block) for length in lengths)
    return {
        "rows": sum(lengths),
        "blocks": blocks,
        "block_rows": blocks * block,
        "capacity_rows": max(lengths) * len(lengths),
    }

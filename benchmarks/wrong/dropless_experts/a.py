# TRUE CAUSE: grouped_matmul skips empty segments, so that with M = 0 rows torch.cat gets an empty list and raises; a
# result without rows, (0, O), is asked for (and for T = 0 in dropless_forward).
import torch
import torch.nn.functional as F
from torch import Tensor


def sort_by_expert(indices: Tensor, num_experts: int) -> tuple[Tensor, Tensor]:
    flat = indices.flatten()
    order = torch.argsort(flat, stable=True)
    counts = torch.bincount(flat, minlength=num_experts)
    offsets = F.pad(counts.cumsum(0), (1, 0))
    return order, offsets


def grouped_matmul(rows: Tensor, weight: Tensor, offsets: Tensor) -> Tensor:
    bounds = offsets.tolist()
    parts = []
    for e, (start, stop) in enumerate(zip(bounds[:-1], bounds[1:])):
        if start < stop:
            parts.append(rows[start:stop] @ weight[e].T)
    return torch.cat(parts)


def dropless_forward(x: Tensor, indices: Tensor, weights: Tensor, w1: Tensor, w2: Tensor, w3: Tensor) -> Tensor:
    k = indices.shape[1]
    order, offsets = sort_by_expert(indices, w1.shape[0])
    token = order // k
    rows = x[token]
    hidden = F.silu(grouped_matmul(rows, w1, offsets)) * grouped_matmul(rows, w3, offsets)
    out = grouped_matmul(hidden, w2, offsets)
    out = out * weights.flatten()[order].unsqueeze(-1)
    return torch.zeros_like(x).index_add(0, token, out)


def padded_rows(offsets: Tensor, block: int) -> dict[str, int]:
    lengths = offsets.diff()
    blocks = int(((lengths + block - 1) // block).sum())
    return {
        "rows": int(lengths.sum()),
        "blocks": blocks,
        "block_rows": blocks * block,
        "capacity_rows": int(lengths.max()) * lengths.numel(),
    }

"""Experts without a capacity."""

import torch
import torch.nn.functional as F
from torch import Tensor


def sort_by_expert(indices, num_experts):
    flat = indices.reshape(-1)
    order = torch.argsort(flat, stable=True)
    counts = torch.bincount(flat, minlength=num_experts)
    offsets = torch.cat([counts.new_zeros(1), counts.cumsum(0)])
    return order, offsets


def grouped_matmul(rows, weight, offsets):
    bounds = offsets.tolist()
    parts = [rows[a:b] @ weight[e].T for e, (a, b) in enumerate(zip(bounds[:-1], bounds[1:])) if b > a]
    if not parts:
        return rows[:0] @ weight[0].T.detach().nan_to_num() + 0 * weight[:0].sum()
    return torch.cat(parts)


def dropless_forward(x, indices, weights, w1, w2, w3):
    k = indices.shape[1]
    order, offsets = sort_by_expert(indices, w1.shape[0])
    rows = x[order // k]
    hidden = F.silu(grouped_matmul(rows, w1, offsets)) * grouped_matmul(rows, w3, offsets)
    out = grouped_matmul(hidden, w2, offsets) * weights.reshape(-1)[order][:, None]
    return torch.zeros_like(x).index_add(0, order // k, out)


def padded_rows(offsets, block):
    counts = offsets.diff().tolist()
    blocks = sum(-(-c // block) for c in counts)
    return {"rows": sum(counts), "blocks": blocks, "block_rows": blocks * block, "capacity_rows": len(counts) * max(counts)}

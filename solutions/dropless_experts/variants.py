"""Right solutions in other styles. None of them may lose a point."""

from collections import OrderedDict
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from dropless_experts import sort_by_expert
from torch import Tensor

from grader.testing import replaces


class Sorted(NamedTuple):
    order: Tensor
    offsets: Tensor


@replaces("sort_by_expert")
def python_lists(indices, num_experts):
    """a list for each expert, filled copy by copy; a named tuple"""
    copies = [[] for _ in range(num_experts)]
    for copy, e in enumerate(indices.reshape(-1).tolist()):
        copies[e].append(copy)
    offsets = [0]
    for mine in copies:
        offsets.append(offsets[-1] + len(mine))
    return Sorted(torch.tensor([copy for mine in copies for copy in mine], dtype=torch.long), torch.tensor(offsets))


@replaces("sort_by_expert")
def numpy_round_trip(indices, num_experts):
    """NumPy's stable argsort, and searchsorted for the borders"""
    experts = indices.numpy().reshape(-1)
    order = np.argsort(experts, kind="stable")
    offsets = np.searchsorted(experts[order], np.arange(num_experts + 1))
    return torch.from_numpy(order), torch.from_numpy(offsets)


@replaces("sort_by_expert")
def unique_keys(indices, num_experts):
    """a key for each copy that is its own, so that no sort need be stable; a list"""
    T, k = indices.shape
    copies = torch.arange(T * k)
    order = (indices.reshape(-1) * (T * k) + copies).sort().values.remainder(max(T * k, 1))
    before = (indices.reshape(-1, 1) < torch.arange(num_experts + 1)).sum(0)
    return [order, before]


@replaces("sort_by_expert")
def one_hot_nonzero(indices, num_experts):
    """the ones of a table (E, T k), row by row"""
    table = F.one_hot(indices.reshape(-1), num_experts).T
    order = table.nonzero()[:, 1]
    return order, torch.cat([torch.zeros(1, dtype=torch.long), table.sum(1).cumsum(0)])


@replaces("grouped_matmul")
def row_by_row(rows, weight, offsets):
    """each row beside its own matrix; a view of a larger result"""
    if len(rows) == 0:
        return rows.new_empty((0, weight.size(1)))
    expert = torch.bucketize(torch.arange(len(rows)), offsets, right=True) - 1
    return torch.stack([weight[e] @ row for e, row in zip(expert.tolist(), rows, strict=True)], dim=1).T


@replaces("grouped_matmul")
def gathered_matrices(rows, weight, offsets):
    """a matrix for each row in one einsum"""
    expert = torch.repeat_interleave(torch.arange(len(weight)), offsets[1:] - offsets[:-1])
    return torch.einsum("mi,moi->mo", rows, weight[expert])


@replaces("grouped_matmul")
def filled_in(rows, weight, offsets):
    """slices of a result that is there from the beginning, in float64"""
    result = torch.zeros(len(rows), weight.shape[1], dtype=torch.float64)
    for e, (begin, end) in enumerate(zip(offsets.tolist(), offsets[1:].tolist(), strict=False)):
        if end > begin:
            result[begin:end] = F.linear(rows[begin:end].double(), weight[e].double())
    return result.to(rows.dtype)


@replaces("grouped_matmul")
def split_and_skip(rows, weight, offsets):
    """split by lengths; empty segments are skipped, and an empty piece begins the list"""
    pieces = [rows[:0] @ torch.zeros_like(weight[0]).T]
    for mine, matrix in zip(rows.split(offsets.diff().tolist()), weight.unbind(0), strict=True):
        if mine.numel():
            pieces.append(torch.mm(mine, matrix.t()))
    return torch.vstack(pieces)


@replaces("grouped_matmul")
def one_batched_product(rows, weight, offsets):
    """segments filled up with zeros, one batched product, and the filling cut off again"""
    lengths = offsets.diff()
    place = torch.arange(len(rows)) - offsets[:-1].repeat_interleave(lengths)
    expert = torch.arange(len(weight)).repeat_interleave(lengths)
    padded = rows.new_zeros(len(weight), int(lengths.max()), weight.shape[2]).index_put((expert, place), rows)
    return torch.bmm(padded, weight.mT)[expert, place]


@replaces("dropless_forward")
def expert_by_expert(x, indices, weights, w1, w2, w3):
    """no sorting at all: torch.where for each expert"""
    y = torch.zeros_like(x)
    for e, (a, b, c) in enumerate(zip(w1, w2, w3, strict=True)):
        token, slot = torch.where(indices == e)
        mine = x[token]
        out = F.linear(F.silu(F.linear(mine, a)) * F.linear(mine, c), b)
        y.index_add_(0, token, weights[token, slot].unsqueeze(-1) * out)
    return y


@replaces("dropless_forward")
def inverse_and_sum(x, indices, weights, w1, w2, w3):
    """the inverse permutation and a sum over the slots; everything written out"""
    T, k = indices.shape
    order, offsets = sort_by_expert(indices, w1.shape[0])
    rows = x.repeat_interleave(k, dim=0)[order]
    out = torch.zeros_like(rows)
    for e in range(w1.shape[0]):
        part = slice(int(offsets[e]), int(offsets[e + 1]))
        a, b = rows[part] @ w1[e].mT, rows[part] @ w3[e].mT
        out[part] = (a * a.sigmoid() * b) @ w2[e].mT
    back = torch.empty_like(order)
    back[order] = torch.arange(T * k)
    return (out[back].unflatten(0, (T, k)) * weights[..., None]).sum(dim=1)


@replaces("dropless_forward")
def token_by_token(x, indices, weights, w1, w2, w3):
    """a loop over tokens and choices, in float64; y is a transposed view"""
    columns = [torch.zeros(x.shape[1], 0, dtype=torch.float64)]
    for token, chosen, scale in zip(x.double(), indices.tolist(), weights.double(), strict=True):
        y = torch.zeros_like(token)
        for e, weight in zip(chosen, scale, strict=True):
            gate = w1[e].double() @ token
            y = y + weight * (w2[e].double() @ (gate / (1 + (-gate).exp()) * (w3[e].double() @ token)))
        columns.append(y[:, None])
    return torch.cat(columns, dim=1).T.to(x.dtype)


@replaces("dropless_forward")
def combine_by_matrix(x, indices, weights, w1, w2, w3):
    """sorted rows, and a matrix of weights (T, T k) that brings them home"""
    T, k = indices.shape
    order, offsets = sort_by_expert(indices, len(w1))
    scale = weights.reshape(-1)[order]
    home = torch.where(torch.arange(T)[:, None] == torch.div(order, k, rounding_mode="floor"), scale, 0.0)
    pieces = []
    for e in range(len(w1)):
        mine = x.index_select(0, order[int(offsets[e]) : int(offsets[e + 1])] // k)
        pieces.append(torch.einsum("nf,df->nd", F.silu(mine @ w1[e].T) * (mine @ w3[e].T), w2[e]))
    return home @ torch.cat(pieces)


@replaces("padded_rows")
def in_tensors(offsets, block):
    """tensors to the end; another order of the keys"""
    lengths = offsets[1:] - offsets[:-1]
    blocks = torch.div(lengths + block - 1, block, rounding_mode="floor").sum()
    return OrderedDict(
        capacity_rows=int(lengths.max()) * lengths.numel(),
        block_rows=(blocks * block).item(),
        blocks=blocks.item(),
        rows=offsets[-1].item(),
    )

import math
from collections import defaultdict
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from base import grouped_matmul, sort_by_expert

from grader.testing import replaces


# ---------------------------------------------------------------- sort_by_expert
class Sorted(NamedTuple):
    order: torch.Tensor
    offsets: torch.Tensor


@replaces("sort_by_expert")
def sort_nonzero(indices, num_experts):
    """one nonzero per expert"""
    flat = indices.flatten()
    parts = [(flat == e).nonzero().squeeze(1) for e in range(num_experts)]
    offsets = torch.zeros(num_experts + 1, dtype=torch.int64)
    offsets[1:] = torch.tensor([len(p) for p in parts]).cumsum(0)
    return torch.cat(parts), offsets


@replaces("sort_by_expert")
def sort_lists(indices, num_experts):
    """Python lists"""
    groups = [[] for _ in range(num_experts)]
    for t, row in enumerate(indices.tolist()):
        for s, e in enumerate(row):
            groups[e].append(t * len(row) + s)
    offsets = [0]
    for group in groups:
        offsets.append(offsets[-1] + len(group))
    return torch.tensor([c for group in groups for c in group], dtype=torch.int64), torch.tensor(offsets, dtype=torch.int64)


@replaces("sort_by_expert")
def sort_sort(indices, num_experts):
    """torch.sort and searchsorted"""
    values, order = torch.sort(indices.reshape(-1), stable=True)
    offsets = torch.searchsorted(values, torch.arange(num_experts + 1))
    return order, offsets


@replaces("sort_by_expert")
def sort_numpy(indices, num_experts):
    """NumPy"""
    flat = indices.numpy().reshape(-1)
    order = np.argsort(flat, kind="stable").astype(np.int64)
    offsets = np.concatenate([[0], np.cumsum(np.bincount(flat, minlength=num_experts))]).astype(np.int64)
    return torch.from_numpy(order), torch.from_numpy(offsets)


@replaces("sort_by_expert")
def sort_key(indices, num_experts):
    """unique keys expert * n + copy, then an unstable sort"""
    flat = indices.reshape(-1)
    n = flat.numel()
    key = flat * max(n, 1) + torch.arange(n)
    counts = F.one_hot(flat, num_experts).sum(0) if n else torch.zeros(num_experts, dtype=torch.int64)
    return key.sort().values % max(n, 1), F.pad(counts.cumsum(0), (1, 0))


@replaces("sort_by_expert")
def sort_one_hot(indices, num_experts):
    """places by a cumulative sum over a one-hot matrix, then scatter"""
    flat = indices.reshape(-1)
    hot = (flat[:, None] == torch.arange(num_experts)).long()
    offsets = torch.zeros(num_experts + 1, dtype=torch.long)
    torch.cumsum(hot.sum(0), 0, out=offsets[1:])
    place = ((hot.cumsum(0) - 1 + offsets[:-1]) * hot).sum(1)
    order = torch.empty_like(flat)
    order[place] = torch.arange(len(flat))
    return order, offsets


@replaces("sort_by_expert")
def sort_sorted(indices, num_experts):
    """Python's sorted"""
    flat = indices.reshape(-1).tolist()
    order = sorted(range(len(flat)), key=flat.__getitem__)
    offsets = [sum(e < bound for e in flat) for bound in range(num_experts + 1)]
    return torch.tensor(order, dtype=torch.int64), torch.tensor(offsets)


@replaces("sort_by_expert")
def sort_counts_compare(indices, num_experts):
    """offsets by comparison: how many copies lie before expert e"""
    flat = indices.contiguous().view(-1)
    offsets = (flat[None] < torch.arange(num_experts + 1)[:, None]).sum(1)
    return flat.argsort(stable=True), offsets


@replaces("sort_by_expert")
def sort_named(indices, num_experts):
    """a NamedTuple; scatter_add for the counts"""
    flat = indices.reshape(-1)
    counts = torch.zeros(num_experts + 1, dtype=torch.int64).scatter_add(0, flat + 1, torch.ones_like(flat))
    return Sorted(torch.sort(flat, stable=True).indices, counts.cumsum(0))


@replaces("sort_by_expert")
def sort_counting(indices, num_experts):
    """counting sort with running heads"""
    flat = indices.reshape(-1).tolist()
    counts = [flat.count(e) for e in range(num_experts)]
    offsets = [0]
    for c in counts:
        offsets.append(offsets[-1] + c)
    head, order = offsets[:-1], torch.zeros(len(flat), dtype=torch.int64)
    for copy, e in enumerate(flat):
        order[head[e]] = copy
        head[e] += 1
    return order, torch.tensor(offsets)


@replaces("sort_by_expert")
def sort_where(indices, num_experts):
    """nonzero of the transposed one-hot matrix: rows are experts"""
    hot = torch.arange(num_experts)[:, None] == indices.reshape(1, -1)
    experts, order = hot.nonzero(as_tuple=True)
    return order, torch.bucketize(torch.arange(num_experts + 1), experts)


@replaces("sort_by_expert")
def sort_unique(indices, num_experts):
    """unique with counts; the result of order is a strided view"""
    experts, counts = indices.unique(return_counts=True)
    full = torch.zeros(num_experts, dtype=torch.int64)
    full[experts] = counts
    pairs = torch.stack([indices.reshape(-1).argsort(stable=True)] * 2, dim=1)
    return pairs[:, 0], torch.tensor([0, *full.cumsum(0).tolist()])


# ---------------------------------------------------------------- grouped_matmul
@replaces("grouped_matmul")
def gm_write(rows, weight, offsets):
    """writes the segments into a result"""
    out = rows.new_zeros(rows.shape[0], weight.shape[1])
    for e in range(weight.shape[0]):
        a, b = int(offsets[e]), int(offsets[e + 1])
        if a < b:
            out[a:b] = rows[a:b] @ weight[e].T
    return out


@replaces("grouped_matmul")
def gm_linear(rows, weight, offsets):
    """F.linear on every segment, empty ones included: an empty product touches nothing"""
    sizes = offsets.diff().tolist()
    return torch.cat([F.linear(part, w) for part, w in zip(rows.split(sizes), weight, strict=True)])


@replaces("grouped_matmul")
def gm_tensor_split(rows, weight, offsets):
    """tensor_split"""
    parts = rows.tensor_split(offsets[1:-1])
    return torch.cat([p.matmul(weight[e].t()) for e, p in enumerate(parts)], dim=0)


@replaces("grouped_matmul")
def gm_row_by_row(rows, weight, offsets):
    """a loop over rows"""
    out = [weight[int((offsets[1:] <= i).sum())].mv(rows[i]) for i in range(len(rows))]
    return torch.stack(out) if out else rows.new_zeros(0, weight.shape[1])


@replaces("grouped_matmul")
def gm_gather(rows, weight, offsets):
    """the matrix of every row, bmm"""
    expert = torch.repeat_interleave(torch.arange(len(weight)), offsets.diff())
    return torch.bmm(weight[expert], rows.unsqueeze(2)).squeeze(2)


@replaces("grouped_matmul")
def gm_einsum(rows, weight, offsets):
    """einsum with the matrices of the rows"""
    expert = torch.bucketize(torch.arange(rows.shape[0]), offsets[1:], right=True)
    return torch.einsum("mi,moi->mo", rows, weight.index_select(0, expert))


class _Grouped(torch.autograd.Function):
    @staticmethod
    def forward(ctx, rows, weight, offsets):
        ctx.save_for_backward(rows, weight, offsets)
        bounds = offsets.tolist()
        out = rows.new_empty(rows.shape[0], weight.shape[1])
        for e, (a, b) in enumerate(pairwise(bounds)):
            torch.mm(rows[a:b], weight[e].T, out=out[a:b])
        return out

    @staticmethod
    def backward(ctx, g):
        rows, weight, offsets = ctx.saved_tensors
        g_rows, g_weight = torch.zeros_like(rows), torch.zeros_like(weight)
        for e, (a, b) in enumerate(pairwise(offsets.tolist())):
            if b > a:
                g_rows[a:b] = g[a:b] @ weight[e]
                g_weight[e] = g[a:b].T @ rows[a:b]
        return g_rows, g_weight, None


@replaces("grouped_matmul")
def gm_autograd(rows, weight, offsets):
    """a custom autograd.Function"""
    return _Grouped.apply(rows, weight, offsets)


@replaces("grouped_matmul")
def gm_padded(rows, weight, offsets):
    """padded to the fullest segment, one bmm over the experts in use"""
    counts = offsets.diff()
    used = counts.nonzero().squeeze(1)
    if len(used) == 0:
        return rows.new_zeros(0, weight.shape[1]) + 0 * weight[:0].sum()
    longest = int(counts.max())
    slot = torch.arange(longest)
    real = slot < counts[used, None]
    index = (offsets[:-1][used, None] + slot).clamp(max=len(rows) - 1)
    padded = torch.where(real[..., None], rows[index], 0.0)
    return torch.bmm(padded, weight[used].transpose(1, 2))[real]


@replaces("grouped_matmul")
def gm_index_copy(rows, weight, offsets):
    """index_copy, without changing anything in place"""
    out = torch.zeros(len(rows), weight.size(1), dtype=rows.dtype)
    for e in offsets.diff().nonzero().flatten().tolist():
        where = torch.arange(offsets[e], offsets[e + 1])
        out = out.index_copy(0, where, torch.einsum("mi,oi->mo", rows[where], weight[e]))
    return out


@replaces("grouped_matmul")
def gm_transposed(rows, weight, offsets):
    """columns; the result is a transposed view"""
    columns = [weight[e] @ rows[a:b].T for e, (a, b) in enumerate(pairwise(offsets.tolist()))]
    return torch.cat(columns, dim=1).T


@replaces("grouped_matmul")
def gm_recursive(rows, weight, offsets):
    """halves the experts"""
    if len(weight) == 1:
        return rows @ weight[0].mT
    half = len(weight) // 2
    cut = int(offsets[half] - offsets[0])
    left = gm_recursive(rows[:cut], weight[:half], offsets[: half + 1])
    right = gm_recursive(rows[cut:], weight[half:], offsets[half:])
    return torch.vstack([left, right])


@replaces("grouped_matmul")
def gm_sum_products(rows, weight, offsets):
    """products and sums instead of a matmul, in blocks of two rows"""
    out = []
    for e, (a, b) in enumerate(pairwise(offsets.tolist())):
        for i in range(a, b, 2):
            out.append((rows[i : min(i + 2, b), None] * weight[e]).sum(-1))
    return torch.cat(out) if out else torch.zeros((0, weight.shape[1]), dtype=weight.dtype)


# ---------------------------------------------------------------- dropless_forward
def ffn(x, w1, w2, w3):
    return (F.silu(x @ w1.T) * (x @ w3.T)) @ w2.T


@replaces("dropless_forward")
def df_per_expert(x, indices, weights, w1, w2, w3):
    """a loop over experts, nonzero, index_add_"""
    y = torch.zeros_like(x)
    for e in range(len(w1)):
        token, choice = (indices == e).nonzero(as_tuple=True)
        if len(token):
            y = y.index_add(0, token, weights[token, choice, None] * ffn(x[token], w1[e], w2[e], w3[e]))
    return y


@replaces("dropless_forward")
def df_tokens(x, indices, weights, w1, w2, w3):
    """token by token"""
    out = []
    for t, row in enumerate(indices.tolist()):
        out.append(sum((weights[t, s] * ffn(x[t], w1[e], w2[e], w3[e]) for s, e in enumerate(row)), torch.zeros_like(x[t])))
    return torch.stack(out) if out else x.clone()


@replaces("dropless_forward")
def df_inverse(x, indices, weights, w1, w2, w3):
    """back by the inverse permutation, then a weighted sum over the choices"""
    T, k = indices.shape
    order, offsets = sort_by_expert(indices, w1.shape[0])
    rows = x.index_select(0, order.div(k, rounding_mode="floor"))
    h = grouped_matmul(rows, w1, offsets)
    h = h * torch.sigmoid(h) * grouped_matmul(rows, w3, offsets)
    out = grouped_matmul(h, w2, offsets)
    inverse = torch.empty_like(order)
    inverse[order] = torch.arange(len(order))
    return (out[inverse].view(T, k, x.shape[1]) * weights[..., None]).sum(1)


@replaces("dropless_forward")
def df_repeat(x, indices, weights, w1, w2, w3):
    """repeat_interleave, argsort of the order"""
    T, k = indices.shape
    order, offsets = sort_by_expert(indices, len(w1))
    copies = x.repeat_interleave(k, dim=0)[order]
    hidden = F.silu(grouped_matmul(copies, w1, offsets)).mul(grouped_matmul(copies, w3, offsets))
    out = grouped_matmul(hidden, w2, offsets)[order.argsort()]
    return torch.einsum("tk,tkd->td", weights, out.unflatten(0, (T, k)))


@replaces("dropless_forward")
def df_fused(x, indices, weights, w1, w2, w3):
    """w1 and w3 in one grouped product"""
    k = indices.size(1)
    order, offsets = sort_by_expert(indices, len(w1))
    gate, up = grouped_matmul(x[order // k], torch.cat([w1, w3], dim=1), offsets).chunk(2, dim=1)
    out = grouped_matmul(F.silu(gate) * up, w2, offsets)
    scaled = out * weights.flatten().index_select(0, order).unsqueeze(1)
    y = torch.zeros_like(x)
    return y.scatter_add(0, (order // k)[:, None].expand_as(scaled), scaled)


@replaces("dropless_forward")
def df_gather_weights(x, indices, weights, w1, w2, w3):
    """the matrices of every copy, einsum"""
    gate = torch.einsum("td,tkfd->tkf", x, w1[indices])
    up = torch.einsum("td,tkfd->tkf", x, w3[indices])
    return torch.einsum("tkf,tkdf,tk->td", F.silu(gate) * up, w2[indices], weights)


@replaces("dropless_forward")
def df_choices(x, indices, weights, w1, w2, w3):
    """choice by choice, each sorted on its own"""
    y = torch.zeros_like(x)
    for s in range(indices.shape[1]):
        order, offsets = sort_by_expert(indices[:, s : s + 1], w1.shape[0])
        rows = x[order]
        out = grouped_matmul(F.silu(grouped_matmul(rows, w1, offsets)) * grouped_matmul(rows, w3, offsets), w2, offsets)
        y = y + weights[:, s, None] * torch.zeros_like(x).index_copy(0, order, out)
    return y


@replaces("dropless_forward")
def df_unsort(x, indices, weights, w1, w2, w3):
    """copies back to their places by index_put, weights and sum by a loop over the choices"""
    T, k = indices.shape
    order, offsets = sort_by_expert(indices, w1.shape[0])
    rows = x.unsqueeze(1).expand(T, k, x.shape[1]).reshape(T * k, x.shape[1])[order]
    out = grouped_matmul(F.silu(grouped_matmul(rows, w1, offsets)) * grouped_matmul(rows, w3, offsets), w2, offsets)
    copies = torch.zeros(T * k, x.shape[1], dtype=x.dtype).index_put((order,), out)
    y = torch.zeros_like(x)
    for s in range(k):
        y = y + weights[:, s : s + 1] * copies[s::k]
    return y


@replaces("dropless_forward")
def df_dict(x, indices, weights, w1, w2, w3):
    """a dict from expert to its copies, index_put with accumulate"""
    copies = defaultdict(list)
    for t, row in enumerate(indices.tolist()):
        for s, e in enumerate(row):
            copies[e].append((t, s))
    y = x.new_zeros(x.shape)
    for e, places in copies.items():
        t, s = torch.tensor(places).T
        y = y.index_put((t,), ffn(x[t], w1[e], w2[e], w3[e]) * weights[t, s].unsqueeze(-1), accumulate=True)
    return y


@replaces("dropless_forward")
def df_scale_hidden(x, indices, weights, w1, w2, w3):
    """the weight multiplies the hidden units: W2 is linear"""
    k = indices.shape[-1]
    order, offsets = sort_by_expert(indices, w1.shape[0])
    token, w = order // k, weights.reshape(-1, 1)[order]
    rows = x[token]
    hidden = F.silu(grouped_matmul(rows, w1, offsets)) * grouped_matmul(rows, w3, offsets) * w
    y = torch.zeros_like(x)
    y.index_add_(0, token, grouped_matmul(hidden, w2, offsets))
    return y


@replaces("dropless_forward")
def df_bounds(x, indices, weights, w1, w2, w3):
    """segments of the order, without grouped_matmul"""
    k = indices.shape[1]
    order, offsets = sort_by_expert(indices, w1.shape[0])
    copies = x.new_zeros(order.numel(), x.shape[1])
    for e, (a, b) in enumerate(pairwise(offsets.tolist())):
        if a == b:
            continue
        part = order[a:b]
        copies[part] = ffn(x[part // k], w1[e], w2[e], w3[e]) * weights.reshape(-1)[part].unsqueeze(-1)
    return copies.reshape(x.shape[0], k, -1).sum(dim=1) if order.numel() else torch.zeros_like(x)


@replaces("dropless_forward")
def df_columns(x, indices, weights, w1, w2, w3):
    """a token's weight for the expert is a row sum; every expert runs on the tokens that chose it"""
    y = torch.zeros_like(x)
    for e in indices.unique().tolist():
        chose = indices == e
        tokens = chose.any(1)
        w = (weights * chose).sum(1)[tokens]
        out = F.linear(F.silu(F.linear(x[tokens], w1[e])) * F.linear(x[tokens], w3[e]), w2[e])
        y = y.masked_scatter(tokens[:, None].expand_as(x), y[tokens] + out * w[:, None])
    return y


# ---------------------------------------------------------------- padded_rows
@replaces("padded_rows")
def pad_torch(offsets, block):
    """tensors, item at the end"""
    counts = offsets[1:] - offsets[:-1]
    blocks = torch.div(counts + block - 1, block, rounding_mode="floor").sum()
    return {
        "rows": counts.sum().item(),
        "blocks": blocks.item(),
        "block_rows": (blocks * block).item(),
        "capacity_rows": (counts.max() * counts.numel()).item(),
    }


@replaces("padded_rows")
def pad_loop(offsets, block):
    """a loop with running sums"""
    rows = blocks = longest = 0
    for e in range(len(offsets) - 1):
        n = int(offsets[e + 1]) - int(offsets[e])
        rows += n
        blocks += n // block + (1 if n % block else 0)
        longest = max(longest, n)
    return dict(rows=rows, blocks=blocks, block_rows=blocks * block, capacity_rows=longest * (len(offsets) - 1))


@replaces("padded_rows")
def pad_numpy(offsets, block):
    """NumPy"""
    counts = np.diff(offsets.numpy())
    blocks = int(np.ceil(counts / block).sum())
    return {"rows": int(counts.sum()), "blocks": blocks, "block_rows": blocks * block, "capacity_rows": int(counts.max()) * len(counts)}


@replaces("padded_rows")
def pad_ceil(offsets, block):
    """math.ceil"""
    ends = offsets.tolist()
    counts = [b - a for a, b in pairwise(ends)]
    blocks = sum(math.ceil(c / block) for c in counts)
    return {"capacity_rows": len(counts) * max(counts), "block_rows": blocks * block, "blocks": blocks, "rows": ends[-1]}


@replaces("padded_rows")
def pad_range(offsets, block):
    """counts the beginnings of blocks"""
    o = offsets.tolist()
    blocks = sum(len(range(a, b, block)) for a, b in zip(o, o[1:]))
    return {"rows": o[-1] - o[0], "blocks": blocks, "block_rows": block * blocks, "capacity_rows": max(b - a for a, b in zip(o, o[1:])) * (len(o) - 1)}


@replaces("padded_rows")
def pad_float(offsets, block):
    """torch.ceil in float64"""
    counts = offsets.diff().double()
    blocks = int(torch.ceil(counts / block).sum())
    out = {"rows": int(offsets[-1]), "blocks": blocks}
    out["block_rows"] = blocks * block
    out["capacity_rows"] = int(counts.max()) * (offsets.numel() - 1)
    return out


@replaces("padded_rows")
def pad_padding(offsets, block):
    """rows plus padding"""
    counts = torch.diff(offsets)
    padding = (-counts) % block
    total = int((counts + padding).sum())
    return {"rows": int(counts.sum()), "blocks": total // block, "block_rows": total, "capacity_rows": counts.shape[0] * int(counts.amax())}


@replaces("padded_rows")
def pad_divmod(offsets, block):
    """divmod in a helper"""

    def need(n):
        q, r = divmod(n, block)
        return q + bool(r)

    sizes = [int(n) for n in offsets.diff()]
    blocks = sum(map(need, sizes))
    return dict(zip(("rows", "blocks", "block_rows", "capacity_rows"), (sum(sizes), blocks, blocks * block, max(sizes) * len(sizes))))


@replaces("padded_rows")
def pad_shift(offsets, block):
    """(n - 1) // block + 1 for those that are not empty"""
    counts = offsets.diff()
    busy = counts[counts > 0]
    blocks = int((torch.floor_divide(busy - 1, block) + 1).sum())
    return {"rows": int(busy.sum()), "blocks": blocks, "block_rows": blocks * block, "capacity_rows": int(counts.max()) * len(counts)}

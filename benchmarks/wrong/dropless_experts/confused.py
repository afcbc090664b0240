# TRUE CAUSE: numbers the copies choice by choice, copy s*T + t for the s-th choice of token t (all first choices first), in
# place of t*k + s. The order that sort_by_expert returns is therefore another one; dropless_forward uses the same numbering
# throughout, so its result is right.
import torch
import torch.nn.functional as F


def sort_by_expert(indices, num_experts):
    flat = indices.T.reshape(-1)  # first choices of all tokens, then second choices, ...
    order = flat.sort(stable=True).indices
    offsets = torch.zeros(num_experts + 1, dtype=torch.int64)
    offsets[1:] = F.one_hot(flat, num_experts).sum(0).cumsum(0)
    return order, offsets


def grouped_matmul(rows, weight, offsets):
    ends = offsets.tolist()
    out = [F.linear(rows[a:b], w) for w, a, b in zip(weight, ends[:-1], ends[1:])]
    return torch.cat(out, dim=0)


def dropless_forward(x, indices, weights, w1, w2, w3):
    T = x.size(0)
    order, offsets = sort_by_expert(indices, w1.size(0))
    tok = order % max(T, 1)
    xs = x.index_select(0, tok)
    gate, up = grouped_matmul(xs, w1, offsets), grouped_matmul(xs, w3, offsets)
    ys = grouped_matmul(gate * gate.sigmoid() * up, w2, offsets)
    ys = ys * weights.T.reshape(-1)[order].unsqueeze(1)
    y = x.new_zeros(x.shape)
    return y.index_add(0, tok, ys)


def padded_rows(offsets, block):
    n = offsets.diff()
    blocks = int(((n + block - 1) // block).sum())
    return {"rows": int(n.sum()), "blocks": blocks, "block_rows": blocks * block, "capacity_rows": int(n.max()) * len(n)}

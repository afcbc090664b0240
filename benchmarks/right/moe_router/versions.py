import functools
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F

from torch import Tensor

from grader.testing import replaces


def check(k, E):
    if k < 1 or k > E:
        raise ValueError(f"k = {k} of {E} experts")


def wide(x):
    """float32 for half precision"""
    return x if x.dtype in (torch.float32, torch.float64) else x.float()


@replaces("route")
def route_sort(logits, k):
    """sort, slices, softmax by hand"""
    check(k, logits.size(-1))
    top, idx = torch.sort(logits, dim=-1, descending=True)
    top, idx = wide(top[..., :k]), idx[..., :k]
    e = torch.exp(top - top[..., :1])
    return (e / e.sum(-1, keepdim=True)).to(logits.dtype), idx


@replaces("route")
def route_renormalised(logits, k):
    """softmax over all, the k largest divided by their sum"""
    check(k, logits.size(-1))
    probs = F.softmax(wide(logits), dim=-1)
    idx = torch.topk(logits, k, dim=-1)[1]
    w = probs.gather(-1, idx)
    return (w / w.sum(-1, keepdim=True)).to(logits.dtype), idx


@replaces("route")
def route_argmax(logits, k):
    """k times argmax"""
    check(k, logits.size(-1))
    left, found = logits.detach(), []
    for _ in range(k):
        found.append(left.argmax(-1, keepdim=True))
        left = left.scatter(-1, found[-1], -torch.inf)
    idx = torch.cat(found, -1)
    return torch.softmax(torch.take_along_dim(logits, idx, -1), -1), idx


@replaces("route")
def route_masked(logits, k):
    """-inf for all others, softmax over all, gather"""
    check(k, logits.size(-1))
    idx = logits.topk(k, -1).indices
    keep = torch.zeros_like(logits, dtype=torch.bool).scatter(-1, idx, True)
    return logits.masked_fill(~keep, float("-inf")).softmax(-1).gather(-1, idx), idx


@replaces("route")
def route_logsumexp(logits, k):
    """log space; argsort"""
    if not (k >= 1 and k <= logits.shape[-1]):
        raise ValueError("bad k")
    idx = logits.argsort(dim=-1, descending=True)[..., :k]
    top = torch.gather(wide(logits), -1, idx)
    return (top - top.logsumexp(-1, keepdim=True)).exp().to(logits.dtype), idx


@replaces("route")
def route_loops(logits, k):
    """token by token with Python's sort"""
    E = logits.shape[-1]
    check(k, E)
    flat = logits.reshape(-1, E) if logits.numel() else logits.new_zeros(0, E)
    order = [sorted(range(E), key=lambda e: -row[e])[:k] for row in flat.tolist()]
    idx = torch.tensor(order, dtype=torch.int64).reshape(*logits.shape[:-1], k)
    return F.softmax(logits.gather(-1, idx), dim=-1), idx


@replaces("route")
def route_numpy(logits, k):
    """np.argpartition, then a sort of k"""
    E = logits.shape[-1]
    check(k, E)
    negative = -wide(logits).detach().numpy()
    part = np.argpartition(negative, k - 1, axis=-1)[..., :k]
    inner = np.argsort(np.take_along_axis(negative, part, -1), axis=-1)
    idx = torch.from_numpy(np.take_along_axis(part, inner, -1)).long()
    return logits.gather(-1, idx).softmax(-1, dtype=wide(logits).dtype).to(logits.dtype), idx


class Routed(NamedTuple):
    weights: Tensor
    indices: Tensor


@replaces("route")
def route_named(logits: Tensor, k: int) -> Routed:
    """a NamedTuple; float64 inside; experts first"""
    check(k, logits.shape[-1])
    top, idx = torch.topk(logits.movedim(-1, 0), k, dim=0)
    return Routed(top.double().softmax(0).to(logits.dtype).movedim(0, -1), idx.movedim(0, -1))


@replaces("route")
def route_one_hot(logits, k):
    """values by a sum over one_hot"""
    E = logits.shape[-1]
    check(k, E)
    idx = torch.topk(logits, k).indices
    hot = F.one_hot(idx, E).bool()
    top = torch.where(hot, wide(logits).unsqueeze(-2), torch.zeros((), dtype=wide(logits).dtype)).sum(-1)
    return top.softmax(-1).to(logits.dtype), idx


@replaces("route")
def route_differences(logits, k):
    """1 / sum of exp of differences"""
    check(k, logits.shape[-1])
    top, idx = logits.topk(k, dim=-1, largest=True, sorted=True)
    t = wide(top)
    return (1 / (t.unsqueeze(-2) - t.unsqueeze(-1)).exp().sum(-1)).to(logits.dtype), idx


class _Softmax(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        p = wide(x).softmax(-1)
        ctx.save_for_backward(p)
        return p.to(x.dtype)

    @staticmethod
    def backward(ctx, grad):
        (p,) = ctx.saved_tensors
        g = grad.to(p.dtype)
        return (p * (g - (p * g).sum(-1, keepdim=True))).to(grad.dtype)


@replaces("route")
def route_function(logits, k):
    """a gradient by formula"""
    check(k, logits.shape[-1])
    order = logits.detach().sort(dim=-1, descending=True).indices.narrow(-1, 0, k)
    return _Softmax.apply(logits.gather(-1, order)), order


@replaces("route")
def route_rank(logits, k):
    """the rank of each expert, inverted by argsort"""
    E = logits.shape[-1]
    check(k, E)
    by_rank = (-wide(logits)).argsort(dim=-1, stable=True)
    idx = by_rank.index_select(-1, torch.arange(k))
    w = F.log_softmax(torch.gather(logits, -1, idx), dim=-1, dtype=wide(logits).dtype).exp()
    return w.to(logits.dtype), idx.contiguous()


@replaces("combine_matrix")
def combine_one_hot(weights, indices, num_experts):
    """one_hot, sum"""
    hot = F.one_hot(indices, num_experts).to(weights.dtype)
    return (hot * weights.unsqueeze(-1)).sum(-2)


@replaces("combine_matrix")
def combine_einsum(weights, indices, num_experts):
    """einsum with a comparison"""
    hot = (indices.unsqueeze(-1) == torch.arange(num_experts)).to(weights.dtype)
    return torch.einsum("...k,...ke->...e", weights, hot)


@replaces("combine_matrix")
def combine_where(weights, indices, num_experts):
    """torch.where, no product"""
    hit = indices[..., None] == torch.arange(num_experts)
    return torch.where(hit, weights[..., None], torch.zeros((), dtype=weights.dtype)).sum(-2)


@replaces("combine_matrix")
def combine_scatter_add(weights, indices, num_experts):
    """scatter_add in place on an own tensor"""
    out = torch.zeros(weights.shape[:-1] + (num_experts,), dtype=weights.dtype)
    return out.scatter_add_(-1, indices, weights)


@replaces("combine_matrix")
def combine_slots(weights, indices, num_experts):
    """slot by slot"""
    out = torch.zeros(*weights.shape[:-1], num_experts).to(weights.dtype)
    for s in range(weights.shape[-1]):
        out = out.scatter(-1, indices[..., s : s + 1], weights[..., s : s + 1])
    return out


@replaces("combine_matrix")
def combine_flat(weights, indices, num_experts):
    """one flat index, index_put"""
    k = weights.shape[-1]
    tokens = weights.numel() // k
    rows = torch.arange(tokens).repeat_interleave(k)
    flat = torch.zeros(tokens * num_experts, dtype=weights.dtype)
    flat = flat.index_put((rows * num_experts + indices.reshape(-1),), weights.reshape(-1))
    return flat.view(*weights.shape[:-1], num_experts)


@replaces("combine_matrix")
def combine_loops(weights, indices, num_experts):
    """loops, stacks of scalars"""
    if weights.dim() > 1:
        if len(weights) == 0:
            return weights.new_zeros(*weights.shape[:-1], num_experts)
        return torch.stack([combine_loops(w, i, num_experts) for w, i in zip(weights, indices)])
    row = [torch.zeros((), dtype=weights.dtype)] * num_experts
    for w, e in zip(weights, indices.tolist()):
        row[e] = w
    return torch.stack(row)


@replaces("combine_matrix")
def combine_expert_columns(weights, indices, num_experts):
    """a column for each expert"""
    columns = [(weights * (indices == e)).sum(-1) for e in range(num_experts)]
    return torch.stack(columns, dim=-1)


@replaces("combine_matrix")
def combine_matmul(weights, indices, num_experts):
    """a product with rows of the identity"""
    rows = torch.eye(num_experts, dtype=weights.dtype)[indices]
    return (weights.unsqueeze(-2) @ rows).squeeze(-2)


@replaces("combine_matrix")
def combine_transposed(weights, indices, num_experts):
    """experts first, a result that is not contiguous"""
    w, i = weights.movedim(-1, 0), indices.movedim(-1, 0)
    out = torch.zeros((num_experts, *w.shape[1:]), dtype=w.dtype)
    return torch.scatter(out, 0, i, w).movedim(0, -1)


@replaces("combine_matrix")
def combine_reduce(weights, indices, num_experts):
    """functools.reduce over the slots, F.one_hot"""
    slots = zip(weights.unbind(-1), indices.unbind(-1))
    term = lambda w, i: w.unsqueeze(-1) * F.one_hot(i, num_experts).to(w.dtype)
    return functools.reduce(torch.add, (term(w, i) for w, i in slots))


@replaces("combine_matrix")
def combine_padded(weights, indices, num_experts):
    """padded by zeros, then put in the place of each expert"""
    k = weights.shape[-1]
    padded = torch.cat([weights, weights.new_zeros(*weights.shape[:-1], 1)], -1)
    slot = torch.full((*indices.shape[:-1], num_experts), k, dtype=torch.int64)
    slot = slot.scatter(-1, indices, torch.arange(k).expand(indices.shape))
    return padded.gather(-1, slot)

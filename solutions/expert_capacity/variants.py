"""Right solutions in other styles. None of them may lose a point."""

from fractions import Fraction

import numpy as np
import torch
import torch.nn.functional as F

from grader.testing import replaces


@replaces("expert_capacity")
def minus_floor(num_tokens, num_experts, k, capacity_factor):
    """rounds up with //"""
    return int(-(-num_tokens * k * capacity_factor // num_experts))


@replaces("expert_capacity")
def share_times_factor(num_tokens, num_experts, k, capacity_factor):
    """another order of the operations, and NumPy"""
    return int(np.ceil(capacity_factor * (k / num_experts) * num_tokens))


@replaces("expert_capacity")
def exact(num_tokens, num_experts, k, capacity_factor):
    """a fraction, and a loop that makes room until there is enough"""
    needed, C = Fraction(capacity_factor) * num_tokens * k / num_experts, 0
    while needed > C:
        C += 1
    return C


@replaces("assign_slots")
def counters(indices, num_experts, capacity):
    """a counter for each expert, and two loops"""
    taken = [0] * num_experts
    slots = [[-1] * indices.shape[1] for _ in indices]
    for s, column in enumerate(indices.T.tolist()):
        for t, e in enumerate(column):
            if taken[e] < capacity:
                slots[t][s] = taken[e]
                taken[e] += 1
    return torch.tensor(slots)


@replaces("assign_slots")
def sorted_queue(indices, num_experts, capacity):
    """a stable sort by expert: the slot is the distance to the beginning of the expert's stretch"""
    T, k = indices.shape
    queue = indices.t().reshape(-1)
    order = queue.argsort(stable=True)
    sizes = torch.bincount(queue, minlength=num_experts)
    begin = sizes.cumsum(0) - sizes
    place = torch.arange(T * k) - begin[queue[order]]
    slots = torch.empty(T * k, dtype=torch.int64)
    slots[order] = torch.where(place < capacity, place, -1)
    return slots.reshape(k, T).t().contiguous()


@replaces("assign_slots")
def rank_by_rank(indices, num_experts, capacity):
    """GShard's way: the second choices begin where the first ones ended"""
    slots, before = [], torch.zeros(num_experts, dtype=torch.int64)
    for s in range(indices.size(1)):
        hot = F.one_hot(indices[:, s], num_experts)
        position = ((hot.cumsum(0) - hot + before) * hot).sum(-1)
        before = before + hot.sum(0)
        slots.append(torch.where(position < capacity, position, torch.tensor(-1)))
    return torch.stack(slots, -1)


@replaces("assign_slots")
def compare_all(indices, num_experts, capacity):
    """every choice against every other in NumPy, (T k)² comparisons"""
    T, k = indices.shape
    queue = indices.numpy().T.ravel()
    earlier = (queue[:, None] == queue[None, :]) & np.tri(T * k, k=-1, dtype=bool)
    slots = earlier.sum(1)
    slots[slots >= capacity] = -1
    return torch.from_numpy(slots.astype(np.int64)).view(k, T).T


@replaces("dispatch")
def one_hot_masks(x, indices, slots, num_experts, capacity):
    """GShard's dispatch mask (T, E, C) and einsum"""
    where = F.one_hot(slots + 1, capacity + 1)[..., 1:].to(x.dtype)  # (T, k, C), zeros for -1
    mask = torch.einsum("tke,tkc->tec", F.one_hot(indices, num_experts).to(x.dtype), where)
    return torch.einsum("td,tec->ecd", x, mask)


@replaces("dispatch")
def spare_row(x, indices, slots, num_experts, capacity):
    """a spare row at the end for whatever is dropped, cut off afterwards; flat places and index_add"""
    flat = torch.where(slots >= 0, indices * capacity + slots, num_experts * capacity).flatten()
    rows = x.repeat_interleave(indices.shape[1], dim=0)
    buffers = torch.zeros(num_experts * capacity + 1, x.shape[1], dtype=x.dtype).index_add(0, flat, rows)
    return buffers[:-1].view(num_experts, capacity, -1)


@replaces("dispatch")
def in_place(x, indices, slots, num_experts, capacity):
    """loops and assignment; the slots lie in front of the experts in memory"""
    buffers = torch.zeros(capacity, num_experts, x.shape[1], dtype=x.dtype).transpose(0, 1)
    for t in range(len(x)):
        for e, c in zip(indices[t].tolist(), slots[t].tolist(), strict=True):
            if c != -1:
                buffers[e, c] = x[t]
    return buffers


@replaces("combine")
def gather_and_mask(buffers, indices, slots, weights):
    """reads slot 0 for what is dropped, and gives it weight 0"""
    rows = buffers[indices, slots.clamp(min=0)]
    return torch.einsum("tk,tkd->td", torch.where(slots < 0, 0.0, weights), rows)


@replaces("combine")
def combine_tensor(buffers, indices, slots, weights):
    """GShard's combine tensor (T, E, C) and one matrix product"""
    E, C, D = buffers.shape
    T = indices.shape[0]
    token, s = (slots != -1).nonzero(as_tuple=True)
    tensor = torch.zeros(T, E, C, dtype=weights.dtype)
    tensor[token, indices[token, s], slots[token, s]] = weights[token, s]
    return tensor.view(T, E * C) @ buffers.reshape(E * C, D)


@replaces("combine")
def padded_slot(buffers, indices, slots, weights):
    """one slot of zeros behind the others, which -1 then means; rank by rank"""
    longer = F.pad(buffers, (0, 0, 0, 1))
    y = weights[:, :1] * longer[indices[:, 0], slots[:, 0]]
    for s in range(1, indices.shape[1]):
        y = y + weights[:, s : s + 1] * longer[indices[:, s], slots[:, s]]
    return y


class Combine(torch.autograd.Function):
    """Gather and weigh with the derivatives by hand."""

    @staticmethod
    def forward(ctx, buffers, indices, slots, weights):
        ctx.save_for_backward(buffers, indices, slots, weights)
        kept = (slots >= 0).to(weights.dtype)
        return (buffers[indices, slots] * (weights * kept)[..., None]).sum(1)

    @staticmethod
    def backward(ctx, g):
        buffers, indices, slots, weights = ctx.saved_tensors
        kept = (slots >= 0).to(weights.dtype)
        to_buffers = torch.zeros_like(buffers)
        rows = (weights * kept)[..., None] * g[:, None]
        to_buffers.index_put_((indices, slots), rows, accumulate=True)
        to_weights = (buffers[indices, slots] * g[:, None]).sum(-1) * kept
        return to_buffers, None, None, to_weights


@replaces("combine")
def own_backward(buffers, indices, slots, weights):
    """a custom autograd Function"""
    return Combine.apply(buffers, indices, slots, weights)

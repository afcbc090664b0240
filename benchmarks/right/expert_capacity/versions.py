import math
from collections import Counter, defaultdict
from decimal import ROUND_CEILING, Decimal
from fractions import Fraction

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from grader.testing import replaces


# ---- expert_capacity


@replaces("expert_capacity")
def capacity_quarters(num_tokens, num_experts, k, capacity_factor):
    """integers: quarters"""
    return -(-num_tokens * k * round(4 * capacity_factor) // (4 * num_experts))


@replaces("expert_capacity")
def capacity_fraction(num_tokens, num_experts, k, capacity_factor):
    """Fraction"""
    return math.ceil(Fraction(capacity_factor) * num_tokens * k / num_experts)


@replaces("expert_capacity")
def capacity_negative_floor(num_tokens, num_experts, k, capacity_factor):
    """floor of the negative"""
    return int(-(-(capacity_factor * num_tokens * k) // num_experts))


@replaces("expert_capacity")
def capacity_decimal(num_tokens, num_experts, k, capacity_factor):
    """divmod on a numerator that is a whole number of quarters"""
    whole, rest = divmod(int(Decimal(capacity_factor) * 4) * num_tokens * k, 4 * num_experts)
    return whole + (rest > 0)


@replaces("expert_capacity")
def capacity_numpy(num_tokens, num_experts, k, capacity_factor):
    """numpy.ceil"""
    return int(np.ceil(num_tokens * k * capacity_factor / num_experts))


@replaces("expert_capacity")
def capacity_torch(num_tokens, num_experts, k, capacity_factor):
    """torch float64"""
    return int(torch.tensor(float(num_tokens * k * capacity_factor), dtype=torch.float64).div(num_experts).ceil().item())


@replaces("expert_capacity")
def capacity_add(num_tokens, num_experts, k, capacity_factor):
    """adds one where something is left"""
    total = num_tokens * k * capacity_factor
    count = int(total // num_experts)
    if count * num_experts < total:
        count += 1
    return count


@replaces("expert_capacity")
def capacity_ratio(num_tokens, num_experts, k, capacity_factor):
    """as_integer_ratio"""
    top, bottom = float(capacity_factor).as_integer_ratio()
    return (num_tokens * k * top + bottom * num_experts - 1) // (bottom * num_experts)


# ---- assign_slots


@replaces("assign_slots")
def slots_loops(indices, num_experts, capacity):
    """two loops and a list of counts"""
    tokens, k = indices.shape
    taken = [0] * num_experts
    out = torch.full_like(indices, -1)
    for s in range(k):
        for t in range(tokens):
            e = int(indices[t, s])
            if taken[e] < capacity:
                out[t, s] = taken[e]
                taken[e] += 1
    return out


@replaces("assign_slots")
def slots_counter(indices, num_experts, capacity):
    """a Counter over columns"""
    seen = Counter()
    columns = []
    for column in indices.T.tolist():
        places = []
        for e in column:
            places.append(seen[e] if seen[e] < capacity else -1)
            seen[e] += 1
        columns.append(places)
    return torch.tensor(columns, dtype=torch.int64).view(indices.shape[1], indices.shape[0]).T.contiguous()


@replaces("assign_slots")
def slots_rounds(indices, num_experts, capacity):
    """round by round, one_hot and an offset"""
    offset = torch.zeros(num_experts, dtype=torch.int64)
    out = []
    for s in range(indices.shape[1]):
        hot = F.one_hot(indices[:, s], num_experts)
        place = ((hot.cumsum(0) - 1 + offset) * hot).sum(1)
        out.append(place.masked_fill(place >= capacity, -1))
        offset = offset + hot.sum(0)
    return torch.stack(out, dim=1)


@replaces("assign_slots")
def slots_sort(indices, num_experts, capacity):
    """a stable sort, places counted from the start of each expert"""
    flat = indices.t().flatten()
    order = flat.argsort(stable=True)
    counts = torch.bincount(flat, minlength=num_experts)
    start = counts.cumsum(0) - counts
    place = torch.arange(flat.numel()) - start[flat[order]]
    out = torch.empty_like(flat)
    out[order] = torch.where(place < capacity, place, torch.full_like(place, -1))
    return out.view(indices.shape[1], indices.shape[0]).t()


@replaces("assign_slots")
def slots_pairs(indices, num_experts, capacity):
    """all pairs of choices: how many earlier ones have my expert"""
    flat = indices.T.reshape(-1)
    earlier = (flat[:, None] == flat[None, :]).tril(-1).sum(1)
    earlier[earlier >= capacity] = -1
    return earlier.reshape(indices.T.shape).T


@replaces("assign_slots")
def slots_experts(indices, num_experts, capacity):
    """expert by expert, its choices in order"""
    out = torch.full(indices.shape, -1, dtype=torch.int64)
    for e in range(num_experts):
        choice, token = (indices.T == e).nonzero(as_tuple=True)
        n = min(len(token), capacity)
        out[token[:n], choice[:n]] = torch.arange(n)
    return out


@replaces("assign_slots")
def slots_numpy(indices, num_experts, capacity):
    """numpy in Fortran order"""
    flat = indices.numpy().flatten(order="F")
    out = np.full(flat.shape, -1, dtype=np.int64)
    for e in np.unique(flat):
        where = np.flatnonzero(flat == e)[:capacity]
        out[where] = np.arange(len(where))
    return torch.from_numpy(out.reshape(indices.shape, order="F").copy())


@replaces("assign_slots")
def slots_queues(indices, num_experts, capacity):
    """iterators that hand out the slots"""
    free = [iter(range(capacity)) for _ in range(num_experts)]
    columns = [[next(free[e], -1) for e in column] for column in indices.T.tolist()]
    return torch.tensor([list(row) for row in zip(*columns)], dtype=torch.int64)


@replaces("assign_slots")
def slots_float_cumsum(indices, num_experts, capacity):
    """scattered ones in float64, cumulated over k·T"""
    t, k = indices.shape
    hot = torch.zeros(k, t, num_experts, dtype=torch.float64).scatter_(2, indices.T.unsqueeze(-1), 1.0)
    before = hot.view(-1, num_experts).cumsum(0).view(k, t, -1) - 1
    place = before.take_along_dim(indices.T.unsqueeze(-1), 2).squeeze(-1).long()
    return torch.where(place >= capacity, -torch.ones_like(place), place).permute(1, 0)


@replaces("assign_slots")
def slots_dict(indices, num_experts, capacity):
    """lists of who stands in each queue"""
    queues = defaultdict(list)
    for s in range(indices.size(1)):
        for t, e in enumerate(indices[:, s].tolist()):
            queues[e].append((t, s))
    result = indices.new_full(indices.size(), -1)
    for members in queues.values():
        for slot, (t, s) in enumerate(members[:capacity]):
            result[t, s] = slot
    return result


@replaces("assign_slots")
def slots_segments(indices, num_experts, capacity):
    """unique keys expert · k T + order, ranked with searchsorted"""
    flat = indices.T.reshape(-1)
    n = flat.numel()
    key = flat * n + torch.arange(n)
    ranked = key.sort().values
    place = torch.searchsorted(ranked, key) - torch.searchsorted(ranked, flat * n)
    place = place * (place < capacity) - (place >= capacity).long()
    return place.unflatten(0, indices.T.shape).mT


# ---- dispatch


@replaces("dispatch")
def dispatch_onehot(x, indices, slots, num_experts, capacity):
    """GShard's one-hot tensor and an einsum"""
    e = F.one_hot(indices, num_experts).to(x.dtype)
    c = F.one_hot(slots + 1, capacity + 1)[..., 1:].to(x.dtype)
    return torch.einsum("tse,tsc,td->ecd", e, c, x)


@replaces("dispatch")
def dispatch_loops(x, indices, slots, num_experts, capacity):
    """loops into a list of rows"""
    rows = [[x.new_zeros(x.shape[1])] * capacity for _ in range(num_experts)]
    for t in range(x.shape[0]):
        for e, c in zip(indices[t].tolist(), slots[t].tolist()):
            if c >= 0:
                rows[e][c] = x[t]
    return torch.stack([torch.stack(r) for r in rows])


@replaces("dispatch")
def dispatch_index_add(x, indices, slots, num_experts, capacity):
    """index_add on flat rows, with a bin for the dropped"""
    t, k = indices.shape
    row = torch.where(slots < 0, num_experts * capacity, indices * capacity + slots)
    flat = x.new_zeros(num_experts * capacity + 1, x.shape[1]).index_add(0, row.flatten(), x.repeat_interleave(k, 0))
    return flat[:-1].view(num_experts, capacity, -1)


@replaces("dispatch")
def dispatch_gather(x, indices, slots, num_experts, capacity):
    """the token of each slot, then one gather from x with a row of zeros"""
    source = torch.full((num_experts * capacity,), x.shape[0])
    t, s = torch.where(slots != -1)
    source[indices[t, s] * capacity + slots[t, s]] = t
    return torch.cat([x, x.new_zeros(1, x.shape[1])])[source].reshape(num_experts, capacity, x.shape[1])


@replaces("dispatch")
def dispatch_choices(x, indices, slots, num_experts, capacity):
    """one choice after the other, index_put with accumulate"""
    out = torch.zeros(num_experts, capacity, x.shape[1], dtype=x.dtype)
    for e, c in zip(indices.unbind(1), slots.unbind(1)):
        ok = c.ge(0)
        out = out.index_put((e[ok], c[ok]), x[ok], accumulate=True)
    return out


@replaces("dispatch")
def dispatch_inplace(x, indices, slots, num_experts, capacity):
    """written into its own zeros"""
    out = torch.zeros((num_experts, capacity, x.size(1)), dtype=x.dtype, device=x.device)
    kept = slots > -1
    token = torch.arange(x.size(0))[:, None].expand_as(slots)[kept]
    out[indices[kept], slots[kept]] = x[token]
    return out


@replaces("dispatch")
def dispatch_experts(x, indices, slots, num_experts, capacity):
    """expert by expert, with a permutation matrix"""
    buffers = []
    for e in range(num_experts):
        place = torch.where(indices == e, slots, -1)  # (T, k)
        m = (place[..., None] == torch.arange(capacity)).any(1).to(x.dtype)  # (T, C)
        buffers.append(m.T @ x)
    return torch.stack(buffers)


@replaces("dispatch")
def dispatch_scatter(x, indices, slots, num_experts, capacity):
    """scatter_add along the rows, dropped rows multiplied by 0"""
    d = x.shape[1]
    kept = (slots >= 0).unsqueeze(-1)
    values = (x.unsqueeze(1) * kept).reshape(-1, d)
    row = (indices * capacity + slots.clamp_min(0)).reshape(-1, 1).expand(-1, d)
    return torch.zeros(num_experts * capacity, d, dtype=x.dtype).scatter_add(0, row, values).unflatten(0, (num_experts, capacity))


@replaces("dispatch")
def dispatch_sparse(x, indices, slots, num_experts, capacity):
    """a sparse matrix times x"""
    t, s = (slots >= 0).nonzero().T
    where = torch.stack([indices[t, s] * capacity + slots[t, s], t])
    m = torch.sparse_coo_tensor(where, torch.ones(len(t), dtype=x.dtype), (num_experts * capacity, x.shape[0]))
    return torch.sparse.mm(m, x).view(num_experts, capacity, x.shape[1])


@replaces("dispatch")
def dispatch_compare(x, indices, slots, num_experts, capacity):
    """every slot compared with every choice; the result is a permuted view"""
    e = torch.arange(num_experts)[:, None, None, None]
    c = torch.arange(capacity)[:, None, None]
    mine = ((indices == e) & (slots == c)).any(-1)  # (E, C, T)
    return torch.einsum("ect,td->dec", mine.to(x.dtype), x).contiguous().permute(1, 2, 0)


@replaces("dispatch")
def dispatch_sorted(x, indices, slots, num_experts, capacity):
    """index_select in the order of rows, then index_copy"""
    row = (indices * capacity + slots).masked_fill(slots.lt(0), -1).view(-1)
    order = row.argsort()
    order = order[row[order] >= 0]
    flat = x.new_zeros(num_experts * capacity, x.shape[-1])
    return flat.index_copy(0, row[order], x.index_select(0, order // indices.shape[1])).view(num_experts, capacity, -1)


# ---- combine


@replaces("combine")
def combine_onehot(buffers, indices, slots, weights):
    """one-hot tensors and an einsum"""
    e = F.one_hot(indices, buffers.shape[0]).to(buffers.dtype)
    c = F.one_hot(slots + 1, buffers.shape[1] + 1)[..., 1:].to(buffers.dtype)
    return torch.einsum("ts,tse,tsc,ecd->td", weights, e, c, buffers)


@replaces("combine")
def combine_loops(buffers, indices, slots, weights):
    """loops"""
    rows = []
    for t in range(indices.shape[0]):
        row = buffers.new_zeros(buffers.shape[2])
        for s in range(indices.shape[1]):
            if slots[t, s] >= 0:
                row = row + weights[t, s] * buffers[indices[t, s], slots[t, s]]
        rows.append(row)
    return torch.stack(rows)


@replaces("combine")
def combine_index_add(buffers, indices, slots, weights):
    """index_add over the choices that got a slot"""
    t, s = (slots >= 0).nonzero(as_tuple=True)
    rows = buffers[indices[t, s], slots[t, s]] * weights[t, s].unsqueeze(1)
    return buffers.new_zeros(indices.shape[0], buffers.shape[2]).index_add(0, t, rows)


@replaces("combine")
def combine_flat(buffers, indices, slots, weights):
    """flat rows with a row of zeros at the end for the dropped"""
    n, c, d = buffers.shape
    flat = torch.cat([buffers.reshape(-1, d), buffers.new_zeros(1, d)])
    row = (indices * c + slots).masked_fill(slots == -1, n * c)
    return torch.einsum("tkd,tk->td", flat[row], weights)


@replaces("combine")
def combine_choices(buffers, indices, slots, weights):
    """one choice after the other"""
    y = torch.zeros(indices.shape[0], buffers.shape[-1], dtype=buffers.dtype)
    for s in range(indices.shape[1]):
        kept = slots[:, s] >= 0
        part = buffers[indices[:, s], slots[:, s]] * weights[:, s : s + 1]
        y = y + torch.where(kept[:, None], part, 0.0)
    return y


@replaces("combine")
def combine_matmul(buffers, indices, slots, weights):
    """a matrix of weights (T, E·C) times the rows"""
    n, c, d = buffers.shape
    row = (indices * c + slots).masked_fill(slots < 0, n * c)
    m = weights.new_zeros(indices.shape[0], n * c + 1).scatter_add(1, row, weights)
    return m[:, :-1] @ buffers.reshape(n * c, d)


@replaces("combine")
def combine_bmm(buffers, indices, slots, weights):
    """a batched product of (1, k) and (k, D)"""
    kept = (slots >= 0).to(buffers.dtype)
    rows = buffers[indices, slots.clamp(0)]
    return torch.bmm((weights * kept).unsqueeze(1), rows).squeeze(1)


@replaces("combine")
def combine_experts(buffers, indices, slots, weights):
    """expert by expert, in place on its own zeros"""
    y = torch.zeros(indices.shape[0], buffers.shape[2], dtype=buffers.dtype)
    for e in range(buffers.shape[0]):
        t, s = torch.where((indices == e) & (slots >= 0))
        y[t] += weights[t, s, None] * buffers[e, slots[t, s]]
    return y


@replaces("combine")
def combine_masked_fill(buffers, indices, slots, weights):
    """weights filled with 0, take_along_dim"""
    n, c, d = buffers.shape
    w = weights.masked_fill(slots < 0, 0)
    row = (indices * c + slots.relu()).flatten()[:, None]
    rows = buffers.reshape(n * c, d).take_along_dim(row, 0).view(*indices.shape, d)
    return rows.mul(w.unsqueeze(-1)).sum(dim=1)


@replaces("combine")
def combine_embedding_bag(buffers, indices, slots, weights):
    """F.embedding, columns first; the result is a transposed view"""
    n, c, d = buffers.shape
    row = indices * c + torch.where(slots < 0, 0, slots)
    rows = F.embedding(row, buffers.reshape(-1, d))
    return torch.einsum("tsd,ts->dt", rows, weights * (slots >= 0)).contiguous().T


@replaces("combine")
def combine_sparse(buffers, indices, slots, weights):
    """a sparse matrix of weights"""
    n, c, d = buffers.shape
    t, s = torch.where(slots >= 0)
    m = torch.sparse_coo_tensor(torch.stack([t, indices[t, s] * c + slots[t, s]]), weights[t, s], (indices.shape[0], n * c))
    return torch.sparse.mm(m, buffers.reshape(n * c, d))

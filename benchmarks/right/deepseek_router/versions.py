import collections
import heapq
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from grader.testing import replaces


@replaces("deepseek_route")
def route_loops(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True):
    """token by token, Python lists for the choice"""
    T, E = logits.shape
    size = E // n_group
    if k > topk_group * size:
        raise ValueError(f"k = {k} > {topk_group * size}")
    all_weights, all_indices = [], []
    for t in range(T):
        s = torch.sigmoid(logits[t])
        rated = (s.detach() + bias).tolist()
        groups = [list(range(g * size, (g + 1) * size)) for g in range(n_group)]
        groups.sort(key=lambda g: sum(sorted((rated[e] for e in g), reverse=True)[:2]), reverse=True)
        experts = [e for g in groups[:topk_group] for e in g]
        chosen = sorted(experts, key=lambda e: rated[e], reverse=True)[:k]
        w = s[torch.tensor(chosen)]
        if norm_topk_prob:
            w = w / w.sum()
        all_weights.append(routed_scaling_factor * w)
        all_indices.append(chosen)
    return torch.stack(all_weights), torch.tensor(all_indices)


@replaces("deepseek_route")
def route_ascending(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True):
    """chosen experts by rising number"""
    E = logits.shape[1]
    if k * n_group > topk_group * E:
        raise ValueError("k is too large")
    s = logits.sigmoid()
    sb = (s + bias).detach()
    groups = sb.unflatten(1, (n_group, -1))
    best = groups.sort(-1, descending=True).values[..., :2].sum(-1)
    stay = torch.zeros(best.shape, dtype=torch.bool)
    stay[torch.arange(len(best))[:, None], best.argsort(1, descending=True)[:, :topk_group]] = True
    sb = torch.where(stay.repeat_interleave(E // n_group, dim=1), sb, -torch.inf)
    idx = sb.argsort(1, descending=True)[:, :k].sort(dim=1).values
    w = torch.take_along_dim(s, idx, 1)
    if norm_topk_prob:
        w = F.normalize(w, p=1, dim=1, eps=0)
    return w * routed_scaling_factor, idx


@replaces("deepseek_route")
def route_unsorted(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True):
    """topk with sorted=False, additive mask"""
    T, E = logits.shape
    size = E // n_group
    if topk_group * size < k:
        raise ValueError("not enough experts")
    scores = torch.sigmoid(logits)
    choice = scores.detach() + bias.unsqueeze(0)
    rating = choice.view(T, n_group, size).topk(min(size, 2), dim=-1, sorted=False)[0].sum(-1)
    kept = torch.topk(rating, topk_group, dim=-1, sorted=False)[1]
    mask = torch.full((T, n_group), float("-inf"), dtype=logits.dtype).scatter_(1, kept, 0.0)
    choice = choice + mask.unsqueeze(-1).expand(T, n_group, size).reshape(T, E)
    idx = choice.topk(k, sorted=False)[1]
    w = scores.gather(-1, idx)
    if norm_topk_prob:
        w = w / w.sum(-1, keepdim=True)
    return w.mul(routed_scaling_factor), idx


@replaces("deepseek_route")
def route_log_space(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True):
    """normalised weights are a softmax of logsigmoids"""
    T, E = logits.shape
    size = E // n_group
    if k > topk_group * size:
        raise ValueError
    choice = logits.detach().sigmoid() + bias
    grouped = choice.reshape(T, n_group, size)
    rating = grouped.topk(min(2, size)).values.sum(-1)
    threshold = rating.topk(topk_group).values[:, -1:]
    grouped = grouped.masked_fill((rating < threshold)[..., None], -torch.inf)
    idx = grouped.flatten(1).topk(k).indices
    logs = F.logsigmoid(logits).gather(1, idx)
    w = logs.softmax(1) if norm_topk_prob else logs.exp()
    return routed_scaling_factor * w, idx


@replaces("deepseek_route")
def route_gather_groups(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True):
    """only the groups that stay are gathered, no mask"""
    T, E = logits.shape
    size = E // n_group
    if k > topk_group * size:
        raise ValueError("k")
    choice = (logits.sigmoid() + bias).detach().view(T, n_group, size)
    rating = choice.topk(min(2, size), -1).values.sum(-1)
    groups = rating.topk(topk_group, -1).indices
    numbers = torch.arange(E).view(n_group, size)[groups].flatten(1)
    left = choice.gather(1, groups[:, :, None].expand(-1, -1, size)).flatten(1)
    idx = numbers.gather(1, left.topk(k, -1).indices)
    s = torch.sigmoid(logits.gather(1, idx))
    if norm_topk_prob:
        s = s / s.sum(1, keepdim=True)
    return s * routed_scaling_factor, idx


@replaces("deepseek_route")
def route_numpy(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True):
    """numpy for the choice, torch for the weights"""
    T, E = logits.shape
    size = E // n_group
    if k > topk_group * size:
        raise ValueError("k")
    s = logits.sigmoid()
    choice = s.detach().numpy() + bias.detach().numpy()
    rating = np.sort(choice.reshape(T, n_group, size), axis=-1)[..., -2:].sum(-1)
    dropped = np.argsort(rating, axis=1)[:, : n_group - topk_group]
    mask = np.zeros((T, n_group), dtype=bool)
    np.put_along_axis(mask, dropped, True, axis=1)
    choice = np.where(np.repeat(mask, size, axis=1), -np.inf, choice)
    idx = torch.from_numpy(np.argsort(-choice, axis=1)[:, :k].copy()).long()
    w = s[torch.arange(T).unsqueeze(1), idx]
    if norm_topk_prob:
        w = w * (1 / w.sum(1, keepdim=True))
    return w * routed_scaling_factor, idx


@replaces("deepseek_route")
def route_argmax(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True):
    """repeated argmax"""

    def best(x, n):
        x = x.clone()
        found = []
        for _ in range(n):
            i = x.argmax(-1, keepdim=True)
            found.append(i)
            x = x.scatter(-1, i, -torch.inf)
        return torch.cat(found, -1)

    T, E = logits.shape
    size = E // n_group
    if k > topk_group * size:
        raise ValueError("too few experts")
    s = 1 / (1 + torch.exp(-logits))
    sb = (s.detach() + bias).view(T, n_group, size)
    rating = sb.gather(-1, best(sb, min(2, size))).sum(-1)
    stay = F.one_hot(best(rating, topk_group), n_group).sum(1).bool()
    idx = best(sb.masked_fill(~stay.unsqueeze(-1), -torch.inf).flatten(1), k)
    w = s.gather(1, idx)
    if norm_topk_prob:
        w = w / w.sum(-1, keepdim=True)
    return w * routed_scaling_factor, idx


class Routing(NamedTuple):
    weights: Tensor
    indices: Tensor


@replaces("deepseek_route")
def route_named(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True):
    """a NamedTuple; worst expert first; computed in float64"""
    T, E = logits.shape
    per_group = E // n_group
    if k > topk_group * per_group:
        raise ValueError("k exceeds what the groups hold")
    s = logits.double().sigmoid()
    choice = (s + bias.double()).detach()
    rating = torch.stack([c.topk(min(2, per_group)).values.sum(-1) for c in choice.chunk(n_group, 1)], dim=1)
    rank = rating.argsort(1).argsort(1)
    stays = (rank >= n_group - topk_group).repeat_interleave(per_group, 1)
    idx = choice.masked_fill(~stays, -torch.inf).argsort(1)[:, E - k :]
    w = s.gather(1, idx)
    if norm_topk_prob:
        w = w / w.sum(1, keepdim=True)
    return Routing((w * routed_scaling_factor).to(logits.dtype), idx)


@replaces("deepseek_route")
def route_one_hot(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True):
    """weights picked by a product with one_hot"""
    T, E = logits.shape
    size = E // n_group
    if k > topk_group * size:
        raise ValueError("k")
    s = logits.sigmoid()
    sb = s.detach() + bias
    top2 = sb.view(T, n_group, size).topk(min(2, size)).values.sum(2)
    group_of = torch.arange(E) // size
    winners = top2.topk(topk_group).indices
    allowed = (group_of[None, :, None] == winners[:, None, :]).any(-1)
    sb[~allowed] = -torch.inf
    idx = sb.topk(k).indices
    w = torch.einsum("te,tke->tk", s, F.one_hot(idx, E).to(s.dtype))
    denominator = w.sum(dim=1, keepdim=True) if norm_topk_prob else torch.ones(T, 1, dtype=w.dtype)
    return routed_scaling_factor * w / denominator, idx


@replaces("deepseek_route")
def route_scattered(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True):
    """a dense row of weights first, normalised over all experts"""
    T, E = logits.shape
    if k > topk_group * (E // n_group):
        raise ValueError("k")
    scores = torch.sigmoid(logits)
    choice = torch.add(scores, bias).detach().reshape(T, n_group, E // n_group)
    ordered = torch.sort(choice, dim=2, descending=True)[0]
    rating = ordered[..., 0] + (ordered[..., 1] if choice.size(2) > 1 else 0)
    order = torch.sort(rating, dim=1, descending=True)[1]
    choice = choice.scatter(1, order[:, topk_group:, None].expand(-1, -1, choice.size(2)), -torch.inf)
    idx = torch.topk(choice.reshape(T, E), k)[1]
    chosen = torch.zeros_like(scores).scatter(1, idx, 1.0)
    dense = scores * chosen
    if norm_topk_prob:
        dense = dense / dense.sum(1, keepdim=True)
    return dense.gather(1, idx) * routed_scaling_factor, idx


@replaces("deepseek_route")
def route_heap(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True):
    """heapq, one pass of torch for the weights"""
    T, E = logits.shape
    size = E // n_group
    if k > topk_group * size:
        raise ValueError("k")
    table = (logits.detach().sigmoid() + bias).tolist()

    def pick(row):
        rate = lambda g: sum(heapq.nlargest(2, row[g * size : (g + 1) * size]))
        groups = heapq.nlargest(topk_group, range(n_group), key=rate)
        return heapq.nlargest(k, (e for g in groups for e in range(g * size, g * size + size)), key=row.__getitem__)

    idx = torch.tensor([pick(row) for row in table], dtype=torch.int64)
    w = logits.gather(1, idx).sigmoid()
    total = w.sum(1, keepdim=True) if norm_topk_prob else 1.0
    return routed_scaling_factor * (w / total), idx


@replaces("deepseek_route")
def route_masked_rows(logits, bias, k, n_group, topk_group, routed_scaling_factor=1.0, norm_topk_prob=True):
    """bool mask of chosen experts, read out row by row"""
    T, E = logits.shape
    size = E // n_group
    if not k <= topk_group * size:
        raise ValueError("k")
    s = logits.sigmoid()
    sb = s.detach() + bias
    by_group = sb.view(T, n_group, size)
    rating = by_group.amax(-1)
    if size > 1:
        second = by_group.kthvalue(size - 1, dim=-1).values
        rating = rating + second
    worst_group = rating.kthvalue(n_group - topk_group + 1, dim=-1, keepdim=True).values
    out = (rating < worst_group).repeat_interleave(size, dim=-1)
    sb = sb.masked_fill(out, -torch.inf)
    worst = sb.kthvalue(E - k + 1, dim=-1, keepdim=True).values
    chosen = sb >= worst
    idx = chosen.nonzero()[:, 1].view(T, k)
    w = s[chosen].view(T, k)
    if norm_topk_prob:
        w = w / w.sum(-1, keepdim=True)
    return w * routed_scaling_factor, idx


@replaces("update_bias")
def update_loop(bias, indices, gamma):
    """counts in a loop, Python comparison"""
    counts = [0] * len(bias)
    for row in indices.tolist():
        for e in row:
            counts[e] += 1
    mean = sum(counts) / len(counts)
    new = bias.clone()
    for e, c in enumerate(counts):
        if c > mean:
            new[e] -= gamma
        elif c < mean:
            new[e] += gamma
    return new


@replaces("update_bias")
def update_integers(bias, indices, gamma):
    """whole numbers: T k against E · load"""
    load = torch.bincount(indices.reshape(-1), minlength=bias.numel())
    sign = torch.sign(indices.numel() - load * bias.numel())
    return bias + sign.to(bias.dtype) * gamma


@replaces("update_bias")
def update_one_hot(bias, indices, gamma):
    """one_hot"""
    load = F.one_hot(indices, bias.size(0)).sum((0, 1)).double()
    return torch.add(bias, (load.mean() - load).sign().to(bias.dtype), alpha=gamma)


@replaces("update_bias")
def update_scatter(bias, indices, gamma):
    """scatter_add"""
    flat = indices.flatten()
    load = torch.zeros_like(bias).scatter_add(0, flat, torch.ones(flat.shape, dtype=bias.dtype))
    return bias - gamma * (load - load.mean()).sign()


@replaces("update_bias")
def update_where(bias, indices, gamma):
    """torch.where"""
    load = (indices.reshape(-1, 1) == torch.arange(len(bias))).sum(0)
    mean = indices.numel() / len(bias)
    return torch.where(load > mean, bias - gamma, torch.where(load < mean, bias + gamma, bias))


@replaces("update_bias")
def update_counter(bias, indices, gamma):
    """collections.Counter"""
    counts = collections.Counter(indices.flatten().tolist())
    mean = counts.total() / len(bias)
    signs = [(mean > counts[e]) - (mean < counts[e]) for e in range(len(bias))]
    return bias + gamma * torch.tensor(signs, dtype=bias.dtype)


@replaces("update_bias")
def update_in_place(bias, indices, gamma):
    """masks, in place on a copy"""
    load = torch.bincount(indices.ravel(), minlength=len(bias)).to(torch.float64)
    out = bias.detach().clone()
    out[load > load.mean()] -= gamma
    out[load < load.mean()] += gamma
    return out


@replaces("update_bias")
def update_unique(bias, indices, gamma):
    """torch.unique with counts"""
    load = torch.zeros(bias.shape[0], dtype=torch.int64)
    numbers, counts = torch.unique(indices, return_counts=True)
    load[numbers] = counts
    violation = load.to(bias.dtype).mean() - load
    return bias + gamma * violation.sign()


@replaces("update_bias")
def update_numpy(bias, indices, gamma):
    """np.bincount"""
    load = np.bincount(indices.numpy().ravel(), minlength=len(bias))
    step = torch.from_numpy(np.sign(load.mean() - load)).to(bias.dtype)
    return bias + step * gamma


@replaces("update_bias")
def update_fractions(bias, indices, gamma):
    """shares of all choices against 1/E, as products"""
    T, k = indices.shape
    E = bias.shape[0]
    load = torch.zeros(E, dtype=torch.int64).index_add(0, indices.flatten(), torch.ones(T * k, dtype=torch.int64))
    over, under = load * E > T * k, load * E < T * k
    return bias + gamma * (under.to(bias.dtype) - over.to(bias.dtype))


@replaces("update_bias")
def update_histc(bias, indices, gamma):
    """histc, torch.clamp in place of sign"""
    E = len(bias)
    load = torch.histc(indices.double(), bins=E, min=0, max=E) if E > 1 else torch.tensor([indices.numel()]).double()
    sign = (indices.numel() - load * E).clamp(-1, 1)
    return bias + sign.to(bias.dtype) * gamma


@replaces("update_bias")
def update_sorted(bias, indices, gamma):
    """loads from searchsorted"""
    flat = indices.flatten().sort().values
    edges = torch.searchsorted(flat, torch.arange(len(bias) + 1))
    load = edges.diff().to(bias)
    return bias + torch.sign(load.mean() - load) * gamma

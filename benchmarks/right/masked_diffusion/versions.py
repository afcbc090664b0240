import heapq
import itertools
import math
from fractions import Fraction

import numpy as np
import torch
import torch.nn.functional as F

from grader.testing import replaces


# ------------------------------------------------------------------ mask_tokens
@replaces("mask_tokens")
def mt_fill(ids, t, u, mask_id):
    """masked_fill"""
    return ids.masked_fill(u < t.unsqueeze(-1), mask_id)


@replaces("mask_tokens")
def mt_clone(ids, t, u, mask_id):
    """written into a copy"""
    noisy = ids.clone()
    noisy[u < t[:, None]] = mask_id
    return noisy


@replaces("mask_tokens")
def mt_lists(ids, t, u, mask_id):
    """Python lists"""
    rows = [
        [mask_id if x < time else token for token, x in zip(text, draws)]
        for text, time, draws in zip(ids.tolist(), t.tolist(), u.tolist())
    ]
    return torch.tensor(rows, dtype=torch.int64).view(ids.shape)


@replaces("mask_tokens")
def mt_numpy(ids, t, u, mask_id):
    """NumPy"""
    return torch.from_numpy(np.where(u.numpy() < t.numpy()[:, None], mask_id, ids.numpy()))


@replaces("mask_tokens")
def mt_rows(ids, t, u, mask_id):
    """row by row"""
    return torch.stack([torch.where(u[b] < t[b], torch.full_like(ids[b], mask_id), ids[b]) for b in range(len(ids))])


@replaces("mask_tokens")
def mt_arithmetic(ids, t, u, mask_id):
    """integers"""
    m = (u < t.view(-1, 1)).long() if t.is_contiguous() else (u < t[:, None]).long()
    return ids * (1 - m) + m * mask_id


@replaces("mask_tokens")
def mt_keep(ids, t, u, mask_id):
    """what stays"""
    keep = u.ge(t[:, None].expand_as(u))
    return torch.where(keep, ids, torch.tensor(mask_id))


@replaces("mask_tokens")
def mt_transposed(ids, t, u, mask_id):
    """texts in columns; a view"""
    return ids.T.masked_fill(u.T < t, mask_id).T


@replaces("mask_tokens")
def mt_put(ids, t, u, mask_id):
    """nonzero and index_put"""
    return ids.index_put(torch.nonzero(torch.lt(u, t[:, None]), as_tuple=True), torch.tensor(mask_id))


@replaces("mask_tokens")
def mt_elements(ids, t, u, mask_id):
    """two loops over elements"""
    out = ids.new_empty(ids.shape)
    B, T = ids.shape
    for b in range(B):
        for i in range(T):
            out[b, i] = mask_id if u[b, i] < t[b] else ids[b, i]
    return out


@replaces("mask_tokens")
def mt_scatter(ids, t, u, mask_id):
    """masked_scatter"""
    chosen = (u - t.reshape(-1, 1)) < 0
    return ids.masked_scatter(chosen, ids.new_full(ids.shape, mask_id))


@replaces("mask_tokens")
def mt_repeat(ids, t, u, mask_id):
    """repeat and a stack of two choices"""
    times = t.repeat(ids.shape[1], 1).transpose(0, 1)
    choice = torch.stack([ids, torch.full(ids.shape, mask_id)])
    return choice.gather(0, (u < times).to(torch.int64)[None])[0]


# ------------------------------------------------------------------ diffusion_loss
@replaces("diffusion_loss")
def dl_cross_entropy(logits, ids, noisy, t, mask_id):
    """cross_entropy at the masked places only"""
    masked = noisy == mask_id
    cut = logits.clone()
    cut[..., mask_id] = -torch.inf
    nll = F.cross_entropy(cut[masked], ids[masked], reduction="none")
    weight = (1 / t)[:, None].expand(ids.shape)[masked]
    return (nll * weight).sum() / (ids.shape[0] * ids.shape[1])


@replaces("diffusion_loss")
def dl_column(logits, ids, noisy, t, mask_id):
    """the column of the mask is cut out, and numbers above it move down"""
    B, T, V = logits.shape
    others = torch.cat([logits[..., :mask_id], logits[..., mask_id + 1 :]], dim=-1)
    target = ids - (ids > mask_id).long()
    nll = F.cross_entropy(others.transpose(1, 2), target, reduction="none")
    return ((nll * (noisy == mask_id)).sum(1) / t).sum() / (B * T)


@replaces("diffusion_loss")
def dl_logsumexp(logits, ids, noisy, t, mask_id):
    """logsumexp over the others"""
    keep = [v for v in range(logits.shape[-1]) if v != mask_id]
    nll = logits[..., keep].logsumexp(-1) - logits.gather(-1, ids.unsqueeze(-1)).squeeze(-1)
    masked = noisy.eq(mask_id).to(logits.dtype)
    return torch.einsum("bt,bt,b->", nll, masked, t.reciprocal()) / ids.numel()


@replaces("diffusion_loss")
def dl_loop(logits, ids, noisy, t, mask_id):
    """place by place"""
    B, T, V = logits.shape
    others = torch.tensor([v for v in range(V) if v != mask_id])
    total = logits.sum() * 0
    for b in range(B):
        for i in range(T):
            if noisy[b, i] == mask_id:
                z = logits[b, i]
                total = total - (z[ids[b, i]] - torch.logsumexp(z[others], 0)) / t[b]
    return total / (B * T)


@replaces("diffusion_loss")
def dl_ignore(logits, ids, noisy, t, mask_id):
    """ignore_index, text by text"""
    B, T, V = logits.shape
    penalty = torch.zeros(V, dtype=logits.dtype)
    penalty[mask_id] = -torch.inf
    target = torch.where(noisy == mask_id, ids, -100)
    losses = [F.cross_entropy(logits[b] + penalty, target[b], ignore_index=-100, reduction="sum") / t[b] for b in range(B)]
    return torch.stack(losses).sum() / (B * T)


@replaces("diffusion_loss")
def dl_one_hot(logits, ids, noisy, t, mask_id):
    """one_hot; the lowest number of the dtype in place of -inf"""
    V = logits.shape[-1]
    hit = F.one_hot(torch.tensor(mask_id), V).bool()
    log_p = F.log_softmax(torch.where(hit, torch.finfo(logits.dtype).min, logits), dim=-1)
    chosen = F.one_hot(ids, V).bool() & (noisy == mask_id)[..., None]
    weighted = torch.where(chosen, log_p, torch.zeros_like(log_p)) / t[:, None, None]
    return -weighted.sum().div(ids.numel())


@replaces("diffusion_loss")
def dl_mean(logits, ids, noisy, t, mask_id):
    """a mean of weighted losses by nll_loss"""
    cut = logits.index_fill(-1, torch.tensor([mask_id]), float("-inf"))
    log_p = cut.log_softmax(dim=-1)
    nll = F.nll_loss(log_p.flatten(0, 1), ids.flatten(), reduction="none").view_as(ids) if ids.is_contiguous() else F.nll_loss(log_p.flatten(0, 1), ids.reshape(-1), reduction="none").reshape(ids.shape)
    return torch.mean(nll * (noisy == mask_id) / t.unsqueeze(1))


@replaces("diffusion_loss")
def dl_hand(logits, ids, noisy, t, mask_id):
    """log of a sum of exponentials by hand, in float64"""
    z = logits.double()
    keep = torch.ones(z.shape[-1], dtype=torch.float64)
    keep[mask_id] = 0
    top = z.detach().masked_fill(keep == 0, -torch.inf).amax(-1, keepdim=True)
    shifted = torch.where(keep > 0, z - top, -torch.inf)
    log_z = shifted.exp().sum(-1).log()
    nll = log_z - (z - top).gather(2, ids[:, :, None])[:, :, 0]
    per_text = (nll * (noisy == mask_id).double()).sum(dim=1)
    return (per_text / t.double()).mean().div(ids.shape[1]).to(logits.dtype)


@replaces("diffusion_loss")
def dl_indices(logits, ids, noisy, t, mask_id):
    """indices of masked places"""
    b, i = torch.where(noisy == mask_id)
    z = logits[b, i]
    z = torch.hstack([z[:, :mask_id], z.new_full((len(z), 1), -torch.inf), z[:, mask_id + 1 :]])
    log_p = z.log_softmax(1)[torch.arange(len(b)), ids[b, i]]
    return -(log_p / t[b]).sum() / noisy.numel()


class Loss(torch.autograd.Function):
    @staticmethod
    def forward(ctx, logits, ids, masked, t, mask_id):
        z = logits.clone()
        z[..., mask_id] = -torch.inf
        log_p = z.log_softmax(-1)
        scale = masked.to(z.dtype) / t[:, None] / ids.numel()
        ctx.save_for_backward(log_p, ids, scale)
        return -(log_p.gather(-1, ids[..., None])[..., 0] * scale).sum()

    @staticmethod
    def backward(ctx, g):
        log_p, ids, scale = ctx.saved_tensors
        grad = log_p.exp() - F.one_hot(ids, log_p.shape[-1]).to(log_p.dtype)
        return g * grad * scale[..., None], None, None, None, None


@replaces("diffusion_loss")
def dl_function(logits, ids, noisy, t, mask_id):
    """a gradient written by hand"""
    return Loss.apply(logits, ids, noisy == mask_id, t, mask_id)


@replaces("diffusion_loss")
def dl_categorical(logits, ids, noisy, t, mask_id):
    """torch.distributions"""
    V = logits.shape[-1]
    others = torch.tensor([v for v in range(V) if v != mask_id], dtype=torch.long)
    place = torch.zeros(V, dtype=torch.long)
    place[others] = torch.arange(V - 1)
    log_p = torch.distributions.Categorical(logits=logits.index_select(-1, others)).log_prob(place[ids])
    return -(log_p * (noisy == mask_id) / t[:, None]).mean()


@replaces("diffusion_loss")
def dl_margins(logits, ids, noisy, t, mask_id):
    """logsumexp of differences to the right token"""
    right = logits.gather(-1, ids[..., None])
    margin = (logits - right).masked_fill(torch.arange(logits.shape[-1]).eq(mask_id), -torch.inf)
    nll = torch.logsumexp(margin, dim=-1)
    rows = torch.stack([n[m].sum() / time for n, m, time in zip(nll, noisy == mask_id, t)])
    return rows.sum() / (nll.shape[0] * nll.shape[1])


# ------------------------------------------------------------------ unmask_schedule
@replaces("unmask_schedule")
def us_comprehension(num_masked, steps):
    """one more in the first steps"""
    return [num_masked // steps + (1 if i < num_masked % steps else 0) for i in range(steps)]


@replaces("unmask_schedule")
def us_ceil(num_masked, steps):
    """what is left, divided and rounded up"""
    out = []
    for left in range(steps, 0, -1):
        n = -(-num_masked // left)
        out.append(n)
        num_masked -= n
    return out


@replaces("unmask_schedule")
def us_deal(num_masked, steps):
    """dealt one by one"""
    out = [0] * steps
    for i in range(num_masked):
        out[i % steps] += 1
    return out


@replaces("unmask_schedule")
def us_cumulative(num_masked, steps):
    """differences of rounded multiples, sorted"""
    bounds = [i * num_masked // steps for i in range(steps + 1)]
    return sorted((b - a for a, b in itertools.pairwise(bounds)), reverse=True)


@replaces("unmask_schedule")
def us_split(num_masked, steps):
    """tensor_split"""
    return [len(part) for part in torch.arange(num_masked).tensor_split(steps)]


@replaces("unmask_schedule")
def us_numpy(num_masked, steps):
    """NumPy"""
    counts = np.full(steps, num_masked // steps)
    counts[: num_masked % steps] += 1
    return counts.tolist()


@replaces("unmask_schedule")
def us_shifted(num_masked, steps):
    """(n + steps - 1 - i) // steps"""
    return [(num_masked + steps - 1 - i) // steps for i in range(steps)]


@replaces("unmask_schedule")
def us_recursive(num_masked, steps):
    """recursion: the last step is the smallest"""
    def go(n, s):
        return [n] if s == 1 else go(n - n // s, s - 1) + [n // s]

    if steps > 500:
        small, more = divmod(num_masked, steps)
        return list(itertools.chain(itertools.repeat(small + 1, more), itertools.repeat(small, steps - more)))
    return go(num_masked, steps)


@replaces("unmask_schedule")
def us_slices(num_masked, steps):
    """lengths of ranges"""
    return [len(range(i, num_masked, steps)) for i in range(steps)]


@replaces("unmask_schedule")
def us_fraction(num_masked, steps):
    """Fractions, rounded up"""
    return [max(0, math.ceil(Fraction(num_masked - i, steps))) for i in range(steps)]


# ------------------------------------------------------------------ unmask_step
def without(logits, mask_id):
    out = logits.clone()
    out[..., mask_id] = -torch.inf
    return out


@replaces("unmask_step")
def st_topk(tokens, logits, counts, mask_id):
    """topk, text by text"""
    p, best = without(logits, mask_id).softmax(-1).max(-1)
    out = tokens.clone()
    for b in range(len(tokens)):
        masked = tokens[b] == mask_id
        n = min(int(counts[b]), int(masked.sum()))
        places = torch.where(masked, p[b], -1.0).topk(n).indices
        out[b, places] = best[b, places]
    return out


@replaces("unmask_step")
def st_lists(tokens, logits, counts, mask_id):
    """Python lists and sorted"""
    out = tokens.tolist()
    for b, (row, z, n) in enumerate(zip(tokens.tolist(), logits.tolist(), counts.tolist())):
        found = []
        for i, token in enumerate(row):
            if token != mask_id:
                continue
            others = [(value, v) for v, value in enumerate(z[i]) if v != mask_id]
            top, v = max(others)
            found.append((1 / math.fsum(math.exp(value - top) for value, _ in others), i, v))
        for _, i, v in sorted(found, reverse=True)[:n]:
            out[b][i] = v
    return torch.tensor(out, dtype=torch.int64).view(tokens.shape)


@replaces("unmask_step")
def st_numpy(tokens, logits, counts, mask_id):
    """NumPy"""
    z = logits.detach().numpy().astype(np.float64)
    z[..., mask_id] = -np.inf
    best = z.argmax(-1)
    top = np.take_along_axis(z, best[..., None], -1)
    confidence = 1 / np.exp(z - top).sum(-1)
    out = tokens.numpy().copy()
    confidence[out != mask_id] = -1
    order = np.argsort(-confidence, axis=1)
    for b in range(out.shape[0]):
        n = min(int(counts[b]), int((out[b] == mask_id).sum()))
        chosen = order[b, :n]
        out[b, chosen] = best[b, chosen]
    return torch.from_numpy(out)


@replaces("unmask_step")
def st_threshold(tokens, logits, counts, mask_id):
    """all that are as sure as the last one that is filled"""
    B, T = tokens.shape
    log_p, best = without(logits, mask_id).log_softmax(-1).max(-1)
    masked = tokens.eq(mask_id)
    score = torch.where(masked, log_p, -torch.inf)
    ordered = score.sort(dim=-1, descending=True).values
    n = torch.minimum(counts, masked.sum(-1))
    limit = ordered.gather(-1, (n - 1).clamp(min=0)[:, None])
    fill = masked & (score >= limit) & (n > 0)[:, None]
    return torch.where(fill, best, tokens)


@replaces("unmask_step")
def st_count_better(tokens, logits, counts, mask_id):
    """a place is filled if fewer than n are surer"""
    V = logits.shape[-1]
    p = logits.masked_fill(F.one_hot(torch.tensor(mask_id), V).bool(), float("-inf")).softmax(dim=-1)
    confidence, best = p.max(dim=-1)
    masked = tokens == mask_id
    surer = (confidence[:, None, :] > confidence[:, :, None]) & masked[:, None, :]
    fill = masked & (surer.sum(-1) < counts[:, None])
    return tokens.masked_fill(fill, 0) + best * fill


@replaces("unmask_step")
def st_argmax(tokens, logits, counts, mask_id):
    """one place after the other"""
    p = without(logits, mask_id).softmax(-1)
    out = tokens.clone()
    for b, row in enumerate(out):
        for _ in range(int(counts[b])):
            left = row == mask_id
            if not left.any():
                break
            i = torch.where(left, p[b].amax(-1), -torch.inf).argmax()
            row[i] = p[b, i].argmax()
    return out


@replaces("unmask_step")
def st_column(tokens, logits, counts, mask_id):
    """the column of the mask is cut out"""
    others = torch.tensor([v for v in range(logits.size(-1)) if v != mask_id])
    p = logits[..., others].softmax(-1)
    best = others[p.argmax(-1)]
    confidence = p.amax(-1) * (tokens == mask_id) - 1.0 * (tokens != mask_id)
    order = confidence.argsort(dim=1, descending=True)
    ranks = torch.empty_like(order).scatter_(1, order, torch.arange(tokens.shape[1]).expand_as(order).contiguous())
    return torch.where((tokens == mask_id).logical_and(ranks < counts.unsqueeze(1)), best, tokens)


@replaces("unmask_step")
def st_heap(tokens, logits, counts, mask_id):
    """heapq.nlargest of places"""
    log_p = without(logits.double(), mask_id).log_softmax(-1)
    confidence, best = log_p.max(-1)
    out = tokens.clone()
    for b in range(tokens.shape[0]):
        places = (tokens[b] == mask_id).nonzero().flatten().tolist()
        for i in heapq.nlargest(int(counts[b]), places, key=lambda i: confidence[b, i].item()):
            out[b, i] = best[b, i]
    return out


@replaces("unmask_step")
def st_scatter(tokens, logits, counts, mask_id):
    """sorted, filled by rank, scattered back"""
    p, best = without(logits, mask_id).softmax(dim=-1).topk(1, dim=-1)
    p, best = p.squeeze(-1), best.squeeze(-1)
    masked = tokens == mask_id
    key = torch.where(masked, 1 - p, torch.full_like(p, 2.0))
    _, order = torch.sort(key, dim=-1)
    n = torch.minimum(counts, masked.sum(1))
    values = torch.where(torch.arange(tokens.shape[1]) < n[:, None], best.gather(1, order), tokens.gather(1, order))
    return torch.zeros_like(tokens).scatter(1, order, values)


@replaces("unmask_step")
def st_odds(tokens, logits, counts, mask_id):
    """confidence as minus log of the sum of exponentials relative to the best"""
    z = without(logits, mask_id)
    top, best = z.max(-1, keepdim=True)
    surprise = torch.logsumexp(z - top, -1)
    surprise = surprise.masked_fill(tokens != mask_id, torch.inf)
    out = []
    for row, s, v, n in zip(tokens, surprise, best[..., 0], counts):
        fill = s.argsort()[: int(n)]
        fill = fill[row[fill] == mask_id]
        out.append(row.scatter(0, fill, v[fill]))
    return torch.stack(out)


@replaces("unmask_step")
def st_only_masked(tokens, logits, counts, mask_id):
    """softmax at masked places only, for each text"""
    def one(row, z, n):
        places = torch.nonzero(row == mask_id)[:, 0]
        z = z[places].index_fill(1, torch.tensor([mask_id]), -torch.inf)
        p, v = z.softmax(1).max(1)
        first = p.sort(descending=True)[1][:n]
        return row.index_copy(0, places[first], v[first])

    return torch.stack([one(*args) for args in zip(tokens, logits, counts.tolist())])


@replaces("unmask_step")
def st_where(tokens, logits, counts, mask_id):
    """two nested wheres, a rank by comparing; numbers of counts clamped"""
    V = logits.shape[-1]
    lowest = torch.finfo(logits.dtype).min
    z = torch.where(torch.arange(V) == mask_id, torch.tensor(lowest, dtype=logits.dtype), logits)
    confidence = (z.max(-1).values - z.logsumexp(-1)).exp()
    masked = tokens == mask_id
    confidence = torch.where(masked, confidence, confidence.new_tensor(-1))
    order = torch.argsort(confidence, descending=True, stable=True)
    n = counts.clamp(max=tokens.shape[1])
    chosen = torch.zeros_like(masked)
    for b in range(len(n)):
        chosen[b, order[b, : n[b]]] = True
    return torch.where(chosen & masked, z.argmax(-1), tokens)

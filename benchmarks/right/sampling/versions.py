import bisect
import functools
import itertools
import math

import numpy as np
import torch
import torch.nn.functional as F
from base import apply_temperature, top_k_filter, top_p_filter

from grader.testing import replaces

INF = float("inf")


@replaces("apply_temperature")
def temperature_reciprocal(logits, temperature):
    """times the reciprocal, float64"""
    if not temperature > 0:
        raise ValueError("temperature")
    return (logits.double() * (1 / temperature)).to(logits.dtype)


@replaces("apply_temperature")
def temperature_div(logits, temperature):
    """torch.div, a message"""
    if temperature <= 0 or math.isnan(temperature):
        raise ValueError(f"temperature {temperature} is not positive")
    return torch.div(logits, float(temperature))


@replaces("apply_temperature")
def temperature_in_place(logits, temperature):
    """in place on a copy"""
    if not (temperature > 0):
        raise ValueError
    out = logits.detach().clone()
    out /= temperature
    return out


@replaces("apply_temperature")
def temperature_where(logits, temperature):
    """removed tokens apart"""
    if not temperature > 0:
        raise ValueError("temperature > 0")
    removed = torch.isneginf(logits)
    return torch.where(removed, logits, logits.masked_fill(removed, 0.0) / temperature)


@replaces("apply_temperature")
def temperature_tensor(logits, temperature):
    """a tensor of the dtype"""
    if not temperature > 0:
        raise ValueError("temperature > 0")
    return logits / torch.tensor(temperature, dtype=logits.dtype)


@replaces("apply_temperature")
def temperature_python(logits, temperature):
    """Python floats"""
    if not temperature > 0:
        raise ValueError("temperature > 0")
    return torch.tensor([x / temperature for x in logits.flatten().tolist()], dtype=logits.dtype).view(logits.shape)


@replaces("apply_temperature")
def temperature_numpy(logits, temperature):
    """numpy; nothing to do at 1"""
    if not temperature > 0:
        raise ValueError("temperature must be above 0")
    if temperature == 1:
        return logits
    return torch.from_numpy(logits.detach().double().numpy() / temperature).to(logits.dtype)


@replaces("apply_temperature")
def temperature_rows(logits, temperature):
    """along a moved axis, a view"""
    if not temperature > 0:
        raise ValueError("temperature > 0")
    return logits.movedim(-1, 0).true_divide(temperature).movedim(0, -1)


@replaces("top_k_filter")
def top_k_sort(logits, k):
    """sort, torch.where"""
    if k < 1:
        raise ValueError("k")
    V = logits.shape[-1]
    kth = logits.sort(dim=-1, descending=True).values[..., min(k, V) - 1].unsqueeze(-1)
    return torch.where(logits >= kth, logits, -INF)


@replaces("top_k_filter")
def top_k_kthvalue(logits, k):
    """kthvalue; the same tensor where nothing is to be done"""
    if k < 1:
        raise ValueError("k must be positive")
    V = logits.size(-1)
    if k >= V:
        return logits
    kth = torch.kthvalue(logits, V - k + 1, dim=-1, keepdim=True).values
    return logits.masked_fill(logits.lt(kth), -torch.inf)


@replaces("top_k_filter")
def top_k_count(logits, k):
    """how many are larger, by searchsorted"""
    if k <= 0:
        raise ValueError("k must be positive")
    negative = -logits.contiguous()
    larger = torch.searchsorted(negative.sort(-1).values, negative)
    return logits.masked_fill(larger >= k, float("-inf"))


@replaces("top_k_filter")
def top_k_rows(logits, k):
    """row by row, Python's sort"""
    if k < 1:
        raise ValueError("k must be positive")
    V = logits.shape[-1]
    out = []
    for row in logits.reshape(-1, V).tolist():
        kth = sorted(row, reverse=True)[:k][-1]
        out.append([x if x >= kth else -INF for x in row])
    return torch.tensor(out, dtype=logits.dtype).reshape(logits.shape)


@replaces("top_k_filter")
def top_k_numpy(logits, k):
    """np.partition"""
    if k < 1:
        raise ValueError("k must be positive")
    x = logits.detach().numpy()
    V = x.shape[-1]
    n = V - min(k, V)
    kth = np.partition(x, n, axis=-1)[..., n : n + 1]
    return torch.from_numpy(np.where(x < kth, np.array(-np.inf, dtype=x.dtype), x))


@replaces("top_k_filter")
def top_k_in_place(logits, k):
    """boolean index on a copy"""
    if not k >= 1:
        raise ValueError(f"k = {k}")
    out = logits.clone()
    values, _ = torch.topk(logits, k=min(int(k), logits.size(-1)))
    out[logits < values.amin(-1, keepdim=True)] = -INF
    return out


@replaces("top_k_filter")
def top_k_removal(logits, k):
    """the largest value is lowered k times or until all are gone"""
    if k < 1:
        raise ValueError("k")
    left, kth = logits.detach().clone(), None
    for _ in range(min(k, logits.shape[-1])):
        kth, place = left.max(-1, keepdim=True)
        left = left.scatter(-1, place, -INF)
    return torch.where(logits < kth, torch.full_like(logits, -INF), logits)


@replaces("top_k_filter")
def top_k_additive(logits, k):
    """an additive mask"""
    if k < 1:
        raise ValueError("k")
    kth = logits.topk(min(k, logits.shape[-1])).values[..., [-1]]
    mask = torch.zeros_like(logits).masked_fill(logits < kth, -INF)
    return logits + mask


@replaces("top_k_filter")
def top_k_scatter(logits, k):
    """an empty row of -inf, the k best and their equals put in"""
    if k < 1:
        raise ValueError("k")
    V = logits.shape[-1]
    values, places = logits.sort(dim=-1, descending=True)
    stays = values >= values[..., min(k, V) - 1 : min(k, V)]
    return torch.full_like(logits, -INF).scatter(-1, places, values.masked_fill(~stays, -INF))


@replaces("top_p_filter")
def top_p_rows(logits, p):
    """row by row, Python floats"""
    if not (p > 0 and p <= 1):
        raise ValueError("p")
    if p == 1:
        return logits
    V = logits.shape[-1]
    out = []
    for row in logits.reshape(-1, V).tolist():
        top = max(row)
        weights = [math.exp(x - top) for x in row]
        total = math.fsum(weights)
        kept, mass = set(), 0.0
        for i in sorted(range(V), key=lambda i: -row[i]):
            kept.add(i)
            mass += weights[i] / total
            if mass >= p:
                break
        out.append([x if i in kept else -INF for i, x in enumerate(row)])
    return torch.tensor(out, dtype=logits.dtype).reshape(logits.shape)


@replaces("top_p_filter")
def top_p_shifted(logits, p):
    """as in Hugging Face: what is beyond p, shifted by one place"""
    if p <= 0 or p > 1 or p != p:
        raise ValueError("p must be in (0, 1]")
    if p >= 1:
        return logits.clone()
    ordered, order = torch.sort(logits, dim=-1, descending=True, stable=True)
    reached = ordered.softmax(-1).cumsum(-1) >= p
    remove = torch.cat([torch.zeros_like(reached[..., :1]), reached[..., :-1]], -1)
    return logits.masked_fill(remove.gather(-1, order.argsort(-1)), -INF)


@replaces("top_p_filter")
def top_p_count(logits, p):
    """the size of the nucleus; ranks below it stay"""
    if not 0 < p <= 1:
        raise ValueError("p")
    V = logits.size(-1)
    order = torch.argsort(logits, dim=-1, descending=True, stable=True)
    rank = torch.argsort(order, dim=-1)
    mass = logits.double().softmax(-1).gather(-1, order).cumsum(-1)
    size = (mass < p).sum(-1, keepdim=True) + 1 if p < 1 else V
    return torch.where(rank < size, logits, torch.tensor(-INF, dtype=logits.dtype))


@replaces("top_p_filter")
def top_p_unique(logits, p):
    """the mass of all larger values, and of equal ones with a lower index"""
    if not 0 < p <= 1:
        raise ValueError("p")
    if p == 1:
        return logits.detach().clone()

    def before(row):
        values, place = torch.unique(row, return_inverse=True)
        probs = row.double().softmax(0)
        mass = torch.zeros(len(values), dtype=torch.float64).index_add(0, place, probs)
        larger = mass.flip(0).cumsum(0).flip(0) - mass
        order = place.argsort(stable=True)
        counts = torch.bincount(place)
        nth = torch.empty_like(place)
        nth[order] = torch.arange(len(row)) - (counts.cumsum(0) - counts).repeat_interleave(counts)
        out = larger[place] + nth * probs
        out[(place == len(values) - 1) & (nth == 0)] = 0
        return out

    rows = logits.reshape(-1, logits.shape[-1])
    mass = torch.stack([before(row) for row in rows]).view(logits.shape)
    return logits.masked_fill(mass.ge(p), -INF)


@replaces("top_p_filter")
def top_p_numpy(logits, p):
    """numpy; searchsorted"""
    if not 0 < p <= 1:
        raise ValueError("p")
    x = logits.detach().double().numpy()
    out = np.full_like(x, -np.inf)
    flat, flat_out = x.reshape(-1, x.shape[-1]), out.reshape(-1, x.shape[-1])
    for row, target in zip(flat, flat_out):
        order = np.argsort(-row, kind="stable")
        e = np.exp(row[order] - row.max())
        n = len(row) if p == 1 else np.searchsorted(np.cumsum(e / e.sum()), p) + 1
        target[order[:n]] = row[order[:n]]
    return torch.from_numpy(out).to(logits.dtype)


@replaces("top_p_filter")
def top_p_flipped(logits, p):
    """from the least probable: a token goes if it and those below leave p"""
    if not 0 < p <= 1:
        raise ValueError("p")
    if p == 1:
        return logits + 0
    V = logits.shape[-1]
    order = logits.flip(-1).argsort(dim=-1, stable=True)
    order = V - 1 - order  # rising; of equal ones the higher index first
    probs = logits.double().softmax(-1).gather(-1, order)
    before = 1 - probs.cumsum(-1)  # the mass of all that are more probable
    remove = before >= p
    remove[..., -1] = False
    return logits.masked_fill(torch.empty_like(remove).scatter_(-1, order, remove), -INF)


@replaces("top_p_filter")
def top_p_while(logits, p):
    """row by row; twice as many of the best until they are enough, then bisection"""
    if not 0 < p <= 1:
        raise ValueError("p")
    if p == 1:
        return logits.clone()
    out = torch.full_like(logits, -INF)
    V = logits.shape[-1]
    for row, target in zip(logits.reshape(-1, V), out.view(-1, V)):
        order = row.argsort(descending=True, stable=True)
        probs = row.double().softmax(0)[order]
        mass = lambda n: probs[:n].sum().item()
        high = 1
        while high < V and mass(high) < p:
            high *= 2
        low = high // 2
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if mass(middle) < p else (low, middle)
        target[order[:high]] = row[order[:high]]
    return out


@replaces("top_p_filter")
def top_p_threshold_in_place(logits, p):
    """in place on the sorted row, then put back"""
    if not 0 < p <= 1:
        raise ValueError(f"p = {p}")
    values, order = logits.detach().sort(dim=-1, descending=True, stable=True)
    if p < 1:
        mass = torch.softmax(values, -1).cumsum(-1)
        late = mass.roll(1, -1) >= p
        late[..., 0] = False
        values[late] = -INF
    return torch.zeros_like(values).scatter_(-1, order, values)


@replaces("top_p_filter")
def top_p_log(logits, p):
    """log space: logcumsumexp against log p"""
    if not 0 < p <= 1:
        raise ValueError("p")
    if p == 1:
        return logits.clone()
    logp, order = logits.double().log_softmax(-1).sort(dim=-1, descending=True, stable=True)
    mass = torch.logcumsumexp(logp, -1)
    keep = torch.ones_like(order, dtype=torch.bool)
    keep[..., 1:] = mass[..., :-1] < math.log(p)
    return logits.where(keep.gather(-1, order.argsort(-1)), torch.tensor(-INF, dtype=logits.dtype))


@replaces("top_p_filter")
def top_p_take(logits, p):
    """index_put over flat rows"""
    if not 0 < p <= 1:
        raise ValueError("p")
    flat = logits.reshape(-1, logits.shape[-1])
    order = flat.sort(dim=1, descending=True, stable=True).indices
    probs = torch.take_along_dim(flat.softmax(1), order, 1).double()
    before = F.pad(probs.cumsum(1)[:, :-1], (1, 0))
    row, rank = torch.nonzero((before < p) | (p == 1), as_tuple=True)
    column = order[row, rank]
    out = torch.full_like(flat, -INF).index_put((row, column), flat[row, column])
    return out.view(logits.shape)


@replaces("top_p_filter")
def top_p_accumulate(logits, p):
    """itertools.accumulate and bisect"""
    if not 0 < p <= 1:
        raise ValueError("p")

    def nucleus(row):
        order = row.sort(descending=True, stable=True).indices
        mass = list(itertools.accumulate(row.double().softmax(0)[order].tolist()))
        n = len(mass) if p == 1 else bisect.bisect_left(mass, p) + 1
        keep = torch.zeros(len(row), dtype=torch.bool)
        keep[order[:n]] = True
        return torch.where(keep, row, -INF)

    rows = [nucleus(row) for row in logits.reshape(-1, logits.shape[-1])]
    return torch.stack(rows).reshape(logits.shape)


@replaces("next_token_distribution")
def distribution_exp(logits, temperature=1.0, top_k=None, top_p=None):
    """softmax by hand"""
    z = apply_temperature(logits, temperature)
    z = z if top_k is None else top_k_filter(z, top_k)
    z = z if top_p is None else top_p_filter(z, top_p)
    e = torch.exp(z - z.max(dim=-1, keepdim=True).values)
    return e / e.sum(dim=-1, keepdim=True)


@replaces("next_token_distribution")
def distribution_reduce(logits, temperature=1.0, top_k=None, top_p=None):
    """a list of filters"""
    filters = [(apply_temperature, temperature), (top_k_filter, top_k), (top_p_filter, top_p)]
    z = functools.reduce(lambda z, f: z if f[1] is None else f[0](z, f[1]), filters, logits)
    return F.softmax(z, -1)


@replaces("next_token_distribution")
def distribution_log(logits, temperature=1.0, top_k=None, top_p=None):
    """exp of log_softmax"""
    scaled = apply_temperature(logits, temperature)
    if top_k is not None:
        scaled = top_k_filter(scaled, k=top_k)
    if top_p is not None:
        scaled = top_p_filter(scaled, p=top_p)
    return scaled.log_softmax(-1).exp()


@replaces("next_token_distribution")
def distribution_double(logits, temperature=1.0, top_k=None, top_p=None):
    """the softmax in float64"""
    x = apply_temperature(logits, temperature)
    if top_k is not None:
        x = top_k_filter(x, top_k)
    if top_p is not None:
        x = top_p_filter(x, top_p)
    return torch.softmax(x, dim=-1, dtype=torch.float64).to(logits.dtype)


@replaces("next_token_distribution")
def distribution_renormalised(logits, temperature=1.0, top_k=None, top_p=None):
    """masks of the filters on the probabilities, divided by their sum; checks first"""
    if not temperature > 0:
        raise ValueError("temperature")
    if top_k is not None and top_k < 1:
        raise ValueError("top_k")
    if top_p is not None and not 0 < top_p <= 1:
        raise ValueError("top_p")
    z = logits / temperature
    keep = torch.ones_like(z, dtype=torch.bool)
    if top_k is not None:
        keep &= top_k_filter(z, top_k) > -INF
    if top_p is not None:
        keep &= top_p_filter(torch.where(keep, z, -INF), top_p) > -INF
    probs = z.softmax(-1) * keep
    return probs / probs.sum(-1, keepdim=True)


@replaces("next_token_distribution")
def distribution_numpy(logits, temperature=1.0, top_k=None, top_p=None):
    """the softmax in numpy"""
    z = apply_temperature(logits, temperature)
    if top_k is not None:
        z = top_k_filter(z, top_k)
    if top_p is not None:
        z = top_p_filter(z, top_p)
    z = z.detach().double().numpy()
    e = np.exp(z - np.max(z, axis=-1, keepdims=True))
    return torch.from_numpy(e / e.sum(axis=-1, keepdims=True)).to(logits.dtype)


@replaces("next_token_distribution")
def distribution_rows(logits, temperature=1.0, top_k=None, top_p=None):
    """row by row"""

    def one(row):
        row = apply_temperature(row, temperature)
        row = top_k_filter(row, top_k) if top_k is not None else row
        row = top_p_filter(row, top_p) if top_p is not None else row
        kept = torch.isfinite(row)
        return torch.zeros_like(row).masked_scatter(kept, row[kept].softmax(0))

    return torch.stack([one(r) for r in logits.reshape(-1, logits.shape[-1])]).view(logits.shape)


@replaces("next_token_distribution")
def distribution_sorted(logits, temperature=1.0, top_k=None, top_p=None):
    """one sort for both filters"""
    if not temperature > 0:
        raise ValueError("temperature must be positive")
    z = apply_temperature(logits, temperature)
    ordered, order = z.sort(dim=-1, descending=True, stable=True)
    if top_k is not None:
        if top_k < 1:
            raise ValueError("top_k must be at least 1")
        kth = ordered[..., min(top_k, z.shape[-1]) - 1, None]
        ordered = ordered.masked_fill(ordered < kth, -INF)
    if top_p is not None:
        if not 0 < top_p <= 1:
            raise ValueError("top_p must be in (0, 1]")
        probs = ordered.double().softmax(-1)
        before = probs.cumsum(-1) - probs
        before[..., 0] = 0
        if top_p < 1:
            ordered = ordered.masked_fill(before >= top_p, -INF)
    return torch.zeros_like(z).scatter(-1, order, ordered.softmax(-1))


@replaces("next_token_distribution")
def distribution_differences(logits, temperature=1.0, top_k=None, top_p=None):
    """minus logsumexp; nested calls"""
    with_k = lambda z: top_k_filter(z, top_k) if top_k is not None else z
    with_p = lambda z: top_p_filter(z, top_p) if top_p is not None else z
    z = with_p(with_k(apply_temperature(logits, temperature)))
    return (z - torch.logsumexp(z, -1, keepdim=True)).exp()


@replaces("sample")
def sample_loops(probs, u):
    """row by row, Python floats"""
    V = probs.shape[-1]
    out = []
    for row, draw in zip(probs.reshape(-1, V).tolist(), u.reshape(-1).tolist()):
        total, token = 0.0, None
        for i, p in enumerate(row):
            total += p
            if p > 0:
                token = i
                if total > draw:
                    break
        out.append(token)
    return torch.tensor(out, dtype=torch.int64).reshape(u.shape)


@replaces("sample")
def sample_count(probs, u):
    """how many cumulative sums do not exceed u, cut at the last positive token"""
    place = (probs.cumsum(-1) <= u[..., None]).sum(-1)
    last = (probs > 0).long().mul(torch.arange(probs.shape[-1])).amax(-1)
    return torch.minimum(place, last)


@replaces("sample")
def sample_searchsorted(probs, u):
    """searchsorted on the right side; the last positive token from the flipped row"""
    V = probs.shape[-1]
    cumulative = probs.cumsum(-1).contiguous()
    place = torch.searchsorted(cumulative, u.unsqueeze(-1).contiguous(), right=True).squeeze(-1)
    last = V - 1 - (probs.flip(-1) > 0).int().argmax(-1)
    return torch.where(place > last, last, place)


@replaces("sample")
def sample_infinite_end(probs, u):
    """the sum of the last positive token is set to infinity"""
    positive = probs > 0
    is_last = positive & (positive.flip(-1).cumsum(-1).flip(-1) == 1)
    cumulative = probs.cumsum(-1).masked_fill(is_last, INF)
    return (cumulative > u.unsqueeze(-1)).to(torch.uint8).argmax(-1)


@replaces("sample")
def sample_positive_only(probs, u):
    """row by row over the positive tokens alone"""
    rows = probs.reshape(-1, probs.shape[-1])
    tokens = torch.empty(len(rows), dtype=torch.int64)
    for n, (row, draw) in enumerate(zip(rows, u.reshape(-1))):
        numbers = row.nonzero().squeeze(1)
        hits = (row[numbers].cumsum(0) > draw).nonzero().squeeze(1)
        tokens[n] = numbers[hits[0]] if len(hits) else numbers[-1]
    return tokens.view(u.shape)


@replaces("sample")
def sample_numpy(probs, u):
    """np.cumsum in the dtype, argmax"""
    p, draw = probs.detach().numpy(), u.detach().numpy()
    exceeds = np.cumsum(p, axis=-1) > draw[..., None]
    last = p.shape[-1] - 1 - np.argmax(p[..., ::-1] > 0, axis=-1)
    return torch.from_numpy(np.asarray(np.where(exceeds.any(-1), exceeds.argmax(-1), last), dtype=np.int64))


@replaces("sample")
def sample_bisection(probs, u):
    """bisection for all rows at once, on sums that do not fall"""
    cumulative, V = probs.cumsum(-1), probs.shape[-1]
    low = torch.zeros(u.shape, dtype=torch.int64)  # the answer is at least low
    high = torch.where(probs > 0, torch.arange(V), 0).amax(-1)  # and at most high
    while bool((low < high).any()):
        middle = (low + high) // 2
        hit = cumulative.gather(-1, middle.unsqueeze(-1)).squeeze(-1) > u
        low, high = torch.where(hit, low, torch.minimum(middle + 1, high)), torch.where(hit, middle, high)
    return high


@replaces("sample")
def sample_min(probs, u):
    """the smallest number among the candidates"""
    V = probs.size(-1)
    numbers = torch.arange(V).expand(probs.shape)
    first = numbers.masked_fill(~(probs.cumsum(-1) > u.unsqueeze(-1)), V).min(-1).values
    last = numbers.masked_fill(probs == 0, 0).max(-1).values
    return torch.where(first < V, first, last)


@replaces("sample")
def sample_double(probs, u):
    """float64 sums"""
    exceeds = probs.double().cumsum(-1) > u.double().unsqueeze(-1)
    score = exceeds * torch.arange(probs.shape[-1], 0, -1)
    last = ((probs > 0) * torch.arange(probs.shape[-1])).max(-1)[0]
    return torch.where(score.amax(-1) > 0, score.argmax(-1), last)


@replaces("sample")
def sample_bisect(probs, u):
    """accumulate and bisect"""

    def one(row, draw):
        place = bisect.bisect_right(list(itertools.accumulate(row)), draw)
        return place if place < len(row) else max(i for i, p in enumerate(row) if p > 0)

    rows = probs.reshape(-1, probs.shape[-1]).tolist()
    tokens = [one(row, draw) for row, draw in zip(rows, u.flatten().tolist())]
    return torch.tensor(tokens).view(u.shape)


@replaces("sample")
def sample_recursive(probs, u):
    """recursion over leading axes"""
    if probs.dim() > 1:
        return torch.stack([sample_recursive(p, d) for p, d in zip(probs, u)])
    hits = torch.nonzero(probs.cumsum(0) > u)
    return hits[0, 0] if len(hits) else torch.nonzero(probs > 0)[-1, 0]


@replaces("sample")
def sample_cummax(probs, u):
    """cumulative hits; gather from a table of last positive tokens"""
    number = torch.arange(probs.shape[-1])
    latest = torch.where(probs > 0, number, torch.zeros_like(number)).cummax(-1).values
    place = (torch.cumsum(probs, -1) > u.unsqueeze(-1)).logical_not().sum(-1).clamp(max=probs.shape[-1] - 1)
    return latest.gather(-1, place.unsqueeze(-1)).squeeze(-1)

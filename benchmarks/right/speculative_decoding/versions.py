import bisect
import itertools
import math
from collections import namedtuple
from decimal import Decimal, localcontext
from fractions import Fraction

import numpy as np
import torch
import torch.nn.functional as F
from base import residual

from grader.testing import replaces


# ------------------------------------------------------------------ acceptance_rate
@replaces("acceptance_rate")
def ac_where(p, q):
    """where"""
    return torch.where(p < q, p, q).sum(dim=-1).clamp(0, 1)


@replaces("acceptance_rate")
def ac_distance(p, q):
    """1 less half of the distance"""
    return (1 - (p - q).abs().sum(-1) / 2).clamp(min=0, max=1)


@replaces("acceptance_rate")
def ac_mean(p, q):
    """the mean of min(1, p / q) over q, where q is above 0"""
    ratio = torch.where(q > 0, p / q, torch.zeros_like(p)).clamp(max=1)
    return (q * ratio).sum(-1).clamp(max=1)


@replaces("acceptance_rate")
def ac_stack(p, q):
    """amin of a stack"""
    return torch.stack([p, q]).amin(0).sum(-1).clamp_max(1.0)


@replaces("acceptance_rate")
def ac_excess(p, q):
    """1 less what q has too much of"""
    return (1 - F.relu(q - p).sum(-1)).clamp(0, 1)


@replaces("acceptance_rate")
def ac_numpy(p, q):
    """NumPy"""
    total = np.minimum(p.numpy(), q.numpy()).sum(axis=-1)
    return torch.as_tensor(np.minimum(total, 1)).to(p.dtype)


@replaces("acceptance_rate")
def ac_lists(p, q):
    """fsum, row by row"""
    V = p.shape[-1]
    rows = zip(p.reshape(-1, V).tolist(), q.reshape(-1, V).tolist())
    values = [min(1.0, math.fsum(map(min, a, b))) for a, b in rows]
    return torch.tensor(values, dtype=p.dtype).reshape(p.shape[:-1])


@replaces("acceptance_rate")
def ac_double(p, q):
    """float64 inside"""
    return torch.fmin(p.double(), q.double()).sum(-1).clamp(max=1.0).to(p.dtype)


@replaces("acceptance_rate")
def ac_loop(p, q):
    """token by token"""
    total = torch.zeros(p.shape[:-1], dtype=p.dtype)
    for v in range(p.shape[-1]):
        total = total + torch.minimum(p[..., v], q[..., v])
    return torch.minimum(total, torch.ones_like(total))


@replaces("acceptance_rate")
def ac_einsum(p, q):
    """half of the sum less half of the difference"""
    ones = torch.ones(p.shape[-1], dtype=p.dtype)
    return torch.einsum("...v,v->...", (p + q - (p - q).abs()) / 2, ones).clamp(0, 1)


@replaces("acceptance_rate")
def ac_clamp(p, q):
    """clamped by a tensor"""
    return p.clamp(max=q).sum(-1).clip(max=1)


@replaces("acceptance_rate")
def ac_log(p, q):
    """logsumexp of smaller logarithms"""
    return torch.logsumexp(torch.minimum(p.double().log(), q.double().log()), -1).exp().clamp(max=1).to(p.dtype)


# ------------------------------------------------------------------ residual
@replaces("residual")
def rs_relu(p, q):
    """relu and a safe divisor"""
    left = F.relu(p - q)
    total = left.sum(dim=-1, keepdim=True)
    empty = total == 0
    return torch.where(empty, p, left / total.masked_fill(empty, 1))


@replaces("residual")
def rs_equal(p, q):
    """rows are compared"""
    left = torch.maximum(p - q, torch.zeros_like(p))
    total = left.sum(-1, keepdim=True)
    same = (p == q).all(-1, keepdim=True) | (total == 0)
    return torch.where(same, p, left / torch.where(same, torch.ones_like(total), total))


@replaces("residual")
def rs_loop(p, q):
    """row by row"""
    V = p.shape[-1]
    out = []
    for a, b in zip(p.reshape(-1, V), q.reshape(-1, V)):
        left = (a - b).clamp(min=0)
        out.append(left / left.sum() if left.any() else a)
    return torch.stack(out).reshape(p.shape) if out else p.clone()


@replaces("residual")
def rs_lists(p, q):
    """Python floats"""
    V = p.shape[-1]
    rows = []
    for a, b in zip(p.reshape(-1, V).tolist(), q.reshape(-1, V).tolist()):
        left = [max(x - y, 0.0) for x, y in zip(a, b)]
        total = math.fsum(left)
        rows.append([x / total for x in left] if total > 0 else a)
    return torch.tensor(rows, dtype=p.dtype).reshape(p.shape)


@replaces("residual")
def rs_numpy(p, q):
    """NumPy"""
    a, b = p.numpy(), q.numpy()
    left = np.maximum(a - b, 0)
    total = left.sum(-1, keepdims=True)
    return torch.from_numpy(np.where(total > 0, left / np.where(total > 0, total, 1), a).astype(a.dtype))


@replaces("residual")
def rs_own(p, q):
    """in place on an own copy"""
    out = p - q
    out[out < 0] = 0
    nothing = out.sum(-1) == 0
    out[nothing] = p[nothing]
    out /= torch.where(nothing, torch.ones_like(out[..., 0]), out.sum(-1)).unsqueeze(-1)
    return out


@replaces("residual")
def rs_minimum(p, q):
    """p less the smaller of both"""
    left = p - torch.minimum(p, q)
    total = left.sum(-1, keepdim=True)
    return (left / total).where(total > 0, p)


@replaces("residual")
def rs_double(p, q):
    """float64 inside"""
    left = (p.double() - q.double()).clamp_min(0)
    total = left.sum(-1, keepdim=True)
    return torch.where(total > 0, left / total, p.double()).to(p.dtype)


@replaces("residual")
def rs_normalize(p, q):
    """F.normalize; p is put where nothing is left"""
    left = (p - q) * (p > q)
    left = torch.where((p > q).any(-1, keepdim=True), left, p)
    scaled = F.normalize(left, p=1, dim=-1, eps=torch.finfo(p.dtype).tiny)
    return torch.where((p > q).any(-1, keepdim=True), scaled, p)


@replaces("residual")
def rs_nan(p, q):
    """0 / 0 is NaN, and is replaced"""
    left = torch.clamp(p - q, min=0)
    out = left / left.sum(-1, keepdim=True)
    return torch.where(out.isnan(), p, out)


@replaces("residual")
def rs_max(p, q):
    """max(p, q) - q; the axis of tokens first, a view"""
    p_, q_ = p.movedim(-1, 0), q.movedim(-1, 0)
    left = torch.maximum(p_, q_) - q_
    total = left.sum(0)
    return torch.where(total > 0, left / total, p_).movedim(0, -1)


@replaces("residual")
def rs_softmax(p, q):
    """softmax of logarithms"""
    left = (p.double() - q.double()).clamp(min=0)
    some = left.amax(-1, keepdim=True) > 0
    return torch.where(some, torch.softmax(torch.where(some, left, p.double()).log(), -1).to(p.dtype), p)


# ------------------------------------------------------------------ verify
def choose(p, u):
    """p: (V,) tensor, u: a number"""
    for v, c in enumerate(p.cumsum(0)):
        if c > u:
            return v
    return int(p.nonzero()[-1])


@replaces("verify")
def ve_loop(draft, q, p, u, u_last):
    """row by row, draft by draft"""
    B, G = draft.shape
    tokens = torch.full((B, G + 1), -1, dtype=torch.int64)
    accepted = torch.zeros(B, dtype=torch.int64)
    for b in range(B):
        last = p[b, G]
        for i in range(G):
            x = draft[b, i]
            if u[b, i] < min(1, p[b, i, x] / q[b, i, x]):
                tokens[b, i] = x
                accepted[b] += 1
            else:
                last = residual(p[b, i], q[b, i])
                break
        tokens[b, accepted[b]] = choose(last, u_last[b])
    return tokens, accepted


@replaces("verify")
def ve_padded(draft, q, p, u, u_last):
    """q gets zeros behind the last draft, so that the residual there is p"""
    B, G = draft.shape
    at = lambda x: x.gather(2, draft.unsqueeze(2)).squeeze(2)  # noqa: E731
    good = u < torch.clamp(at(p[:, :G]) / at(q), max=1.0)
    accepted = good.int().cumprod(1).sum(1)
    q_all = torch.cat([q, torch.zeros_like(q[:, :1])], dim=1)
    rows = torch.arange(B)
    dist = residual(p[rows, accepted], q_all[rows, accepted])
    over = dist.cumsum(-1) > u_last[:, None]
    possible = dist > 0
    last = dist.shape[-1] - 1 - possible.flip(-1).int().argmax(-1)
    new = torch.where(over.any(-1), over.int().argmax(-1), last)
    place = torch.arange(G + 1)
    tokens = F.pad(draft, (0, 1)).masked_fill(place >= accepted[:, None], -1)
    return torch.where(place == accepted[:, None], new[:, None], tokens), accepted.long()


@replaces("verify")
def ve_lists(draft, q, p, u, u_last):
    """Python lists and bisect"""
    out, counts = [], []
    for x, qs, ps, us, ul in zip(draft.tolist(), q, p, u, u_last):
        n = 0
        while n < len(x) and bool(us[n] < (ps[n, x[n]] / qs[n, x[n]]).clamp(max=1)):
            n += 1
        dist = ps[n] if n == len(x) else residual(ps[n], qs[n])
        sums = dist.cumsum(0).tolist()
        v = bisect.bisect_right(sums, ul.item())
        last = max(i for i, value in enumerate(dist.tolist()) if value > 0)
        out.append(x[:n] + [min(v, last)] + [-1] * (len(x) - n))
        counts.append(n)
    return torch.tensor(out), torch.tensor(counts)


@replaces("verify")
def ve_numpy(draft, q, p, u, u_last):
    """NumPy"""
    x, q, p, u, w = (v.numpy() for v in (draft, q, p, u, u_last))
    B, G = x.shape
    px = np.take_along_axis(p[:, :G], x[..., None], 2)[..., 0]
    qx = np.take_along_axis(q, x[..., None], 2)[..., 0]
    bad = ~(u < np.minimum(1, px / qx))
    n = np.where(bad.any(1), bad.argmax(1), G)
    tokens = np.full((B, G + 1), -1, dtype=np.int64)
    for b in range(B):
        tokens[b, : n[b]] = x[b, : n[b]]
        d = p[b, n[b]]
        if n[b] < G:
            left = np.maximum(d - q[b, n[b]], 0)
            d = left / left.sum() if left.sum() > 0 else d
        possible = np.flatnonzero(d)
        over = np.cumsum(d)[possible] > w[b]
        tokens[b, n[b]] = possible[over.argmax()] if over.any() else possible[-1]
    return torch.from_numpy(tokens), torch.from_numpy(n.astype(np.int64))


@replaces("verify")
def ve_product(draft, q, p, u, u_last):
    """u q < p, or p at least q; searchsorted"""
    B, G = draft.shape
    index = draft[..., None]
    a, b = p[:, :-1].gather(-1, index).squeeze(-1), q.gather(-1, index).squeeze(-1)
    good = (a >= b) | (u.double() * b.double() < a.double())
    accepted = torch.cat([good, torch.zeros(B, 1, dtype=torch.bool)], 1).int().argmin(1)
    every = torch.cat([residual(p[:, :G], q), p[:, G:]], dim=1)
    dist = every.take_along_dim(accepted.view(B, 1, 1), dim=1)[:, 0]
    sums = dist.cumsum(-1).contiguous()
    new = torch.searchsorted(sums, u_last[:, None].contiguous(), right=True)[:, 0]
    top = torch.where(dist > 0, torch.arange(dist.shape[-1]), 0).max(-1).values
    tokens = torch.cat([draft, draft.new_full((B, 1), -1)], dim=1)
    tokens[torch.arange(G + 1) > accepted[:, None]] = -1
    tokens = tokens.scatter(1, accepted[:, None], torch.minimum(new, top)[:, None])
    return tokens, accepted


@replaces("verify")
def ve_logs(draft, q, p, u, u_last):
    """logarithms in float64"""
    B, G = draft.shape
    rows, places = torch.arange(B)[:, None], torch.arange(G)
    log_ratio = p[rows, places, draft].double().log() - q[rows, places, draft].double().log()
    good = u.double().log() < log_ratio.clamp(max=0)
    accepted = torch.stack([g.long().cumprod(0).sum() for g in good])
    tokens = []
    for b, n in enumerate(accepted.tolist()):
        d = residual(p[b, n], q[b, n]) if n < G else p[b, G]
        exceeds = (torch.cumsum(d, 0) > u_last[b]).nonzero()
        new = exceeds[0] if len(exceeds) else d.nonzero()[-1]
        tokens.append(F.pad(torch.cat([draft[b, :n], new]), (0, G - n), value=-1))
    return torch.stack(tokens), accepted


Verified = namedtuple("Verified", "tokens accepted")


@replaces("verify")
def ve_helper(draft, q, p, u, u_last):
    """a helper for one text; a NamedTuple"""
    def one(x, q, p, u, w):
        for i, (token, r) in enumerate(zip(x.tolist(), u)):
            if not r < torch.minimum(torch.ones_like(r), p[i, token] / q[i, token]):
                return x[:i], residual(p[i], q[i]), w
        return x, p[-1], w

    tokens = torch.full((len(draft), draft.shape[1] + 1), -1)
    accepted = []
    for b, row in enumerate(zip(draft, q, p, u, u_last)):
        kept, dist, w = one(*row)
        tokens[b, : len(kept)] = kept
        tokens[b, len(kept)] = choose(dist, w)
        accepted.append(len(kept))
    return Verified(tokens, torch.tensor(accepted))


@replaces("verify")
def ve_columns(draft, q, p, u, u_last):
    """column by column; who is still alive"""
    B, G = draft.shape
    rows = torch.arange(B)
    alive = torch.ones(B, dtype=torch.bool)
    dist = p[:, G].clone()
    tokens = torch.full((B, G + 1), -1)
    accepted = torch.zeros(B, dtype=torch.long)
    for i in range(G):
        x = draft[:, i]
        good = u[:, i] < (p[rows, i, x] / q[rows, i, x]).clamp(max=1)
        stops = alive & ~good
        if stops.any():
            dist[stops] = residual(p[stops, i], q[stops, i])
        alive = alive & good
        tokens[alive, i] = x[alive]
        accepted += alive
    over = dist.cumsum(1) > u_last.unsqueeze(1)
    place = torch.arange(dist.shape[1])
    first = torch.where(over, place, dist.shape[1]).amin(1)
    last = torch.where(dist > 0, place, -1).amax(1)
    tokens[rows, accepted] = torch.where(first < dist.shape[1], first, last)
    return tokens, accepted


@replaces("verify")
def ve_accumulate(draft, q, p, u, u_last):
    """itertools in float64: takewhile and accumulate"""
    B, G = draft.shape
    x, Q, P, U, W = (v.tolist() for v in (draft, q, p, u, u_last))
    tokens, accepted = [], []
    for b in range(B):
        n = sum(1 for _ in itertools.takewhile(lambda i: U[b][i] < min(1.0, P[b][i][x[b][i]] / Q[b][i][x[b][i]]), range(G)))
        d = P[b][n]
        if n < G:
            left = [max(s - t, 0.0) for s, t in zip(P[b][n], Q[b][n])]
            d = [v / sum(left) for v in left] if any(left) else d
        possible = [v for v in range(len(d)) if d[v] > 0]
        sums = list(itertools.accumulate(d))
        new = next((v for v in possible if sums[v] > W[b]), possible[-1])
        tokens.append([*x[b][:n], new, *([-1] * (G - n))])
        accepted.append(n)
    return torch.tensor(tokens, dtype=torch.int64), torch.tensor(accepted, dtype=torch.int64)


@replaces("verify")
def ve_unscaled(draft, q, p, u, u_last):
    """the residual is not divided; u_last is multiplied by its sum instead"""
    B, G = draft.shape
    hot = F.one_hot(draft, q.shape[-1]).to(q.dtype)
    ratio = (p[:, :G] * hot).sum(-1) / (q * hot).sum(-1)
    stop = (u >= ratio.clamp(max=1)).long()
    accepted = (stop.cumsum(1) == 0).sum(1)
    place = accepted.view(B, 1, 1).expand(B, 1, p.shape[-1])
    mass = p.gather(1, place).squeeze(1)
    q_all = F.pad(q, (0, 0, 0, 1))
    left = (mass - q_all.gather(1, place).squeeze(1)).clamp(min=0)
    mass = torch.where(left.sum(-1, keepdim=True) > 0, left, mass).double()
    threshold = torch.where(accepted < G, mass.sum(-1), torch.ones(B, dtype=torch.float64)) * u_last.double()
    over = (mass.cumsum(-1) > threshold[:, None]) & (mass > 0)
    last = mass.shape[-1] - 1 - (mass > 0).flip(-1).long().argmax(-1)
    new = torch.where(over.any(-1), over.long().argmax(-1), last)
    tokens = torch.where(torch.arange(G) < accepted[:, None], draft, torch.full_like(draft, -1))
    return F.pad(tokens, (0, 1), value=-1).index_put((torch.arange(B), accepted), new), accepted


@replaces("verify")
def ve_views(draft, q, p, u, u_last):
    """texts in columns; views come back"""
    G, B = draft.T.shape
    qx = q.transpose(0, 1).gather(2, draft.T[..., None])[..., 0]
    px = p.transpose(0, 1)[:G].gather(2, draft.T[..., None])[..., 0]
    good = u.T < torch.where(px < qx, px / qx, torch.ones_like(px))
    accepted = good.long().cumprod(0).sum(0)
    out = torch.full((G + 1, B), -1)
    for b in range(B):
        n = int(accepted[b])
        out[:n, b] = draft[b, :n]
        d = p[b, n] if n == G else residual(p[b, n], q[b, n])
        v = int(torch.sum(torch.cumsum(d, 0) <= u_last[b]))
        while v >= len(d) or d[v] == 0:
            v -= 1
        out[n, b] = v
    return out.T, accepted


# ------------------------------------------------------------------ expected_tokens
@replaces("expected_tokens")
def et_horner(alpha, gamma):
    """Horner"""
    total = 1.0
    for _ in range(gamma):
        total = 1.0 + alpha * total
    return total


@replaces("expected_tokens")
def et_fsum(alpha, gamma):
    """fsum"""
    return math.fsum(alpha**i for i in range(gamma + 1))


@replaces("expected_tokens")
def et_expm1(alpha, gamma):
    """expm1 and log1p"""
    if alpha == 1:
        return float(gamma + 1)
    if alpha == 0:
        return 1.0
    return math.expm1((gamma + 1) * math.log1p(alpha - 1)) / (alpha - 1)


@replaces("expected_tokens")
def et_decimal(alpha, gamma):
    """Decimal with 80 digits"""
    if alpha == 1:
        return gamma + 1.0
    with localcontext() as ctx:
        ctx.prec = 80
        a = Decimal(alpha)
        return float((1 - a ** (gamma + 1)) / (1 - a))


@replaces("expected_tokens")
def et_fraction(alpha, gamma):
    """Fractions where they stay short, else powers"""
    if gamma > 200:
        return math.fsum(alpha**i for i in range(gamma + 1))
    a = Fraction(alpha)
    return float(sum((a**i for i in range(gamma + 1)), Fraction(0)))


@replaces("expected_tokens")
def et_doubling(alpha, gamma):
    """halves: S(2n) = S(n) (1 + α^n)"""
    def total(n):
        if n == 0:
            return 0.0
        if n % 2:
            return 1.0 + alpha * total(n - 1)
        return total(n // 2) * (1.0 + alpha ** (n // 2))

    return total(gamma + 1)


@replaces("expected_tokens")
def et_numpy(alpha, gamma):
    """NumPy, float at the end"""
    return float(np.sum(np.power(float(alpha), np.arange(gamma + 1))))


@replaces("expected_tokens")
def et_torch(alpha, gamma):
    """torch in float64"""
    return torch.pow(torch.tensor(alpha, dtype=torch.float64), torch.arange(gamma + 1)).sum().item()


@replaces("expected_tokens")
def et_running(alpha, gamma):
    """a running power"""
    total, power = 0.0, 1.0
    for _ in range(gamma + 1):
        total += power
        power *= alpha
    return total


@replaces("expected_tokens")
def et_accumulate(alpha, gamma):
    """accumulate, smallest first"""
    powers = list(itertools.accumulate(itertools.repeat(float(alpha), gamma), lambda a, b: a * b, initial=1.0))
    return float(sum(reversed(powers)))


@replaces("expected_tokens")
def et_binomial(alpha, gamma):
    """the formula where it is exact enough, a series of binomials near 1"""
    e = 1 - alpha
    if e * (gamma + 1) > 0.5:
        return (1 - alpha ** (gamma + 1)) / e
    n, term, total, k = gamma + 1, float(gamma + 1), 0.0, 1
    while term != 0.0 and k <= n and abs(term) > 1e-18 * abs(total):
        total += term
        term *= -e * (n - k) / (k + 1)
        k += 1
    return total


@replaces("expected_tokens")
def et_probabilities(alpha, gamma):
    """how many tokens, times how probable: fsum of both"""
    rejected = [n * (1 - alpha) * alpha ** (n - 1) for n in range(1, gamma + 1)]
    return math.fsum([*rejected, (gamma + 1) * float(alpha) ** gamma])

import functools
import math
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from base import gaussian_eps, guide, mixture_eps

from grader.testing import replaces


# ---------------------------------------------------------------- guide
@replaces("guide")
def guide_affine(eps_cond, eps_uncond, scale):
    """s c + (1 - s) u"""
    return scale * eps_cond + (1 - scale) * eps_uncond


@replaces("guide")
def guide_ho(eps_cond, eps_uncond, scale):
    """Ho and Salimans: (1 + w) c - w u"""
    w = scale - 1
    return (1 + w) * eps_cond - w * eps_uncond


@replaces("guide")
def guide_lerp(eps_cond, eps_uncond, scale):
    """torch.lerp"""
    return torch.lerp(eps_uncond, eps_cond, scale)


@replaces("guide")
def guide_alpha(eps_cond, eps_uncond, scale):
    """torch.add with alpha"""
    return torch.add(eps_uncond, eps_cond - eps_uncond, alpha=scale)


@replaces("guide")
def guide_from_cond(eps_cond, eps_uncond, scale):
    """from eps_cond on"""
    return eps_cond + (scale - 1) * (eps_cond - eps_uncond)


@replaces("guide")
def guide_ends(eps_cond, eps_uncond, scale):
    """both ends exactly"""
    if scale == 0:
        return eps_uncond.clone()
    if scale == 1:
        return eps_cond.clone()
    return eps_uncond + scale * (eps_cond - eps_uncond)


@replaces("guide")
def guide_ends_same(eps_cond, eps_uncond, scale):
    """both ends are the arguments themselves"""
    if scale in (0, 1):
        return (eps_uncond, eps_cond)[int(scale)]
    return eps_uncond.mul(1 - scale).add(eps_cond, alpha=scale)


@replaces("guide")
def guide_inplace(eps_cond, eps_uncond, scale):
    """in place on an own copy"""
    out = eps_cond.clone()
    out -= eps_uncond
    out *= scale
    out += eps_uncond
    return out


@replaces("guide")
def guide_einsum(eps_cond, eps_uncond, scale):
    """a stack and two weights"""
    w = torch.tensor([scale, 1 - scale], dtype=eps_cond.dtype)
    return torch.einsum("n...,n->...", torch.stack([eps_cond, eps_uncond]), w)


@replaces("guide")
def guide_tensordot(eps_cond, eps_uncond, scale):
    """tensordot; the result may be non-contiguous"""
    both = torch.stack([eps_uncond, eps_cond], dim=-1)
    return torch.tensordot(both, torch.tensor([1 - scale, scale], dtype=both.dtype), dims=1)


@replaces("guide")
def guide_numpy(eps_cond, eps_uncond, scale):
    """NumPy; no gradient is promised"""
    c, u = eps_cond.detach().numpy(), eps_uncond.detach().numpy()
    return torch.from_numpy(np.asarray(u + scale * (c - u))).to(eps_cond.dtype)


@replaces("guide")
def guide_double(eps_cond, eps_uncond, scale):
    """float64 inside"""
    c, u = eps_cond.double(), eps_uncond.double()
    return (u + scale * (c - u)).type_as(eps_cond)


# ---------------------------------------------------------------- guide_batched
@replaces("guide_batched")
def gb_slices(eps_both, scale):
    """slices"""
    n, odd = divmod(len(eps_both), 2)
    if odd:
        raise ValueError(f"{len(eps_both)} rows cannot be halved")
    return guide(eps_both[:n], eps_both[n:], scale)


@replaces("guide_batched")
def gb_unflatten(eps_both, scale):
    """a first axis of two"""
    rows = eps_both.size(0)
    if rows % 2 != 0:
        raise ValueError("odd")
    cond, uncond = eps_both.reshape(2, rows // 2, *eps_both.shape[1:]).unbind(0)
    return uncond + scale * (cond - uncond)


@replaces("guide_batched")
def gb_split(eps_both, scale):
    """split"""
    if eps_both.shape[0] & 1:
        raise ValueError
    half = eps_both.shape[0] // 2
    cond, uncond = torch.split(eps_both, [half, half])
    return torch.lerp(uncond, cond, scale)


@replaces("guide_batched")
def gb_try(eps_both, scale):
    """a failed view becomes a ValueError"""
    try:
        both = eps_both.view(2, -1, *eps_both.shape[1:]) if eps_both.is_contiguous() and eps_both.numel() else eps_both.unflatten(0, (2, len(eps_both) // 2))
    except RuntimeError as error:
        raise ValueError("an even number of rows is needed") from error
    return guide(both[0], both[1], scale)


@replaces("guide_batched")
def gb_rows(eps_both, scale):
    """row by row"""
    n = len(eps_both)
    if n % 2 == 1:
        raise ValueError("odd number of rows")
    out = torch.empty_like(eps_both[: n // 2])
    for i in range(n // 2):
        out[i] = guide(eps_both[i], eps_both[i + n // 2], scale)
    return out


@replaces("guide_batched")
def gb_matrix(eps_both, scale):
    """a (B, 2B) matrix"""
    n = eps_both.shape[0]
    if n % 2:
        raise ValueError("odd")
    eye = torch.eye(n // 2, dtype=eps_both.dtype)
    m = torch.cat([scale * eye, (1 - scale) * eye], dim=1)
    return torch.tensordot(m, eps_both, dims=1)


@replaces("guide_batched")
def gb_tensor_split(eps_both, scale):
    """tensor_split, keywords"""
    if len(eps_both) // 2 * 2 != len(eps_both):
        raise ValueError("rows with label and rows without must be as many")
    cond, uncond = eps_both.tensor_split(2)
    return guide(eps_uncond=uncond, eps_cond=cond, scale=scale)


@replaces("guide_batched")
def gb_roll(eps_both, scale):
    """the two halves change places"""
    n = eps_both.shape[0]
    if n % 2:
        raise ValueError("odd")
    other = eps_both.roll(-(n // 2), dims=0)
    return (other + scale * (eps_both - other)).narrow(0, 0, n // 2)


class OddRows(ValueError):
    """its own class"""


@replaces("guide_batched")
def gb_subclass(eps_both, scale):
    """a subclass of ValueError"""
    n = eps_both.shape[0]
    if n % 2:
        raise OddRows(n)
    return guide(eps_both.narrow(0, 0, n // 2), eps_both.narrow(0, n // 2, n // 2), scale)


# ---------------------------------------------------------------- drop_labels
@replaces("drop_labels")
def drop_masked_fill(labels, null_label, p, u):
    """masked_fill"""
    return labels.masked_fill(u < p, null_label)


@replaces("drop_labels")
def drop_clone(labels, null_label, p, u):
    """in place on a copy"""
    out = labels.clone()
    out[u < p] = null_label
    return out


@replaces("drop_labels")
def drop_arithmetic(labels, null_label, p, u):
    """integers instead of where"""
    drop = u.lt(p).to(labels.dtype)
    return labels * (1 - drop) + null_label * drop


@replaces("drop_labels")
def drop_list(labels, null_label, p, u):
    """Python lists; u as it is"""
    drop = (u < p).tolist()
    return torch.tensor([null_label if d else y for d, y in zip(drop, labels.tolist(), strict=True)], dtype=torch.int64)


@replaces("drop_labels")
def drop_full_like(labels, null_label, p, u):
    """keeps where u >= p"""
    return torch.where(u >= p, labels, torch.full_like(labels, null_label))


@replaces("drop_labels")
def drop_index_put(labels, null_label, p, u):
    """index_put"""
    return labels.index_put(((u < p).nonzero().squeeze(1),), torch.tensor(null_label))


@replaces("drop_labels")
def drop_numpy(labels, null_label, p, u):
    """NumPy"""
    return torch.from_numpy(np.where((u < p).numpy(), np.int64(null_label), labels.numpy()))


@replaces("drop_labels")
def drop_index_fill(labels, null_label, p, u):
    """index_fill"""
    return labels.index_fill(0, torch.nonzero(u < p)[:, 0], null_label)


@replaces("drop_labels")
def drop_gather(labels, null_label, p, u):
    """a table of two columns, gather"""
    table = torch.stack([labels, torch.full_like(labels, null_label)], dim=1)
    return table.gather(1, (u < p).long().unsqueeze(1)).squeeze(1)


# ---------------------------------------------------------------- gaussian_eps
@replaces("gaussian_eps")
def ge_posterior(xt, ab, mean, var):
    """by E[x0 | xt], then solved for eps"""
    vt = ab * var + (1 - ab)
    x0 = (mean * (1 - ab) + math.sqrt(ab) * var * xt) / vt
    return (xt - math.sqrt(ab) * x0) / math.sqrt(1 - ab)


@replaces("gaussian_eps")
def ge_gain(xt, ab, mean, var):
    """one factor first"""
    gain = (1 - ab) ** 0.5 / (ab * var + (1 - ab))
    return gain * (xt - ab**0.5 * mean)


@replaces("gaussian_eps")
def ge_loop(xt, ab, mean, var):
    """column by column"""
    columns = []
    for d in range(xt.shape[1]):
        columns.append((xt[:, d] - math.sqrt(ab) * mean[d]) * math.sqrt(1 - ab) / (1 - ab + ab * var))
    return torch.stack(columns, dim=1)


@replaces("gaussian_eps")
def ge_rows(xt, ab, mean, var):
    """row by row into a result"""
    out = torch.empty_like(xt)
    for b, row in enumerate(xt):
        out[b] = math.sqrt(1 - ab) * (row - math.sqrt(ab) * mean) / (ab * var - ab + 1)
    return out


@replaces("gaussian_eps")
def ge_score(xt, ab, mean, var):
    """minus the score, by autograd"""
    with torch.enable_grad():
        x = xt.detach().clone().requires_grad_()
        log_p = -(x - math.sqrt(ab) * mean.detach()).square().sum() / (2 * (ab * var + 1 - ab))
        (score,) = torch.autograd.grad(log_p, x)
    return -math.sqrt(1 - ab) * score


@replaces("gaussian_eps")
def ge_tensors(xt, ab, mean, var):
    """0-dimensional tensors of the dtype"""
    a, v = torch.tensor(ab, dtype=xt.dtype), torch.tensor(var, dtype=xt.dtype)
    return (1 - a).sqrt() * (xt - a.sqrt() * mean) / (a * v + (1 - a))


@replaces("gaussian_eps")
def ge_numpy(xt, ab, mean, var):
    """NumPy in float64"""
    x, m = xt.detach().double().numpy(), mean.detach().double().numpy()
    return torch.from_numpy(np.sqrt(1 - ab) * (x - np.sqrt(ab) * m) / (ab * var + 1 - ab)).to(xt.dtype)


@replaces("gaussian_eps")
def ge_addcmul(xt, ab, mean, var):
    """in place on an own copy"""
    out = xt.clone()
    out.sub_(mean, alpha=math.sqrt(ab)).div_(1 - ab * (1 - var)).mul_(math.sqrt(1 - ab))
    return out


@replaces("gaussian_eps")
def ge_affine(xt, ab, mean, var):
    """as a linear layer with a bias"""
    gain = math.sqrt(1 - ab) / (ab * var + 1 - ab)
    return F.linear(xt, gain * torch.eye(xt.shape[1], dtype=xt.dtype), -gain * math.sqrt(ab) * mean)


@replaces("gaussian_eps")
def ge_snr(xt, ab, mean, var):
    """numerator and denominator divided by 1 - ab"""
    snr = ab / (1 - ab)
    return (xt - math.sqrt(ab) * mean) / (math.sqrt(1 - ab) * (snr * var + 1))


@replaces("gaussian_eps")
def ge_generator(xt, ab, mean, var):
    """a mixture of one"""
    return mixture_eps(xt, ab, mean[None], var, torch.ones(1, dtype=xt.dtype))


# ---------------------------------------------------------------- mixture_eps
@replaces("mixture_eps")
def me_stack(xt, ab, means, var, weights):
    """gaussian_eps of each class, stacked"""
    vt = ab * var + 1 - ab
    eps = torch.stack([gaussian_eps(xt, ab, m, var) for m in means], dim=1)
    logits = torch.stack([-(xt - math.sqrt(ab) * m).pow(2).sum(1) / (2 * vt) for m in means], dim=1) + torch.log(weights)
    return (logits.softmax(1).unsqueeze(-1) * eps).sum(1)


@replaces("mixture_eps")
def me_mean_first(xt, ab, means, var, weights):
    """the responsibilities average the means: eps is linear in the mean"""
    vt = ab * var + 1 - ab
    diff = xt.unsqueeze(1) - math.sqrt(ab) * means.unsqueeze(0)
    r = F.softmax(torch.log(weights) - (diff**2).sum(2) / (2 * vt), dim=1)
    return math.sqrt(1 - ab) * (xt - math.sqrt(ab) * (r @ means)) / vt


@replaces("mixture_eps")
def me_logsumexp(xt, ab, means, var, weights):
    """exp(a - logsumexp a), einsum"""
    vt = 1 - ab + ab * var
    diff = xt[:, None, :] - ab**0.5 * means[None]
    a = weights.log()[None] - 0.5 * torch.einsum("bmd,bmd->bm", diff, diff) / vt
    r = (a - torch.logsumexp(a, dim=1, keepdim=True)).exp()
    return torch.einsum("bm,bmd->bd", r, diff) * ((1 - ab) ** 0.5 / vt)


@replaces("mixture_eps")
def me_max(xt, ab, means, var, weights):
    """the maximum taken out by hand, weights outside of exp"""
    vt = ab * var + 1 - ab
    diff = xt[:, None] - math.sqrt(ab) * means
    a = -diff.square().sum(-1) / (2 * vt)
    a = a + torch.log(weights)
    e = torch.exp(a - a.max(dim=1, keepdim=True).values)
    r = e / e.sum(dim=1, keepdim=True)
    return math.sqrt(1 - ab) / vt * torch.bmm(r[:, None], diff).squeeze(1)


@replaces("mixture_eps")
def me_rows(xt, ab, means, var, weights):
    """row by row, with Python's math"""
    vt = ab * var + 1 - ab
    root, noise = math.sqrt(ab), math.sqrt(1 - ab)
    mu, w = means.tolist(), weights.tolist()
    out = []
    for x in xt.tolist():
        logs = [math.log(wm) - sum((xi - root * mi) ** 2 for xi, mi in zip(x, m)) / (2 * vt) for wm, m in zip(w, mu)]
        top = max(logs)
        e = [math.exp(v - top) for v in logs]
        r = [v / sum(e) for v in e]
        out.append([noise * (xi - root * sum(rm * m[d] for rm, m in zip(r, mu))) / vt for d, xi in enumerate(x)])
    return torch.tensor(out, dtype=xt.dtype).reshape(xt.shape)


@replaces("mixture_eps")
def me_numpy(xt, ab, means, var, weights):
    """NumPy in float64"""
    x, mu, w = (t.detach().double().numpy() for t in (xt, means, weights))
    vt = ab * var + 1 - ab
    diff = x[:, None] - np.sqrt(ab) * mu
    a = np.log(w) - (diff**2).sum(-1) / (2 * vt)
    r = np.exp(a - a.max(1, keepdims=True))
    r /= r.sum(1, keepdims=True)
    return torch.from_numpy(np.sqrt(1 - ab) / vt * np.einsum("bm,bmd->bd", r, diff)).to(xt.dtype)


@replaces("mixture_eps")
def me_score(xt, ab, means, var, weights):
    """minus the score of the mixture, by autograd"""
    vt = ab * var + 1 - ab
    with torch.enable_grad():
        x = xt.detach().double().requires_grad_()
        sq = (x[:, None] - math.sqrt(ab) * means.detach().double()).square().sum(-1)
        log_p = torch.logsumexp(weights.detach().double().log() - sq / (2 * vt), dim=1).sum()
        (score,) = torch.autograd.grad(log_p, x)
    return (-math.sqrt(1 - ab) * score).to(xt.dtype)


@replaces("mixture_eps")
def me_distributions(xt, ab, means, var, weights):
    """torch.distributions for the responsibilities"""
    vt = ab * var + 1 - ab
    normal = torch.distributions.Independent(torch.distributions.Normal(math.sqrt(ab) * means, math.sqrt(vt)), 1)
    logits = normal.log_prob(xt.unsqueeze(1)) + weights.log()
    r = torch.distributions.Categorical(logits=logits).probs
    return sum(r[:, m, None] * gaussian_eps(xt, ab, means[m], var) for m in range(len(means)))


@replaces("mixture_eps")
def me_running(xt, ab, means, var, weights):
    """one class after the other, with a running maximum"""
    vt = ab * var + 1 - ab
    top = torch.full((len(xt), 1), -math.inf, dtype=xt.dtype)
    total, acc = torch.zeros_like(top), torch.zeros_like(xt)
    for m, w in zip(means, weights):
        diff = xt - math.sqrt(ab) * m
        a = w.log() - diff.square().sum(1, keepdim=True) / (2 * vt)
        new = torch.maximum(top, a)
        keep, e = (top - new).exp(), (a - new).exp()
        total, acc, top = total * keep + e, acc * keep + e * diff, new
    return acc / total * (math.sqrt(1 - ab) / vt)


@replaces("mixture_eps")
def me_nearest(xt, ab, means, var, weights):
    """distances without the largest part: squares relative to class 0, in float64"""
    vt = ab * var + 1 - ab
    x, mu = xt.double(), math.sqrt(ab) * means.double()
    # |x - m|^2 - |x - m0|^2 = (m0 - m) . (2 x - m - m0)
    rel = ((mu[0] - mu) * (2 * x[:, None] - mu - mu[0])).sum(-1)
    r = torch.softmax(weights.double().log() - rel / (2 * vt), -1)
    return (math.sqrt(1 - ab) * (x - r @ mu) / vt).to(xt.dtype)


@replaces("mixture_eps")
def me_pairwise_ratio(xt, ab, means, var, weights):
    """r_m = 1 / sum of ratios"""
    vt = ab * var + 1 - ab
    diff = xt[:, None] - math.sqrt(ab) * means
    a = weights.log() - diff.pow(2).sum(-1) / (2 * vt)
    r = 1 / (a[:, None, :] - a[:, :, None]).exp().sum(-1)
    return (r[:, :, None] * diff).sum(1).mul(math.sqrt(1 - ab)).div(vt)


@replaces("mixture_eps")
def me_axes(xt, ab, means, var, weights):
    """classes first; log_softmax"""
    vt = ab * var + 1 - ab
    diff = xt - math.sqrt(ab) * means[:, None]  # (M, B, D)
    log_r = F.log_softmax(weights.log().view(-1, 1) - diff.norm(dim=-1).square() / (2 * vt), dim=0)
    return torch.einsum("mb,mbd->bd", log_r.exp(), gaussian_eps(xt.expand(len(means), -1, -1), ab, means[:, None], var))


# ---------------------------------------------------------------- sample
@replaces("sample")
def sa_pairwise(xT, means, var, weights, label, scale, abars):
    """pairs of the reversed list"""
    x = xT.clone()
    for ab, ab_next in pairwise([*reversed(abars), 1.0]):
        cond = gaussian_eps(x, ab, means[label], var)
        uncond = mixture_eps(x, ab, means, var, weights)
        eps = guide(cond, uncond, scale)
        x0 = (x - math.sqrt(1 - ab) * eps) / math.sqrt(ab)
        x = math.sqrt(ab_next) * x0 + math.sqrt(1 - ab_next) * eps
    return x


@replaces("sample")
def sa_reduce(xT, means, var, weights, label, scale, abars):
    """functools.reduce"""

    def step(x, pair):
        ab, nxt = pair
        eps = guide(gaussian_eps(x, ab, means[label], var), mixture_eps(x, ab, means, var, weights), scale)
        x0 = (x - (1 - ab) ** 0.5 * eps) / ab**0.5
        return nxt**0.5 * x0 + (1 - nxt) ** 0.5 * eps

    return functools.reduce(step, zip(abars[::-1], abars[-2::-1] + [1.0]), xT)


@replaces("sample")
def sa_recursive(xT, means, var, weights, label, scale, abars):
    """recursion over the list"""
    *before, ab = abars
    eps = guide(gaussian_eps(xT, ab, means[label], var), mixture_eps(xT, ab, means, var, weights), scale)
    x0 = (xT - math.sqrt(1 - ab) * eps) / math.sqrt(ab)
    if not before:
        return x0
    x = math.sqrt(before[-1]) * x0 + math.sqrt(1 - before[-1]) * eps
    return sa_recursive(x, means, var, weights, label, scale, before)


@replaces("sample")
def sa_last_apart(xT, means, var, weights, label, scale, abars):
    """the last step is apart"""
    x, x0 = xT, xT
    for i in range(len(abars) - 1, -1, -1):
        a = abars[i]
        eps = guide(gaussian_eps(x, a, means[label], var), mixture_eps(x, a, means, var, weights), scale)
        x0 = x / math.sqrt(a) - math.sqrt((1 - a) / a) * eps
        if i:
            x = math.sqrt(abars[i - 1]) * x0 + math.sqrt(1 - abars[i - 1]) * eps
    return x0


@replaces("sample")
def sa_rescaled(xT, means, var, weights, label, scale, abars):
    """x / sqrt(ab) moves by a difference of sigma: sqrt((1 - ab) / ab)"""
    levels = [1.0] + list(abars)
    z = xT / math.sqrt(levels[-1])
    for i in range(len(abars), 0, -1):
        now, nxt = levels[i], levels[i - 1]
        x = z * math.sqrt(now)
        eps = guide(gaussian_eps(x, now, means[label], var), mixture_eps(x, now, means, var, weights), scale)
        z = z + (math.sqrt((1 - nxt) / nxt) - math.sqrt((1 - now) / now)) * eps
    return z


@replaces("sample")
def sa_tensor_abars(xT, means, var, weights, label, scale, abars):
    """coefficients as a float64 tensor"""
    ab = torch.tensor([1.0, *abars], dtype=torch.float64)
    root, noise = ab.sqrt().tolist(), (1 - ab).sqrt().tolist()
    x = xT
    for t in range(len(abars), 0, -1):
        eps = guide(gaussian_eps(x, ab[t].item(), means[label], var), mixture_eps(x, ab[t].item(), means, var, weights), scale)
        x = root[t - 1] * (x - noise[t] * eps) / root[t] + noise[t - 1] * eps
    return x


@replaces("sample")
def sa_inline(xT, means, var, weights, label, scale, abars):
    """everything written out; one tensor of differences serves both predictions"""
    x = xT
    log_w = weights.log()
    for now, nxt in zip(reversed(abars), [*reversed(abars[:-1]), 1.0], strict=True):
        vt = now * var + 1 - now
        diff = x[:, None] - math.sqrt(now) * means
        r = (log_w - diff.square().sum(-1) / (2 * vt)).softmax(-1)
        uncond = torch.einsum("bm,bmd->bd", r, diff)
        eps = math.sqrt(1 - now) / vt * (uncond + scale * (diff[:, label] - uncond))
        x0 = (x - math.sqrt(1 - now) * eps) / math.sqrt(now)
        x = math.sqrt(nxt) * x0 + math.sqrt(1 - nxt) * eps
    return x


@replaces("sample")
def sa_doubled(xT, means, var, weights, label, scale, abars):
    """a doubled batch, as a network would have it"""

    def network(both, ab):
        with_label, without = both.chunk(2) if len(both) else (both, both)
        return torch.cat([gaussian_eps(with_label, ab, means[label], var), mixture_eps(without, ab, means, var, weights)])

    x = xT
    todo = list(abars)
    while todo:
        ab = todo.pop()
        nxt = todo[-1] if todo else 1.0
        cond, uncond = network(torch.cat([x, x]), ab).tensor_split(2)
        eps = torch.lerp(uncond, cond, scale)
        x = math.sqrt(nxt) * (x - math.sqrt(1 - ab) * eps) / math.sqrt(ab) + math.sqrt(max(0.0, 1 - nxt)) * eps
    return x


@replaces("sample")
def sa_double(xT, means, var, weights, label, scale, abars):
    """float64 inside"""
    x, mu, w = xT.double(), means.double(), weights.double()
    for i, ab in reversed(list(enumerate(abars))):
        nxt = 1.0 if i == 0 else abars[i - 1]
        eps = guide(gaussian_eps(x, ab, mu[label], var), mixture_eps(x, ab, mu, var, w), scale)
        x = nxt**0.5 * ((x - (1 - ab) ** 0.5 * eps) / ab**0.5) + (1 - nxt) ** 0.5 * eps
    return x.to(xT.dtype)


@replaces("sample")
@torch.no_grad()
def sa_no_grad(xT, means, var, weights, label, scale, abars):
    """without gradients, in place on an own copy"""
    x = xT.clone()
    mean = means[label]
    schedule = iter(abars[::-1])
    ab = next(schedule)
    while ab != 1.0:
        nxt = next(schedule, 1.0)
        eps = guide(gaussian_eps(x, ab, mean, var), mixture_eps(x, ab, means, var, weights), scale)
        x.sub_(eps, alpha=math.sqrt(1 - ab)).mul_(math.sqrt(nxt / ab)).add_(eps, alpha=math.sqrt(1 - nxt))
        ab = nxt
    return x


@replaces("sample")
def sa_generator(xT, means, var, weights, label, scale, abars):
    """a generator of all states, of which the last counts"""

    def states():
        x = xT
        yield x
        for i in range(1, len(abars) + 1):
            ab = abars[-i]
            nxt = abars[-i - 1] if i < len(abars) else 1
            eps = guide(gaussian_eps(x, ab, means[label], var), mixture_eps(x, ab, means, var, weights), scale)
            x0 = (x - eps * math.sqrt(1 - ab)) / math.sqrt(ab)
            x = x0 * math.sqrt(nxt) + eps * math.sqrt(1 - nxt)
            yield x

    *_, last = states()
    return last

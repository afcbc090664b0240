"""Right solutions in other styles. None of them may lose a point."""

import math

import numpy as np
import torch
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from grader.testing import replaces


@replaces("guide")
def as_in_the_paper(eps_cond, eps_uncond, scale):
    """(1 + w) ε_c - w ε_u"""
    w = scale - 1
    return (1 + w) * eps_cond - w * eps_uncond


@replaces("guide")
def with_lerp(eps_cond, eps_uncond, scale):
    """torch.lerp"""
    return torch.lerp(eps_uncond, eps_cond, scale)


@replaces("guide_batched")
def by_view(eps_both, scale):
    """(2, B, ...) and einsum; a result that is not contiguous"""
    n = eps_both.size(0)
    if n & 1:
        raise ValueError("the batch is not doubled")
    pairs = eps_both.reshape(2, n // 2, *eps_both.shape[1:])
    factors = torch.tensor([scale, 1 - scale], dtype=eps_both.dtype)
    return torch.einsum("hb...,h->...b", pairs, factors).movedim(-1, 0)


@replaces("guide_batched")
def with_split(eps_both, scale):
    """split, after divmod"""
    B, odd = divmod(eps_both.shape[0], 2)
    if odd:
        raise ValueError(f"{eps_both.shape[0]} rows are odd")
    cond, uncond = torch.split(eps_both, B)
    return uncond.lerp(cond, float(scale))


@replaces("drop_labels")
def in_a_copy(labels, null_label, p, u):
    """writes into a copy"""
    out = labels.clone()
    out[u < p] = null_label
    return out


@replaces("drop_labels")
def row_by_row(labels, null_label, p, u):
    """Python's if"""
    return torch.tensor(
        [null_label if number < p else label for label, number in zip(labels.tolist(), u.tolist(), strict=True)]
    )


@replaces("gaussian_eps")
def by_expected_x0(xt, ab, mean, var):
    """E[x0 | x_t] first, by the gain of a linear estimate, then the noise that is left"""
    gain = ab**0.5 * var / (ab * var + 1 - ab)
    x0 = mean + gain * (xt - ab**0.5 * mean)
    return (xt - ab**0.5 * x0) / (1 - ab) ** 0.5


@replaces("gaussian_eps")
def with_numpy(xt, ab, mean, var):
    """through NumPy, in float64"""
    x, m = xt.double().numpy(), mean.double().numpy()
    eps = np.sqrt(1 - ab) * (x - np.sqrt(ab) * m[None]) / (ab * var + (1 - ab))
    return torch.from_numpy(eps).to(xt.dtype)


@replaces("mixture_eps")
def by_autograd(xt, ab, means, var, weights):
    """the score of torch's own mixture, by autograd"""
    with torch.enable_grad():
        x = xt.detach().clone().requires_grad_()
        deviation = torch.full_like(means, math.sqrt(ab * var + 1 - ab))
        parts = Independent(Normal(math.sqrt(ab) * means, deviation), 1)
        log_p = MixtureSameFamily(Categorical(weights), parts).log_prob(x)
        (score,) = torch.autograd.grad(log_p.sum(), x)
    return -math.sqrt(1 - ab) * score


@replaces("mixture_eps")
def class_by_class(xt, ab, means, var, weights):
    """loops over rows and classes, with the largest exponent taken out"""
    v, root = ab * var + 1 - ab, math.sqrt(ab)
    out = torch.zeros_like(xt)
    for b, x in enumerate(xt):
        logs = [
            math.log(w) - float(((x - root * m) ** 2).sum()) / (2 * v)
            for w, m in zip(weights.tolist(), means, strict=True)
        ]
        p = [math.exp(value - max(logs)) for value in logs]
        for r, m in zip(p, means, strict=True):
            out[b] += r / sum(p) * math.sqrt(1 - ab) / v * (x - root * m)
    return out


@replaces("mixture_eps")
def with_cdist(xt, ab, means, var, weights):
    """cdist, logsumexp, einsum over the ε of each class, in float64"""
    x, m, w = xt.double(), means.double() * ab**0.5, weights.double()
    v = ab * var + 1 - ab
    logs = w.log() - torch.cdist(x, m, compute_mode="donot_use_mm_for_euclid_dist") ** 2 / (2 * v)
    r = (logs - logs.logsumexp(1, keepdim=True)).exp()
    each = (1 - ab) ** 0.5 / v * (x.unsqueeze(1) - m)
    return torch.einsum("bm,bmd->bd", r, each).to(xt.dtype)


@replaces("sample")
def by_index(xT, means, var, weights, label, scale, abars):
    """an index that falls, everything in one function; a doubled batch"""
    x = xT.clone()
    B = len(x)
    M = len(means)
    for i in range(len(abars))[::-1]:
        ab = abars[i]
        v = ab * var + 1.0 - ab
        diff = x[:, None, :] - ab**0.5 * means[None]
        r = torch.softmax(torch.log(weights) - 0.5 * (diff**2).sum(2) / v, 1)
        one_hot = torch.nn.functional.one_hot(torch.full((B,), label), M).to(x.dtype)
        both = (1 - ab) ** 0.5 / v * torch.einsum("hbm,bmd->hbd", torch.stack([one_hot, r]), diff)
        eps = both[1] + scale * (both[0] - both[1])
        x0 = (x - (1 - ab) ** 0.5 * eps) / ab**0.5
        after = abars[i - 1] if i > 0 else 1.0
        x = after**0.5 * x0 + (1 - after) ** 0.5 * eps
    return x


@replaces("sample")
def recursive(xT, means, var, weights, label, scale, abars):
    """calls itself on a shorter list; the form in x / √ᾱ; guides the weights of the classes and not ε"""
    if len(abars) == 0:
        return xT
    *rest, ab = abars
    after = rest[-1] if rest else 1.0
    v = ab * var + 1 - ab
    logs = weights.log() - (xT.unsqueeze(1) - math.sqrt(ab) * means).pow(2).sum(-1) / (2 * v)
    r = (1 - scale) * torch.softmax(logs, -1)
    r[:, label] += scale
    eps = math.sqrt(1 - ab) / v * (xT - math.sqrt(ab) * (r @ means))
    moved = xT / math.sqrt(ab) + (math.sqrt(1 / after - 1) - math.sqrt(1 / ab - 1)) * eps
    return recursive(math.sqrt(after) * moved, means, var, weights, label, scale, rest)

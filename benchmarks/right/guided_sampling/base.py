"""Classifier-free guidance on a mixture of Gaussians."""

import math

import torch
from torch import Tensor


def guide(eps_cond, eps_uncond, scale):
    return eps_uncond + scale * (eps_cond - eps_uncond)


def guide_batched(eps_both, scale):
    if eps_both.shape[0] % 2:
        raise ValueError("an odd number of rows")
    cond, uncond = eps_both.chunk(2) if len(eps_both) else (eps_both, eps_both)
    return guide(cond, uncond, scale)


def drop_labels(labels, null_label, p, u):
    return torch.where(u < p, null_label, labels)


def gaussian_eps(xt, ab, mean, var):
    vt = ab * var + 1 - ab
    return math.sqrt(1 - ab) * (xt - math.sqrt(ab) * mean) / vt


def mixture_eps(xt, ab, means, var, weights):
    vt = ab * var + 1 - ab
    diff = xt[:, None] - math.sqrt(ab) * means  # (B, M, D)
    r = torch.softmax(weights.log() - diff.square().sum(-1) / (2 * vt), dim=-1)  # (B, M)
    return math.sqrt(1 - ab) / vt * (r[..., None] * diff).sum(1)


def sample(xT, means, var, weights, label, scale, abars):
    x = xT
    for i in reversed(range(len(abars))):
        ab = abars[i]
        ab_next = abars[i - 1] if i > 0 else 1.0
        eps = guide(gaussian_eps(x, ab, means[label], var), mixture_eps(x, ab, means, var, weights), scale)
        x0 = (x - math.sqrt(1 - ab) * eps) / math.sqrt(ab)
        x = math.sqrt(ab_next) * x0 + math.sqrt(1 - ab_next) * eps
    return x

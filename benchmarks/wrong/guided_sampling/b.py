# TRUE CAUSE: sample takes the guided ε for x₀ but mixes the prediction with the label, ε_c, into the next step. DDIM
# uses one and the same ε, the guided one, in both places; the two agree only for s = 1.
"""Classifier-free guidance on a mixture of Gaussians."""

import math

import torch
from torch import Tensor


def guide(eps_cond: Tensor, eps_uncond: Tensor, scale: float) -> Tensor:
    return eps_uncond + scale * (eps_cond - eps_uncond)


def guide_batched(eps_both: Tensor, scale: float) -> Tensor:
    rows = eps_both.shape[0]
    if rows % 2 == 1:
        raise ValueError("an odd number of rows cannot be halved")
    return guide(eps_both[: rows // 2], eps_both[rows // 2 :], scale)


def drop_labels(labels: Tensor, null_label: int, p: float, u: Tensor) -> Tensor:
    return labels.masked_fill(u < p, null_label)


def gaussian_eps(xt: Tensor, ab: float, mean: Tensor, var: float) -> Tensor:
    return math.sqrt(1 - ab) * (xt - math.sqrt(ab) * mean) / (ab * var + 1 - ab)


def mixture_eps(xt: Tensor, ab: float, means: Tensor, var: float, weights: Tensor) -> Tensor:
    vt = ab * var + 1 - ab
    deviation = xt[:, None, :] - math.sqrt(ab) * means  # (B, M, D)
    log_r = weights.log() - deviation.square().sum(dim=-1) / (2 * vt)
    r = log_r.softmax(dim=-1)
    return torch.einsum("bm,bmd->bd", r, math.sqrt(1 - ab) / vt * deviation)


def sample(
    xT: Tensor, means: Tensor, var: float, weights: Tensor, label: int, scale: float, abars: list[float]
) -> Tensor:
    x = xT
    targets = [1.0, *abars[:-1]]
    for ab, ab_next in zip(reversed(abars), reversed(targets)):
        with_label = gaussian_eps(x, ab, means[label], var)
        without = mixture_eps(x, ab, means, var, weights)
        x0 = (x - math.sqrt(1 - ab) * guide(with_label, without, scale)) / math.sqrt(ab)
        x = math.sqrt(ab_next) * x0 + math.sqrt(1 - ab_next) * with_label
    return x

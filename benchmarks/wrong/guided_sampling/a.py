# TRUE CAUSE: mixture_eps takes the mean over the D coordinates of the squared distance to a class, not the sum, so
# for D > 1 the probabilities of the classes are too close to each other.
import math

import torch
from torch import Tensor


def guide(eps_cond: Tensor, eps_uncond: Tensor, scale: float) -> Tensor:
    return eps_uncond + scale * (eps_cond - eps_uncond)


def guide_batched(eps_both: Tensor, scale: float) -> Tensor:
    if eps_both.shape[0] % 2:
        raise ValueError("the rows must come in two halves of one size")
    cond, uncond = eps_both.chunk(2)
    return guide(cond, uncond, scale)


def drop_labels(labels: Tensor, null_label: int, p: float, u: Tensor) -> Tensor:
    return labels.masked_fill(u < p, null_label)


def gaussian_eps(xt: Tensor, ab: float, mean: Tensor, var: float) -> Tensor:
    v_t = ab * var + 1 - ab
    return math.sqrt(1 - ab) * (xt - math.sqrt(ab) * mean) / v_t


def mixture_eps(xt: Tensor, ab: float, means: Tensor, var: float, weights: Tensor) -> Tensor:
    v_t = ab * var + 1 - ab
    distance = (xt[:, None, :] - math.sqrt(ab) * means).pow(2).mean(dim=-1)  # (B, M)
    r = torch.softmax(weights.log() - distance / (2 * v_t), dim=-1)
    per_class = torch.stack([gaussian_eps(xt, ab, mean, var) for mean in means], dim=1)  # (B, M, D)
    return (r.unsqueeze(-1) * per_class).sum(dim=1)


def sample(
    xT: Tensor, means: Tensor, var: float, weights: Tensor, label: int, scale: float, abars: list[float]
) -> Tensor:
    x = xT
    targets = [1.0] + list(abars[:-1])
    for ab, ab_next in zip(reversed(abars), reversed(targets)):
        cond = gaussian_eps(x, ab, means[label], var)
        uncond = mixture_eps(x, ab, means, var, weights)
        eps = guide(cond, uncond, scale)
        x0 = (x - math.sqrt(1 - ab) * eps) / math.sqrt(ab)
        x = math.sqrt(ab_next) * x0 + math.sqrt(1 - ab_next) * eps
    return x

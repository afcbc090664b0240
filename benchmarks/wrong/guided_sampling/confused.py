# TRUE CAUSE: runs the list of abars from its first entry to its last (as if abars[0] were where sampling begins and the
# noise grew smaller along the list); abars falls, sampling has to begin at its last entry and go back to the first,
# and then to 1.
import math

import torch
from torch import Tensor


def guide(eps_cond: Tensor, eps_uncond: Tensor, scale: float) -> Tensor:
    return scale * eps_cond + (1 - scale) * eps_uncond


def guide_batched(eps_both: Tensor, scale: float) -> Tensor:
    rows = len(eps_both)
    if rows % 2 != 0:
        raise ValueError(f"{rows} rows cannot be halved")
    half = rows // 2
    return guide(eps_both[:half], eps_both[half:], scale)


def drop_labels(labels: Tensor, null_label: int, p: float, u: Tensor) -> Tensor:
    result = labels.clone()
    result[u < p] = null_label
    return result


def gaussian_eps(xt: Tensor, ab: float, mean: Tensor, var: float) -> Tensor:
    noise = 1.0 - ab
    return (xt - ab**0.5 * mean) * (noise**0.5 / (ab * var + noise))


def mixture_eps(xt: Tensor, ab: float, means: Tensor, var: float, weights: Tensor) -> Tensor:
    v = ab * var + (1.0 - ab)
    logits = torch.stack([w.log() - ((xt - ab**0.5 * m) ** 2).sum(1) / 2 / v for m, w in zip(means, weights)], dim=1)
    share = torch.softmax(logits, dim=1)
    total = torch.zeros_like(xt)
    for i, mean in enumerate(means):
        total = total + share[:, i : i + 1] * gaussian_eps(xt, ab, mean, var)
    return total


def sample(
    xT: Tensor, means: Tensor, var: float, weights: Tensor, label: int, scale: float, abars: list[float]
) -> Tensor:
    x = xT
    levels = list(abars) + [1.0]
    for now, then in zip(levels[:-1], levels[1:]):
        eps = guide(gaussian_eps(x, now, means[label], var), mixture_eps(x, now, means, var, weights), scale)
        clean = (x - math.sqrt(1 - now) * eps) / math.sqrt(now)
        x = math.sqrt(then) * clean + math.sqrt(1 - then) * eps
    return x

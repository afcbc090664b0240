# TRUE CAUSE: The responsibilities leave out the weights of the classes, as if all were equally likely.
import math

import torch
from torch import Tensor


def guide(eps_cond: Tensor, eps_uncond: Tensor, scale: float) -> Tensor:
    return eps_uncond + scale * (eps_cond - eps_uncond)


def guide_batched(eps_both: Tensor, scale: float) -> Tensor:
    if eps_both.shape[0] % 2:
        raise ValueError("an odd number of rows")
    cond, uncond = eps_both.chunk(2, dim=0)
    return guide(cond, uncond, scale)


def drop_labels(labels: Tensor, null_label: int, p: float, u: Tensor) -> Tensor:
    return torch.where(u < p, null_label, labels)


def gaussian_eps(xt: Tensor, ab: float, mean: Tensor, var: float) -> Tensor:
    vt = ab * var + 1 - ab
    return math.sqrt(1 - ab) * (xt - math.sqrt(ab) * mean) / vt


def mixture_eps(xt: Tensor, ab: float, means: Tensor, var: float, weights: Tensor) -> Tensor:
    vt = ab * var + 1 - ab
    diff = xt[:, None, :] - math.sqrt(ab) * means  # (B, M, D)
    log_r = -diff.pow(2).sum(-1) / (2 * vt)
    r = log_r.softmax(dim=-1)  # (B, M)
    eps = math.sqrt(1 - ab) * diff / vt
    return (r[:, :, None] * eps).sum(dim=1)


def sample(
    xT: Tensor, means: Tensor, var: float, weights: Tensor, label: int, scale: float, abars: list[float]
) -> Tensor:
    x = xT
    for i in reversed(range(len(abars))):
        ab = abars[i]
        following = abars[i - 1] if i > 0 else 1.0
        cond = gaussian_eps(x, ab, means[label], var)
        uncond = mixture_eps(x, ab, means, var, weights)
        eps = guide(cond, uncond, scale)
        x0 = (x - math.sqrt(1 - ab) * eps) / math.sqrt(ab)
        x = math.sqrt(following) * x0 + math.sqrt(1 - following) * eps
    return x

"""Classifier-free guidance on data whose noise is known exactly: a mixture of Gaussians, one for each class."""

import math

import torch
from torch import Tensor


def guide(eps_cond: Tensor, eps_uncond: Tensor, scale: float) -> Tensor:
    """The guided prediction: from eps_uncond, scale times the way to eps_cond.

    eps_cond, eps_uncond: of one shape and dtype, with and without the label. scale: s >= 0.
    Returns: the same shape and dtype. eps_uncond for s = 0, eps_cond for s = 1.

    >>> guide(torch.tensor([0.5]), torch.tensor([0.2]), scale=4.0)
    tensor([1.4000])
    """
    return eps_uncond + scale * (eps_cond - eps_uncond)


def guide_batched(eps_both: Tensor, scale: float) -> Tensor:
    """guide for one call of the network on a doubled batch.

    eps_both: (2 B, ...), the B rows with their label first, then the same B without.
    Returns: (B, ...).
    Raises: ValueError if the number of rows is odd.

    >>> guide_batched(torch.tensor([[0.5], [-1.0], [0.2], [0.0]]), scale=4.0)
    tensor([[ 1.4000],
            [-4.0000]])
    """
    if len(eps_both) % 2:
        raise ValueError(f"a doubled batch has an even number of rows, not {len(eps_both)}")
    eps_cond, eps_uncond = eps_both.chunk(2)  # (B, ...) each
    return guide(eps_cond, eps_uncond, scale)


def drop_labels(labels: Tensor, null_label: int, p: float, u: Tensor) -> Tensor:
    """Labels for one step of training, in which the network has to do without some: null_label where u < p.

    labels: (B,) int64; it is not changed. p: from 0 to 1. u: (B,), uniform in [0, 1).
    Returns: (B,) int64.

    >>> drop_labels(torch.tensor([3, 1, 0]), null_label=10, p=0.1, u=torch.tensor([0.7, 0.05, 0.1]))
    tensor([ 3, 10,  0])
    """
    return torch.where(u < p, null_label, labels)


def gaussian_eps(xt: Tensor, ab: float, mean: Tensor, var: float) -> Tensor:
    """The exact ε for data N(mean, var I): E[ε | x_t], what a perfect network would say.

    xt: (B, D), √ᾱ x0 + √(1 - ᾱ) ε. ab: ᾱ, above 0 and below 1. mean: (D,) in the dtype of xt. var > 0.
    Returns: (B, D) in the dtype of xt.

    >>> gaussian_eps(torch.tensor([[1.9]]), ab=0.64, mean=torch.tensor([2.0]), var=0.25)
    tensor([[0.3462]])
    """
    return math.sqrt(1 - ab) * (xt - math.sqrt(ab) * mean) / (ab * var + 1 - ab)


def mixture_eps(xt: Tensor, ab: float, means: Tensor, var: float, weights: Tensor) -> Tensor:
    """The exact ε for data that is N(means[m], var I) with the probability weights[m].

    xt: (B, D), at any distance from the means. ab, var: as in gaussian_eps. means: (M, D). weights: (M,), positive, of
        sum 1. All in the dtype of xt.
    Returns: (B, D) in the dtype of xt.

    >>> means, weights = torch.tensor([[2.0], [-2.0]]), torch.tensor([0.25, 0.75])
    >>> mixture_eps(torch.tensor([[1.9], [0.1]]), ab=0.64, means=means, var=0.25, weights=weights)
    tensor([[0.3462],
            [0.5530]])
    """
    distances = (xt[:, None] - math.sqrt(ab) * means).square().sum(-1)  # (B, M), squared
    r = torch.softmax(weights.log() - distances / (2 * (ab * var + 1 - ab)), dim=-1)  # (B, M): p(m | x_t)
    eps = torch.stack([gaussian_eps(xt, ab, mean, var) for mean in means], dim=1)  # (B, M, D)
    return (r[..., None] * eps).sum(1)


def sample(
    xT: Tensor, means: Tensor, var: float, weights: Tensor, label: int, scale: float, abars: list[float]
) -> Tensor:
    """Guided DDIM on the mixture, with its exact ε: from noise to x0 of class label.

    xT: (B, D), where sampling begins. means, var, weights: as in mixture_eps. label: 0 <= label < M. scale: as in
        guide.
    abars: ᾱ of the steps, at least one, above 0 and below 1, falling: sampling begins at the last of them, visits each,
        and ends at ᾱ = 1.
    Returns: (B, D) in the dtype of xT.

    >>> means, weights = torch.tensor([[2.0], [-2.0]]), torch.tensor([0.25, 0.75])
    >>> sample(torch.tensor([[0.5]]), means, 0.25, weights, label=0, scale=1.0, abars=[0.64, 0.36])
    tensor([[1.7787]])
    """
    x = xT
    for ab, ab_next in zip(reversed(abars), [*reversed(abars[:-1]), 1.0], strict=True):
        eps_cond = gaussian_eps(x, ab, means[label], var)
        eps_uncond = mixture_eps(x, ab, means, var, weights)
        eps = guide(eps_cond, eps_uncond, scale)
        x0 = (x - math.sqrt(1 - ab) * eps) / math.sqrt(ab)
        x = math.sqrt(ab_next) * x0 + math.sqrt(1 - ab_next) * eps
    return x

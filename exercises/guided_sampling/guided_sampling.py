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
    raise NotImplementedError


def guide_batched(eps_both: Tensor, scale: float) -> Tensor:
    """guide for one call of the network on a doubled batch.

    eps_both: (2 B, ...), the B rows with their label first, then the same B without.
    Returns: (B, ...).
    Raises: ValueError if the number of rows is odd.

    >>> guide_batched(torch.tensor([[0.5], [-1.0], [0.2], [0.0]]), scale=4.0)
    tensor([[ 1.4000],
            [-4.0000]])
    """
    raise NotImplementedError


def drop_labels(labels: Tensor, null_label: int, p: float, u: Tensor) -> Tensor:
    """Labels for one step of training, in which the network has to do without some: null_label where u < p.

    labels: (B,) int64; it is not changed. p: from 0 to 1. u: (B,), uniform in [0, 1).
    Returns: (B,) int64.

    >>> drop_labels(torch.tensor([3, 1, 0]), null_label=10, p=0.1, u=torch.tensor([0.7, 0.05, 0.1]))
    tensor([ 3, 10,  0])
    """
    raise NotImplementedError


def gaussian_eps(xt: Tensor, ab: float, mean: Tensor, var: float) -> Tensor:
    """The exact ε for data N(mean, var I): E[ε | x_t], what a perfect network would say.

    xt: (B, D), √ᾱ x0 + √(1 - ᾱ) ε. ab: ᾱ, above 0 and below 1. mean: (D,) in the dtype of xt. var > 0.
    Returns: (B, D) in the dtype of xt.

    >>> gaussian_eps(torch.tensor([[1.9]]), ab=0.64, mean=torch.tensor([2.0]), var=0.25)
    tensor([[0.3462]])
    """
    raise NotImplementedError


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
    raise NotImplementedError


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
    raise NotImplementedError

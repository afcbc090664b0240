"""How to split a budget of FLOPs between parameters and tokens, for training and for a model's whole life."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor


def predicted_loss(n: float, d: float, coef: Mapping[str, float]) -> float:
    """The loss of n parameters trained on d tokens: L(N, D) = E + A/N^α + B/D^β.

    coef: E, A, B, alpha, beta, all positive.

    >>> hoffmann = {"E": 1.69, "A": 406.4, "B": 410.7, "alpha": 0.34, "beta": 0.28}
    >>> round(predicted_loss(70e9, 1.4e12, hoffmann), 4)  # Chinchilla
    1.9366
    """
    raise NotImplementedError


def compute_optimal(flops: float, coef: Mapping[str, float]) -> dict[str, float]:
    """The parameters and tokens of the lowest loss for a budget of 6·N·D FLOPs.

    flops: more than 0.
    Returns: {"n": N, "d": D, "tokens_per_param": D / N, "loss": L(N, D)}, real numbers.

    >>> refit = {"E": 1.8172, "A": 482.01, "B": 2085.43, "alpha": 0.3478, "beta": 0.3658}
    >>> best = compute_optimal(5.88e23, refit)
    >>> f"{best['n']:.4g} {best['d']:.4g} {best['tokens_per_param']:.2f} {best['loss']:.4f}"
    '7.302e+10 1.342e+12 18.38 1.9739'
    """
    raise NotImplementedError


def isoflop_optimum(n_params: Tensor, loss: Tensor) -> float:
    """The number of parameters at the minimum of a parabola through the losses of models of one budget.

    n_params, loss: float64 (M,), M >= 3 different sizes. The parabola is fitted by least squares to the loss over ln N,
        and is curved, upwards or downwards.
    Returns: N at its minimum, a float with a relative error of at most 1e-6.
    Raises: ValueError if the parabola opens downwards: where it turns, the loss is highest.

    >>> sizes = torch.tensor([1e9, 2e9, 4e9, 8e9], dtype=torch.float64)
    >>> round(isoflop_optimum(sizes, torch.tensor([2.30, 2.24, 2.23, 2.26], dtype=torch.float64)) / 1e9, 3)
    3.455
    """
    raise NotImplementedError


def power_law_fit(x: Tensor, y: Tensor) -> dict[str, float]:
    """The power law y = c·x^e that fits ln y by least squares in ln x: {"exponent": e, "coefficient": c}.

    x, y: float64 (M,), positive, with at least two different x.
    Returns: floats, with a relative error of at most 1e-6.

    >>> fit = power_law_fit(torch.tensor([1.0, 4.0, 16.0]).double(), torch.tensor([2.0, 4.0, 8.0]).double())
    >>> f"{fit['coefficient']:.6f} * x**{fit['exponent']:.6f}"
    '2.000000 * x**0.500000'
    """
    raise NotImplementedError


def lifetime_optimal(target_loss: float, inference_tokens: float, coef: Mapping[str, float]) -> dict[str, float]:
    """The model that reaches a loss and costs the fewest FLOPs in all: to train it, and to run it on inference_tokens.

    inference_tokens: 0 or more.
    Returns: {"n": N, "d": D, "flops": F}, with L(N, D) = target_loss and F = 6·N·D + 2·N·inference_tokens. F has a
        relative error of at most 1e-5, and N, which matters less near the minimum, of at most 5e-3; D follows from N.
    Raises: ValueError if target_loss is E or less: no model reaches it.

    >>> refit = {"E": 1.8172, "A": 482.01, "B": 2085.43, "alpha": 0.3478, "beta": 0.3658}
    >>> target = predicted_loss(73e9, 1.34e12, refit)
    >>> best = lifetime_optimal(target, 1e13, refit)  # instead of 73 billion parameters and 1.34 trillion tokens
    >>> f"{best['n']:.2g} {best['d']:.2g} {best['flops']:.3g}"
    '3.4e+10 3.7e+12 1.46e+24'
    """
    raise NotImplementedError

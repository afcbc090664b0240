"""A longer context for a model with RoPE: four rules that slow its clock hands down.

A head of width K has K/2 pairs of numbers; pair i turns by the angle θ_i = base^(-2i/K) from one position to the next.
The model was trained on texts of old_len tokens and shall read texts that are factor times as long. Each function
returns a pair:

    the new angles, float64 (K/2,), computed in float64, and
    the attention factor, a float, by which sine and cosine are multiplied. Scores grow by its square.

head_dim: K, even, 4 or more; all four raise ValueError if it is odd. base: above 1. factor: s, 1 or more; with 1 the
angles stay what they are.
"""

import math

import torch
from torch import Tensor


def linear_scaling(head_dim: int, base: float, factor: float) -> tuple[Tensor, float]:
    """Position interpolation: every angle over factor. The attention factor is 1.

    >>> linear_scaling(4, base=10000.0, factor=4.0)
    (tensor([0.2500, 0.0025], dtype=torch.float64), 1.0)
    """
    raise NotImplementedError


def ntk_scaling(head_dim: int, base: float, factor: float) -> tuple[Tensor, float]:
    """A raised base ("NTK-aware"): base · s^(K/(K - 2)) takes the place of base. The attention factor is 1.

    The exponent is the one for which the first angle stays as it is and the last becomes exactly 1/s of what it was.

    >>> ntk_scaling(4, base=10000.0, factor=4.0)
    (tensor([1.0000, 0.0025], dtype=torch.float64), 1.0)
    """
    raise NotImplementedError


def yarn_scaling(
    head_dim: int, base: float, factor: float, old_len: int, beta_fast: float = 32.0, beta_slow: float = 1.0
) -> tuple[Tensor, float]:
    """YaRN: fast pairs stay as they are, slow ones are interpolated, and a ramp over the pairs lies between.

    A pair that makes r full turns in old_len tokens would have the number i(r) = K ln(old_len / (2π r)) / (2 ln base),
    which is no whole number as a rule. With low = ⌊i(beta_fast)⌋, but at least 0, and high = ⌈i(beta_slow)⌉,

        ramp_i = (i - low) / (high - low), but at least 0 and at most 1,
        new θ_i = (1 - ramp_i) θ_i + ramp_i θ_i / s.

    The attention factor is 0.1 ln s + 1.

    old_len: from 7 · beta_slow to base. beta_fast, beta_slow: numbers of turns, beta_fast > beta_slow >= 1.
    Raises: ValueError unless beta_fast > beta_slow.

    >>> theta, attention = yarn_scaling(8, base=10000.0, factor=4.0, old_len=4096)  # ramp: 0, 0, 1/2, 1
    >>> [round(each, 6) for each in theta.tolist()], round(attention, 4)
    ([1.0, 0.1, 0.00625, 0.00025], 1.1386)
    """
    raise NotImplementedError


def llama3_scaling(
    head_dim: int, base: float, factor: float, old_len: int, low: float = 1.0, high: float = 4.0
) -> tuple[Tensor, float]:
    """The rule of Llama 3.1: as YaRN, with a ramp over the numbers of turns, and without an attention factor (it is 1).

    In old_len tokens pair i makes r_i = old_len θ_i / 2π full turns. With

        keep_i = (r_i - low) / (high - low), but at least 0 and at most 1,
        new θ_i = (1 - keep_i) θ_i / s + keep_i θ_i.

    old_len: 1 or more. low, high: numbers of turns, 0 < low < high.

    >>> theta, attention = llama3_scaling(8, base=10000.0, factor=8.0, old_len=1500)  # turns: 238.7, 23.9, 2.4, 0.2
    >>> [round(each, 6) for each in theta.tolist()], attention
    ([1.0, 0.1, 0.005296, 0.000125], 1.0)
    """
    raise NotImplementedError

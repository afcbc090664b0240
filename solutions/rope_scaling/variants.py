"""Right solutions in other styles. None of them may lose a point."""

import math
from typing import NamedTuple

import numpy as np
import torch
from rope_scaling import linear_scaling
from torch import Tensor

from grader.testing import replaces


class Scaled(NamedTuple):
    theta: Tensor
    attention: float


def even(head_dim: int) -> int:
    if head_dim & 1:
        raise ValueError("odd")
    return head_dim


@replaces("linear_scaling")
def one_by_one(head_dim: int, base: float, factor: float) -> tuple[Tensor, float]:
    """plain numbers, in a list of two"""
    theta = [math.pow(base, -i / head_dim) / factor for i in range(0, even(head_dim), 2)]
    return [torch.tensor(theta, dtype=torch.float64), 1.0]


@replaces("linear_scaling")
def in_logarithms(head_dim: int, base: float, factor: float) -> tuple[Tensor, float]:
    """sums of logarithms; a view with a stride of 2, and the whole number 1"""
    k = torch.arange(even(head_dim)).double()
    return torch.exp(-k / head_dim * math.log(base) - math.log(factor))[::2], 1


@replaces("linear_scaling")
def fewer_positions(head_dim: int, base: float, factor: float) -> tuple[Tensor, float]:
    """what 1/s of a position turns, by NumPy"""
    theta = np.logspace(0, -1, even(head_dim) // 2, endpoint=False, base=base)
    return Scaled(torch.from_numpy(np.multiply.outer(1 / factor, theta)), np.float64(1))


@replaces("ntk_scaling")
def each_pair_its_share(head_dim: int, base: float, factor: float) -> tuple[Tensor, float]:
    """pair i is slowed down by s^(i/(K/2 - 1))"""
    if head_dim % 2 == 1:
        raise ValueError("odd")
    last = head_dim // 2 - 1
    theta = [base ** (-2 * i / head_dim) / factor ** (i / last) for i in range(last + 1)]
    return torch.tensor(theta, dtype=torch.double), 1.0


@replaces("ntk_scaling")
def from_end_to_end(head_dim: int, base: float, factor: float) -> tuple[Tensor, float]:
    """equal steps of the logarithm between the two ends"""
    half = even(head_dim) // 2
    last = math.log(base) * (2 / head_dim - 1) - math.log(factor)
    return torch.linspace(0.0, last, half, dtype=torch.float64).exp(), 1.0


@replaces("ntk_scaling")
def geometric(head_dim: int, base: float, factor: float) -> tuple[Tensor, float]:
    """cumulative products of one ratio"""
    ratio = (base * factor ** (even(head_dim) / (head_dim - 2))) ** (-2 / head_dim)
    steps = torch.full((head_dim // 2,), ratio, dtype=torch.float64)
    steps[0] = 1.0
    return torch.cumprod(steps, 0), 1.0


@replaces("yarn_scaling")
def by_counting(
    head_dim: int, base: float, factor: float, old_len: int, beta_fast: float = 32.0, beta_slow: float = 1.0
) -> tuple[Tensor, float]:
    """the ends of the ramp by counting pairs, without i(r)"""
    if not beta_fast > beta_slow:
        raise ValueError("betas")
    theta, _ = linear_scaling(head_dim, base, 1.0)
    turns = theta * old_len / math.tau
    low = max(int((turns >= beta_fast).sum()) - 1, 0)
    high = int((turns > beta_slow).sum())
    ramp = torch.zeros_like(theta)
    ramp[high:] = 1.0
    ramp[low:high] = torch.arange(high - low).double() / (high - low)
    return torch.lerp(theta, theta / factor, ramp), 1.0 + math.log(factor) / 10


@replaces("yarn_scaling")
def as_in_transformers(
    head_dim: int, base: float, factor: float, old_len: int, beta_fast: float = 32.0, beta_slow: float = 1.0
) -> tuple[Tensor, float]:
    """both ends clamped, waves, and a guard for equal ends"""
    if beta_fast <= beta_slow or head_dim % 2:
        raise ValueError("betas or width")

    def number(rotations: float) -> float:
        return head_dim * math.log(old_len / (rotations * 2 * math.pi)) / (2 * math.log(base))

    low, high = max(math.floor(number(beta_fast)), 0), min(math.ceil(number(beta_slow)), head_dim - 1)
    high = high + 0.001 if low == high else high
    waves = base ** (torch.arange(0, head_dim, 2, dtype=torch.float64) / head_dim)
    stays = 1 - torch.clamp((torch.arange(head_dim // 2, dtype=torch.float64) - low) / (high - low), 0, 1)
    attention = 1.0 if factor <= 1 else 0.1 * math.log(factor) + 1.0
    return 1.0 / (factor * waves) * (1 - stays) + 1.0 / waves * stays, attention


@replaces("yarn_scaling")
def numpy_interp(
    head_dim: int, base: float, factor: float, old_len: int, beta_fast: float = 32.0, beta_slow: float = 1.0
) -> tuple[Tensor, float]:
    """np.interp clamps by itself; logarithms to the base `base`"""
    if beta_slow >= beta_fast:
        raise ValueError("betas")
    i = np.arange(even(head_dim) // 2)
    ends = [head_dim / 2 * math.log(old_len / (2 * math.pi * r), base) for r in (beta_fast, beta_slow)]
    slower = np.interp(i, [max(0, np.floor(ends[0])), np.ceil(ends[1])], [1.0, 1 / factor])
    return torch.tensor(slower * base ** (-2.0 * i / head_dim)), 0.1 * np.log(factor) + 1


@replaces("yarn_scaling")
def in_inference_mode(
    head_dim: int, base: float, factor: float, old_len: int, beta_fast: float = 32.0, beta_slow: float = 1.0
) -> tuple[Tensor, float]:
    """pair by pair with if and else, in inference mode; the attention factor as a root"""
    if beta_fast <= beta_slow:
        raise ValueError("betas")
    with torch.inference_mode():
        theta, _ = linear_scaling(head_dim, base, 1.0)
        step = math.log(base) * 2 / head_dim
        low = math.floor(math.log(old_len / (math.tau * beta_fast)) / step)
        high = -math.floor(-math.log(old_len / (math.tau * beta_slow)) / step)
        low = low if low > 0 else 0
        for i in range(head_dim // 2):
            if i >= high:
                theta[i] /= factor
            elif i > low:
                theta[i] *= 1 - (i - low) / (high - low) * (1 - 1 / factor)
        return theta, math.sqrt((0.1 * math.log(factor) + 1) ** 2)


@replaces("llama3_scaling")
def by_wavelength(
    head_dim: int, base: float, factor: float, old_len: int, low: float = 1.0, high: float = 4.0
) -> tuple[Tensor, float]:
    """NumPy, waves and where, as in Meta's code"""
    wave = 2 * np.pi * base ** (np.arange(0, even(head_dim), 2) / head_dim)
    smooth = (old_len / wave - low) / (high - low)
    theta = 2 * np.pi / wave
    between = (1 - smooth) * theta / factor + smooth * theta
    new = np.where(wave < old_len / high, theta, np.where(wave > old_len / low, theta / factor, between))
    return torch.from_numpy(new), 1.0


@replaces("llama3_scaling")
def with_three_cases(
    head_dim: int, base: float, factor: float, old_len: int, low: float = 1.0, high: float = 4.0
) -> tuple[Tensor, float]:
    """pair by pair in plain numbers"""
    if head_dim % 2:
        raise ValueError("odd")
    new = []
    for i in range(head_dim // 2):
        theta = base ** (-2 * i / head_dim)
        turns = old_len * theta / math.tau
        keep = 1 if turns > high else 0 if turns < low else (turns - low) / (high - low)
        new.append(theta * (1 + keep * (factor - 1)) / factor)
    return torch.tensor(new, dtype=torch.float64), 1


@replaces("llama3_scaling")
def old_minus_a_part(
    head_dim: int, base: float, factor: float, old_len: int, low: float = 1.0, high: float = 4.0
) -> tuple[Tensor, float]:
    """the ramp the other way round, and what it takes away"""
    theta, attention = linear_scaling(head_dim, base, 1.0)
    lost = torch.clip((high - old_len / (2 * torch.pi / theta)) / (high - low), min=0.0, max=1.0)
    return theta - lost * (theta - theta / factor), attention

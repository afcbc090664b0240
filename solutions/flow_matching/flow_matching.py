"""Rectified flow: straight paths from data to noise, the velocity along them, and the way back.

Time runs from 0, the data, to 1, the noise. x is floating point (B, ...), with at least one axis after the first, and
t is (B,), floating point: a time for each row. Results have the dtype of x, whatever that of t.
"""

import math
from itertools import pairwise

import torch
from torch import Tensor


def flow_pair(x0: Tensor, noise: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    """The point at time t on the straight path from x0 to noise, and the velocity dx/dt there.

    x0, noise: (B, ...). t: (B,), from 0 to 1.
    Returns: x_t = (1 - t) x0 + t noise and v = noise - x0, both of the shape of x0.

    >>> x0, noise = torch.tensor([[2.0], [2.0]]), torch.tensor([[-1.0], [0.0]])
    >>> flow_pair(x0, noise, torch.tensor([0.25, 1.0]))
    (tensor([[1.2500],
            [0.0000]]), tensor([[-3.],
            [-2.]]))
    """
    t = _for_rows(t, x0)
    return (1 - t) * x0 + t * noise, noise - x0


def flow_loss(prediction: Tensor, x0: Tensor, noise: Tensor, t: Tensor, mean: float = 0.0, std: float = 1.0) -> Tensor:
    """The weighted squared error of a predicted velocity, for times that were drawn uniformly.

    For each row the mean of (prediction - v)² over all its numbers, times π(t), the density of the logit-normal
    distribution: π(t) = exp(-(logit t - mean)² / (2 std²)) / (std √(2π) t (1 - t)), logit t = ln(t / (1 - t)). Then
    the mean over the rows; the weights are not made to add up to anything.

    prediction, x0, noise: (B, ...). t: (B,), between 0 and 1, both excluded. std > 0.
    Returns: a scalar tensor. Gradients flow to prediction.

    >>> x0, noise = torch.tensor([[2.0], [2.0]]), torch.tensor([[-1.0], [0.0]])
    >>> flow_loss(torch.tensor([[-2.0], [-2.0]]), x0, noise, torch.tensor([0.5, 0.5]))  # (1 + 0) / 2 · 4 / √(2π)
    tensor(0.7979)
    """
    v = noise - x0
    errors = (prediction - v).square().flatten(1).mean(1)  # (B,)
    t = t.to(errors.dtype)
    density = torch.exp(-((torch.logit(t) - mean) ** 2) / (2 * std**2)) / (std * math.sqrt(2 * math.pi) * t * (1 - t))
    return (density * errors).mean()


def shift_time(t: Tensor, shift: float) -> Tensor:
    """Times for a larger image: shift · t / (1 + (shift - 1) t). A shift above 1 spends more of them near the noise.

    t: any shape, from 0 to 1. shift > 0.
    Returns: the shape and dtype of t.

    >>> shift_time(torch.tensor([0.0, 0.25, 0.5, 1.0]), shift=3.0)
    tensor([0.0000, 0.5000, 0.7500, 1.0000])
    """
    return shift * t / (1 + (shift - 1) * t)


def gaussian_velocity(xt: Tensor, t: Tensor, mean: Tensor, var: float) -> Tensor:
    """The exact velocity for data N(mean, var I): E[noise - x0 | x_t], what a perfect network would say.

    xt: (B, D). t: (B,), from 0 to 1, both included. mean: (D,), in the dtype of xt. var > 0.
    Returns: (B, D).

    >>> gaussian_velocity(torch.tensor([[1.25], [3.0]]), torch.tensor([0.5, 1.0]), torch.tensor([2.0]), var=1.0)
    tensor([[-2.],
            [ 1.]])
    """
    t = _for_rows(t, xt)
    from_middle = xt - (1 - t) * mean  # (B, D)
    s2 = (1 - t) ** 2 * var + t**2  # the variance of x_t
    x0 = mean + (1 - t) * var / s2 * from_middle  # E[x0 | x_t]
    noise = t / s2 * from_middle  # E[noise | x_t]
    return noise - x0


def sample(noise: Tensor, mean: Tensor, var: float, times: list[float], method: str = "euler") -> Tensor:
    """Solves dx/dt = gaussian_velocity from times[0] to times[-1], one step between each two neighbours.

    noise: (B, D), x at times[0]. mean, var: as in gaussian_velocity.
    times: at least two numbers from 1 to 0, falling. Only a list that ends at 0 ends at data.
    method: "euler" takes the velocity at the start of the step. "heun" takes the mean of that one and of the one at the
        end of the step, in the point that Euler's step leads to; this in every step, the last one too.
    Returns: (B, D), x at times[-1].
    Raises: ValueError for any other method.

    >>> x1, mean = torch.tensor([[1.0], [-1.0]]), torch.tensor([2.0])  # the exact ends are 2.5 and 1.5
    >>> sample(x1, mean, 0.25, [1.0, 0.5, 0.0])
    tensor([[2.2000],
            [1.8000]])
    >>> sample(x1, mean, 0.25, [1.0, 0.5, 0.0], method="heun")
    tensor([[2.4800],
            [1.5200]])
    """
    if method not in ("euler", "heun"):
        raise ValueError(f"no method {method!r}; there are 'euler' and 'heun'")

    def velocity(x: Tensor, t: float) -> Tensor:
        return gaussian_velocity(x, x.new_full((len(x),), t), mean, var)

    x = noise
    for t, after in pairwise(times):
        step = after - t  # negative: from noise to data
        v = velocity(x, t)
        if method == "heun":
            v = (v + velocity(x + step * v, after)) / 2
        x = x + step * v
    return x


def _for_rows(t: Tensor, x: Tensor) -> Tensor:
    """t (B,) as (B, 1, ..., 1) with as many axes as x, in the dtype of x."""
    return t.to(x.dtype).reshape(-1, *[1] * (x.dim() - 1))

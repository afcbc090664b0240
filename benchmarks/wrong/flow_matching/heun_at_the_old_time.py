# TRUE CAUSE: Heun's second velocity is taken at the point ahead but at the time at which the step starts, in
# place of the time at which it ends.
import math

import torch
from torch import Tensor


def _rows(t: Tensor, x: Tensor) -> Tensor:
    return t.to(x.dtype).view(-1, *[1] * (x.ndim - 1))


def flow_pair(x0: Tensor, noise: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    s = _rows(t, x0)
    return (1 - s) * x0 + s * noise, noise - x0


def flow_loss(prediction: Tensor, x0: Tensor, noise: Tensor, t: Tensor, mean: float = 0.0, std: float = 1.0) -> Tensor:
    v = noise - x0
    error = ((prediction - v) ** 2).flatten(1).mean(dim=1)
    t = t.double()
    logit = torch.log(t / (1 - t))
    density = torch.exp(-((logit - mean) ** 2) / (2 * std**2)) / (std * math.sqrt(2 * math.pi) * t * (1 - t))
    return (error * density.to(error.dtype)).mean()


def shift_time(t: Tensor, shift: float) -> Tensor:
    return shift * t / (1 + (shift - 1) * t)


def gaussian_velocity(xt: Tensor, t: Tensor, mean: Tensor, var: float) -> Tensor:
    s = _rows(t, xt)
    total = (1 - s) ** 2 * var + s**2
    away = xt - (1 - s) * mean
    x0 = mean + (1 - s) * var / total * away
    eps = s / total * away
    return eps - x0


def sample(noise: Tensor, mean: Tensor, var: float, times: list[float], method: str = "euler") -> Tensor:
    if method not in ("euler", "heun"):
        raise ValueError(f"unknown method {method!r}")
    x = noise
    for now, then in zip(times[:-1], times[1:]):
        step = then - now
        v = gaussian_velocity(x, x.new_full((len(x),), now), mean, var)
        if method == "heun":
            ahead = x + step * v
            v = (v + gaussian_velocity(ahead, x.new_full((len(x),), now), mean, var)) / 2
        x = x + step * v
    return x

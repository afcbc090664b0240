# TRUE CAUSE: the density of the logit-normal distribution divides the squared distance by 2 std instead of 2 std^2,
# which is right for std = 1 only.
import math

import torch
from torch import Tensor


def _column(t: Tensor, x: Tensor) -> Tensor:
    return t.to(x.dtype).view(-1, *(1,) * (x.ndim - 1))


def flow_pair(x0: Tensor, noise: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    t = _column(t, x0)
    return (1 - t) * x0 + t * noise, noise - x0


def _logit_normal(t: Tensor, mean: float, std: float) -> Tensor:
    logit = torch.log(t) - torch.log1p(-t)
    bell = torch.exp(-((logit - mean) ** 2) / (2 * std))
    return bell / (std * math.sqrt(2 * math.pi) * t * (1 - t))


def flow_loss(prediction: Tensor, x0: Tensor, noise: Tensor, t: Tensor, mean: float = 0.0, std: float = 1.0) -> Tensor:
    _, v = flow_pair(x0, noise, t)
    per_row = (prediction - v).square().flatten(1).mean(dim=1)
    weight = _logit_normal(t, mean, std).to(prediction.dtype)
    return (weight * per_row).mean()


def shift_time(t: Tensor, shift: float) -> Tensor:
    return shift * t / (1 + (shift - 1) * t)


def gaussian_velocity(xt: Tensor, t: Tensor, mean: Tensor, var: float) -> Tensor:
    t = _column(t, xt)
    left = 1 - t
    variance = left**2 * var + t**2
    off = xt - left * mean
    x0 = mean + left * var / variance * off
    eps = t / variance * off
    return eps - x0


def sample(noise: Tensor, mean: Tensor, var: float, times: list[float], method: str = "euler") -> Tensor:
    if method not in ("euler", "heun"):
        raise ValueError(f"no such method: {method}")

    def velocity(x: Tensor, t: float) -> Tensor:
        return gaussian_velocity(x, torch.full((x.shape[0],), t, dtype=torch.float64, device=x.device), mean, var)

    x = noise
    for now, then in zip(times, times[1:]):
        step = then - now
        v = velocity(x, now)
        if method == "heun":
            v = (v + velocity(x + step * v, then)) / 2
        x = x + step * v
    return x

import math

import torch
from torch import Tensor


def rows(t: Tensor, x: Tensor) -> Tensor:
    return t.to(x.dtype).view(-1, *[1] * (x.dim() - 1))


def flow_pair(x0: Tensor, noise: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    s = rows(t, x0)
    return (1 - s) * x0 + s * noise, noise - x0


def density(t: Tensor, mean: float, std: float) -> Tensor:
    t = t.double()
    z = (torch.log(t / (1 - t)) - mean) / std
    return torch.exp(-(z**2) / 2) / (std * math.sqrt(2 * math.pi) * t * (1 - t))


def flow_loss(prediction: Tensor, x0: Tensor, noise: Tensor, t: Tensor, mean: float = 0.0, std: float = 1.0) -> Tensor:
    error = (prediction - (noise - x0)).square().flatten(1).mean(dim=1)
    return (density(t, mean, std).to(error.dtype) * error).mean()


def shift_time(t: Tensor, shift: float) -> Tensor:
    return shift * t / (1 + (shift - 1) * t)


def gaussian_velocity(xt: Tensor, t: Tensor, mean: Tensor, var: float) -> Tensor:
    s = rows(t, xt)
    total = (1 - s) ** 2 * var + s**2
    away = xt - (1 - s) * mean
    x0 = mean + (1 - s) * var / total * away
    return s / total * away - x0


def sample(noise: Tensor, mean: Tensor, var: float, times: list[float], method: str = "euler") -> Tensor:
    if method not in ("euler", "heun"):
        raise ValueError(f"unknown method {method}")
    x = noise
    for now, then in zip(times[:-1], times[1:]):
        velocity = gaussian_velocity(x, x.new_full((len(x),), now), mean, var)
        if method == "heun":
            arrival = x + (then - now) * velocity
            velocity = (velocity + gaussian_velocity(arrival, x.new_full((len(x),), then), mean, var)) / 2
        x = x + (then - now) * velocity
    return x

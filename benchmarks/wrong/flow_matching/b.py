# TRUE CAUSE: In flow_loss the errors of the rows have the shape (B, 1) and the weights π(t) the shape (B,), so their
# product is (B, B) and its mean is the product of two means. Each row's error has to be multiplied by its own weight.
import math

import torch
from torch import Tensor


def _per_row(t: Tensor, x: Tensor) -> Tensor:
    return t.to(x.dtype).view(-1, *[1] * (x.dim() - 1))


def flow_pair(x0: Tensor, noise: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    t = _per_row(t, x0)
    return (1 - t) * x0 + t * noise, noise - x0


def _density(t: Tensor, mean: float, std: float) -> Tensor:
    distance = (torch.logit(t) - mean) / std
    return torch.exp(-distance.square() / 2) / (std * math.sqrt(2 * math.pi) * t * (1 - t))


def flow_loss(prediction: Tensor, x0: Tensor, noise: Tensor, t: Tensor, mean: float = 0.0, std: float = 1.0) -> Tensor:
    _, v = flow_pair(x0, noise, t)
    errors = (prediction - v).square().flatten(1).mean(dim=1, keepdim=True)
    weights = _density(t.to(prediction.dtype), mean, std)
    return (errors * weights).mean()


def shift_time(t: Tensor, shift: float) -> Tensor:
    return shift * t / (1 + (shift - 1) * t)


def gaussian_velocity(xt: Tensor, t: Tensor, mean: Tensor, var: float) -> Tensor:
    t = _per_row(t, xt)
    keep = 1 - t
    deviation = (xt - keep * mean) / (keep**2 * var + t**2)
    x0 = mean + keep * var * deviation
    return t * deviation - x0


def sample(noise: Tensor, mean: Tensor, var: float, times: list[float], method: str = "euler") -> Tensor:
    if method not in ("euler", "heun"):
        raise ValueError(f"unknown method {method!r}")

    def velocity(x: Tensor, time: float) -> Tensor:
        return gaussian_velocity(x, x.new_full((len(x),), time), mean, var)

    x = noise
    for now, then in zip(times[:-1], times[1:]):
        v = velocity(x, now)
        if method == "heun":
            v = (v + velocity(x + (then - now) * v, then)) / 2
        x = x + (then - now) * v
    return x

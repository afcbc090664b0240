"""Right solutions in other styles. None of them may lose a point."""

import math
from typing import NamedTuple

import numpy as np
import torch
from flow_matching import gaussian_velocity
from torch import Tensor

from grader.testing import replaces


class Pair(NamedTuple):
    xt: Tensor
    v: Tensor


@replaces("flow_pair")
def by_lerp(x0, noise, t):
    """torch.lerp with rows at the end, where t broadcasts by itself; a named tuple of views"""
    xt = torch.lerp(x0.movedim(0, -1), noise.movedim(0, -1), t.to(x0.dtype)).movedim(-1, 0)
    return Pair(xt, torch.sub(noise, x0))


@replaces("flow_pair")
def row_by_row(x0, noise, t):
    """Python numbers for each row; a list"""
    rows = [(1 - s) * a + s * b for a, b, s in zip(x0, noise, t.tolist(), strict=True)]
    return [torch.stack(rows), -x0 + noise]


@replaces("flow_pair")
@torch.no_grad()
def by_einsum(x0, noise, t):
    """along v from x0, in float64, without a graph"""
    v = noise.double() - x0.double()
    xt = x0.double() + torch.einsum("b,b...->b...", t.double(), v)
    return xt.to(x0.dtype), v.to(x0.dtype)


@replaces("flow_loss")
def by_distributions(prediction, x0, noise, t, mean=0.0, std=1.0):
    """torch.distributions: a normal number through a sigmoid"""
    from torch.distributions import Normal, SigmoidTransform, TransformedDistribution

    t = t.to(prediction.dtype)
    pi = TransformedDistribution(Normal(t.new_tensor(mean), t.new_tensor(std)), [SigmoidTransform()])
    squares = torch.nn.functional.mse_loss(prediction, noise - x0, reduction="none")
    rows = squares.mean(tuple(range(1, squares.dim())))
    return torch.mean(pi.log_prob(t).exp() * rows)


@replaces("flow_loss")
def weights_spread_out(prediction, x0, noise, t, mean=0.0, std=1.0):
    """one mean over all numbers: rows are equally long; weights in float64 from logarithms"""
    t = t.double()
    z = (t.log() - torch.log1p(-t) - mean) / std
    log_pi = -0.5 * z * z - math.log(std) - 0.5 * math.log(2 * math.pi) - t.log() - torch.log1p(-t)
    weights = log_pi.exp().to(prediction.dtype).view([-1] + [1] * (prediction.ndim - 1))
    return (weights * (prediction + x0 - noise) ** 2).mean()


@replaces("flow_loss")
def in_a_loop(prediction, x0, noise, t, mean=0.0, std=1.0):
    """row by row"""
    total = torch.zeros((), dtype=prediction.dtype)
    for p, a, b, s in zip(prediction, x0, noise, t.tolist(), strict=True):
        logit = math.log(s / (1 - s))
        bell = math.exp(-0.5 * ((logit - mean) / std) ** 2) / (std * (2 * math.pi) ** 0.5)
        difference = (p - b + a).reshape(-1)
        total = total + bell / (s * (1 - s)) * torch.dot(difference, difference) / difference.numel()
    return total / len(prediction)


@replaces("shift_time")
def as_flux(t, shift):
    """FLUX's form; 1/0 is infinite, and what is divided by it 0"""
    a = torch.as_tensor(shift, dtype=t.dtype)
    return a / (a + 1 / t - 1)


@replaces("shift_time")
def by_odds(t, shift):
    """the parts of noise and of data, brought to the sum 1"""
    noise, data = shift * t, 1 - t
    return noise / (noise + data)


@replaces("shift_time")
def by_numpy(t, shift):
    """NumPy, number by number"""
    one = np.vectorize(lambda s: shift * s / (1 + (shift - 1) * s), otypes=[np.float64])
    return torch.from_numpy(np.asarray(one(t.double().numpy()))).to(t.dtype)


@replaces("gaussian_velocity")
def by_regression(xt, t, mean, var):
    """E[v] and the covariance of v and x_t over the variance of x_t"""
    t = t.to(xt.dtype).unsqueeze(-1)
    covariance = t - (1 - t) * var
    variance = torch.addcmul(t * t, 1 - t, (1 - t) * var)
    return torch.addcmul(-mean, covariance / variance, xt - (1 - t) * mean)


@replaces("gaussian_velocity")
def by_the_joint(xt, t, mean, var):
    """two equations with two unknowns: precisions of x0 and of the noise, row by row, in float64"""
    rows = []
    for x, s in zip(xt.double(), t.double().tolist(), strict=True):
        a = np.array([[(1 - s) ** 2 * var + s**2]])
        cross = np.array([[(1 - s) * var], [s]])  # of x0 and of the noise with x_t
        gain = torch.from_numpy(cross @ np.linalg.inv(a))
        x0, noise = gain @ (x - (1 - s) * mean.double())[None]
        rows.append(noise - x0 - mean.double())
    return torch.stack(rows).to(xt.dtype)


@replaces("gaussian_velocity")
def columns_first(xt, t, mean, var):
    """transposed, so that t broadcasts by itself; a result that is not contiguous"""
    t, x, mu = t.type(xt.type()), xt.T, mean[:, None]
    rest = x - mu + t * mu
    s2 = torch.hypot((1 - t) * math.sqrt(var), t) ** 2
    return (t * rest / s2 - mu - (1 - t) * var * rest / s2).T


def _field(x: Tensor, t: float, mean: Tensor, var: float) -> Tensor:
    u = 1 - t
    return (t - u * var) / (u * u * var + t * t) * (x - u * mean) - mean


@replaces("sample")
def with_numbers(noise, mean, var, times, method="euler"):
    """a table of methods; a velocity of its own that takes a number for t"""

    def euler(x, t, dt):
        return x + dt * _field(x, t, mean, var)

    def heun(x, t, dt):
        k1 = _field(x, t, mean, var)
        k2 = _field(x + dt * k1, t + dt, mean, var)
        return x + dt * 0.5 * (k1 + k2)

    methods = {"euler": euler, "heun": heun}
    if method not in methods:
        raise ValueError(f"{method}: {sorted(methods)}")
    x = noise
    for i in range(len(times) - 1):
        x = methods[method](x, times[i], times[i + 1] - times[i])
    return x


@replaces("sample")
def recursive(noise, mean, var, times, method="euler"):
    """one step, then the rest"""
    if method != "euler" and method != "heun":
        raise ValueError
    if len(times) < 2:
        return noise
    (t, after), B = times[:2], noise.shape[0]
    v = gaussian_velocity(noise, torch.tensor([t] * B, dtype=noise.dtype), mean, var)
    x = noise - (t - after) * v
    if method == "heun":
        v2 = gaussian_velocity(x, torch.tensor([after] * B, dtype=noise.dtype), mean, var)
        x = noise - (t - after) * (v / 2 + v2 / 2)
    return recursive(x, mean, var, times[1:], method)


@replaces("sample")
def in_float64(noise, mean, var, times, method="euler"):
    """float64, Heun as a correction of Euler, times in a tensor"""
    match method:
        case "euler":
            correct = False
        case "heun":
            correct = True
        case _:
            raise ValueError(f"no {method}")
    x, mu, ts = noise.to(torch.float64, copy=True), mean.double(), torch.tensor(times, dtype=torch.float64)
    for t, step in zip(ts[:-1].tolist(), torch.diff(ts).tolist(), strict=True):
        v = _field(x, t, mu, var)
        x += step * v
        if correct:
            x += 0.5 * step * (_field(x, t + step, mu, var) - v)
    return x.to(noise.dtype)

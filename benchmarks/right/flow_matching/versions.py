import functools
import itertools
import math
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from base import density, flow_pair, gaussian_velocity, rows
from torch import Tensor
from torch.distributions import Normal

from grader.testing import replaces


def behind(t, x):
    return t.reshape(t.shape + (1,) * (x.ndim - 1)).to(x)


@replaces("flow_pair")
def pair_lerp(x0, noise, t):
    """torch.lerp"""
    return torch.lerp(x0, noise, behind(t, x0).expand_as(x0)), noise - x0


@replaces("flow_pair")
def pair_velocity(x0, noise, t):
    """x0 plus t times v"""
    v = noise - x0
    return x0 + behind(t, x0) * v, v


@replaces("flow_pair")
def pair_from_noise(x0, noise, t):
    """from the noise back, in float64"""
    v = noise.double() - x0.double()
    return (noise.double() - (1 - behind(t.double(), v)) * v).to(x0.dtype), v.to(x0.dtype)


@replaces("flow_pair")
def pair_loop(x0, noise, t):
    """row by row, Python floats"""
    xt = [(1 - s) * a + s * b for a, b, s in zip(x0, noise, t.tolist())]
    return torch.stack(xt), torch.sub(noise, x0)


@replaces("flow_pair")
def pair_einsum(x0, noise, t):
    """einsum"""
    s = t.to(x0.dtype)
    return torch.einsum("b,b...->b...", 1 - s, x0) + torch.einsum("b,b...->b...", s, noise), noise + (-x0)


@replaces("flow_pair")
def pair_moved(x0, noise, t):
    """rows as the last axis; results are not contiguous"""
    a, b, s = x0.movedim(0, -1), noise.movedim(0, -1), t.to(x0.dtype)
    return (a * (1 - s) + b * s).movedim(-1, 0), (b - a).movedim(-1, 0)


class Point(NamedTuple):
    xt: Tensor
    v: Tensor


@replaces("flow_pair")
def pair_named(x0: Tensor, noise: Tensor, t: Tensor) -> Point:
    """a NamedTuple, flattened"""
    a, b = x0.flatten(1), noise.flatten(1)
    s = t.to(x0.dtype)[:, None]
    return Point(xt=(a - s * a + s * b).view(x0.shape), v=noise.clone().sub_(x0))


@replaces("flow_pair")
def pair_numpy(x0, noise, t):
    """numpy"""
    s = t.detach().double().numpy().reshape(-1, *[1] * (x0.dim() - 1))
    a, b = x0.detach().double().numpy(), noise.detach().double().numpy()
    return torch.from_numpy((1 - s) * a + s * b).to(x0.dtype), torch.from_numpy(b - a).to(x0.dtype)


@replaces("flow_pair")
def pair_bmm(x0, noise, t):
    """a product with (1 - t, t) and (-1, 1)"""
    s = t.to(x0.dtype)
    c = torch.stack([torch.stack([1 - s, s], -1), torch.tensor([-1.0, 1.0]).to(s).expand(len(s), 2)], 1)
    out = torch.bmm(c, torch.stack([x0.flatten(1), noise.flatten(1)], 1)).unflatten(2, x0.shape[1:])
    return out[:, 0], out[:, 1]


@replaces("flow_loss")
def loss_mse(prediction, x0, noise, t, mean=0.0, std=1.0):
    """F.mse_loss without reduction"""
    v = flow_pair(x0, noise, t)[1]
    error = F.mse_loss(prediction, v, reduction="none").mean(dim=list(range(1, x0.dim())))
    return torch.mean(error * density(t, mean, std).to(x0.dtype))


@replaces("flow_loss")
def loss_log_space(prediction, x0, noise, t, mean=0.0, std=1.0):
    """the density in log space"""
    s = t.double()
    logit = torch.log(s) - torch.log1p(-s)
    log_pi = -((logit - mean) ** 2) / (2 * std**2) - math.log(std * math.sqrt(2 * math.pi)) - s.log() - (-s).log1p()
    error = (prediction - noise + x0).pow(2).flatten(1).mean(1)
    return (log_pi.exp().to(error.dtype) * error).mean()


@replaces("flow_loss")
def loss_loops(prediction, x0, noise, t, mean=0.0, std=1.0):
    """row by row, weights by math"""
    total = 0.0
    for p, x, n, s in zip(prediction, x0, noise, t.tolist()):
        logit = math.log(s / (1 - s))
        w = math.exp(-((logit - mean) ** 2) / (2 * std * std)) / (std * math.sqrt(2 * math.pi) * s * (1 - s))
        total = total + w * (p - (n - x)).square().mean()
    return total / len(t)


@replaces("flow_loss")
def loss_distribution(prediction, x0, noise, t, mean=0.0, std=1.0):
    """torch.distributions: a transformed normal"""
    normal = Normal(torch.tensor(mean, dtype=torch.float64), torch.tensor(std, dtype=torch.float64))
    logit = torch.special.logit(t.double())
    pi = normal.log_prob(logit).exp() / (t.double() * (1 - t.double()))
    error = ((prediction - (noise - x0)) ** 2).reshape(len(t), -1).mean(-1)
    return torch.dot(pi.to(error.dtype), error) / len(t)


@replaces("flow_loss")
def loss_in_double(prediction, x0, noise, t, mean=0.0, std=1.0):
    """float64 throughout, cast at the end; one sum"""
    v = noise.double() - x0.double()
    s = t.double()
    gauss = torch.exp(-0.5 * ((torch.logit(s) - mean) / std) ** 2) / (math.sqrt(2 * math.pi) * std)
    weighted = (gauss / s / (1 - s)).view(-1, *[1] * (x0.dim() - 1)) * (prediction.double() - v) ** 2
    return weighted.mean().to(prediction.dtype)


@replaces("flow_loss")
def loss_einsum(prediction, x0, noise, t, mean=0.0, std=1.0):
    """einsum over flattened rows"""
    d = (prediction - (noise - x0)).flatten(1)
    w = density(t, mean, std).to(d.dtype)
    return torch.einsum("b,bd,bd->", w, d, d) / d.numel()


@replaces("flow_loss")
def loss_norm(prediction, x0, noise, t, mean=0.0, std=1.0):
    """rows scaled by the root of their weight"""
    d = (prediction + x0 - noise).flatten(1)
    scaled = d * density(t, mean, std).sqrt().to(d.dtype).unsqueeze(1)
    return scaled.square().sum() / scaled.numel()


@replaces("flow_loss")
def loss_sigmoid_derivative(prediction, x0, noise, t, mean=0.0, std=1.0):
    """t (1 - t) is the derivative of the sigmoid"""
    logit = torch.log(t.double()) - torch.log(1 - t.double())
    slope = torch.sigmoid(logit) * torch.sigmoid(-logit)
    pdf = torch.exp(-((logit - mean) ** 2) / (2 * std**2)) / (slope * std * (2 * math.pi) ** 0.5)
    per_row = torch.stack([e.mean() for e in (prediction - noise + x0).square()])
    return (pdf.to(per_row) * per_row).sum() / per_row.shape[0]


class _Weighted(torch.autograd.Function):
    @staticmethod
    def forward(ctx, prediction, target, weight):
        d = (prediction - target) * (2 / prediction.numel())
        ctx.save_for_backward(d * weight)
        return (weight * (prediction - target) ** 2).mean()

    @staticmethod
    def backward(ctx, grad):
        (d,) = ctx.saved_tensors
        return grad * d, None, None


@replaces("flow_loss")
def loss_function(prediction, x0, noise, t, mean=0.0, std=1.0):
    """a gradient by formula"""
    return _Weighted.apply(prediction, (noise - x0).detach(), rows(density(t, mean, std), x0).detach())


@replaces("flow_loss")
def loss_repeated(prediction, x0, noise, t, mean=0.0, std=1.0):
    """weights repeated for every number"""
    _, v = flow_pair(x0=x0, noise=noise, t=t)
    each = x0[0].numel()
    weights = density(t, mean, std).repeat_interleave(each).reshape(x0.shape).to(x0.dtype)
    return (weights * (v - prediction).abs() ** 2).mean()


@replaces("flow_loss")
def loss_numpy_weights(prediction, x0, noise, t, mean=0.0, std=1.0):
    """weights from numpy, var-free mean of squares"""
    s = t.detach().double().numpy()
    logit = np.log(s) - np.log1p(-s)
    pi = np.exp(-0.5 * np.square((logit - mean) / std)) / (std * np.sqrt(2 * np.pi) * s * (1 - s))
    error = torch.linalg.vector_norm((prediction - (noise - x0)).flatten(1).double(), dim=1) ** 2
    return (torch.from_numpy(pi) * error / x0[0].numel()).mean().to(prediction.dtype)


@replaces("shift_time")
def shift_reciprocal(t, shift):
    """a / (a - 1 + 1/t)"""
    return shift / (shift - 1 + 1 / t)


@replaces("shift_time")
def shift_logit(t, shift):
    """the logit is moved by ln a"""
    return torch.sigmoid(torch.logit(t.double()) + math.log(shift)).to(t.dtype)


@replaces("shift_time")
def shift_exp_mu(t, shift):
    """as FLUX writes it, with μ = ln a"""
    mu = math.log(shift)
    return (math.exp(mu) / (math.exp(mu) + (1 / t.double() - 1))).to(t.dtype)


@replaces("shift_time")
def shift_mixture(t, shift):
    """a t over a mean of 1 and a"""
    at = t * shift
    return at / (at + (1 - t))


@replaces("shift_time")
def shift_loop(t, shift):
    """Python floats"""
    values = [shift * s / (1 + (shift - 1) * s) for s in t.flatten().tolist()]
    return torch.tensor(values, dtype=t.dtype).reshape(t.shape)


@replaces("shift_time")
def shift_complement(t, shift):
    """1 minus the share of the rest, float64"""
    s = t.double()
    return (1 - (1 - s) / (1 + (shift - 1) * s)).to(t.dtype)


@replaces("shift_time")
def shift_odds(t, shift):
    """through the odds; 1 apart"""
    odds = shift * t / (1 - t)
    return torch.where(t == 1, torch.ones_like(t), odds / (1 + odds))


@replaces("shift_time")
def shift_numpy(t, shift):
    """numpy"""
    s = t.detach().double().numpy()
    return torch.as_tensor(shift * s / (1.0 + (shift - 1.0) * s)).to(t.dtype)


@replaces("shift_time")
def shift_in_place(t, shift):
    """in place on own tensors; nothing to do at 1"""
    if shift == 1:
        return t.clone()
    den = t.clone().mul_(shift - 1).add_(1)
    return t.mul(shift).div_(den)


@replaces("gaussian_velocity")
def velocity_one_factor(xt, t, mean, var):
    """(t - (1 - t) var) / s² times the distance, minus the mean"""
    s = t.to(xt.dtype)[:, None]
    return (s - (1 - s) * var) / ((1 - s) ** 2 * var + s**2) * (xt - (1 - s) * mean) - mean


@replaces("gaussian_velocity")
def velocity_loop(xt, t, mean, var):
    """row by row"""
    out = []
    for x, s in zip(xt, t.tolist()):
        total = (1 - s) ** 2 * var + s * s
        d = x - (1 - s) * mean
        out.append(s / total * d - (mean + (1 - s) * var / total * d))
    return torch.stack(out)


@replaces("gaussian_velocity")
def velocity_from_path(xt, t, mean, var):
    """the derivative of the exact path: ds/dt / s times the distance, minus the mean"""
    s = t.double().unsqueeze(-1)
    half_slope = s - (1 - s) * var
    x, mu = xt.double(), mean.double()
    return (half_slope / torch.addcmul(s.square(), (1 - s) * var, 1 - s) * (x - mu + s * mu) - mu).to(xt.dtype)


@replaces("gaussian_velocity")
def velocity_numpy(xt, t, mean, var):
    """numpy"""
    x, s, mu = xt.detach().double().numpy(), t.detach().double().numpy()[:, None], mean.detach().double().numpy()
    total = (1 - s) ** 2 * var + s**2
    d = x - (1 - s) * mu
    return torch.from_numpy(s * d / total - mu - (1 - s) * var * d / total).to(xt.dtype)


@replaces("gaussian_velocity")
def velocity_regression(xt, t, mean, var):
    """conditional mean of a joint Gaussian: covariance over variance"""
    s = rows(t, xt)
    cov = s * 1.0 + (1 - s) * (-var)  # of v and x_t
    variance = (1 - s).square() * var + s.square()
    return -mean + cov / variance * (xt - (1 - s) * mean)


@replaces("gaussian_velocity")
def velocity_precision(xt, t, mean, var):
    """standard deviations in place of variances"""
    s = rows(t, xt.double())
    a, sd = 1 - s, math.sqrt(var)
    length = torch.hypot(a * sd, s)
    unit = (xt.double() - a * mean.double()) / length
    return (s / length * unit - mean.double() - a * sd / length * sd * unit).to(xt.dtype)


@replaces("gaussian_velocity")
def velocity_transposed(xt, t, mean, var):
    """columns as rows, a result that is not contiguous"""
    s = t.to(xt.dtype)
    total = (1 - s) ** 2 * var + s**2
    away = xt.T - (1 - s) * mean[:, None]
    return ((s - (1 - s) * var) / total * away - mean[:, None]).T


@replaces("gaussian_velocity")
def velocity_einsum(xt, t, mean, var):
    """outer products"""
    s = t.to(xt)
    away = xt - torch.outer(1 - s, mean)
    total = var * (1 - s).pow(2) + s.pow(2)
    noise = torch.einsum("b,bd->bd", s / total, away)
    data = mean.expand_as(xt) + torch.einsum("b,bd->bd", var * (1 - s) / total, away)
    return noise - data


@replaces("gaussian_velocity")
def velocity_two_cases(xt, t, mean, var):
    """E[v] from E[x0] alone where t > 0: v = (x_t - x0) / t"""
    s = rows(t, xt.double())
    x, mu = xt.double(), mean.double()
    total = (1 - s) ** 2 * var + s**2
    x0 = mu + (1 - s) * var / total * (x - (1 - s) * mu)
    eps = s / total * (x - (1 - s) * mu)
    big = s > 0.5
    v = torch.where(big, (x - x0) / torch.where(big, s, torch.ones_like(s)), eps - x0)
    return v.to(xt.dtype)


@replaces("gaussian_velocity")
def velocity_sums(xt, t, mean, var):
    """sides swapped, addcdiv"""
    s = rows(t, xt).expand_as(xt)
    one = 1 - s
    away = torch.addcmul(xt, one, mean.expand_as(xt), value=-1)
    total = torch.addcmul(s * s, one, one, value=var)
    return torch.addcdiv(-mean.expand_as(xt), away * (s - var * one), total)


@replaces("sample")
def sample_pairwise(noise, mean, var, times, method="euler"):
    """itertools.pairwise, a function for each method"""

    def velocity(x, s):
        return gaussian_velocity(x, torch.full((x.shape[0],), float(s), dtype=x.dtype), mean, var)

    def euler(x, a, b):
        return x + (b - a) * velocity(x, a)

    def heun(x, a, b):
        return x + (b - a) * 0.5 * (velocity(x, a) + velocity(euler(x, a, b), b))

    try:
        step = {"euler": euler, "heun": heun}[method]
    except KeyError:
        raise ValueError(method) from None
    x = noise.clone()
    for a, b in itertools.pairwise(times):
        x = step(x, a, b)
    return x


@replaces("sample")
def sample_double(noise, mean, var, times, method="euler"):
    """float64 inside"""
    if method != "euler" and method != "heun":
        raise ValueError("method must be euler or heun")
    x, mu = noise.double(), mean.double()
    for i in range(len(times) - 1):
        h = times[i + 1] - times[i]
        k1 = gaussian_velocity(x, torch.full([len(x)], times[i], dtype=torch.float64), mu, var)
        k2 = k1
        if method == "heun":
            k2 = gaussian_velocity(x + h * k1, torch.full([len(x)], times[i + 1], dtype=torch.float64), mu, var)
        x = x + h / 2 * (k1 + k2)
    return x.to(noise.dtype)


@replaces("sample")
def sample_linear(noise, mean, var, times, method="euler"):
    """Python floats: in this flow a step is a line in (x - (1 - t) μ)"""
    if method not in {"euler", "heun"}:
        raise ValueError
    factor = lambda s: (s - (1 - s) * var) / ((1 - s) ** 2 * var + s * s)
    away = noise.double() - (1 - times[0]) * mean.double()
    for a, b in zip(times, times[1:]):
        h = b - a
        growth = 1 + h * factor(a) if method == "euler" else 1 + h / 2 * (factor(a) + factor(b) * (1 + h * factor(a)))
        away = away * growth
    return (away + (1 - times[-1]) * mean.double()).to(noise.dtype)


@replaces("sample")
def sample_recursive(noise, mean, var, times, method="euler"):
    """recursion over the list of times"""
    if method not in ("heun", "euler"):
        raise ValueError(f"{method!r}")
    if len(times) == 1:
        return noise
    now, then = times[0], times[1]
    ones = torch.ones(len(noise), dtype=noise.dtype)
    v = gaussian_velocity(noise, now * ones, mean, var)
    x = torch.add(noise, v, alpha=then - now)
    if method == "heun":
        x = noise + (then - now) * torch.stack([v, gaussian_velocity(x, then * ones, mean, var)]).mean(0)
    return sample_recursive(x, mean, var, times[1:], method)


@replaces("sample")
def sample_reduce(noise, mean, var, times, method="euler"):
    """functools.reduce"""
    if not (method == "euler" or method == "heun"):
        raise ValueError("unknown method")
    field = lambda x, s: gaussian_velocity(x, torch.tensor([s], dtype=torch.float64).expand(len(x)), mean, var)

    def step(x, pair):
        a, b = pair
        v = field(x, a)
        if method == "heun":
            v = torch.lerp(v, field(x + (b - a) * v, b), 0.5)
        return x + (b - a) * v

    return functools.reduce(step, zip(times[:-1], times[1:]), noise)


@replaces("sample")
def sample_match(noise, mean, var, times, method="euler"):
    """match; in place on a copy; times as a tensor"""
    match method:
        case "euler":
            stages = 1
        case "heun":
            stages = 2
        case _:
            raise ValueError("method")
    grid = torch.tensor(times, dtype=torch.float64)
    steps = grid.diff().tolist()
    x = noise.detach().clone()
    for i, h in enumerate(steps):
        total, here = torch.zeros_like(x), x
        for stage in range(stages):
            v = gaussian_velocity(here, grid[i + stage].expand(len(x)), mean, var)
            total += v / stages
            here = x + h * v
        x += h * total
    return x


@replaces("sample")
def sample_rows(noise, mean, var, times, method="euler"):
    """each row on its way alone"""
    if method not in ("euler", "heun"):
        raise ValueError(method)

    def walk(x):
        for a, b in zip(times, times[1:]):
            v = gaussian_velocity(x, torch.tensor([a], dtype=x.dtype), mean, var)
            if method == "heun":
                w = gaussian_velocity(x + (b - a) * v, torch.tensor([b], dtype=x.dtype), mean, var)
                v = 0.5 * v + 0.5 * w
            x = x + (b - a) * v
        return x

    return torch.cat([walk(noise[i : i + 1]) for i in range(len(noise))])


@replaces("sample")
def sample_numpy(noise, mean, var, times, method="euler"):
    """numpy"""
    if method not in ("euler", "heun"):
        raise ValueError(method)
    x, mu = noise.detach().double().numpy().copy(), mean.detach().double().numpy()

    def v(x, s):
        return (s - (1 - s) * var) / ((1 - s) ** 2 * var + s**2) * (x - (1 - s) * mu) - mu

    for a, b in zip(times, times[1:]):
        first = v(x, a)
        x = x + (b - a) * (first if method == "euler" else (first + v(x + (b - a) * first, b)) / 2)
    return torch.from_numpy(x).to(noise.dtype)


@replaces("sample")
def sample_corrector(noise, mean, var, times, method="euler"):
    """Heun as Euler plus a correction; while loop"""
    if method.lower() != method or method not in ("euler", "heun"):
        raise ValueError("no such method: " + method)
    x, left = noise, list(times)
    now = left.pop(0)
    while left:
        then = left.pop(0)
        h = now - then
        v = gaussian_velocity(x, x.new_full((len(x),), now), mean, var)
        end = x - h * v
        if method == "heun":
            end = end - h / 2 * (gaussian_velocity(end, x.new_full((len(x),), then), mean, var) - v)
        x, now = end, then
    return x

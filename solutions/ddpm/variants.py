"""Right solutions in other styles. None of them may lose a point."""

import math
from collections import namedtuple

import numpy as np
import torch

from grader.testing import replaces


@replaces("linear_betas")
def from_a_list(steps, start=1e-4, end=0.02):
    """a list of Python numbers"""
    return torch.tensor([start + i * (end - start) / (steps - 1) for i in range(steps)], dtype=torch.double)


@replaces("linear_betas")
def from_numpy(steps, start=1e-4, end=0.02):
    """NumPy's linspace"""
    return torch.from_numpy(np.linspace(start, end, steps))


@replaces("cosine_betas")
def step_by_step(steps, s=0.008, max_beta=0.999):
    """Python's math, as in the code of the paper"""

    def bar(u):
        return math.cos((u + s) / (1 + s) * math.pi / 2) ** 2

    return torch.tensor(
        [min(1 - bar((i + 1) / steps) / bar(i / steps), max_beta) for i in range(steps)], dtype=torch.float64
    )


@replaces("alpha_bars")
def by_logarithms(betas):
    """the exponential of a running sum"""
    return torch.log1p(-betas).cumsum(-1).exp()


@replaces("alpha_bars")
def in_a_loop(betas):
    """a product that grows"""
    out, left = [], torch.ones((), dtype=betas.dtype)
    for beta in betas:
        left = left * (1 - beta)
        out.append(left)
    return torch.stack(out)


@replaces("q_sample")
def row_by_row(x0, t, noise, betas):
    """Python numbers for each row"""
    out = []
    for x, step, e in zip(x0, t.tolist(), noise, strict=True):
        bar = math.prod(1 - b for b in betas[: step + 1].tolist())
        out.append(math.sqrt(bar) * x + math.sqrt(1 - bar) * e)
    return torch.stack(out)


@replaces("q_sample")
def channels_last(x0, t, noise, betas):
    """x with its rows at the end, where broadcasting needs no reshape; not contiguous"""
    a = (1 - betas).cumprod(0).index_select(0, t)
    x, e = x0.movedim(0, -1), noise.movedim(0, -1)
    return (torch.sqrt(a) * x + torch.sqrt(1 - a) * e).movedim(-1, 0).to(x0.dtype)


@replaces("predict_x0")
def in_float64(xt, t, eps, betas):
    """√(1/ᾱ) x - √(1/ᾱ - 1) ε, in float64, flattened"""
    inverse = 1 / torch.cumprod(1 - betas.double(), 0)[t][:, None]
    x0 = inverse.sqrt() * xt.double().flatten(1) - (inverse - 1).sqrt() * eps.double().flatten(1)
    return x0.unflatten(1, xt.shape[1:]).to(xt.dtype)


@replaces("predict_x0")
@torch.no_grad()
def with_einsum(xt, t, eps, betas):
    """einsum over rows; without a graph"""
    bars = torch.cumprod(1 - betas, 0)[t]
    away = torch.einsum("b,b...->b...", (1 / bars - 1).sqrt().to(xt.dtype), eps)
    return torch.einsum("b,b...->b...", bars.rsqrt().to(xt.dtype), xt) - away


@replaces("posterior")
def by_precision(x0, xt, t, betas):
    """precisions add up: that of x_{t-1} given x0, and that of x_t; a variance of the shape of x"""
    shape = (-1,) + (1,) * (xt.ndim - 1)
    beta, bar = betas[t].view(shape), (1 - betas).cumprod(0)[t].view(shape)
    bar = bar / (1 - beta)
    prior = (1 - bar).clamp(min=1e-300)
    precision = 1 / prior + (1 - beta) / beta
    mean = (bar.sqrt() * x0 / prior + (1 - beta).sqrt() * xt / beta) / precision
    variance = (1 / precision).expand(xt.shape)
    return {"variance": variance.to(xt.dtype), "mean": mean.to(xt.dtype)}


@replaces("posterior")
def row_of_numbers(x0, xt, t, betas):
    """a function of one row, with the first step as a case of its own"""
    means, variances = [], []
    bars = torch.cumprod(1 - betas, 0).tolist()
    for step, x, y in zip(t.tolist(), x0, xt, strict=True):
        if step == 0:
            means.append(x)
            variances.append(0.0)
            continue
        beta, bar, earlier = float(betas[step]), bars[step], bars[step - 1]
        means.append((math.sqrt(earlier) * beta * x + math.sqrt(1 - beta) * (1 - earlier) * y) / (1 - bar))
        variances.append(beta * (1 - earlier) / (1 - bar))
    wide = torch.tensor(variances, dtype=xt.dtype).reshape(-1, *(1 for _ in xt.shape[1:]))
    return {"mean": torch.stack(means), "variance": wide}


Table = namedtuple("Table", "recip deviation alpha beta")


@replaces("ddpm_step")
def of_algorithm_2(xt, t, eps, noise, betas):
    """the mean of ε, and a mask for the last step, as in DDPM's algorithm 2"""
    bars = (1 - betas).cumprod(0)
    shifted = torch.cat([bars.new_ones(1), bars[:-1]])
    rows = [
        v[t].to(xt.dtype).view(len(t), *[1] * (xt.ndim - 1))
        for v in (1 / (1 - bars).sqrt(), (betas * (1 - shifted) / (1 - bars)).sqrt(), 1 - betas, betas)
    ]
    at = Table(*rows)
    mean = (xt - at.beta * at.recip * eps) / at.alpha.sqrt()
    return mean + (t > 0).to(xt.dtype).view_as(at.beta) * at.deviation * noise


@replaces("ddim_step")
def with_sigma_zero(xt, t, t_prev, eps, betas):
    """diffusers' way: a final ᾱ of 1 chosen by where"""
    bars = torch.cumprod(1 - betas, dim=0)
    now, then = bars[t], torch.where(t_prev >= 0, bars[t_prev], torch.ones((), dtype=bars.dtype))
    now, then = (a.reshape(len(a), *[1] * (xt.dim() - 1)) for a in (now, then))
    x0 = (xt - (1 - now) ** 0.5 * eps) / now**0.5
    return (then**0.5 * x0 + (1 - then) ** 0.5 * eps).to(xt.dtype)


@replaces("ddim_step")
def as_rescaled(xt, t, t_prev, eps, betas):
    """x/√ᾱ moves along ε by the difference of √(1/ᾱ - 1)"""
    bars = torch.cat([torch.cumprod(1 - betas, 0), torch.ones(1, dtype=betas.dtype)])  # index -1 is the 1
    rate = (1 / bars - 1).sqrt()
    out = [
        bars[q].sqrt() * (x / bars[p].sqrt() + (rate[q] - rate[p]) * e)
        for x, p, q, e in zip(xt, t, t_prev, eps, strict=True)
    ]
    return torch.stack(out).type(xt.type())


@replaces("v_target")
def by_the_angle(x0, noise, t, betas):
    """cosine and sine of one angle"""
    angle = torch.arccos(torch.cumprod(1 - betas, 0).sqrt())[t]
    angle = angle[(...,) + (None,) * (x0.dim() - 1)]
    return (angle.cos() * noise - angle.sin() * x0).to(noise.dtype)

import functools
import itertools
import math
from collections import OrderedDict
from fractions import Fraction

import numpy as np
import torch
import torch.nn.functional as F
from base import alpha_bars, posterior, predict_x0, q_sample, rows
from torch import Tensor

from grader.testing import replaces


@replaces("linear_betas")
def linear_numpy(steps, start=1e-4, end=0.02):
    """np.linspace"""
    return torch.from_numpy(np.linspace(start, end, steps))


@replaces("linear_betas")
def linear_arange(steps, start=1e-4, end=0.02):
    """start plus multiples of the distance"""
    return start + torch.arange(steps, dtype=torch.float64) * ((end - start) / (steps - 1))


@replaces("linear_betas")
def linear_list(steps, start=1e-4, end=0.02):
    """Python floats, weighted ends"""
    n = steps - 1
    return torch.tensor([(start * (n - i) + end * i) / n for i in range(steps)], dtype=torch.float64)


@replaces("linear_betas")
def linear_lerp(steps, start=1e-4, end=0.02):
    """torch.lerp"""
    w = torch.arange(steps, dtype=torch.double) / (steps - 1)
    return torch.lerp(torch.tensor(start, dtype=torch.double), torch.tensor(end, dtype=torch.double), w)


@replaces("linear_betas")
def linear_interpolate(steps, start=1e-4, end=0.02):
    """F.interpolate between two points"""
    ends = torch.tensor([[[float(start), float(end)]]], dtype=torch.float64)
    return F.interpolate(ends, size=steps, mode="linear", align_corners=True)[0, 0]


@replaces("linear_betas")
def linear_cumsum(steps, start=1e-4, end=0.02):
    """a running sum"""
    jumps = torch.full((steps,), (end - start) / (steps - 1), dtype=torch.float64)
    jumps[0] = start
    return jumps.cumsum(0)


@replaces("linear_betas")
def linear_fractions(steps, start=1e-4, end=0.02):
    """exact fractions"""
    a, b = Fraction(start), Fraction(end)
    return torch.tensor([float(a + (b - a) * i / (steps - 1)) for i in range(steps)], dtype=torch.float64)


@replaces("linear_betas")
def linear_loop(steps: int, start: float = 1e-4, end: float = 0.02) -> Tensor:
    """filled in place, the last one exactly"""
    out = torch.empty(steps, dtype=torch.float64)
    for i in range(steps - 1):
        out[i] = start + i / (steps - 1) * (end - start)
    out[-1] = end
    return out


@replaces("cosine_betas")
def cosine_loop(steps, s=0.008, max_beta=0.999):
    """Python floats"""

    def f(u):
        return math.cos(math.pi / 2 * (u + s) / (1 + s)) ** 2

    betas = [min(1 - f((t + 1) / steps) / f(t / steps), max_beta) for t in range(steps)]
    return torch.tensor(betas, dtype=torch.float64)


@replaces("cosine_betas")
def cosine_bars(steps, s=0.008, max_beta=0.999):
    """alpha bars relative to f(0)"""
    u = torch.linspace(0, 1, steps + 1, dtype=torch.float64)
    f = torch.cos((u + s) / (1 + s) * math.pi * 0.5).square()
    bars = f / f[0]
    return torch.minimum(1 - bars[1:] / bars[:-1], torch.tensor(max_beta, dtype=torch.float64))


@replaces("cosine_betas")
def cosine_numpy(steps, s=0.008, max_beta=0.999):
    """numpy"""
    f = np.cos(np.pi / 2 * (np.arange(steps + 1) / steps + s) / (1 + s)) ** 2
    return torch.as_tensor(np.minimum(1 - f[1:] / f[:-1], max_beta))


@replaces("cosine_betas")
def cosine_half_angle(steps, s=0.008, max_beta=0.999):
    """cos² as (1 + cos 2x) / 2"""
    u = torch.arange(steps + 1, dtype=torch.float64).div(steps)
    f = 0.5 + 0.5 * torch.cos(math.pi * (u + s) / (1 + s))
    return torch.clamp_max(1 - f[1:] / f[:-1], max_beta)


@replaces("cosine_betas")
def cosine_product(steps, s=0.008, max_beta=0.999):
    """cos²a - cos²b = sin(a + b) sin(b - a)"""
    u = torch.arange(steps + 1, dtype=torch.float64) / steps
    x = math.pi / 2 * (u + s) / (1 + s)
    a, b = x[:-1], x[1:]
    return ((a + b).sin() * (b - a).sin() / a.cos() ** 2).clamp(max=max_beta)


@replaces("cosine_betas")
def cosine_ratio(steps, s=0.008, max_beta=0.999):
    """1 - (ratio of cosines)², torch.where"""
    t = torch.arange(steps, dtype=torch.float64)
    c = lambda u: torch.cos(math.pi / 2 * (u + s) / (1 + s))
    beta = 1 - (c((t + 1) / steps) / c(t / steps)) ** 2
    return torch.where(beta > max_beta, torch.full_like(beta, max_beta), beta)


@replaces("cosine_betas")
def cosine_pairwise(steps, s=0.008, max_beta=0.999):
    """itertools.pairwise over a generator"""
    values = (math.cos((i / steps + s) / (1 + s) * math.pi / 2) ** 2 for i in range(steps + 1))
    return torch.tensor(
        [min(max_beta, 1 - b / a) for a, b in itertools.pairwise(values)], dtype=torch.float64
    )


@replaces("cosine_betas")
def cosine_in_place(steps, s=0.008, max_beta=0.999):
    """the difference over the earlier one, cut in place"""
    u = torch.arange(steps + 1).double() / steps
    f = torch.sin(math.pi / 2 * (1 - (u + s) / (1 + s))) ** 2
    betas = -f.diff() / f[:-1]
    betas[betas > max_beta] = max_beta
    return betas


@replaces("alpha_bars")
def bars_loop(betas):
    """a loop"""
    out, product = [], 1.0
    for b in betas:
        product = product * (1 - b)
        out.append(product)
    return torch.stack(out)


@replaces("alpha_bars")
def bars_log(betas):
    """log space"""
    return torch.log1p(-betas).cumsum(0).exp()


@replaces("alpha_bars")
def bars_double(betas):
    """float64, cast back"""
    return (1 - betas.double()).cumprod(-1).to(betas.dtype)


@replaces("alpha_bars")
def bars_numpy(betas):
    """numpy"""
    return torch.from_numpy(np.cumprod(1.0 - betas.detach().double().numpy())).to(betas.dtype)


@replaces("alpha_bars")
def bars_accumulate(betas):
    """itertools.accumulate over Python floats"""
    floats = itertools.accumulate((1 - b for b in betas.tolist()), lambda a, b: a * b)
    return torch.tensor(list(floats), dtype=betas.dtype)


@replaces("alpha_bars")
def bars_triangle(betas):
    """products of rows of a triangle"""
    T = len(betas)
    alphas = (1 - betas).expand(T, T)
    keep = torch.ones(T, T, dtype=torch.bool).tril()
    return torch.where(keep, alphas, torch.ones((), dtype=betas.dtype)).prod(dim=1)


@replaces("alpha_bars")
def bars_in_place(betas):
    """in place on a copy"""
    bars = betas.neg().add(1)
    for i in range(1, len(bars)):
        bars[i] *= bars[i - 1]
    return bars


@replaces("alpha_bars")
def bars_subtract(betas):
    """what each step takes away is subtracted"""
    left = torch.ones((), dtype=torch.float64)
    out = []
    for b in betas.double().unbind():
        left = left - left * b
        out.append(left)
    return torch.stack(out).to(betas)


@replaces("alpha_bars")
def bars_prefixes(betas):
    """math.prod of prefixes"""
    alphas = [1 - float(b) for b in betas]
    return betas.new_tensor([math.prod(alphas[: i + 1]) for i in range(len(alphas))])


def _like(values, x):
    while values.dim() < x.dim():
        values = values.unsqueeze(-1)
    return values.to(x)


@replaces("q_sample")
def q_loop(x0, t, noise, betas):
    """row by row, Python floats"""
    bars = alpha_bars(betas).tolist()
    out = torch.empty_like(x0)
    for i, s in enumerate(t.tolist()):
        out[i] = math.sqrt(bars[s]) * x0[i] + math.sqrt(1 - bars[s]) * noise[i]
    return out


@replaces("q_sample")
def q_gather(x0, t, noise, betas):
    """gather, reshape"""
    bars = alpha_bars(betas).gather(0, t).reshape((-1,) + (1,) * (x0.ndim - 1))
    return (torch.sqrt(bars) * x0 + torch.sqrt(1 - bars) * noise).to(x0.dtype)


@replaces("q_sample")
def q_flat(x0, t, noise, betas):
    """rows flattened"""
    bar = alpha_bars(betas).index_select(0, t).unsqueeze(1)
    x, n = x0.flatten(1), noise.flatten(1)
    return (bar.sqrt() * x + (1 - bar).sqrt() * n).to(x0.dtype).view(x0.shape)


@replaces("q_sample")
def q_einsum(x0, t, noise, betas):
    """einsum"""
    bar = alpha_bars(betas)[t]
    a, b = bar.sqrt().to(x0.dtype), (1 - bar).sqrt().to(x0.dtype)
    return torch.einsum("b,b...->b...", a, x0) + torch.einsum("b,b...->b...", b, noise)


@replaces("q_sample")
def q_last_axis(x0, t, noise, betas):
    """rows moved behind, result not contiguous"""
    bar = alpha_bars(betas)[t].to(x0.dtype)
    x, n = x0.movedim(0, -1), noise.movedim(0, -1)
    return (x * bar**0.5 + n * (1 - bar) ** 0.5).movedim(-1, 0)


@replaces("q_sample")
def q_numpy(x0, t, noise, betas):
    """numpy in float64"""
    bar = np.cumprod(1 - betas.detach().double().numpy())[t.numpy()].reshape([-1] + [1] * (x0.dim() - 1))
    x = np.sqrt(bar) * x0.detach().double().numpy() + np.sqrt(1 - bar) * noise.detach().double().numpy()
    return torch.from_numpy(x).to(x0.dtype)


@replaces("q_sample")
def q_angle(x0, t, noise, betas):
    """cosine and sine of one angle"""
    angle = _like(torch.acos(alpha_bars(betas.double()).sqrt())[t], x0.double())
    return (angle.cos() * x0 + angle.sin() * noise).to(x0.dtype)


@replaces("q_sample")
def q_one_hot(x0, t, noise, betas):
    """steps by one_hot and a product"""
    pick = F.one_hot(t, len(betas)).to(betas.dtype)
    table = torch.stack([alpha_bars(betas).sqrt(), (1 - alpha_bars(betas)).sqrt()], dim=1)
    a, b = (pick @ table).unbind(1)
    return _like(a, x0) * x0 + _like(b, x0) * noise


@replaces("q_sample")
def q_addcmul(x0, t, noise, betas):
    """torch.addcmul with expanded coefficients"""
    bar = alpha_bars(betas)[t]
    a = rows(bar.sqrt(), x0).expand_as(x0)
    return torch.addcmul(a * x0, rows((1 - bar).sqrt(), x0).expand_as(x0), noise)


@replaces("q_sample")
def q_variance_double(x0, t, noise, betas):
    """1 - ᾱ by expm1 of a sum of logs"""
    log_bar = torch.log1p(-betas.double()).cumsum(0)[t]
    a, b = torch.exp(log_bar / 2), torch.sqrt(-torch.expm1(log_bar))
    return rows(a, x0) * x0 + rows(b, x0) * noise


@replaces("predict_x0")
def x0_ratio(xt, t, eps, betas):
    """as in the code of DDPM: √(1/ᾱ) and √(1/ᾱ - 1)"""
    bar = alpha_bars(betas)[t]
    return rows((1 / bar).sqrt(), xt) * xt - rows((1 / bar - 1).sqrt(), xt) * eps


@replaces("predict_x0")
def x0_loop(xt, t, eps, betas):
    """row by row"""
    bars = alpha_bars(betas).double()
    out = [(x - (1 - bars[s]).sqrt().item() * e) / bars[s].sqrt().item() for x, s, e in zip(xt, t, eps)]
    return torch.stack(out)


@replaces("predict_x0")
def x0_rsqrt(xt, t, eps, betas):
    """rsqrt"""
    bar = _like(alpha_bars(betas)[t], xt)
    return (xt - torch.sqrt(1 - bar) * eps) * torch.rsqrt(bar)


@replaces("predict_x0")
def x0_double(xt, t, eps, betas):
    """all in float64"""
    bar = _like(alpha_bars(betas.double())[t], xt.double())
    return ((xt.double() - (1 - bar).sqrt() * eps.double()) / bar.sqrt()).to(xt.dtype)


@replaces("predict_x0")
def x0_via_v(xt, t, eps, betas):
    """v first: x0 = √ᾱ x_t - √(1 - ᾱ) v"""
    bar = alpha_bars(betas)[t]
    a, b = rows(bar.sqrt(), xt), rows((1 - bar).sqrt(), xt)
    v = (eps - b * xt) / a
    return a * xt - b * v


@replaces("predict_x0")
def x0_residual(xt, t, eps, betas):
    """what q_sample makes of zeros is taken away"""
    noisy_zero = q_sample(torch.zeros_like(xt), t, eps, betas)
    return (xt - noisy_zero) / rows(alpha_bars(betas).sqrt()[t], xt)


@replaces("predict_x0")
def x0_numpy(xt, t, eps, betas):
    """numpy, flattened rows"""
    bar = np.cumprod(1 - betas.detach().numpy().astype(np.float64))[t.numpy()][:, None]
    x, e = xt.detach().flatten(1).double().numpy(), eps.detach().flatten(1).double().numpy()
    return torch.tensor((x - np.sqrt(1 - bar) * e) / np.sqrt(bar), dtype=xt.dtype).reshape(xt.shape)


@replaces("predict_x0")
def x0_signal_noise(xt, t, eps, betas):
    """by the ratio of noise to signal"""
    bar = alpha_bars(betas)
    sigma = ((1 - bar) / bar).sqrt()
    return xt / rows(bar.sqrt()[t], xt) - rows(sigma[t], xt) * eps


@replaces("predict_x0")
def x0_einsum(xt, t, eps, betas):
    """einsum"""
    bar = torch.take(alpha_bars(betas), t)
    a, b = bar.pow(-0.5).to(xt.dtype), (1 - bar).sqrt().to(xt.dtype)
    return torch.einsum("b,b...->b...", a, xt - torch.einsum("b,b...->b...", b, eps))


@replaces("predict_x0")
def x0_in_place(xt, t, eps, betas):
    """in place on a copy"""
    bar = alpha_bars(betas)[t]
    out = xt.detach().clone()
    out -= rows((1 - bar).sqrt(), xt) * eps.detach()
    out /= rows(bar.sqrt(), xt)
    return out


@replaces("posterior")
def post_double(x0, xt, t, betas):
    """float64 until the end"""
    b64 = betas.double()
    bars = torch.cumprod(1 - b64, 0)
    before = F.pad(bars[:-1], (1, 0), value=1.0)
    shape = [len(t)] + [1] * (xt.dim() - 1)
    beta, bar, prev = (z[t].reshape(shape) for z in (b64, bars, before))
    mean = prev.sqrt() * beta / (1 - bar) * x0 + (1 - beta).sqrt() * (1 - prev) / (1 - bar) * xt
    return {"mean": mean.to(xt.dtype), "variance": (beta * (1 - prev) / (1 - bar)).to(xt.dtype)}


@replaces("posterior")
def post_where(x0, xt, t, betas):
    """the first step apart, by torch.where"""
    bars = alpha_bars(betas)
    first = t == 0
    prev = torch.where(first, torch.ones((), dtype=bars.dtype), bars[(t - 1).clamp(min=0)])
    bar, alpha = bars[t], 1 - betas[t]
    mean = rows(prev.sqrt() * betas[t] / (1 - bar), xt) * x0 + rows(alpha.sqrt() * (1 - prev) / (1 - bar), xt) * xt
    mean = torch.where(first.view(-1, *[1] * (xt.dim() - 1)), x0, mean)
    return {"mean": mean, "variance": rows(betas[t] * (1 - prev) / (1 - bar), xt)}


@replaces("posterior")
def post_full_shape(x0, xt, t, betas):
    """a variance of the shape of x"""
    q = posterior(x0, xt, t, betas)
    return dict(mean=q["mean"], variance=q["variance"].expand(xt.shape).clone())


@replaces("posterior")
def post_expanded(x0, xt, t, betas):
    """the variance as an expanded view, in an OrderedDict"""
    q = posterior(x0, xt, t, betas)
    out = OrderedDict()
    out["variance"] = q["variance"].expand_as(xt)
    out["mean"] = q["mean"]
    return dict(out)


@replaces("posterior")
def post_last_axis_of_one(x0, xt, t, betas):
    """the variance is as wide as x but on the last axis"""
    q = posterior(x0, xt, t, betas)
    variance = q["variance"].expand(*xt.shape[:-1], 1)
    return {"mean": q["mean"], "variance": variance.contiguous()}


@replaces("posterior")
def post_loop(x0, xt, t, betas):
    """row by row, Python floats"""
    b = betas.tolist()
    means, variances = [], []
    for i, s in enumerate(t.tolist()):
        bar = math.prod(1 - x for x in b[: s + 1])
        prev = math.prod(1 - x for x in b[:s])
        variances.append(b[s] * (1 - prev) / (1 - bar))
        means.append(math.sqrt(prev) * b[s] / (1 - bar) * x0[i] + math.sqrt(1 - b[s]) * (1 - prev) / (1 - bar) * xt[i])
    variance = torch.tensor(variances, dtype=xt.dtype).reshape(-1, *[1] * (xt.dim() - 1))
    return {"mean": torch.stack(means), "variance": variance}


@replaces("posterior")
def post_precision(x0, xt, t, betas):
    """Bayes: precisions of two Gaussians are added"""
    b = betas.double()
    bars = torch.cat([torch.ones(1, dtype=torch.float64), alpha_bars(b)])
    prev, beta = _like(bars[t], xt.double()), _like(b[t], xt.double())
    prior = 1 - prev  # variance of x_{t-1} given x0
    gain = (1 - beta).sqrt() * prior / ((1 - beta) * prior + beta)
    mean = prev.sqrt() * x0 + gain * (xt - (1 - beta).sqrt() * prev.sqrt() * x0)
    return {"mean": mean.to(xt.dtype), "variance": (prior * (1 - gain * (1 - beta).sqrt())).to(xt.dtype)}


@replaces("posterior")
def post_bars_divided(x0, xt, t, betas):
    """ᾱ_{t-1} as ᾱ_t / α_t in float64; exact at t = 0"""
    alpha = 1 - betas.double()
    bar = alpha.cumprod(0)
    prev = bar / alpha
    prev[0] = 1.0
    var = (1 - alpha) * (1 - prev) / (1 - bar)
    c1, c2 = prev.sqrt() * (1 - alpha) / (1 - bar), alpha.sqrt() * (1 - prev) / (1 - bar)
    return {"mean": rows(c1[t], xt) * x0 + rows(c2[t], xt) * xt, "variance": rows(var[t], xt)}


@replaces("posterior")
def post_numpy(x0, xt, t, betas):
    """numpy"""
    b, i = betas.detach().double().numpy(), t.numpy()
    bars = np.concatenate([[1.0], np.cumprod(1 - b)])
    shape = (-1,) + (1,) * (xt.dim() - 1)
    beta, bar, prev = b[i].reshape(shape), bars[i + 1].reshape(shape), bars[i].reshape(shape)
    x0n, xtn = x0.detach().double().numpy(), xt.detach().double().numpy()
    mean = (np.sqrt(prev) * beta * x0n + np.sqrt(1 - beta) * (1 - prev) * xtn) / (1 - bar)
    var = beta * (1 - prev) / (1 - bar)
    return {"variance": torch.from_numpy(var).to(xt.dtype), "mean": torch.from_numpy(mean).to(xt.dtype)}


@replaces("posterior")
def post_masked(x0, xt, t, betas):
    """boolean index for later steps"""
    bars, later = alpha_bars(betas), t > 0
    s = t[later]
    mean, var = x0.detach().clone(), torch.zeros(len(t), dtype=betas.dtype)
    den = 1 - bars[s]
    var[later] = betas[s] * (1 - bars[s - 1]) / den
    x, y = x0[later], xt[later]
    a = bars[s - 1].sqrt() * betas[s] / den
    mean[later] = (rows(a, xt) * x + rows((1 - betas[s]).sqrt() * (1 - bars[s - 1]) / den, xt) * y).detach()
    return {"mean": mean, "variance": rows(var, xt)}


@replaces("posterior")
def post_lerp(x0, xt, t, betas):
    """variances without subtraction from 1: v_t = α_t v_{t-1} + β_t"""
    spread = [0.0]
    for b in betas.double().tolist():
        spread.append((1 - b) * spread[-1] + b)
    spread = torch.tensor(spread, dtype=torch.float64)
    beta, v0, v1 = betas.double()[t], spread[t], spread[t + 1]
    c1 = (1 - v0).sqrt() * beta / v1
    c2 = (1 - beta).sqrt() * v0 / v1
    return {"mean": rows(c1, xt) * x0 + rows(c2, xt) * xt, "variance": rows(beta * v0 / v1, xt)}


@replaces("ddpm_step")
def step_eps_form(xt, t, eps, noise, betas):
    """the mean straight from ε, as in Ho et al., algorithm 2"""
    bars = alpha_bars(betas)
    prev = torch.cat([bars.new_ones(1), bars])[t]
    beta, bar = betas[t], bars[t]
    mean = (xt - rows(beta / (1 - bar).sqrt(), xt) * eps) / rows((1 - beta).sqrt(), xt)
    return mean + rows((beta * (1 - prev) / (1 - bar)).sqrt(), xt) * noise


@replaces("ddpm_step")
def step_masked_noise(xt, t, eps, noise, betas):
    """noise is switched off at t = 0 by a mask"""
    q = posterior(predict_x0(xt, t, eps, betas), xt, t, betas)
    mask = rows(t != 0, xt)
    return q["mean"] + mask * q["variance"].clamp(min=0) ** 0.5 * noise


@replaces("ddpm_step")
def step_where(xt, t, eps, noise, betas):
    """at t = 0 the x0 itself, by torch.where"""
    x0 = predict_x0(xt, t, eps, betas)
    q = posterior(x0, xt, t, betas)
    last = (t == 0).view(-1, *[1] * (xt.dim() - 1))
    return torch.where(last, x0, q["mean"] + q["variance"].sqrt() * noise)


@replaces("ddpm_step")
def step_log_variance(xt, t, eps, noise, betas):
    """the standard deviation from the clipped logarithm of the variance"""
    q = posterior(predict_x0(xt, t, eps, betas), xt, t, betas)
    log_var = q["variance"].double().clamp(min=1e-300).log()
    later = (t > 0).to(xt.dtype).reshape(-1, *[1] * (xt.dim() - 1))
    return q["mean"] + later * torch.exp(0.5 * log_var).to(xt.dtype) * noise


@replaces("ddpm_step")
def step_rows(xt, t, eps, noise, betas):
    """each row on its own"""
    out = []
    for i in range(len(t)):
        x, s = xt[i : i + 1], t[i : i + 1]
        q = posterior(predict_x0(x, s, eps[i : i + 1], betas), x, s, betas)
        row = q["mean"]
        if s.item() > 0:
            row = row + q["variance"].sqrt() * noise[i]
        out.append(row)
    return torch.cat(out)


@replaces("ddpm_step")
def step_double(xt, t, eps, noise, betas):
    """float64 throughout"""
    x, e, n, b = xt.double(), eps.double(), noise.double(), betas.double()
    q = posterior(predict_x0(x, t, e, b), x, t, b)
    return (q["mean"] + q["variance"].sqrt() * n).to(xt.dtype)


@replaces("ddpm_step")
def step_addcmul(xt, t, eps, noise, betas):
    """torch.addcmul"""
    q = posterior(x0=predict_x0(xt=xt, t=t, eps=eps, betas=betas), xt=xt, t=t, betas=betas)
    return torch.addcmul(q["mean"], torch.sqrt(q["variance"]), noise)


@replaces("ddpm_step")
def step_numpy(xt, t, eps, noise, betas):
    """numpy with all coefficients in one table"""
    b = betas.detach().double().numpy()
    a = 1 - b
    bar = np.cumprod(a)
    prev = np.append(1.0, bar[:-1])
    table = np.stack([1 / np.sqrt(a), -b / np.sqrt(1 - bar) / np.sqrt(a), np.sqrt(b * (1 - prev) / (1 - bar))])
    c = torch.from_numpy(table[:, t.numpy()]).reshape(3, -1, *[1] * (xt.dim() - 1))
    return (c[0] * xt.double() + c[1] * eps.double() + c[2] * noise.double()).to(xt.dtype)


@replaces("ddpm_step")
def step_ddim_eta(xt, t, eps, noise, betas):
    """DDIM with η = 1 is DDPM"""
    b = betas.double()
    bars = torch.cat([torch.ones(1, dtype=torch.float64), alpha_bars(b)])
    bar, prev = bars[t + 1], bars[t]
    var = b[t] * (1 - prev) / (1 - bar)
    x0 = predict_x0(xt, t, eps, betas)
    direction = (1 - prev - var).clamp(min=0).sqrt()
    return rows(prev.sqrt(), xt) * x0 + rows(direction, xt) * eps + rows(var.sqrt(), xt) * noise


@replaces("ddim_step")
def ddim_where(xt, t, t_prev, eps, betas):
    """torch.where for -1"""
    bars = alpha_bars(betas)
    bar = torch.where(t_prev >= 0, bars[t_prev.clamp(min=0)], torch.ones((), dtype=bars.dtype))
    x0 = predict_x0(xt, t, eps, betas)
    return rows(bar.sqrt(), xt) * x0 + rows((1 - bar).sqrt(), xt) * eps


@replaces("ddim_step")
def ddim_appended(xt, t, t_prev, eps, betas):
    """a 1 behind the table: index -1 finds it"""
    bars = F.pad(alpha_bars(betas), (0, 1), value=1.0)
    a, b = bars.sqrt(), (1 - bars).sqrt()
    x0 = (xt - rows(b[t], xt) * eps) / rows(a[t], xt)
    return rows(a[t_prev], xt) * x0 + rows(b[t_prev], xt) * eps


@replaces("ddim_step")
def ddim_q_sample(xt, t, t_prev, eps, betas):
    """q_sample of the predicted x0, but not for -1"""
    x0 = predict_x0(xt, t, eps, betas)
    noisy = q_sample(x0, t_prev.clamp(min=0), eps, betas)
    done = (t_prev == -1).reshape(-1, *[1] * (xt.dim() - 1))
    return torch.where(done, x0, noisy)


@replaces("ddim_step")
def ddim_loop(xt, t, t_prev, eps, betas):
    """row by row"""
    bars = [*alpha_bars(betas.double()).tolist(), 1.0]
    out = torch.zeros_like(xt)
    for i, (now, then) in enumerate(zip(t.tolist(), t_prev.tolist())):
        x0 = (xt[i] - math.sqrt(1 - bars[now]) * eps[i]) / math.sqrt(bars[now])
        out[i] = math.sqrt(bars[then]) * x0 + math.sqrt(1 - bars[then]) * eps[i]
    return out


@replaces("ddim_step")
def ddim_ratio(xt, t, t_prev, eps, betas):
    """one factor for x, one for ε"""
    bars = torch.cat([torch.ones(1, dtype=torch.float64), alpha_bars(betas.double())])
    bar, prev = bars[t + 1], bars[t_prev + 1]
    factor = (prev / bar).sqrt()
    return rows(factor, xt) * xt + rows((1 - prev).sqrt() - factor * (1 - bar).sqrt(), xt) * eps


@replaces("ddim_step")
def ddim_scaled(xt, t, t_prev, eps, betas):
    """x/√ᾱ moves along ε by the difference of two sigmas"""
    bars = torch.cat([torch.ones(1, dtype=betas.dtype), alpha_bars(betas)]).double()
    sigma = ((1 - bars) / bars).sqrt()
    scaled = xt / rows(bars[t + 1].sqrt(), xt)
    moved = scaled + rows(sigma[t_prev + 1] - sigma[t + 1], xt) * eps
    return moved * rows(bars[t_prev + 1].sqrt(), xt)


@replaces("ddim_step")
def ddim_rotation(xt, t, t_prev, eps, betas):
    """by v: a rotation by the difference of two angles"""
    bars = torch.cat([torch.ones(1, dtype=torch.float64), alpha_bars(betas.double())])
    angle = torch.acos(bars.sqrt().clamp(max=1))
    now, then = (_like(angle[i + 1], xt.double()) for i in (t, t_prev))
    x, e = xt.double(), eps.double()
    x0 = (x - now.sin() * e) / now.cos()
    v = now.cos() * e - now.sin() * x0
    return ((now - then).cos() * x - (now - then).sin() * v).to(xt.dtype)


@replaces("ddim_step")
def ddim_numpy(xt, t, t_prev, eps, betas):
    """numpy"""
    bars = np.append(np.cumprod(1 - betas.detach().double().numpy()), 1.0)
    pick = lambda i: bars[i.numpy()].reshape(-1, *[1] * (xt.dim() - 1))
    x, e = xt.detach().double().numpy(), eps.detach().double().numpy()
    x0 = (x - np.sqrt(1 - pick(t)) * e) / np.sqrt(pick(t))
    return torch.from_numpy(np.sqrt(pick(t_prev)) * x0 + np.sqrt(1 - pick(t_prev)) * e).to(xt.dtype)


@replaces("ddim_step")
def ddim_grouped(xt, t, t_prev, eps, betas):
    """in-place on own tensors; rows that end at -1 stay x0"""
    x0 = predict_x0(xt, t, eps, betas)
    out = x0.detach().clone()
    on = t_prev.ge(0).nonzero().flatten()
    if on.numel():
        bar = alpha_bars(betas)[t_prev[on]]
        out[on] = (rows(bar.sqrt(), xt) * x0[on] + rows((1 - bar).sqrt(), xt) * eps[on]).detach()
    return out


@replaces("v_target")
def v_q_sample(x0, noise, t, betas):
    """q_sample with noise as picture and -x0 as noise"""
    return q_sample(noise, t, -x0, betas).to(x0.dtype)


@replaces("v_target")
def v_loop(x0, noise, t, betas):
    """row by row"""
    bars = alpha_bars(betas).double()
    pairs = zip(x0, noise, bars[t].tolist())
    return torch.stack([math.sqrt(b) * n - math.sqrt(1 - b) * x for x, n, b in pairs])


@replaces("v_target")
def v_from_xt(x0, noise, t, betas):
    """(√ᾱ x_t - x0) / √(1 - ᾱ) in float64"""
    x, n, b = x0.double(), noise.double(), betas.double()
    bar = alpha_bars(b)[t]
    return ((rows(bar.sqrt(), x) * q_sample(x, t, n, b) - x) / rows((1 - bar).sqrt(), x)).to(x0.dtype)


@replaces("v_target")
def v_einsum(x0, noise, t, betas):
    """einsum"""
    bar = alpha_bars(betas)[t].to(x0.dtype)
    return torch.einsum("b,b...->b...", bar.sqrt(), noise) - torch.einsum("b,b...->b...", (1 - bar).sqrt(), x0)


@replaces("v_target")
def v_flat(x0, noise, t, betas):
    """flattened, numpy"""
    bar = np.cumprod(1 - betas.detach().double().numpy())[t.numpy()][:, None]
    x, n = (z.detach().flatten(1).double().numpy() for z in (x0, noise))
    return torch.from_numpy(bar**0.5 * n - (1 - bar) ** 0.5 * x).to(x0.dtype).unflatten(1, x0.shape[1:])


@replaces("v_target")
def v_broadcast(x0, noise, t, betas):
    """None behind the rows; cast at the end"""
    index = (slice(None),) + (None,) * (x0.ndim - 1)
    bar = alpha_bars(betas)[t][index]
    return torch.sub(bar.sqrt() * noise, (1 - bar).sqrt() * x0).to(x0.dtype)


@replaces("v_target")
def v_derivative(x0, noise, t, betas):
    """v is the derivative of x_t by the angle"""
    angle = torch.acos(alpha_bars(betas.double()).sqrt())[t]
    angle = _like(angle, x0.double())
    return (-angle.sin() * x0.double() + angle.cos() * noise.double()).to(x0.dtype)


@replaces("v_target")
def v_bmm(x0, noise, t, betas):
    """a product of (√ᾱ, -√(1 - ᾱ)) and the stacked rows"""
    bar = alpha_bars(betas)[t]
    c = torch.stack([bar.sqrt(), -(1 - bar).sqrt()], dim=-1).to(x0.dtype).unsqueeze(1)
    stacked = torch.stack([noise.flatten(1), x0.flatten(1)], dim=1)
    return torch.bmm(c, stacked).reshape(x0.shape)


@replaces("v_target")
def v_partial(x0, noise, t, betas):
    """a closure for the look-up"""
    bars = alpha_bars(betas)
    look = functools.partial(torch.index_select, dim=0, index=t)
    signal, spread = look(bars.sqrt()), look((1 - bars).sqrt())
    return rows(signal, x0).mul(noise).sub(rows(spread, x0).mul(x0))

import math

import torch
from torch import Tensor


def linear_betas(steps: int, start: float = 1e-4, end: float = 0.02) -> Tensor:
    return torch.linspace(start, end, steps, dtype=torch.float64)


def cosine_betas(steps: int, s: float = 0.008, max_beta: float = 0.999) -> Tensor:
    u = torch.arange(steps + 1, dtype=torch.float64) / steps
    f = torch.cos(math.pi / 2 * (u + s) / (1 + s)) ** 2
    return (1 - f[1:] / f[:-1]).clamp(max=max_beta)


def alpha_bars(betas: Tensor) -> Tensor:
    return torch.cumprod(1 - betas, dim=0)


def rows(values: Tensor, x: Tensor) -> Tensor:
    """One number for each row of x, in its dtype, with axes of length 1 behind it."""
    return values.to(x.dtype).view(-1, *[1] * (x.dim() - 1))


def q_sample(x0: Tensor, t: Tensor, noise: Tensor, betas: Tensor) -> Tensor:
    bar = alpha_bars(betas)[t]
    return rows(bar.sqrt(), x0) * x0 + rows((1 - bar).sqrt(), x0) * noise


def predict_x0(xt: Tensor, t: Tensor, eps: Tensor, betas: Tensor) -> Tensor:
    bar = alpha_bars(betas)[t]
    return (xt - rows((1 - bar).sqrt(), xt) * eps) / rows(bar.sqrt(), xt)


def posterior(x0: Tensor, xt: Tensor, t: Tensor, betas: Tensor) -> dict[str, Tensor]:
    bars = alpha_bars(betas)
    before = torch.cat([torch.ones_like(bars[:1]), bars[:-1]])[t]
    bar, beta = bars[t], betas[t]
    first = before.sqrt() * beta / (1 - bar)
    second = (1 - beta).sqrt() * (1 - before) / (1 - bar)
    variance = beta * (1 - before) / (1 - bar)
    return {"mean": rows(first, xt) * x0 + rows(second, xt) * xt, "variance": rows(variance, xt)}


def ddpm_step(xt: Tensor, t: Tensor, eps: Tensor, noise: Tensor, betas: Tensor) -> Tensor:
    q = posterior(predict_x0(xt, t, eps, betas), xt, t, betas)
    return q["mean"] + q["variance"].sqrt() * noise


def ddim_step(xt: Tensor, t: Tensor, t_prev: Tensor, eps: Tensor, betas: Tensor) -> Tensor:
    x0 = predict_x0(xt, t, eps, betas)
    bars = torch.cat([torch.ones(1, dtype=betas.dtype), alpha_bars(betas)])
    bar = bars[t_prev + 1]
    return rows(bar.sqrt(), xt) * x0 + rows((1 - bar).sqrt(), xt) * eps


def v_target(x0: Tensor, noise: Tensor, t: Tensor, betas: Tensor) -> Tensor:
    bar = alpha_bars(betas)[t]
    return rows(bar.sqrt(), x0) * noise - rows((1 - bar).sqrt(), x0) * x0

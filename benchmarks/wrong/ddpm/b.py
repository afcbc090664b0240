# TRUE CAUSE: ddpm_step leaves out the noise of the whole batch as soon as one row is at t = 0. Each row has its own
# step, so only the rows at t = 0 are without noise, and the others still need theirs.
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


def _rows(values: Tensor, like: Tensor) -> Tensor:
    """One number for each row, shaped (B, 1, ..., 1)."""
    return values.to(like.dtype).reshape(-1, *[1] * (like.dim() - 1))


def _roots(betas: Tensor, t: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
    bar = alpha_bars(betas.double())[t]
    return _rows(bar.sqrt(), like), _rows((1 - bar).sqrt(), like)


def q_sample(x0: Tensor, t: Tensor, noise: Tensor, betas: Tensor) -> Tensor:
    signal, spread = _roots(betas, t, x0)
    return signal * x0 + spread * noise


def predict_x0(xt: Tensor, t: Tensor, eps: Tensor, betas: Tensor) -> Tensor:
    signal, spread = _roots(betas, t, xt)
    return (xt - spread * eps) / signal


def posterior(x0: Tensor, xt: Tensor, t: Tensor, betas: Tensor) -> dict[str, Tensor]:
    betas = betas.double()
    bars = alpha_bars(betas)
    before = torch.cat([torch.ones_like(bars[:1]), bars[:-1]])
    beta, bar, bar_before = betas[t], bars[t], before[t]
    of_x0 = bar_before.sqrt() * beta / (1 - bar)
    of_xt = (1 - beta).sqrt() * (1 - bar_before) / (1 - bar)
    variance = beta * (1 - bar_before) / (1 - bar)
    return {"mean": _rows(of_x0, xt) * x0 + _rows(of_xt, xt) * xt, "variance": _rows(variance, xt)}


def ddpm_step(xt: Tensor, t: Tensor, eps: Tensor, noise: Tensor, betas: Tensor) -> Tensor:
    x0 = predict_x0(xt, t, eps, betas)
    step = posterior(x0, xt, t, betas)
    if t.min() > 0:
        return step["mean"] + step["variance"].sqrt() * noise
    return step["mean"]


def ddim_step(xt: Tensor, t: Tensor, t_prev: Tensor, eps: Tensor, betas: Tensor) -> Tensor:
    x0 = predict_x0(xt, t, eps, betas)
    bars = alpha_bars(betas.double())
    bars = torch.cat([torch.ones_like(bars[:1]), bars])[t_prev + 1]
    return _rows(bars.sqrt(), xt) * x0 + _rows((1 - bars).sqrt(), xt) * eps


def v_target(x0: Tensor, noise: Tensor, t: Tensor, betas: Tensor) -> Tensor:
    signal, spread = _roots(betas, t, x0)
    return signal * noise - spread * x0

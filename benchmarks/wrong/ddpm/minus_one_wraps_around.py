# TRUE CAUSE: ddim_step indexes ᾱ with t_prev directly; for t_prev = -1 it takes the last entry ᾱ_{T-1} by
# negative indexing in place of ᾱ_{-1} = 1, so the last step does not arrive at x0.
import math

import torch
import torch.nn.functional as F
from torch import Tensor


def linear_betas(steps: int, start: float = 1e-4, end: float = 0.02) -> Tensor:
    return torch.linspace(start, end, steps, dtype=torch.float64)


def cosine_betas(steps: int, s: float = 0.008, max_beta: float = 0.999) -> Tensor:
    u = torch.arange(steps + 1, dtype=torch.float64) / steps
    f = torch.cos(math.pi / 2 * (u + s) / (1 + s)) ** 2
    return (1 - f[1:] / f[:-1]).clamp(max=max_beta)


def alpha_bars(betas: Tensor) -> Tensor:
    return torch.cumprod(1 - betas, dim=0)


def _rows(values: Tensor, t: Tensor, x: Tensor) -> Tensor:
    """values[t] in the dtype of x, one for each row of x."""
    return values[t].to(x.dtype).view(-1, *[1] * (x.ndim - 1))


def q_sample(x0: Tensor, t: Tensor, noise: Tensor, betas: Tensor) -> Tensor:
    bar = alpha_bars(betas)
    return _rows(bar.sqrt(), t, x0) * x0 + _rows((1 - bar).sqrt(), t, x0) * noise


def predict_x0(xt: Tensor, t: Tensor, eps: Tensor, betas: Tensor) -> Tensor:
    bar = alpha_bars(betas)
    return (xt - _rows((1 - bar).sqrt(), t, xt) * eps) / _rows(bar.sqrt(), t, xt)


def posterior(x0: Tensor, xt: Tensor, t: Tensor, betas: Tensor) -> dict[str, Tensor]:
    bar = alpha_bars(betas)
    before = F.pad(bar[:-1], (1, 0), value=1.0)
    from_x0 = before.sqrt() * betas / (1 - bar)
    from_xt = (1 - betas).sqrt() * (1 - before) / (1 - bar)
    variance = betas * (1 - before) / (1 - bar)
    return {
        "mean": _rows(from_x0, t, xt) * x0 + _rows(from_xt, t, xt) * xt,
        "variance": _rows(variance, t, xt),
    }


def ddpm_step(xt: Tensor, t: Tensor, eps: Tensor, noise: Tensor, betas: Tensor) -> Tensor:
    x0 = predict_x0(xt, t, eps, betas)
    post = posterior(x0, xt, t, betas)
    return post["mean"] + post["variance"].sqrt() * noise


def ddim_step(xt: Tensor, t: Tensor, t_prev: Tensor, eps: Tensor, betas: Tensor) -> Tensor:
    x0 = predict_x0(xt, t, eps, betas)
    bar = alpha_bars(betas)
    return _rows(bar.sqrt(), t_prev, xt) * x0 + _rows((1 - bar).sqrt(), t_prev, xt) * eps


def v_target(x0: Tensor, noise: Tensor, t: Tensor, betas: Tensor) -> Tensor:
    bar = alpha_bars(betas)
    return _rows(bar.sqrt(), t, x0) * noise - _rows((1 - bar).sqrt(), t, x0) * x0

# TRUE CAUSE: posterior takes the product of the step before at max(t - 1, 0), so at t = 0 it uses the one of step
# 0; the product before the first step is 1, which makes the variance 0 and the mean x0.
import math

import torch
import torch.nn.functional as F
from torch import Tensor


def _pick(values: Tensor, t: Tensor, x: Tensor) -> Tensor:
    """values[t], shaped (B, 1, ..., 1) and in the dtype of x."""
    return values[t].to(x.dtype).reshape(-1, *[1] * (x.dim() - 1))


def linear_betas(steps: int, start: float = 1e-4, end: float = 0.02) -> Tensor:
    return torch.linspace(start, end, steps, dtype=torch.float64)


def cosine_betas(steps: int, s: float = 0.008, max_beta: float = 0.999) -> Tensor:
    u = torch.arange(steps + 1, dtype=torch.float64) / steps
    f = torch.cos(math.pi / 2 * (u + s) / (1 + s)) ** 2
    return (1 - f[1:] / f[:-1]).clamp(max=max_beta)


def alpha_bars(betas: Tensor) -> Tensor:
    return torch.cumprod(1 - betas, dim=0)


def q_sample(x0: Tensor, t: Tensor, noise: Tensor, betas: Tensor) -> Tensor:
    ab = alpha_bars(betas)
    return _pick(ab.sqrt(), t, x0) * x0 + _pick((1 - ab).sqrt(), t, x0) * noise


def predict_x0(xt: Tensor, t: Tensor, eps: Tensor, betas: Tensor) -> Tensor:
    ab = alpha_bars(betas)
    return (xt - _pick((1 - ab).sqrt(), t, xt) * eps) / _pick(ab.sqrt(), t, xt)


def posterior(x0: Tensor, xt: Tensor, t: Tensor, betas: Tensor) -> dict[str, Tensor]:
    ab = alpha_bars(betas)
    now, before = ab[t], ab[(t - 1).clamp(min=0)]
    beta = betas[t]
    rest = 1 - now
    rows = torch.arange(len(t), device=t.device)
    on_x0 = _pick(before.sqrt() * beta / rest, rows, xt)
    on_xt = _pick((1 - beta).sqrt() * (1 - before) / rest, rows, xt)
    variance = _pick(beta * (1 - before) / rest, rows, xt)
    return {"mean": on_x0 * x0 + on_xt * xt, "variance": variance}


def ddpm_step(xt: Tensor, t: Tensor, eps: Tensor, noise: Tensor, betas: Tensor) -> Tensor:
    x0 = predict_x0(xt, t, eps, betas)
    back = posterior(x0, xt, t, betas)
    return back["mean"] + back["variance"].sqrt() * noise


def ddim_step(xt: Tensor, t: Tensor, t_prev: Tensor, eps: Tensor, betas: Tensor) -> Tensor:
    x0 = predict_x0(xt, t, eps, betas)
    padded = F.pad(alpha_bars(betas), (1, 0), value=1.0)
    return _pick(padded.sqrt(), t_prev + 1, xt) * x0 + _pick((1 - padded).sqrt(), t_prev + 1, xt) * eps


def v_target(x0: Tensor, noise: Tensor, t: Tensor, betas: Tensor) -> Tensor:
    ab = alpha_bars(betas)
    return _pick(ab.sqrt(), t, x0) * noise - _pick((1 - ab).sqrt(), t, x0) * x0

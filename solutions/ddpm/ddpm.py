"""The arithmetic of diffusion: noise schedules, the way to noise, and one step back by DDPM and by DDIM.

In all functions betas is (T,), floating point, each above 0 and below 1, and t is (B,) int64, from 0 to T - 1: one step
for each row of x. x0, xt, noise and eps are floating point (B, ...) with at least one axis after the first.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def linear_betas(steps: int, start: float = 1e-4, end: float = 0.02) -> Tensor:
    """The schedule of DDPM: steps numbers at equal distances, from start to end, both included.

    steps: T >= 2.
    Returns: (T,) float64.

    >>> linear_betas(4, start=0.1, end=0.4)
    tensor([0.1000, 0.2000, 0.3000, 0.4000], dtype=torch.float64)
    """
    return torch.linspace(start, end, steps, dtype=torch.float64)


def cosine_betas(steps: int, s: float = 0.008, max_beta: float = 0.999) -> Tensor:
    """The schedule of Improved DDPM: β_t = min(1 - f((t + 1)/T) / f(t/T), max_beta).

    steps: T >= 2. s: f(u) = cos²(π/2 · (u + s)/(1 + s)).
    Returns: (T,) float64.

    >>> cosine_betas(4)
    tensor([0.1530, 0.4170, 0.7079, 0.9990], dtype=torch.float64)
    """
    u = torch.arange(steps + 1, dtype=torch.float64) / steps  # (T + 1,): 0 ... 1
    f = torch.cos(math.pi / 2 * (u + s) / (1 + s)).square()
    return (1 - f[1:] / f[:-1]).clamp(max=max_beta)


def alpha_bars(betas: Tensor) -> Tensor:
    """ᾱ_t = Π_{s=0…t} (1 - β_s), what is left of the variance of x0 after step t.

    Returns: (T,) in the dtype of betas.

    >>> alpha_bars(torch.tensor([0.1, 0.2, 0.3, 0.4]))
    tensor([0.9000, 0.7200, 0.5040, 0.3024])
    """
    return torch.cumprod(1 - betas, dim=0)


def q_sample(x0: Tensor, t: Tensor, noise: Tensor, betas: Tensor) -> Tensor:
    """x_t, drawn from x0 at once: √ᾱ_t x0 + √(1 - ᾱ_t) noise.

    x0, noise: (B, ...); noise is standard normal. t: (B,).
    Returns: the shape and dtype of x0.

    >>> betas = torch.tensor([0.36, 0.4375])  # ᾱ = 0.64, 0.36
    >>> q_sample(torch.tensor([[2.0], [2.0]]), torch.tensor([0, 1]), torch.tensor([[0.5], [0.5]]), betas)
    tensor([[1.9000],
            [1.6000]])
    """
    a = alpha_bars(betas)  # (T,)
    return _at(a.sqrt(), t, x0) * x0 + _at((1 - a).sqrt(), t, x0) * noise


def predict_x0(xt: Tensor, t: Tensor, eps: Tensor, betas: Tensor) -> Tensor:
    """The x0 from which q_sample makes xt, if eps was its noise. It is not clipped.

    xt, eps: (B, ...). t: (B,).
    Returns: the shape and dtype of xt.

    >>> betas = torch.tensor([0.36, 0.4375])
    >>> x0 = predict_x0(torch.tensor([[1.9], [1.6]]), torch.tensor([0, 1]), torch.tensor([[0.5], [0.5]]), betas)
    >>> x0.round(decimals=3)
    tensor([[2.],
            [2.]])
    """
    a = alpha_bars(betas)  # (T,)
    return (xt - _at((1 - a).sqrt(), t, xt) * eps) / _at(a.sqrt(), t, xt)


def posterior(x0: Tensor, xt: Tensor, t: Tensor, betas: Tensor) -> dict[str, Tensor]:
    """Mean and variance of q(x_{t-1} | x_t, x0), a Gaussian. ᾱ_{-1} is 1, so at t = 0 it is x0 without a doubt.

    x0, xt: (B, ...), of one dtype. t: (B,).
    Returns: {"mean", "variance"} in the dtype of xt. mean has the shape of xt; variance is β̃_t of each row:
        (B, 1, ..., 1) or any shape that broadcasts so against xt; (B,) does not, its numbers meet the last axis.

    >>> betas = torch.tensor([0.36, 0.4375])
    >>> posterior(torch.tensor([[1.6]]), torch.tensor([[0.8]]), torch.tensor([1]), betas)
    {'mean': tensor([[1.2125]]), 'variance': tensor([[0.2461]])}
    """
    a = alpha_bars(betas)  # (T,)
    before = F.pad(a[:-1], (1, 0), value=1.0)  # (T,): ᾱ_{t-1}
    of_x0 = before.sqrt() * betas / (1 - a)
    of_xt = (1 - betas).sqrt() * (1 - before) / (1 - a)
    variance = betas * (1 - before) / (1 - a)
    return {"mean": _at(of_x0, t, xt) * x0 + _at(of_xt, t, xt) * xt, "variance": _at(variance, t, xt)}


def ddpm_step(xt: Tensor, t: Tensor, eps: Tensor, noise: Tensor, betas: Tensor) -> Tensor:
    """x_{t-1}, drawn from the posterior of the x0 that eps predicts: its mean, and noise of its variance.

    xt, eps, noise: (B, ...); noise is standard normal. t: (B,). At t = 0 noise has no effect.
    Returns: the shape and dtype of xt.

    >>> betas = torch.tensor([0.36, 0.4375])
    >>> ddpm_step(torch.tensor([[1.6]]), torch.tensor([1]), torch.tensor([[0.5]]), torch.tensor([[-1.0]]), betas)
    tensor([[1.2727]])
    """
    q = posterior(predict_x0(xt, t, eps, betas), xt, t, betas)
    return q["mean"] + q["variance"].sqrt() * noise


def ddim_step(xt: Tensor, t: Tensor, t_prev: Tensor, eps: Tensor, betas: Tensor) -> Tensor:
    """The x at step t_prev that has the same x0 and the same noise as xt (DDIM with η = 0).

    xt, eps: (B, ...). t: (B,). t_prev: (B,) int64, from -1 to t - 1 in each row; -1 gives x0.
    Returns: the shape and dtype of xt.

    >>> betas = torch.tensor([0.36, 0.4375])
    >>> xt, eps = torch.tensor([[1.6], [1.6]]), torch.tensor([[0.5], [0.5]])
    >>> ddim_step(xt, torch.tensor([1, 1]), torch.tensor([0, -1]), eps, betas)
    tensor([[1.9000],
            [2.0000]])
    """
    a = F.pad(alpha_bars(betas), (1, 0), value=1.0)  # (T + 1,): ᾱ_{-1}, ᾱ_0, ...
    x0 = predict_x0(xt, t, eps, betas)
    return _at(a.sqrt(), t_prev + 1, xt) * x0 + _at((1 - a).sqrt(), t_prev + 1, xt) * eps


def v_target(x0: Tensor, noise: Tensor, t: Tensor, betas: Tensor) -> Tensor:
    """√ᾱ_t noise - √(1 - ᾱ_t) x0, what a network learns that predicts v.

    x0, noise: (B, ...). t: (B,).
    Returns: the shape and dtype of x0.

    >>> v_target(torch.tensor([[2.0]]), torch.tensor([[0.5]]), torch.tensor([0]), torch.tensor([0.36, 0.4375]))
    tensor([[-0.8000]])
    """
    a = alpha_bars(betas)  # (T,)
    return _at(a.sqrt(), t, x0) * noise - _at((1 - a).sqrt(), t, x0) * x0


def _at(values: Tensor, t: Tensor, x: Tensor) -> Tensor:
    """values[t], one number for each row of x: (B, 1, ..., 1)."""
    return values[t].to(x.dtype).view(-1, *[1] * (x.dim() - 1))

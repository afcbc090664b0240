# TRUE CAUSE: takes ᾱ_t and 1 - ᾱ_t themselves for the coefficients of x0 and of the noise, without the square roots:
# x_t = ᾱ_t x0 + (1 - ᾱ_t) noise, consistently in q_sample, predict_x0 (and so ddpm_step), ddim_step and v_target. The
# schedules, alpha_bars and posterior are right.
import math

import torch


def linear_betas(steps, start=1e-4, end=0.02):
    i = torch.arange(steps, dtype=torch.double)
    return start + (end - start) * i / (steps - 1)


def cosine_betas(steps, s=0.008, max_beta=0.999):
    def f(u):
        return math.cos(math.pi / 2 * (u + s) / (1 + s)) ** 2

    b = [min(1 - f((k + 1) / steps) / f(k / steps), max_beta) for k in range(steps)]
    return torch.tensor(b, dtype=torch.float64)


def alpha_bars(betas):
    return (1 - betas).cumprod(0)


def _take(table, t, like):
    shape = [len(t)] + [1] * (like.dim() - 1)
    return table[t].reshape(shape).to(like.dtype)


def _signal_noise(t, like, betas):
    ab = torch.cat([alpha_bars(betas), torch.ones(1, dtype=betas.dtype)])  # index -1 is the clean image
    signal = _take(ab, t, like)
    return signal, 1 - signal


def q_sample(x0, t, noise, betas):
    s, n = _signal_noise(t, x0, betas)
    return s * x0 + n * noise


def predict_x0(xt, t, eps, betas):
    s, n = _signal_noise(t, xt, betas)
    return (xt - n * eps) / s


def posterior(x0, xt, t, betas):
    ab = alpha_bars(betas)
    prev = torch.cat([torch.ones(1, dtype=betas.dtype), ab[:-1]])
    c0 = prev.sqrt() * betas / (1 - ab)
    c1 = (1 - betas).sqrt() * (1 - prev) / (1 - ab)
    var = betas * (1 - prev) / (1 - ab)
    return {"mean": _take(c0, t, xt) * x0 + _take(c1, t, xt) * xt, "variance": _take(var, t, xt)}


def ddpm_step(xt, t, eps, noise, betas):
    p = posterior(predict_x0(xt, t, eps, betas), xt, t, betas)
    return p["mean"] + torch.sqrt(p["variance"]) * noise


def ddim_step(xt, t, t_prev, eps, betas):
    s, n = _signal_noise(t_prev, xt, betas)
    return s * predict_x0(xt, t, eps, betas) + n * eps


def v_target(x0, noise, t, betas):
    s, n = _signal_noise(t, x0, betas)
    return s * noise - n * x0

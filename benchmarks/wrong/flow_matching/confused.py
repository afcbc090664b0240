# TRUE CAUSE: lets time run the other way round, from 0 = noise to 1 = data, as Lipman et al. and many programs do: flow_pair,
# the velocity (x0 - noise), flow_loss and gaussian_velocity all follow that convention, and so does sample. shift_time is as
# in the statement.
import math

import torch


def _expand(t, x):
    return t.to(x.dtype).reshape([-1] + [1] * (x.dim() - 1))


def flow_pair(x0, noise, t):
    tt = _expand(t, x0)
    return torch.lerp(noise, x0, tt.expand_as(x0)), x0 - noise


def flow_loss(prediction, x0, noise, t, mean=0.0, std=1.0):
    target = x0 - noise
    per_row = (prediction - target).square().reshape(len(t), -1).mean(-1)
    lt = torch.logit(t.to(torch.float64))
    normal = torch.exp(-0.5 * ((lt - mean) / std) ** 2) / (std * math.sqrt(2 * math.pi))
    w = normal / (t.double() * (1 - t.double()))
    return torch.mean(w.to(per_row.dtype) * per_row)


def shift_time(t, shift):
    return t * shift / (t * (shift - 1) + 1)


def gaussian_velocity(xt, t, mean, var):
    a = _expand(t, xt)  # how much of the data is in xt
    b = 1 - a
    centred = xt - a * mean
    v_total = a**2 * var + b**2
    return mean + (a * var - b) / v_total * centred


def sample(noise, mean, var, times, method="euler"):
    if method != "euler" and method != "heun":
        raise ValueError(method)
    x = noise.clone()
    for t0, t1 in zip(times, times[1:]):
        h = t1 - t0
        ones = torch.ones(x.size(0), dtype=x.dtype)
        k1 = gaussian_velocity(x, t0 * ones, mean, var)
        if method == "euler":
            x = x + h * k1
        else:
            k2 = gaussian_velocity(x + h * k1, t1 * ones, mean, var)
            x = x + h * (k1 + k2) / 2
    return x

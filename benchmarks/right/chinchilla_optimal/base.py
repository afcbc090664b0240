import math
from collections.abc import Mapping

import torch
from torch import Tensor


def predicted_loss(n: float, d: float, coef: Mapping[str, float]) -> float:
    return coef["E"] + coef["A"] / n ** coef["alpha"] + coef["B"] / d ** coef["beta"]


def compute_optimal(flops: float, coef: Mapping[str, float]) -> dict[str, float]:
    alpha, beta = coef["alpha"], coef["beta"]
    g = (alpha * coef["A"] / (beta * coef["B"])) ** (1 / (alpha + beta))
    n = g * (flops / 6) ** (beta / (alpha + beta))
    d = (flops / 6) ** (alpha / (alpha + beta)) / g
    return {"n": n, "d": d, "tokens_per_param": d / n, "loss": predicted_loss(n, d, coef)}


def isoflop_optimum(n_params: Tensor, loss: Tensor) -> float:
    x = n_params.log()
    center = x.mean()
    x = x - center
    design = torch.stack([x**2, x, torch.ones_like(x)], dim=1)
    a, b, _ = torch.linalg.lstsq(design, loss[:, None]).solution.flatten().tolist()
    if a <= 0:
        raise ValueError("the parabola opens downwards")
    return math.exp(center.item() - b / (2 * a))


def power_law_fit(x: Tensor, y: Tensor) -> dict[str, float]:
    lx, ly = x.log(), y.log()
    dx = lx - lx.mean()
    e = (dx * (ly - ly.mean())).sum() / (dx * dx).sum()
    return {"exponent": e.item(), "coefficient": (ly.mean() - e * lx.mean()).exp().item()}


def lifetime_optimal(target_loss: float, inference_tokens: float, coef: Mapping[str, float]) -> dict[str, float]:
    gap = target_loss - coef["E"]
    if gap <= 0:
        raise ValueError("no model reaches this loss")
    alpha, beta = coef["alpha"], coef["beta"]

    def point(log_r):  # r: the share of the gap that the tokens leave
        r = math.exp(log_r)
        n = (coef["A"] / (gap * (1 - r))) ** (1 / alpha)
        d = (coef["B"] / (gap * r)) ** (1 / beta)
        return n, d

    lo, hi = math.log(1e-18), math.log(alpha / (alpha + beta))
    for _ in range(200):
        mid = (lo + hi) / 2
        r = math.exp(mid)
        _, d = point(mid)
        if d * (alpha / beta * (1 - r) / r - 1) > inference_tokens / 3:
            lo = mid
        else:
            hi = mid
    n, d = point((lo + hi) / 2)
    return {"n": n, "d": d, "flops": 6 * n * d + 2 * n * inference_tokens}

# TRUE CAUSE: isoflop_optimum limits the minimum to the range of the sizes that were trained; the statement wants the
# vertex of the parabola wherever it lies, also left or right of all given sizes.
import math
from collections.abc import Mapping

import torch
from torch import Tensor


def predicted_loss(n: float, d: float, coef: Mapping[str, float]) -> float:
    return coef["E"] + coef["A"] / n ** coef["alpha"] + coef["B"] / d ** coef["beta"]


def compute_optimal(flops: float, coef: Mapping[str, float]) -> dict[str, float]:
    alpha, beta = coef["alpha"], coef["beta"]
    total = alpha + beta
    g = (alpha * coef["A"] / (beta * coef["B"])) ** (1 / total)
    n = g * (flops / 6) ** (beta / total)
    d = (flops / 6) ** (alpha / total) / g
    return {"n": n, "d": d, "tokens_per_param": d / n, "loss": predicted_loss(n, d, coef)}


def isoflop_optimum(n_params: Tensor, loss: Tensor) -> float:
    x = n_params.double().log()
    center = x.mean()
    x = x - center
    design = torch.stack([torch.ones_like(x), x, x * x], dim=1)
    c = torch.linalg.lstsq(design, loss.double()[:, None]).solution[:, 0]
    if c[2] <= 0:
        raise ValueError("the parabola opens downwards")
    best = center - c[1] / (2 * c[2])
    best = best.clamp(n_params.log().min(), n_params.log().max())
    return best.exp().item()


def power_law_fit(x: Tensor, y: Tensor) -> dict[str, float]:
    lx, ly = x.double().log(), y.double().log()
    dx, dy = lx - lx.mean(), ly - ly.mean()
    exponent = (dx * dy).sum() / (dx * dx).sum()
    coefficient = (ly.mean() - exponent * lx.mean()).exp()
    return {"exponent": exponent.item(), "coefficient": coefficient.item()}


def lifetime_optimal(target_loss: float, inference_tokens: float, coef: Mapping[str, float]) -> dict[str, float]:
    gap = target_loss - coef["E"]
    if gap <= 0:
        raise ValueError("no model reaches this loss")
    alpha, beta = coef["alpha"], coef["beta"]
    log_smallest = math.log(coef["A"] / gap) / alpha  # with unlimited tokens

    def tokens(log_n: float) -> float:
        rest = gap - coef["A"] * math.exp(-alpha * log_n)
        return math.inf if rest <= 0 else (coef["B"] / rest) ** (1 / beta)

    def cost(log_n: float) -> float:
        n = math.exp(log_n)
        return 6 * n * tokens(log_n) + 2 * n * inference_tokens

    # golden section over ln N; the cost is infinite on the left and grows on the right
    lo, hi = log_smallest, log_smallest + 30.0
    ratio = (math.sqrt(5) - 1) / 2
    for _ in range(200):
        a, b = hi - ratio * (hi - lo), lo + ratio * (hi - lo)
        if cost(a) <= cost(b):
            hi = b
        else:
            lo = a
    log_n = (lo + hi) / 2
    return {"n": math.exp(log_n), "d": tokens(log_n), "flops": cost(log_n)}

# TRUE CAUSE: power_law_fit regresses ln x on ln y and inverts the line, so it minimises the squared errors of ln x.
# The statement asks for least squares of ln y in ln x; the two agree only where the points lie exactly on the line.
"""How to split a budget of FLOPs between parameters and tokens."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor


def predicted_loss(n: float, d: float, coef: Mapping[str, float]) -> float:
    return coef["E"] + coef["A"] / n ** coef["alpha"] + coef["B"] / d ** coef["beta"]


def compute_optimal(flops: float, coef: Mapping[str, float]) -> dict[str, float]:
    alpha, beta = coef["alpha"], coef["beta"]
    both = alpha + beta
    G = (alpha * coef["A"] / (beta * coef["B"])) ** (1 / both)
    n = G * (flops / 6) ** (beta / both)
    d = (flops / 6) ** (alpha / both) / G
    return {"n": n, "d": d, "tokens_per_param": d / n, "loss": predicted_loss(n, d, coef)}


def isoflop_optimum(n_params: Tensor, loss: Tensor) -> float:
    x = n_params.log()
    center = x.mean()
    x = x - center
    columns = torch.stack([x**2, x, torch.ones_like(x)], dim=1)
    a, b, _ = torch.linalg.lstsq(columns, loss[:, None]).solution[:, 0].tolist()
    if a <= 0:
        raise ValueError("the parabola opens downwards")
    return math.exp(center.item() - b / (2 * a))


def power_law_fit(x: Tensor, y: Tensor) -> dict[str, float]:
    u, v = x.log(), y.log()
    du, dv = u - u.mean(), v - v.mean()
    slope = (du * dv).sum() / (dv * dv).sum()
    exponent = 1 / slope
    intercept = v.mean() - exponent * u.mean()
    return {"exponent": exponent.item(), "coefficient": intercept.exp().item()}


def lifetime_optimal(target_loss: float, inference_tokens: float, coef: Mapping[str, float]) -> dict[str, float]:
    above = target_loss - coef["E"]
    if above <= 0:
        raise ValueError("no model reaches this loss")

    def model(share):  # share of the reducible loss that is left to the parameters
        n = (coef["A"] / (share * above)) ** (1 / coef["alpha"])
        d = (coef["B"] / ((1 - share) * above)) ** (1 / coef["beta"])
        return n, d, 6 * n * d + 2 * n * inference_tokens

    low, high = 1e-9, 1 - 1e-9
    for _ in range(300):
        left, right = low + (high - low) / 3, high - (high - low) / 3
        if model(left)[2] < model(right)[2]:
            high = right
        else:
            low = left
    n, d, flops = model((low + high) / 2)
    return {"n": n, "d": d, "flops": flops}

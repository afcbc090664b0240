# TRUE CAUSE: (1) compute_optimal swaps numerator and denominator within G: beta B / (alpha A) in place of
# alpha A / (beta B). (2) lifetime_optimal finds the model that is cheapest to train alone: the inference tokens are not
# in what is minimised, only in the returned flops.
import math
from collections.abc import Mapping

import torch
from torch import Tensor


def predicted_loss(n: float, d: float, coef: Mapping[str, float]) -> float:
    return coef["E"] + coef["A"] / n ** coef["alpha"] + coef["B"] / d ** coef["beta"]


def compute_optimal(flops: float, coef: Mapping[str, float]) -> dict[str, float]:
    alpha, beta = coef["alpha"], coef["beta"]
    g = (beta * coef["B"] / (alpha * coef["A"])) ** (1 / (alpha + beta))
    n = g * (flops / 6) ** (beta / (alpha + beta))
    d = (flops / 6) ** (alpha / (alpha + beta)) / g
    return {"n": n, "d": d, "tokens_per_param": d / n, "loss": predicted_loss(n, d, coef)}


def _polyfit(x: Tensor, y: Tensor, degree: int) -> list[float]:
    """Coefficients, the constant first, of a polynomial in x - mean(x)."""
    powers = torch.stack([(x - x.mean()) ** i for i in range(degree + 1)], dim=1)
    return torch.linalg.lstsq(powers, y[:, None]).solution[:, 0].tolist()


def isoflop_optimum(n_params: Tensor, loss: Tensor) -> float:
    x = n_params.log()
    _, b, c = _polyfit(x, loss, 2)
    if c <= 0:
        raise ValueError("the parabola opens downwards")
    return math.exp(x.mean().item() - b / (2 * c))


def power_law_fit(x: Tensor, y: Tensor) -> dict[str, float]:
    u, v = x.log(), y.log()
    const, slope = _polyfit(u, v, 1)
    return {"exponent": slope, "coefficient": math.exp(const - slope * u.mean().item())}


def lifetime_optimal(target_loss: float, inference_tokens: float, coef: Mapping[str, float]) -> dict[str, float]:
    if target_loss <= coef["E"]:
        raise ValueError("no model reaches this loss")
    room = target_loss - coef["E"]

    def tokens(share: float) -> float:  # the share of the room that is left to the tokens
        return (coef["B"] / (room * share)) ** (1 / coef["beta"])

    def params(share: float) -> float:
        return (coef["A"] / (room * (1 - share))) ** (1 / coef["alpha"])

    def cost(share: float) -> float:
        return math.log(params(share)) + math.log(6 * tokens(share))

    # the share as a logistic function of z; golden section over z
    def sigmoid(z: float) -> float:
        return 1 / (1 + math.exp(-z))

    low, high = -30.0, 30.0
    ratio = (math.sqrt(5) - 1) / 2
    for _ in range(120):
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        if cost(sigmoid(left)) < cost(sigmoid(right)):
            high = right
        else:
            low = left
    share = sigmoid((low + high) / 2)
    n, d = params(share), tokens(share)
    return {"n": n, "d": d, "flops": 6 * n * d + 2 * n * inference_tokens}

"""Right solutions in other styles. None of them may lose a point."""

import math
from collections import namedtuple

import numpy as np
import torch
from chinchilla_optimal import compute_optimal, predicted_loss

from grader.testing import replaces

Coefficients = namedtuple("Coefficients", ["E", "A", "B", "alpha", "beta"])


@replaces("predicted_loss")
def in_logarithms(n, d, coef):
    """a sum of three exponentials"""
    c = Coefficients(**coef)
    logs = [math.log(c.E), math.log(c.A) - c.alpha * math.log(n), math.log(c.B) - c.beta * math.log(d)]
    return torch.logsumexp(torch.tensor(logs, dtype=torch.float64), dim=0).exp().item()


@replaces("predicted_loss")
def powers(n, d, coef):
    """negative exponents"""
    return coef["E"] + coef["A"] * n ** -coef["alpha"] + coef["B"] * math.pow(d, -coef["beta"])


@replaces("compute_optimal")
def from_the_slope(flops, coef):
    """N from the condition that both terms gain the same, and D from the budget"""
    c = Coefficients(**coef)
    log_n = math.log(c.alpha * c.A / (c.beta * c.B)) + c.beta * math.log(flops / 6)
    n = math.exp(log_n / (c.alpha + c.beta))
    d = flops / (6 * n)
    return {"loss": predicted_loss(n, d, coef), "tokens_per_param": d / n, "d": d, "n": n}


@replaces("compute_optimal")
def by_bisection(flops, coef):
    """no closed form: bisection of the slope in ln N"""
    c, budget = Coefficients(**coef), flops / 6
    low, high = -50.0, 150.0
    for _ in range(200):
        x = (low + high) / 2
        falls = c.alpha * c.A / math.exp(c.alpha * x) > c.beta * c.B * math.exp(c.beta * x) / budget**c.beta
        low, high = (x, high) if falls else (low, x)
    n = math.exp(low)
    return {"n": n, "d": budget / n, "tokens_per_param": budget / n**2, "loss": predicted_loss(n, budget / n, coef)}


@replaces("isoflop_optimum")
def polyfit(n_params, loss):
    """numpy.polyfit, and NumPy's own numbers"""
    p, q, _ = np.polyfit(np.log(n_params.numpy()), loss.numpy(), 2)
    if p <= 0:
        raise ValueError("no minimum")
    return float(np.exp(-q / p / 2))


@replaces("isoflop_optimum")
def normal_equations(n_params, loss):
    """normal equations in powers of the decimal logarithm, as it comes"""
    if len(n_params) != len(loss) or len(loss) < 3:
        raise ValueError("not three pairs")
    x = torch.log10(n_params)
    columns = torch.vander(x, 3)
    p, q, _ = torch.linalg.solve(columns.T @ columns, columns.T @ loss)
    if not p > 0:
        raise ValueError("no minimum")
    return 10 ** (-q / (2 * p)).item()


@replaces("isoflop_optimum")
def orthogonal(n_params, loss):
    """three orthogonal polynomials, each fitted on its own"""
    x, y = [math.log(n) for n in n_params.tolist()], loss.tolist()
    m = sum(x) / len(x)
    x = [a - m for a in x]
    second = sum(a * a for a in x) / len(x)
    third = sum(a**3 for a in x) / sum(a * a for a in x)
    slope = sum(a * b for a, b in zip(x, y, strict=True)) / sum(a * a for a in x)
    square = [a * a - third * a - second for a in x]
    p = sum(a * b for a, b in zip(square, y, strict=True)) / sum(a * a for a in square)
    if p <= 0:
        raise ValueError("no minimum")
    return math.exp(m + third / 2 - slope / (2 * p))


@replaces("power_law_fit")
def polyfit_of_logarithms(x, y):
    """numpy.polyfit"""
    exponent, height = np.polyfit(np.log(x.numpy()), np.log(y.numpy()), 1).tolist()
    return {"coefficient": math.exp(height), "exponent": exponent}


@replaces("power_law_fit")
def least_squares(x, y):
    """torch.linalg.lstsq with decimal logarithms"""
    columns = torch.stack([torch.ones_like(x), x.log10()], dim=-1)
    height, exponent = torch.linalg.lstsq(columns, y.log10().unsqueeze(-1)).solution.flatten().tolist()
    return {"exponent": exponent, "coefficient": 10**height}


@replaces("lifetime_optimal")
def by_the_slope(target_loss, inference_tokens, coef):
    """bisection of the slope of the total in ln N"""
    c = Coefficients(**coef)
    if target_loss <= c.E:
        raise ValueError("out of reach")
    rest = target_loss - c.E

    def tokens(n):
        return (c.B / (rest - c.A / n**c.alpha)) ** (1 / c.beta)

    low, high = math.log(c.A / rest) / c.alpha, 100.0
    for _ in range(200):
        x = (low + high) / 2
        u = c.A * math.exp(-c.alpha * x)
        if rest - u <= 0:
            low = x
            continue
        d = (c.B / (rest - u)) ** (1 / c.beta)
        rises = 6 * d * (1 - c.alpha * u / (c.beta * (rest - u))) + 2 * inference_tokens > 0
        low, high = (low, x) if rises else (x, high)
    n = math.exp(high)
    return {"n": n, "d": tokens(n), "flops": n * (6 * tokens(n) + 2 * inference_tokens)}


@replaces("lifetime_optimal")
def two_grids(target_loss, inference_tokens, coef):
    """a grid over ln N, and three finer ones around its best point, in NumPy"""
    c = Coefficients(**coef)
    rest = target_loss - c.E
    if not rest > 0:
        raise ValueError("out of reach")
    low, high = 5.0, 60.0
    for _ in range(4):
        n = np.exp(np.linspace(low, high, 400))
        left = rest - c.A / n**c.alpha
        d = np.where(left > 0, c.B / np.where(left > 0, left, 1.0), np.inf) ** (1 / c.beta)
        total = 6 * n * d + 2 * n * inference_tokens
        i = int(np.argmin(total))
        low, high = math.log(n[max(i - 1, 0)]), math.log(n[min(i + 1, 399)])
    return {"n": float(n[i]), "d": float(d[i]), "flops": float(total[i])}


@replaces("lifetime_optimal")
def golden_section(target_loss, inference_tokens, coef):
    """golden section over the part of the loss that the size accounts for"""
    rest = target_loss - coef["E"]
    if rest <= 0:
        raise ValueError("out of reach")

    def life(share):
        n = (coef["A"] / (share * rest)) ** (1 / coef["alpha"])
        d = (coef["B"] / ((1 - share) * rest)) ** (1 / coef["beta"])
        return 6 * n * d + 2 * n * inference_tokens, n, d

    ratio = (math.sqrt(5) - 1) / 2
    a, b = 1e-6, 1 - 1e-6
    c, d = b - ratio * (b - a), a + ratio * (b - a)
    while b - a > 1e-10:
        if life(c)[0] < life(d)[0]:
            b, d = d, c
            c = b - ratio * (b - a)
        else:
            a, c = c, d
            d = a + ratio * (b - a)
    flops, n, tokens = life((a + b) / 2)
    return {"n": n, "d": tokens, "flops": flops}


@replaces("lifetime_optimal")
def from_above(target_loss, inference_tokens, coef):
    """walks down from the best size without inference, in steps that shrink"""
    if target_loss - coef["E"] <= 0:
        raise ValueError("out of reach")
    flops = 1.0
    while compute_optimal(flops, coef)["loss"] > target_loss:
        flops *= 2
    low, high = math.log(flops / 2), math.log(flops)
    for _ in range(100):
        middle = (low + high) / 2
        if compute_optimal(math.exp(middle), coef)["loss"] > target_loss:
            low = middle
        else:
            high = middle
    x = math.log(compute_optimal(math.exp(high), coef)["n"])

    def tokens(x):
        left = target_loss - coef["E"] - coef["A"] / math.exp(x) ** coef["alpha"]
        return (coef["B"] / left) ** (1 / coef["beta"]) if left > 0 else math.inf

    def total(x):
        return 2 * math.exp(x) * (3 * tokens(x) + inference_tokens)

    step = 0.5
    while step > 1e-9:
        if total(x - step) < total(x):
            x -= step
        elif total(x + step) < total(x):
            x += step
        else:
            step /= 2
    return {"n": math.exp(x), "d": tokens(x), "flops": total(x)}

# TRUE CAUSE: takes the loss law for one of the budget per single FLOP, C = N * D: the factor 6 of C = 6 N D (and the 2
# of inference in proportion, counted as 1/3 of training) is left out in compute_optimal, and lifetime_optimal minimises
# and returns N D + N D_inf / 3, a sixth of the FLOPs.
import math

import torch


def predicted_loss(n, d, coef):
    return coef["E"] + coef["A"] * n ** -coef["alpha"] + coef["B"] * d ** -coef["beta"]


def compute_optimal(flops, coef):
    al, be = coef["alpha"], coef["beta"]
    G = (al * coef["A"] / be / coef["B"]) ** (1 / (al + be))
    N = G * flops ** (be / (al + be))
    D = flops / N
    return dict(n=N, d=D, tokens_per_param=D / N, loss=predicted_loss(N, D, coef))


def isoflop_optimum(n_params, loss):
    ln = torch.log(n_params)
    z = (ln - ln.mean()) / ln.std()
    X = torch.stack([z**2, z, torch.ones_like(z)], dim=1)
    p, q, _ = torch.linalg.lstsq(X, loss.unsqueeze(1)).solution.flatten()
    if p < 0:
        raise ValueError("maximum, not minimum")
    return float(torch.exp(ln.mean() - ln.std() * q / (2 * p)))


def power_law_fit(x, y):
    lx, ly = torch.log(x), torch.log(y)
    dx = lx - lx.mean()
    e = float((dx * ly).sum() / (dx * dx).sum())
    return {"exponent": e, "coefficient": math.exp(float(ly.mean()) - e * float(lx.mean()))}


def lifetime_optimal(target_loss, inference_tokens, coef):
    left = target_loss - coef["E"]
    if left <= 0:
        raise ValueError("below the irreducible loss")
    n_min = (coef["A"] / left) ** (1 / coef["alpha"])

    def rest(n):
        return (coef["B"] / (left - coef["A"] * n ** -coef["alpha"])) ** (1 / coef["beta"])

    def total(n):
        # running the model is a third of training it, per token
        return n * rest(n) + n * inference_tokens / 3

    # ternary search over ln(n / n_min)
    lo, hi = 1e-6, 40.0
    for _ in range(300):
        m1, m2 = lo + (hi - lo) / 3, hi - (hi - lo) / 3
        if total(n_min * math.exp(m1)) < total(n_min * math.exp(m2)):
            hi = m2
        else:
            lo = m1
    n = n_min * math.exp((lo + hi) / 2)
    return {"n": n, "d": rest(n), "flops": total(n)}

"""The loss law of Chinchilla, fitted to points."""

import math

import torch
from torch import Tensor


def log_prediction(theta, n, d):
    e, a, b, alpha, beta = theta
    terms = torch.stack([a - alpha * n.log(), b - beta * d.log(), e.expand(n.shape)])
    return torch.logsumexp(terms, dim=0)


def huber_objective(theta, n, d, loss, delta=1e-3):
    r = log_prediction(theta, n, d) - loss.log()
    size = r.abs()
    return torch.where(size <= delta, r.square() / 2, delta * (size - delta / 2)).sum()


def fit_loss_law(n, d, loss, inits, delta=1e-3, max_iter=500):
    best = None
    for start in inits:
        theta = start.detach().clone().requires_grad_()
        if not math.isfinite(huber_objective(theta, n, d, loss, delta).item()):
            continue
        optimizer = torch.optim.LBFGS(
            [theta], max_iter=max_iter, max_eval=2 * max_iter, tolerance_grad=0, tolerance_change=1e-14, history_size=50, line_search_fn="strong_wolfe"
        )

        def closure():
            optimizer.zero_grad()
            value = huber_objective(theta, n, d, loss, delta) * 1e4
            value.backward()
            return value

        optimizer.step(closure)
        value = huber_objective(theta, n, d, loss, delta).item()
        if math.isfinite(value) and (best is None or value < best[0]):
            best = value, theta.detach()
    if best is None:
        raise ValueError("no start is left")
    E, A, B = best[1][:3].exp().tolist()
    alpha, beta = best[1][3:].tolist()
    return {"E": E, "A": A, "B": B, "alpha": alpha, "beta": beta, "objective": best[0]}

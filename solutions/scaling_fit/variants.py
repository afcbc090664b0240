"""Right solutions in other styles. None of them may lose a point."""

import math
from collections import OrderedDict

import numpy as np
import torch
import torch.nn.functional as F
from scaling_fit import huber_objective, log_prediction
from torch import Tensor

from grader.testing import replaces


@replaces("log_prediction")
def pair_by_pair(theta: Tensor, n: Tensor, d: Tensor) -> Tensor:
    """logaddexp, twice"""
    first, second = theta[1] - theta[3] * torch.log(n), theta[2] - theta[4] * torch.log(d)
    return torch.logaddexp(theta[0], torch.logaddexp(first, second))


@replaces("log_prediction")
def as_a_product(theta: Tensor, n: Tensor, d: Tensor) -> Tensor:
    """a matrix of 1, ln N, ln D times theta; the largest term out by hand"""
    zero, one = torch.zeros_like(n), torch.ones_like(n)
    design = torch.stack([
        torch.stack([one, zero, zero, zero, zero], dim=-1),
        torch.stack([zero, one, zero, -n.log(), zero], dim=-1),
        torch.stack([zero, zero, one, zero, -d.log()], dim=-1),
    ])  # fmt: skip
    terms = torch.einsum("kpt,t->pk", design, theta)
    top = terms.detach().amax(dim=-1)
    return top + torch.log(torch.exp(terms - top[:, None]) @ torch.ones(3, dtype=theta.dtype))


class Law(torch.autograd.Function):
    @staticmethod
    def forward(ctx, theta, n, d):
        e, a, b, alpha, beta = (float(v) for v in theta.detach())
        x, y = np.log(n.numpy()), np.log(d.numpy())
        terms = np.stack([np.full_like(x, e), a - alpha * x, b - beta * y])
        value = np.logaddexp.reduce(terms)
        shares = np.exp(terms - value)
        ctx.J = torch.from_numpy(np.stack([*shares, -shares[1] * x, -shares[2] * y]))
        return torch.from_numpy(value)

    @staticmethod
    def backward(ctx, g):
        return ctx.J @ g, None, None


@replaces("log_prediction")
def own_backward(theta, n, d):
    """NumPy, with the derivative by hand"""
    return Law.apply(theta, n, d)


@replaces("huber_objective")
def torchs_huber(theta, n, d, loss, delta=1e-3):
    """F.huber_loss"""
    return F.huber_loss(log_prediction(theta, n, d), loss.log(), reduction="sum", delta=delta)


@replaces("huber_objective")
def clipped(theta, n, d, loss, delta=1e-3):
    """c (|r| - c / 2) with c = min(|r|, delta), as a dot product"""
    r = (loss.log() - log_prediction(theta, n, d)).abs()
    c = r.clamp(max=delta)
    return torch.dot(c, r - 0.5 * c)


@replaces("huber_objective")
def one_point_at_a_time(theta, n, d, loss, delta=1e-3):
    """a loop, with the square of a small residual or the line of a large one"""
    total = theta.sum() * 0
    for i in range(len(n)):
        r = log_prediction(theta, n[i : i + 1], d[i : i + 1])[0] - math.log(loss[i])
        total = total + (r * r / 2 if abs(r) < delta else delta * r.abs() - delta**2 / 2)
    return total


def as_law(theta, objective: float) -> dict[str, float]:
    e, a, b, alpha, beta = (float(v) for v in theta)
    return {"alpha": alpha, "beta": beta, "E": math.exp(e), "A": math.exp(a), "B": math.exp(b), "objective": objective}


@replaces("fit_loss_law")
def tight_tolerances(n, d, loss, inits, delta=1e-3, max_iter=500):
    """the sum as it is, and tolerances that never end the search early"""
    fits = []
    for init in inits:
        if not huber_objective(init, n, d, loss, delta).isfinite():
            continue
        theta = torch.nn.Parameter(init.clone())
        optimizer = torch.optim.LBFGS(
            [theta],
            max_iter=max_iter,
            max_eval=2 * max_iter,
            tolerance_grad=1e-14,
            tolerance_change=1e-16,
            line_search_fn="strong_wolfe",
        )

        def closure(theta=theta, optimizer=optimizer):
            optimizer.zero_grad()
            objective = huber_objective(theta, n, d, loss, delta)
            objective.backward()
            return objective

        optimizer.step(closure)
        with torch.no_grad():
            fits.append(as_law(theta, float(huber_objective(theta, n, d, loss, delta))))
    fits = [fit for fit in fits if fit["objective"] < math.inf]
    if not fits:
        raise ValueError("no finite start")
    return min(fits, key=lambda fit: fit["objective"])


@replaces("fit_loss_law")
def centred(n, d, loss, inits, delta=1e-3, max_iter=500):
    """other coordinates: the sizes of the terms at the middle of the points, so that the valley is round; short runs of
    L-BFGS until nothing changes"""
    x, y = n.log().mean(), d.log().mean()
    back = torch.eye(5, dtype=n.dtype)
    back[1, 3], back[2, 4] = x, y
    best = {"objective": float("inf")}
    for init in inits:
        z = torch.linalg.solve(back, init)
        z = z.requires_grad_()
        optimizer = torch.optim.LBFGS([z], max_iter=10, line_search_fn="strong_wolfe")

        def closure(z=z, optimizer=optimizer):
            optimizer.zero_grad()
            r = (log_prediction(back @ z, n, d) - loss.log()) / delta
            value = F.huber_loss(r, torch.zeros_like(r), reduction="sum")
            value.backward()
            return value

        before = math.inf
        for _ in range(max_iter // 10):
            value = optimizer.step(closure).item()
            if not value < before:
                break
            before = value
        theta = back @ z.detach()
        objective = huber_objective(theta, n, d, loss, delta).item()
        if objective < best["objective"]:
            best = as_law(theta, objective)
    if best["objective"] == float("inf"):
        raise ValueError("inits")
    return best


@replaces("fit_loss_law")
def levenberg_marquardt(n, d, loss, inits, delta=1e-3, max_iter=500):
    """no gradient: least squares with points weighted down, damped; NumPy"""
    x, y, target = n.log().numpy(), d.log().numpy(), loss.log().numpy()

    def shares_and_residuals(theta):
        terms = np.stack([np.full_like(x, theta[0]), theta[1] - theta[3] * x, theta[2] - theta[4] * y])
        logs = np.logaddexp.reduce(terms)
        return np.exp(terms - logs), logs - target

    def objective(theta):
        r = np.abs(shares_and_residuals(theta)[1])
        c = np.minimum(r, delta)
        return float((c * (r - c / 2)).sum())

    ends = []
    for theta in inits.numpy():
        lowest, damping, quiet = objective(theta), 1e-3, 0
        if not np.isfinite(lowest):
            continue
        for _ in range(max_iter):
            shares, r = shares_and_residuals(theta)
            J = np.stack([*shares, -shares[1] * x, -shares[2] * y], axis=1)
            w = np.minimum(1.0, delta / np.maximum(np.abs(r), 1e-300))
            H, g = (w[:, None] * J).T @ J, (w * r) @ J
            step = np.linalg.lstsq(H + damping * np.diag(np.diag(H) + 1e-30), -g, rcond=None)[0]
            trial = objective(theta + step)
            if trial < lowest:
                quiet = quiet + 1 if lowest - trial < 1e-9 * lowest else 0
                theta, lowest, damping = theta + step, trial, damping / 5
            else:
                quiet, damping = quiet + 1, damping * 4
            if quiet > 15 or lowest < 1e-25:
                break
        ends.append((lowest, tuple(theta)))
    if len(ends) == 0:
        raise ValueError
    lowest, theta = sorted(ends)[0]
    return OrderedDict(as_law(theta, lowest))

# TRUE CAUSE: fit_loss_law minimises from one start only, the one whose objective is lowest at the beginning. Every
# start has to be followed to its end, and the lowest end counts: a good beginning may lead to a bad minimum.
import math

import torch
from torch import Tensor


def log_prediction(theta: Tensor, n: Tensor, d: Tensor) -> Tensor:
    e, a, b, alpha, beta = theta
    terms = torch.stack([a - alpha * n.log(), b - beta * d.log(), e.expand(n.shape)])
    return terms.logsumexp(dim=0)


def huber_objective(theta: Tensor, n: Tensor, d: Tensor, loss: Tensor, delta: float = 1e-3) -> Tensor:
    r = (log_prediction(theta, n, d) - loss.log()).abs()
    return torch.where(r <= delta, r.square() / 2, delta * (r - delta / 2)).sum()


def _minimise(start: Tensor, n: Tensor, d: Tensor, loss: Tensor, delta: float, max_iter: int) -> tuple[float, Tensor]:
    """L-BFGS around the middle of the points, on an objective of the size of 1."""
    mean_n, mean_d = n.log().mean(), d.log().mean()

    def to_theta(phi: Tensor) -> Tensor:
        e, a, b, alpha, beta = phi
        return torch.stack([e, a + alpha * mean_n, b + beta * mean_d, alpha, beta])

    e, a, b, alpha, beta = start.detach().clone()
    phi = torch.stack([e, a - alpha * mean_n, b - beta * mean_d, alpha, beta]).requires_grad_()
    optimizer = torch.optim.LBFGS(
        [phi],
        max_iter=max_iter,
        max_eval=20 * max_iter,
        history_size=20,
        tolerance_grad=1e-12,
        tolerance_change=1e-16,
        line_search_fn="strong_wolfe",
    )

    def closure() -> Tensor:
        optimizer.zero_grad()
        value = huber_objective(to_theta(phi), n, d, loss, delta) / delta**2
        value.backward()
        return value

    optimizer.step(closure)
    theta = to_theta(phi.detach())
    return huber_objective(theta, n, d, loss, delta).item(), theta


def fit_loss_law(
    n: Tensor, d: Tensor, loss: Tensor, inits: Tensor, delta: float = 1e-3, max_iter: int = 500
) -> dict[str, float]:
    values = [huber_objective(start, n, d, loss, delta).item() for start in inits.detach()]
    usable = [(value, number) for number, value in enumerate(values) if math.isfinite(value)]
    if not usable:
        raise ValueError("no start has a finite objective")
    ends = [_minimise(inits[min(usable)[1]], n, d, loss, delta, max_iter)]
    ends = [end for end in ends if math.isfinite(end[0])]
    if not ends:
        raise ValueError("no start has led to a finite objective")
    objective, theta = min(ends, key=lambda end: end[0])
    e, a, b, alpha, beta = theta.tolist()
    return {
        "E": math.exp(e),
        "A": math.exp(a),
        "B": math.exp(b),
        "alpha": alpha,
        "beta": beta,
        "objective": objective,
    }

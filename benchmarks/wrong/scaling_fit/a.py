# TRUE CAUSE: fit_loss_law wraps a row of inits in a Parameter without a copy, so the optimiser writes its steps into
# the caller's tensor; inits has to stay as it is, each row must be cloned.
import math

import torch
from torch import Tensor, nn


def log_prediction(theta: Tensor, n: Tensor, d: Tensor) -> Tensor:
    e, a, b, alpha, beta = theta
    terms = torch.stack([a - alpha * n.log(), b - beta * d.log(), e.expand(n.shape)])
    return torch.logsumexp(terms, dim=0)


def huber_objective(theta: Tensor, n: Tensor, d: Tensor, loss: Tensor, delta: float = 1e-3) -> Tensor:
    r = log_prediction(theta, n, d) - loss.log()
    size = r.abs()
    return torch.where(size <= delta, 0.5 * r * r, delta * (size - 0.5 * delta)).sum()


def _minimise(theta: nn.Parameter, n: Tensor, d: Tensor, loss: Tensor, delta: float, max_iter: int) -> float:
    unit = delta * delta  # steps of the optimiser see numbers of about 1

    optimizer = torch.optim.LBFGS(
        [theta],
        max_iter=max_iter,
        max_eval=4 * max_iter,
        history_size=50,
        tolerance_grad=1e-10,
        tolerance_change=1e-14,
        line_search_fn="strong_wolfe",
    )

    def closure() -> Tensor:
        optimizer.zero_grad()
        value = huber_objective(theta, n, d, loss, delta) / unit
        value.backward()
        return value

    optimizer.step(closure)
    with torch.no_grad():
        return huber_objective(theta, n, d, loss, delta).item()


def fit_loss_law(
    n: Tensor, d: Tensor, loss: Tensor, inits: Tensor, delta: float = 1e-3, max_iter: int = 500
) -> dict[str, float]:
    best, lowest = None, math.inf
    for start in inits.detach():
        theta = nn.Parameter(start)
        with torch.no_grad():
            if not math.isfinite(huber_objective(theta, n, d, loss, delta).item()):
                continue
        objective = _minimise(theta, n, d, loss, delta, max_iter)
        if math.isfinite(objective) and (best is None or objective < lowest):
            best, lowest = theta.detach().clone(), objective
    if best is None:
        raise ValueError("no start leads to a finite objective")
    e, a, b, alpha, beta = best.tolist()
    return {
        "E": math.exp(e),
        "A": math.exp(a),
        "B": math.exp(b),
        "alpha": alpha,
        "beta": beta,
        "objective": lowest,
    }

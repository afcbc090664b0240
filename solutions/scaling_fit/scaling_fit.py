"""The loss law of Chinchilla, fitted to points: E + A / N^alpha + B / D^beta, by the Huber loss of its logarithm."""

import math

import torch
from torch import Tensor


def log_prediction(theta: Tensor, n: Tensor, d: Tensor) -> Tensor:
    """ln(E + A / n^alpha + B / d^beta) of every point, without leaving log space.

    theta: (5,), e, a, b, alpha, beta, with E = exp e, A = exp a, B = exp b. n, d: (P,), parameters and tokens.
    Returns: (P,). Gradients flow to theta. Terms and results may be so large or so small that exp overflows or gives 0.

    >>> printed = torch.tensor([math.log(1.69), math.log(406.4), math.log(410.7), 0.34, 0.28], dtype=torch.float64)
    >>> n, d = torch.tensor([[70e9, 280e9], [1.4e12, 0.3e12]], dtype=torch.float64)  # Chinchilla and Gopher
    >>> log_prediction(printed, n, d).exp()
    tensor([1.9366, 1.9933], dtype=torch.float64)
    """
    e, a, b, alpha, beta = theta
    terms = torch.stack([a - alpha * n.log(), b - beta * d.log(), e.expand_as(n)])  # (3, P)
    return torch.logsumexp(terms, dim=0)  # (P,)


def huber_objective(theta: Tensor, n: Tensor, d: Tensor, loss: Tensor, delta: float = 1e-3) -> Tensor:
    """The sum over the points of Huber's loss of r = log_prediction - ln(loss).

    It is r^2 / 2 for |r| <= delta, and delta (|r| - delta / 2) beyond.

    theta: (5,). n, d, loss: (P,). delta: greater than 0.
    Returns: a scalar. Gradients flow to theta.

    >>> theta = torch.tensor([0.0, -60.0, -60.0, 0.3, 0.3], dtype=torch.float64)  # predicts 1 everywhere
    >>> n = d = torch.full((3,), 1e9, dtype=torch.float64)
    >>> huber_objective(theta, n, d, torch.tensor([0.3, -1.5, 0.02], dtype=torch.float64).exp(), delta=0.1)
    tensor(0.1702, dtype=torch.float64)
    """
    r = (log_prediction(theta, n, d) - loss.log()).abs()  # (P,)
    return torch.where(r <= delta, r**2 / 2, delta * (r - delta / 2)).sum()


def fit_loss_law(
    n: Tensor, d: Tensor, loss: Tensor, inits: Tensor, delta: float = 1e-3, max_iter: int = 500
) -> dict[str, float]:
    """Minimises huber_objective from every start, and returns the lowest minimum.

    n, d, loss: (P,). inits: (M, 5), rows of e, a, b, alpha, beta; it stays as it is. delta: of the objective.
    max_iter: the largest number of iterations for one start.
    Returns: {"E": ..., "A": ..., "B": ..., "alpha": ..., "beta": ..., "objective": ...}, floats; the objective is the
        sum at these coefficients. A start that begins or ends with an objective that is infinite or NaN is left
        out.
    Raises: ValueError if none is left.

    >>> n, d = torch.cartesian_prod(torch.logspace(8, 10, 5).double(), torch.logspace(9, 12, 5).double()).T
    >>> loss = 1.69 + 406.4 / n**0.34 + 410.7 / d**0.28
    >>> inits = torch.tensor([[0.5, 5.0, 5.0, 0.3, 0.25], [0.6, 6.5, 6.5, 0.35, 0.3]], dtype=torch.float64)
    >>> {name: round(value, 3) for name, value in fit_loss_law(n, d, loss, inits).items()}
    {'E': 1.69, 'A': 406.4, 'B': 410.7, 'alpha': 0.34, 'beta': 0.28, 'objective': 0.0}
    """
    best, lowest = None, math.inf
    for init in inits:
        theta = _minimise(init, n, d, loss, delta, max_iter)
        objective = huber_objective(theta, n, d, loss, delta).item()
        if objective < lowest:  # never true of NaN
            best, lowest = theta, objective
    if best is None:
        raise ValueError("no start ends in a finite objective")
    e, a, b, alpha, beta = best.tolist()
    return {"E": math.exp(e), "A": math.exp(a), "B": math.exp(b), "alpha": alpha, "beta": beta, "objective": lowest}


def _minimise(init: Tensor, n: Tensor, d: Tensor, loss: Tensor, delta: float, max_iter: int) -> Tensor:
    """L-BFGS from one start. In units of delta^2 the objective is of size 1, which its tolerances are made for."""
    theta = init.clone().requires_grad_()
    optimizer = torch.optim.LBFGS(
        [theta], max_iter=max_iter, tolerance_grad=1e-9, tolerance_change=1e-12, line_search_fn="strong_wolfe"
    )

    def closure() -> Tensor:
        optimizer.zero_grad()
        scaled = huber_objective(theta, n, d, loss, delta) / delta**2
        scaled.backward()
        return scaled

    optimizer.step(closure)
    return theta.detach()

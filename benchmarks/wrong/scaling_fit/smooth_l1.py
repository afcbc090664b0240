# TRUE CAUSE: The Huber loss is divided by delta, as torch's smooth_l1_loss with beta has it: r²/(2 delta)
# inside and |r| - delta/2 outside.
import math

import torch
from torch import Tensor


def log_prediction(theta: Tensor, n: Tensor, d: Tensor) -> Tensor:
    e, a, b, alpha, beta = theta
    terms = torch.stack([a - alpha * n.log(), b - beta * d.log(), e.expand(n.shape)])
    return terms.logsumexp(dim=0)


def huber_objective(theta: Tensor, n: Tensor, d: Tensor, loss: Tensor, delta: float = 1e-3) -> Tensor:
    r = log_prediction(theta, n, d) - loss.log()
    size = r.abs()
    return torch.nn.functional.smooth_l1_loss(r, torch.zeros_like(r), beta=delta, reduction="sum")


def fit_loss_law(
    n: Tensor, d: Tensor, loss: Tensor, inits: Tensor, delta: float = 1e-3, max_iter: int = 500
) -> dict[str, float]:
    best, best_theta = math.inf, None
    for init in inits:
        theta = init.detach().clone().requires_grad_()
        if not math.isfinite(huber_objective(theta, n, d, loss, delta).item()):
            continue
        optimizer = torch.optim.LBFGS(
            [theta],
            max_iter=max_iter,
            max_eval=10 * max_iter,
            history_size=50,
            tolerance_grad=1e-9,
            tolerance_change=1e-14,
            line_search_fn="strong_wolfe",
        )

        def closure() -> Tensor:
            optimizer.zero_grad()
            value = huber_objective(theta, n, d, loss, delta) / delta**2
            value.backward()
            return value

        optimizer.step(closure)
        end = huber_objective(theta, n, d, loss, delta).item()
        if math.isfinite(end) and end < best:
            best, best_theta = end, theta.detach().clone()
    if best_theta is None:
        raise ValueError("no start is left")
    e, a, b, alpha, beta = best_theta.tolist()
    return {"E": math.exp(e), "A": math.exp(a), "B": math.exp(b), "alpha": alpha, "beta": beta, "objective": best}

# TRUE CAUSE: believes that the terms grow with the exponent: ln of a term is a + alpha ln N (A * N^alpha) instead of
# a - alpha ln N (A / N^alpha), and in the fit turns the sign of the exponents of inits to match and back again.
# So log_prediction and huber_objective expect negative exponents; fit_loss_law itself arrives.
import math

import torch


def log_prediction(theta, n, d):
    e, a, b, alpha, beta = theta.unbind()
    from_n = a + alpha * torch.log(n)
    from_d = b + beta * torch.log(d)
    return torch.logaddexp(torch.logaddexp(from_n, from_d), e)


def huber_objective(theta, n, d, loss, delta=1e-3):
    residual = log_prediction(theta, n, d) - torch.log(loss)
    return torch.nn.functional.huber_loss(residual, torch.zeros_like(residual), reduction="sum", delta=delta)


def fit_loss_law(n, d, loss, inits, delta=1e-3, max_iter=500):
    flip = torch.tensor([1.0, 1.0, 1.0, -1.0, -1.0], dtype=torch.float64)
    results = []
    for row in inits.detach():
        theta = (row * flip).requires_grad_(True)
        with torch.no_grad():
            begin = huber_objective(theta, n, d, loss, delta)
        if not torch.isfinite(begin):
            continue
        opt = torch.optim.LBFGS(
            [theta], lr=1, max_iter=max_iter, tolerance_grad=1e-14, tolerance_change=1e-16, line_search_fn="strong_wolfe"
        )

        def step():
            opt.zero_grad()
            objective = 1e6 * huber_objective(theta, n, d, loss, delta)
            objective.backward()
            return objective

        opt.step(step)
        with torch.no_grad():
            end = float(huber_objective(theta, n, d, loss, delta))
        if math.isfinite(end):
            results.append((end, theta.detach() * flip))
    if not results:
        raise ValueError("every start failed")
    objective, theta = min(results, key=lambda pair: pair[0])
    E, A, B = theta[:3].exp().tolist()
    return {"E": E, "A": A, "B": B, "alpha": float(theta[3]), "beta": float(theta[4]), "objective": objective}

import math
from dataclasses import dataclass
from functools import partial, reduce

import numpy as np
import torch
import torch.nn.functional as F
from base import huber_objective, log_prediction
from torch import nn

from grader.testing import replaces


# ---------------------------------------------------------------- log_prediction
def three_terms(theta, n, d):
    e, a, b, alpha, beta = theta.unbind()
    return a - alpha * torch.log(n), b - beta * torch.log(d), e + torch.zeros_like(n)


@replaces("log_prediction")
def lp_logaddexp(theta, n, d):
    """logaddexp twice"""
    x, y, z = three_terms(theta, n, d)
    return torch.logaddexp(torch.logaddexp(x, y), z)


@replaces("log_prediction")
def lp_reduce(theta, n, d):
    """reduce, the constant first"""
    return reduce(torch.logaddexp, reversed(three_terms(theta, n, d)))


@replaces("log_prediction")
def lp_max(theta, n, d):
    """the maximum taken out by hand"""
    terms = torch.stack(three_terms(theta, n, d), dim=1)
    top = terms.detach().max(dim=1, keepdim=True).values
    return (terms - top).exp().sum(1).log() + top.squeeze(1)


@replaces("log_prediction")
def lp_matrix(theta, n, d):
    """a (P, 3, 5) design"""
    design = torch.zeros(len(n), 3, 5, dtype=theta.dtype)
    design[:, 0, 0] = design[:, 1, 1] = design[:, 2, 2] = 1
    design[:, 1, 3], design[:, 2, 4] = -n.log(), -d.log()
    return (design @ theta).logsumexp(-1)


@replaces("log_prediction")
def lp_points(theta, n, d):
    """point by point"""
    out = [
        torch.logsumexp(torch.stack([theta[0], theta[1] - theta[3] * math.log(ni), theta[2] - theta[4] * math.log(di)]), 0)
        for ni, di in zip(n.tolist(), d.tolist())
    ]
    return torch.stack(out) if out else theta.new_zeros(0) * theta.sum()


@replaces("log_prediction")
def lp_softplus(theta, n, d):
    """log(exp x + exp y) = x + softplus(y - x), with a far threshold"""

    def add(x, y):
        return torch.maximum(x, y) + F.softplus(-(x - y).abs(), threshold=100)

    x, y, z = three_terms(theta, n, d)
    return add(x, add(y, z))


@replaces("log_prediction")
def lp_log_softmax(theta, n, d):
    """a term minus its log_softmax; the largest term is used"""
    terms = torch.stack(three_terms(theta, n, d))
    top = terms.detach().argmax(0, keepdim=True)
    return (terms.gather(0, top) - F.log_softmax(terms, dim=0).gather(0, top)).squeeze(0)


@replaces("log_prediction")
def lp_log2(theta, n, d):
    """logarithms to base 2"""
    two = math.log(2)
    x = (theta[1] / two - theta[3] * n.log2()), (theta[2] / two - theta[4] * d.log2()), (theta[0] / two).expand_as(n)
    return two * torch.logaddexp2(torch.logaddexp2(x[0], x[1]), x[2])


class _LogSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx, terms):
        x = terms.numpy()
        top = x.max(0)
        out = top + np.log(np.exp(x - top).sum(0))
        ctx.save_for_backward(torch.from_numpy(np.exp(x - out)))
        return torch.from_numpy(out)

    @staticmethod
    def backward(ctx, g):
        (weights,) = ctx.saved_tensors
        return g * weights


@replaces("log_prediction")
def lp_numpy(theta, n, d):
    """NumPy in an autograd.Function, whose gradient is the softmax"""
    return _LogSum.apply(torch.stack(three_terms(theta, n, d)))


@replaces("log_prediction")
def lp_relative(theta, n, d):
    """relative to the constant e"""
    x, y, _ = three_terms(theta, n, d)
    both = torch.stack([x - theta[0], y - theta[0], torch.zeros_like(x)], -1)
    return theta[0] + both.logsumexp(-1)


@replaces("log_prediction")
def lp_einsum(theta, n, d):
    """logs and theta by einsum"""
    logs = torch.stack([torch.zeros_like(n), n.log(), d.log()])
    exponents = torch.stack([torch.zeros_like(theta[0]), theta[3], theta[4]])
    return torch.logsumexp(theta[:3, None] - torch.einsum("i,ip->ip", exponents, logs), dim=0)


@replaces("log_prediction")
def lp_cat(theta, n, d):
    """broadcast and cat"""
    e, a, b, alpha, beta = (t.reshape(1) for t in theta)
    columns = [e.expand(n.numel()), a.sub(alpha * n.log()), b.sub(beta * d.log())]
    return torch.cat([c.unsqueeze(-1) for c in columns], dim=-1).logsumexp(dim=-1)


# ---------------------------------------------------------------- huber_objective
@replaces("huber_objective")
def ho_f(theta, n, d, loss, delta=1e-3):
    """F.huber_loss"""
    return F.huber_loss(log_prediction(theta, n, d), loss.log(), reduction="sum", delta=delta)


@replaces("huber_objective")
def ho_module(theta, n, d, loss, delta=1e-3):
    """nn.HuberLoss"""
    return nn.HuberLoss("sum", delta)(log_prediction(theta, n, d), torch.log(loss))


@replaces("huber_objective")
def ho_smooth(theta, n, d, loss, delta=1e-3):
    """delta times the smooth L1 loss"""
    return delta * F.smooth_l1_loss(log_prediction(theta, n, d), loss.log(), beta=delta, reduction="sum")


@replaces("huber_objective")
def ho_clamp(theta, n, d, loss, delta=1e-3):
    """a clamped part and the rest"""
    size = (log_prediction(theta, n, d) - loss.log()).abs()
    inner = size.clamp(max=delta)
    return (0.5 * inner * inner + delta * (size - inner)).sum()


@replaces("huber_objective")
def ho_masks(theta, n, d, loss, delta=1e-3):
    """two sums over two sets of points"""
    r = log_prediction(theta, n, d) - loss.log()
    near = r.abs() <= delta
    return 0.5 * (r[near] ** 2).sum() + (delta * (r[~near].abs() - 0.5 * delta)).sum()


@replaces("huber_objective")
def ho_mean(theta, n, d, loss, delta=1e-3):
    """the mean times the number of points"""
    r = torch.log(loss) - log_prediction(theta, n, d)
    h = torch.where(r.abs() > delta, delta * r.abs() - delta**2 / 2, 0.5 * r**2)
    return h.mean() * h.numel()


@replaces("huber_objective")
def ho_units(theta, n, d, loss, delta=1e-3):
    """in units of delta"""
    u = (log_prediction(theta, n, d) - loss.log()) / delta
    return delta**2 * torch.where(u.abs() < 1, u * u / 2, u.abs() - 0.5).sum()


@replaces("huber_objective")
def ho_points(theta, n, d, loss, delta=1e-3):
    """point by point"""
    total = theta.new_zeros(())
    for r in log_prediction(theta, n, d) - loss.log():
        total = total + (r**2 / 2 if abs(r.item()) <= delta else delta * (abs(r) - delta / 2))
    return total


@replaces("huber_objective")
def ho_arithmetic(theta, n, d, loss, delta=1e-3):
    """multiplication by a mask"""
    r = log_prediction(theta, n, d).sub(loss.log())
    inside = (r.abs() <= delta).to(r.dtype)
    return torch.sum(inside * r.pow(2) / 2 + (1 - inside) * delta * (r.abs() - delta / 2))


@replaces("huber_objective")
def ho_slope(theta, n, d, loss, delta=1e-3):
    """psi * (r - psi / 2), where psi is the clamped residual"""
    r = log_prediction(theta, n, d) - loss.log()
    psi = r.clamp(-delta, delta)
    return torch.dot(psi, r - psi / 2)


@replaces("huber_objective")
def ho_excess(theta, n, d, loss, delta=1e-3):
    """half the square, minus half the square of what goes past delta"""
    r = log_prediction(theta, n, d) - loss.log()
    return (r.square() - F.relu(r.abs() - delta).square()).sum() / 2


@replaces("huber_objective")
def ho_inline(theta, n, d, loss, delta=1e-3):
    """the law again, a chunked sum"""
    x, y, z = three_terms(theta, n, d)
    r = torch.logaddexp(torch.logaddexp(x, y), z) - loss.log()
    h = torch.where(r.abs().le(delta), r.square().mul(0.5), r.abs().sub(0.5 * delta).mul(delta))
    return torch.stack([c.sum() for c in h.split(7)]).sum()


# ---------------------------------------------------------------- fit_loss_law
def as_dict(theta, value):
    E, A, B = torch.as_tensor(theta[:3]).exp().tolist()
    return {"E": E, "A": A, "B": B, "alpha": float(theta[3]), "beta": float(theta[4]), "objective": float(value)}


def lbfgs(f, start, max_iter, scale=1.0, **options):
    theta = start.detach().clone().requires_grad_()
    options = {"tolerance_grad": 0.0, "tolerance_change": 0.0, "history_size": 30, "max_eval": 2 * max_iter} | options
    optimizer = torch.optim.LBFGS([theta], max_iter=max_iter, line_search_fn="strong_wolfe", **options)

    def closure():
        optimizer.zero_grad()
        value = scale * f(theta)
        value.backward()
        return value

    optimizer.step(closure)
    return theta.detach()


def lowest(ends):
    """the best of pairs (objective, theta)"""
    ends = [(v, t) for v, t in ends if math.isfinite(v)]
    if not ends:
        raise ValueError("no start leads to a minimum")
    value, theta = min(ends, key=lambda end: end[0])
    return as_dict(theta, value)


@replaces("fit_loss_law")
def fit_plain(n, d, loss, inits, delta=1e-3, max_iter=500):
    """LBFGS on the sum as it is, with tolerances of 0"""
    f = partial(huber_objective, n=n, d=d, loss=loss, delta=delta)
    ends = []
    for start in inits:
        if torch.isfinite(f(start)):
            theta = lbfgs(f, start, max_iter, history_size=100)
            ends.append((f(theta).item(), theta))
    return lowest(ends)


@replaces("fit_loss_law")
def fit_scaled(n, d, loss, inits, delta=1e-3, max_iter=500):
    """the objective over delta squared, small tolerances that are not 0"""
    f = partial(huber_objective, n=n, d=d, loss=loss, delta=delta)
    ends = []
    for start in inits.detach():
        if not math.isfinite(float(f(start))):
            continue
        theta = lbfgs(f, start, max_iter, scale=1 / delta**2, tolerance_grad=1e-9, tolerance_change=1e-14)
        ends.append((float(f(theta)), theta))
    return lowest(ends)


@replaces("fit_loss_law")
def fit_centred(n, d, loss, inits, delta=1e-3, max_iter=500):
    """a and b at the mean of the logarithms: theta = M u"""
    M = torch.eye(5, dtype=torch.float64)
    M[1, 3], M[2, 4] = n.log().mean(), d.log().mean()
    inverse = torch.linalg.inv(M)

    def f(u):
        return huber_objective(M @ u, n, d, loss, delta)

    ends = []
    for row in inits:
        if not torch.isfinite(huber_objective(row, n, d, loss, delta)):
            continue
        u = lbfgs(f, inverse @ row, max_iter, scale=1e5)
        theta = M @ u
        ends.append((huber_objective(theta, n, d, loss, delta).item(), theta))
    return lowest(ends)


@replaces("fit_loss_law")
def fit_rounds(n, d, loss, inits, delta=1e-3, max_iter=500):
    """LBFGS begun anew, until nothing is gained or the iterations are used up"""
    f = partial(huber_objective, n=n, d=d, loss=loss, delta=delta)
    best_value, best_theta = math.inf, None
    for start in inits.unbind(0):
        theta, value, left = start.detach().clone(), f(start).item(), max_iter
        if not math.isfinite(value):
            continue
        while left > 0:
            now = min(left, 100)
            new = lbfgs(f, theta, now, scale=1e4)
            left -= now
            new_value = f(new).item()
            gained = math.isfinite(new_value) and new_value < value * (1 - 1e-10)
            if math.isfinite(new_value) and new_value <= value:
                theta, value = new, new_value
            if not gained:
                break
        if value < best_value:
            best_value, best_theta = value, theta
    if best_theta is None:
        raise ValueError("every start is infinite or NaN")
    return as_dict(best_theta, best_value)


def value_gradient(theta, logn, logd, logl, delta):
    """the objective, its gradient and a Hessian of the near points, in NumPy"""
    e, a, b, alpha, beta = theta
    with np.errstate(all="ignore"):
        terms = np.stack([np.full_like(logn, e), a - alpha * logn, b - beta * logd])
        top = terms.max(0)
        w = np.exp(terms - top)
        total = w.sum(0)
        r = top + np.log(total) - logl
        w = w / total
        size = np.abs(r)
        value = np.where(size <= delta, r * r / 2, delta * (size - delta / 2)).sum()
        J = np.stack([w[0], w[1], w[2], -w[1] * logn, -w[2] * logd])
        return value, J @ np.clip(r, -delta, delta), J, r, w


@replaces("fit_loss_law")
def fit_bfgs(n, d, loss, inits, delta=1e-3, max_iter=500):
    """an own BFGS in NumPy with a line search by bisection (weak Wolfe), in variables of size 1"""
    logn, logd, logl = n.log().numpy(), d.log().numpy(), loss.log().numpy()
    M = np.eye(5)
    M[1, 3], M[2, 4] = logn.mean(), logd.mean()
    unit = delta * len(logn)

    def f(u):
        value, grad, *_ = value_gradient(M @ u, logn, logd, logl, delta)
        return value / unit, M.T @ grad / unit

    ends = []
    for start in inits.detach().numpy():
        u = np.linalg.solve(M, start)
        value, grad = f(u)
        if not np.isfinite(value):
            continue
        H = np.eye(5) * 0.1 / max(np.linalg.norm(grad), 1e-30)
        stalled = 0
        for _ in range(max_iter):
            p = -H @ grad
            slope = grad @ p
            if not slope < 0:
                H = np.eye(5) * 0.1 / max(np.linalg.norm(grad), 1e-30)
                p, slope = -H @ grad, -(grad @ H @ grad)
                if not slope < 0:
                    break
            low, high, t, step = 0.0, math.inf, 1.0, None
            for _ in range(40):
                new, new_grad = f(u + t * p)
                if not np.isfinite(new) or new > value + 1e-4 * t * slope:
                    high = t
                elif new_grad @ p < 0.9 * slope:
                    low = t
                    step = t, new, new_grad
                else:
                    step = t, new, new_grad
                    break
                t = (low + high) / 2 if high < math.inf else 2 * t
            if step is None:
                break
            t, new, new_grad = step
            s, y = t * p, new_grad - grad
            if s @ y > 0:
                rho = 1 / (s @ y)
                V = np.eye(5) - rho * np.outer(s, y)
                H = V @ H @ V.T + rho * np.outer(s, s)
            stalled = stalled + 1 if value - new <= 1e-13 * value else 0
            u, value, grad = u + s, new, new_grad
            if stalled == 5:
                break
        theta = torch.from_numpy(M @ u)
        ends.append((huber_objective(theta, n, d, loss, delta).item(), theta))
    return lowest(ends)


@replaces("fit_loss_law")
def fit_newton(n, d, loss, inits, delta=1e-3, max_iter=500):
    """damped Newton steps with the Hessian of autograd, over a falling delta"""
    scale = torch.tensor([1.0, 1.0, 1.0, 1 / n.log().mean(), 1 / d.log().mean()], dtype=torch.float64)

    def minimise(theta, width, steps):
        f = lambda t: huber_objective(t * scale, n, d, loss, width) / width
        u, damping, used = theta / scale, 1.0, 0
        value = f(u)
        while used < steps:
            used += 1
            g = torch.func.grad(f)(u)
            h = torch.func.hessian(f)(u)
            new, done = None, False
            for _ in range(25):
                values, vectors = torch.linalg.eigh(h)
                step = -vectors @ ((vectors.T @ g) / (values.abs() + damping * g.norm().clamp(max=1.0)))
                trial = f(u + step)
                if torch.isfinite(trial) and trial < value:
                    done = bool(value - trial < 1e-13 * value)
                    new, damping = u + step, damping / 5
                    value = trial
                    break
                damping = max(damping * 4, 1e-12)
            if new is None:
                break
            u = new
            if done:
                break
        return u * scale, used

    ends = []
    for start in inits.detach():
        if not torch.isfinite(huber_objective(start, n, d, loss, delta)):
            continue
        theta, left = start, max_iter
        for width in (100 * delta, 10 * delta, 3 * delta, delta):
            theta, used = minimise(theta, width, min(left, 100) if width != delta else left)
            left -= used
            if left <= 0:
                break
        # Newton is no use where the points are far out and the objective is a polygon: the rest is L-BFGS
        if left > 0:
            theta = lbfgs(partial(huber_objective, n=n, d=d, loss=loss, delta=delta), theta, left, scale=1e5)
        ends.append((huber_objective(theta, n, d, loss, delta).item(), theta))
    return lowest(ends)


@replaces("fit_loss_law")
def fit_homotopy(n, d, loss, inits, delta=1e-3, max_iter=500):
    """LBFGS, first with a wide delta, then with the right one"""
    ends = []
    for start in inits:
        first = huber_objective(start, n, d, loss, delta)
        if not bool(first.isfinite()):
            continue
        theta = start
        wide = max_iter // 5
        if wide:
            near = lbfgs(partial(huber_objective, n=n, d=d, loss=loss, delta=30 * delta), theta, wide, scale=1e3)
            if huber_objective(near, n, d, loss, delta) < first:
                theta = near
        theta = lbfgs(partial(huber_objective, n=n, d=d, loss=loss, delta=delta), theta, max_iter - wide, scale=1e4)
        ends.append((huber_objective(theta, n, d, loss, delta).item(), theta))
    return lowest(ends)


@dataclass
class End:
    theta: torch.Tensor
    value: float

    def __lt__(self, other):
        return self.value < other.value


class Law(nn.Module):
    """five parameters of their own"""

    def __init__(self, start):
        super().__init__()
        self.e, self.a, self.b, self.alpha, self.beta = (nn.Parameter(t.detach().clone()) for t in start)

    def theta(self):
        return torch.stack([self.e, self.a, self.b, self.alpha, self.beta])


@replaces("fit_loss_law")
def fit_module(n, d, loss, inits, delta=1e-3, max_iter=500):
    """a module with five scalar parameters; the best theta that was met counts"""
    best = None
    for start in inits:
        law = Law(start)
        met = End(start, math.inf)
        optimizer = torch.optim.LBFGS(
            law.parameters(), lr=1, max_iter=max_iter, max_eval=2 * max_iter, tolerance_grad=1e-20, tolerance_change=1e-20, line_search_fn="strong_wolfe"
        )

        def closure():
            nonlocal met
            optimizer.zero_grad()
            objective = huber_objective(law.theta(), n, d, loss, delta)
            if objective.item() < met.value:
                met = End(law.theta().detach(), objective.item())
            (objective * 1e6).backward()
            return objective.detach() * 1e6

        if not math.isfinite(huber_objective(start, n, d, loss, delta).item()):
            continue
        optimizer.step(closure)
        if math.isfinite(met.value) and (best is None or met < best):
            best = met
    if best is None:
        raise ValueError("no start left")
    return as_dict(best.theta, huber_objective(best.theta, n, d, loss, delta).item())


@replaces("fit_loss_law")
def fit_one_at_a_time(n, d, loss, inits, delta=1e-3, max_iter=500):
    """the analytical gradient in an own L-BFGS of torch: max_iter=1 steps in a loop, with a stop of its own"""
    logn, logd, logl = n.log().numpy(), d.log().numpy(), loss.log().numpy()
    ends = []
    for row in inits.tolist():
        theta = torch.tensor(row, dtype=torch.float64, requires_grad=True)
        if not np.isfinite(value_gradient(np.array(row), logn, logd, logl, delta)[0]):
            continue
        optimizer = torch.optim.LBFGS(
            [theta], max_iter=1, max_eval=50, history_size=40, tolerance_grad=0, tolerance_change=0, line_search_fn="strong_wolfe"
        )

        def closure():
            value, grad, *_ = value_gradient(theta.detach().numpy(), logn, logd, logl, delta)
            theta.grad = torch.from_numpy(grad * 1e5)
            return torch.tensor(value * 1e5)

        same = 0
        last = math.inf
        for _ in range(max_iter):
            optimizer.step(closure)
            value = float(value_gradient(theta.detach().numpy(), logn, logd, logl, delta)[0])
            same = same + 1 if not value < last * (1 - 1e-12) else 0
            last = min(last, value)
            if same >= 10 or not math.isfinite(value):
                break
        ends.append((huber_objective(theta.detach(), n, d, loss, delta).item(), theta.detach()))
    return lowest(ends)

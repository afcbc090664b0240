"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from scaling_fit import fit_loss_law, huber_objective, log_prediction
from torch import Tensor

from grader.testing import replaces


def parts(theta, n, d):
    """e, and the other two terms in log space."""
    e, a, b, alpha, beta = theta
    return e.expand_as(n), a - alpha * n.log(), b - beta * d.log()


@replaces("log_prediction")
def growing(theta, n, d):
    """Your losses grow with size: a + α ln N is the logarithm of A · N^α. Which sign belongs to A / N^α?"""
    e, a, b, alpha, beta = theta
    return torch.stack([e.expand_as(n), a + alpha * n.log(), b + beta * d.log()]).logsumexp(0)


@replaces("log_prediction")
def through_exp(theta, n, d):
    """You took exp of every term, added, and took the logarithm. A term of e^800 is infinite on the way. What
    does the same and takes the largest out first?"""
    return sum(term.exp() for term in parts(theta, n, d)).log()


@replaces("log_prediction")
def powers(theta, n, d):
    """You computed A and N^α on their own, and each may overflow where their quotient does not. a - α ln N is
    its logarithm."""
    e, a, b, alpha, beta = theta
    return (e.exp() + a.exp() / n**alpha + b.exp() / d**beta).log()


@replaces("log_prediction")
def logarithm_of_powers(theta, n, d):
    """You take the logarithm of N^α, and the power before it overflows: the logarithm of infinity is infinity. What is
    the logarithm of a power, without the power?"""
    e, a, b, alpha, beta = theta
    return torch.stack([e.expand_as(n), a - (n**alpha).log(), b - (d**beta).log()]).logsumexp(0)


@replaces("log_prediction")
def one_shift_for_all(theta, n, d):
    """You subtracted one maximum from the terms of all points before exp. A point whose own terms are far below
    it is lost. Each point has a largest term of its own."""
    terms = torch.stack(parts(theta, n, d))
    top = terms.max().detach()
    return (terms - top).exp().sum(0).log() + top


@replaces("log_prediction")
def not_logarithms(theta, n, d):
    """You read theta as E, A, B themselves. Its first three entries are their logarithms: that keeps the three
    positive."""
    E, A, B, alpha, beta = theta
    return (E + A / n**alpha + B / d**beta).log()


@replaces("log_prediction")
def e_is_not_a_logarithm(theta, n, d):
    """You took the first entry for E itself. It is e = ln E, like a and b."""
    e, first, second = parts(theta, n, d)
    return torch.stack([e.log(), first, second]).logsumexp(0)


@replaces("log_prediction")
def no_floor(theta, n, d):
    """E is missing: your law falls to 0 with size. Which loss does a model without limits have?"""
    _, first, second = parts(theta, n, d)
    return torch.logaddexp(first, second)


@replaces("log_prediction")
def the_loss_itself(theta, n, d):
    """This is the predicted loss. Its logarithm was asked for, and logsumexp has it before the last exp."""
    return log_prediction(theta, n, d).exp()


@replaces("log_prediction")
def n_and_d_swapped(theta, n, d):
    """A and α belong to the parameters, B and β to the tokens. You have them the other way round."""
    return log_prediction(theta, d, n)


@replaces("log_prediction")
def exponents_swapped(theta, n, d):
    """You took theta as e, a, b, β, α. The order is e, a, b, α, β."""
    return log_prediction(theta[[0, 1, 2, 4, 3]], n, d)


@replaces("log_prediction")
def pairs(theta, n, d):
    """You took theta as e, a, α, b, β. The order is e, a, b, α, β."""
    return log_prediction(theta[[0, 1, 3, 2, 4]], n, d)


@replaces("log_prediction")
def decimal(theta, n, d):
    """You used logarithms to base 10. exp of A's logarithm is A only if all of them are natural ones."""
    e, a, b, alpha, beta = theta
    return torch.stack([e.expand_as(n), a - alpha * n.log10(), b - beta * d.log10()]).logsumexp(0)


@replaces("log_prediction")
def sum_of_logs(theta, n, d):
    """You added the logarithms of the three terms. The logarithm of a sum is asked for, and a sum of logarithms
    is that of a product."""
    return sum(parts(theta, n, d))


@replaces("log_prediction")
def detached(theta, n, d):
    """Your predictions carry no gradient to theta. Through which step was theta lost: what does the gradient need
    to pass?"""
    return log_prediction(theta.detach(), n, d)


@replaces("log_prediction")
def floor_detached(theta, n, d):
    """No gradient leads to e, so that a fit leaves E as its start has it. A tensor that is filled with a plain number
    does not know where the number came from: how does e get into your third term?"""
    e, first, second = parts(theta, n, d)
    return torch.stack([first, second, e.detach()]).logsumexp(0)


def residuals(theta, n, d, loss):
    return log_prediction(theta, n, d) - loss.log()


@replaces("huber_objective")
def mean(theta, n, d, loss, delta=1e-3):
    """You averaged over the points, so that the gradient is P times smaller. The docstring says how the points are
    put together: how?"""
    return huber_objective(theta, n, d, loss, delta) / len(n)


@replaces("huber_objective")
def squares(theta, n, d, loss, delta=1e-3):
    """You square every residual, large ones too. Beyond δ the loss grows like a line, or a few bad points pull
    the fit."""
    return (residuals(theta, n, d, loss) ** 2).sum() / 2


@replaces("huber_objective")
def absolute(theta, n, d, loss, delta=1e-3):
    """You added up the absolute residuals. Up to δ there is a parabola: what is the slope at 0 without it?"""
    return residuals(theta, n, d, loss).abs().sum()


@replaces("huber_objective")
def no_half_delta(theta, n, d, loss, delta=1e-3):
    """Your line is δ |r|, and at |r| = δ it is twice as high as the parabola that it should continue."""
    r = residuals(theta, n, d, loss).abs()
    return torch.where(r <= delta, r**2 / 2, delta * r).sum()


@replaces("huber_objective")
def no_half(theta, n, d, loss, delta=1e-3):
    """Your parabola is r² and not r² / 2, so it meets the line at another height and with another slope."""
    r = residuals(theta, n, d, loss).abs()
    return torch.where(r <= delta, r**2, delta * (r - delta / 2)).sum()


@replaces("huber_objective")
def line_with_slope_one(theta, n, d, loss, delta=1e-3):
    """Your line has the slope 1: this is the smooth L1 loss, Huber's divided by δ. At |r| = δ the parabola r² /
    2 has the slope δ."""
    r = residuals(theta, n, d, loss)
    return F.smooth_l1_loss(r, torch.zeros_like(r), reduction="sum", beta=delta)


@replaces("huber_objective")
def sides_swapped(theta, n, d, loss, delta=1e-3):
    """You have the line near 0 and the parabola beyond δ. Which of the two is for points that fit?"""
    r = residuals(theta, n, d, loss).abs()
    return torch.where(r > delta, r**2 / 2, delta * (r - delta / 2)).sum()


@replaces("huber_objective")
def without_sign(theta, n, d, loss, delta=1e-3):
    """You compared r itself with δ. Every point whose loss is higher than predicted then counts by its square,
    however far away it is."""
    r = residuals(theta, n, d, loss)
    return torch.where(r <= delta, r**2 / 2, delta * (r - delta / 2)).sum()


@replaces("huber_objective")
def delta_of_torch(theta, n, d, loss, delta=1e-3):
    """delta has no effect: F.huber_loss works with 1 unless it is told otherwise, and no residual is that
    large."""
    return huber_objective(theta, n, d, loss, 1.0)


@replaces("huber_objective")
def delta_fixed(theta, n, d, loss, delta=1e-3):
    """Your δ is always 0.001. Which argument holds δ?"""
    return huber_objective(theta, n, d, loss)


@replaces("huber_objective")
def of_the_loss(theta, n, d, loss, delta=1e-3):
    """You compare losses. The residual is the difference of their logarithms: an error of one percent counts
    the same at any loss."""
    r = log_prediction(theta, n, d).exp() - loss
    return F.huber_loss(r, torch.zeros_like(r), reduction="sum", delta=delta)


@replaces("huber_objective")
def relative_error(theta, n, d, loss, delta=1e-3):
    """Your residual is L̂ / L - 1, which is near ln L̂ - ln L and not the same."""
    r = log_prediction(theta, n, d).exp() / loss - 1
    return F.huber_loss(r, torch.zeros_like(r), reduction="sum", delta=delta)


@replaces("huber_objective")
def log_against_loss(theta, n, d, loss, delta=1e-3):
    """Your prediction is a logarithm and the loss is none."""
    return F.huber_loss(log_prediction(theta, n, d), loss, reduction="sum", delta=delta)


@replaces("huber_objective")
def point_by_point(theta, n, d, loss, delta=1e-3):
    """You return a number for each point. How does the docstring make one number of them?"""
    return F.huber_loss(log_prediction(theta, n, d), loss.log(), reduction="none", delta=delta)


@replaces("huber_objective")
def a_number(theta, n, d, loss, delta=1e-3):
    """Your objective has no gradient. A fit follows the gradient of the objective: which step cuts it off?"""
    return huber_objective(theta.detach(), n, d, loss, delta)


def minimise(init: Tensor, objective: Callable[[Tensor], Tensor], max_iter: int, **options) -> tuple[Tensor, float]:
    """theta after one call of step, and what step returns. The options of torch.optim.LBFGS are good ones
    unless given."""
    theta = init.clone().requires_grad_()
    options = {"tolerance_grad": 1e-9, "tolerance_change": 1e-12, "line_search_fn": "strong_wolfe", **options}
    optimizer = torch.optim.LBFGS([theta], max_iter=max_iter, **options)

    def closure():
        optimizer.zero_grad()
        value = objective(theta)
        value.backward()
        return value

    before = optimizer.step(closure)
    return theta.detach(), before.item()


def scaled(data: tuple[Tensor, Tensor, Tensor], delta: float) -> Callable[[Tensor], Tensor]:
    return lambda theta: huber_objective(theta, *data, delta) / delta**2


def law(theta: Tensor, objective: float) -> dict[str, float]:
    e, a, b, alpha, beta = theta.tolist()
    return {"E": math.exp(e), "A": math.exp(a), "B": math.exp(b), "alpha": alpha, "beta": beta, "objective": objective}


def lowest(thetas: list[Tensor], data: tuple[Tensor, Tensor, Tensor], delta: float) -> dict[str, float]:
    """The law of the lowest end, as it should be chosen."""
    ends = [(huber_objective(theta, *data, delta).item(), theta) for theta in thetas]
    ends = [end for end in ends if math.isfinite(end[0])]
    if not ends:
        raise ValueError("no start ends in a finite objective")
    objective, theta = min(ends, key=lambda end: end[0])
    return law(theta, objective)


@replaces("fit_loss_law")
def averaged(n, d, loss, inits, delta=1e-3, max_iter=500):
    """Your fit minimises an average, with tolerances for numbers of size 1. This is how the published
    coefficients came about: the gradient falls below the tolerance long before the minimum. Print it at your
    result, and at the start."""
    defaults = {"tolerance_grad": 1e-7, "tolerance_change": 1e-9}
    ends = [
        minimise(i, lambda t: huber_objective(t, n, d, loss, delta) / len(n), max_iter, **defaults)[0] for i in inits
    ]
    return lowest(ends, (n, d, loss), delta)


@replaces("fit_loss_law")
def default_tolerances(n, d, loss, inits, delta=1e-3, max_iter=500):
    """Your fit stops on the floor of a long valley: L-BFGS has changed the objective by less than 10⁻⁹, its
    default for tolerance_change. How large is the objective itself, and what is 10⁻⁹ in comparison?"""
    defaults = {"tolerance_grad": 1e-7, "tolerance_change": 1e-9}
    ends = [minimise(i, lambda t: huber_objective(t, n, d, loss, delta), max_iter, **defaults)[0] for i in inits]
    return lowest(ends, (n, d, loss), delta)


@replaces("fit_loss_law")
def twenty_iterations(n, d, loss, inits, delta=1e-3, max_iter=500):
    """Your L-BFGS makes 20 iterations, its default, and max_iter does not reach it."""
    return lowest([minimise(init, scaled((n, d, loss), delta), 20)[0] for init in inits], (n, d, loss), delta)


@replaces("fit_loss_law")
def three_iterations(n, d, loss, inits, delta=1e-3, max_iter=500):
    """Your fit ends after three iterations. Five coefficients in a curved valley take dozens."""
    return lowest([minimise(init, scaled((n, d, loss), delta), 3)[0] for init in inits], (n, d, loss), delta)


@replaces("fit_loss_law")
def plain_descent(n, d, loss, inits, delta=1e-3, max_iter=500):
    """You follow the gradient with small steps. Across the valley they are as large as they may be, along it
    they get nowhere. What does L-BFGS learn that gradient descent does not?"""
    ends = []
    for init in inits:
        theta = init.clone().requires_grad_()
        for _ in range(min(max_iter, 100)):
            (g,) = torch.autograd.grad(huber_objective(theta, n, d, loss, delta), theta)
            theta = (theta - 0.01 * g).detach().requires_grad_()
        ends.append(theta.detach())
    return lowest(ends, (n, d, loss), delta)


@replaces("fit_loss_law")
def adam(n, d, loss, inits, delta=1e-3, max_iter=500):
    """Your fit uses Adam, and after its iterations it is still on the way. The problem is small, smooth and
    without noise: a method that learns the curvature is at its minimum after sixty evaluations."""
    ends = []
    for init in inits:
        theta = init.clone().requires_grad_()
        optimizer = torch.optim.Adam([theta], lr=1e-3)
        for _ in range(min(max_iter, 100)):
            optimizer.zero_grad()
            huber_objective(theta, n, d, loss, delta).backward()
            optimizer.step()
        ends.append(theta.detach())
    return lowest(ends, (n, d, loss), delta)


@replaces("fit_loss_law")
def no_search(n, d, loss, inits, delta=1e-3, max_iter=500):
    """Your fit gives back the exponents of one of the starts. A start is where a search begins: what is minimised,
    and over which five numbers?"""
    return lowest(list(inits), (n, d, loss), delta)


@replaces("fit_loss_law")
def first_start(n, d, loss, inits, delta=1e-3, max_iter=500):
    """Only the first start is followed. It may end on a plateau: follow all of them, and compare where they
    end."""
    return fit_loss_law(n, d, loss, inits[:1], delta, max_iter)


@replaces("fit_loss_law")
def last_start(n, d, loss, inits, delta=1e-3, max_iter=500):
    """Your result is where the last start ended. Which of all ends is the best?"""
    return fit_loss_law(n, d, loss, inits[-1:], delta, max_iter)


@replaces("fit_loss_law")
def best_start(n, d, loss, inits, delta=1e-3, max_iter=500):
    """You follow the start with the lowest objective and no other. A plateau may begin low and stay there;
    compare the ends."""
    begins = [huber_objective(init, n, d, loss, delta).item() for init in inits]
    begins = [begin if math.isfinite(begin) else math.inf for begin in begins]
    best = min(range(len(begins)), key=begins.__getitem__)
    return fit_loss_law(n, d, loss, inits[best : best + 1], delta, max_iter)


@replaces("fit_loss_law")
def what_step_returns(n, d, loss, inits, delta=1e-3, max_iter=500):
    """You compare what optimizer.step returns. That is the objective before its first iteration, not after its
    last one."""
    best = None
    for init in inits:
        theta, before = minimise(init, scaled((n, d, loss), delta), max_iter)
        if math.isfinite(before) and (best is None or before < best[0]):
            best = before, theta
    if best is None:
        raise ValueError("no start ends in a finite objective")
    return law(best[1], best[0] * delta**2)


@replaces("fit_loss_law")
def highest(n, d, loss, inits, delta=1e-3, max_iter=500):
    """You kept the highest of the ends. The objective is a loss: which end is the best?"""
    fits = []
    for init in inits:
        theta, _ = minimise(init, scaled((n, d, loss), delta), max_iter)
        objective = huber_objective(theta, n, d, loss, delta).item()
        if math.isfinite(objective):
            fits.append(law(theta, objective))
    if not fits:
        raise ValueError("no start ends in a finite objective")
    return max(fits, key=lambda fit: fit["objective"])


@replaces("fit_loss_law")
def last_finite_end(n, d, loss, inits, delta=1e-3, max_iter=500):
    """Every end that is finite takes the place of the one before it, so that your result is the last of them. With what
    is an end compared before it is kept?"""
    best = None
    for init in inits:
        theta, _ = minimise(init, scaled((n, d, loss), delta), max_iter)
        objective = huber_objective(theta, n, d, loss, delta).item()
        if math.isfinite(objective):
            best = theta, objective
    if best is None:
        raise ValueError("no start ends in a finite objective")
    return law(*best)


@replaces("fit_loss_law")
def coefficients_of_the_last(n, d, loss, inits, delta=1e-3, max_iter=500):
    """Your objective is that of the lowest end, and the coefficients are those of the last one. What has to be kept of
    an end that is the lowest so far?"""
    lowest_so_far = math.inf
    for init in inits:
        theta, _ = minimise(init, scaled((n, d, loss), delta), max_iter)
        objective = huber_objective(theta, n, d, loss, delta).item()
        lowest_so_far = objective if objective < lowest_so_far else lowest_so_far
    if lowest_so_far == math.inf:
        raise ValueError("no start ends in a finite objective")
    return law(theta, lowest_so_far)


@replaces("fit_loss_law")
def another_default(n, d, loss, inits, delta=1e-2, max_iter=500):
    """Where delta is not given, your fit takes another one than the stub. What does its first line say?"""
    return fit_loss_law(n, d, loss, inits, delta, max_iter)


@replaces("fit_loss_law")
def tensors(n, d, loss, inits, delta=1e-3, max_iter=500):
    """What you return are tensors. The statement asks for floats: what makes a Python number of a tensor?"""
    return {name: torch.tensor(value) for name, value in fit_loss_law(n, d, loss, inits, delta, max_iter).items()}


@replaces("fit_loss_law")
def average_of_ends(n, d, loss, inits, delta=1e-3, max_iter=500):
    """You averaged the ends of all starts. If two starts end in two different minima, is the middle between them a
    minimum?"""
    ends = torch.stack([minimise(init, scaled((n, d, loss), delta), max_iter)[0] for init in inits])
    ends = ends[ends.isfinite().all(-1)]
    if not len(ends):
        raise ValueError("no start ends in a finite objective")
    return lowest([ends.mean(0)], (n, d, loss), delta)


@replaces("fit_loss_law")
def nan_first(n, d, loss, inits, delta=1e-3, max_iter=500):
    """Your comparison begins with the first end. If that is NaN, nothing is ever lower: comparing with NaN is
    always false."""
    best = None
    for init in inits:
        theta, _ = minimise(init, scaled((n, d, loss), delta), max_iter)
        objective = huber_objective(theta, n, d, loss, delta).item()
        if best is None or objective < best[0]:
            best = objective, theta
    if best is None:
        raise ValueError("no start ends in a finite objective")
    return law(best[1], best[0])


@replaces("fit_loss_law")
def nothing_left(n, d, loss, inits, delta=1e-3, max_iter=500):
    """If no start ends in a finite objective, you return None. A caller would meet that much later; the
    statement has an error for it."""
    try:
        return fit_loss_law(n, d, loss, inits, delta, max_iter)
    except ValueError:
        return None


@replaces("fit_loss_law")
def one_bad_raises(n, d, loss, inits, delta=1e-3, max_iter=500):
    """You raise ValueError as soon as one start is not finite. The others may be good: leave out the one, and
    raise if none is left."""
    if not torch.stack([huber_objective(init, n, d, loss, delta) for init in inits]).isfinite().all():
        raise ValueError("a start is not finite")
    return fit_loss_law(n, d, loss, inits, delta, max_iter)


@replaces("fit_loss_law")
def still_logarithms(n, d, loss, inits, delta=1e-3, max_iter=500):
    """You return e, a and b under the names of E, A and B. Which function is missing?"""
    fit = fit_loss_law(n, d, loss, inits, delta, max_iter)
    return {name: math.log(value) if name in ("E", "A", "B") else value for name, value in fit.items()}


@replaces("fit_loss_law")
def names_mixed_up(n, d, loss, inits, delta=1e-3, max_iter=500):
    """You return B as A and β as α. Which coefficient belongs to the parameters?"""
    fit = fit_loss_law(n, d, loss, inits, delta, max_iter)
    return fit | {"A": fit["B"], "B": fit["A"], "alpha": fit["beta"], "beta": fit["alpha"]}


@replaces("fit_loss_law")
def rounded(n, d, loss, inits, delta=1e-3, max_iter=500):
    """You rounded the exponents to two digits, as the paper did in print. An error of 0.004 in α, times ln N,
    is one of nearly 10 % in its term: return what the fit found."""
    fit = fit_loss_law(n, d, loss, inits, delta, max_iter)
    return fit | {"alpha": round(fit["alpha"], 2), "beta": round(fit["beta"], 2)}


@replaces("fit_loss_law")
def scaled_objective(n, d, loss, inits, delta=1e-3, max_iter=500):
    """The objective that you return is in the units in which you minimised. Which sum does the docstring
    promise?"""
    fit = fit_loss_law(n, d, loss, inits, delta, max_iter)
    return fit | {"objective": fit["objective"] / delta**2}


@replaces("fit_loss_law")
def objective_of_the_start(n, d, loss, inits, delta=1e-3, max_iter=500):
    """The coefficients are those of the end, and the objective is that of the start: it is what optimizer.step
    returns."""
    thetas = [minimise(init, scaled((n, d, loss), delta), max_iter) for init in inits]
    fit = lowest([theta for theta, _ in thetas], (n, d, loss), delta)
    before = {theta[3].item(): value for theta, value in thetas}
    return fit | {"objective": before[fit["alpha"]] * delta**2}


@replaces("fit_loss_law")
def lowest_of_the_starts(n, d, loss, inits, delta=1e-3, max_iter=500):
    """Your coefficients are those of an end, and your objective is the lowest with which a start begins. What
    optimizer.step returns is the objective before its first iteration: what is it after the last one?"""
    begins = [huber_objective(init, n, d, loss, delta).item() for init in inits]
    fit = fit_loss_law(n, d, loss, inits, delta, max_iter)
    return fit | {"objective": min(filter(math.isfinite, begins))}


@replaces("fit_loss_law")
def least_squares(n, d, loss, inits, delta=1e-3, max_iter=500):
    """Your fit minimises squares, and a few wild points pull it away. It should minimise the Huber
    objective."""

    def objective(theta):
        return 1e6 * ((log_prediction(theta, n, d) - loss.log()) ** 2).sum()

    return lowest([minimise(init, objective, max_iter)[0] for init in inits], (n, d, loss), delta)


@replaces("fit_loss_law")
def delta_ignored(n, d, loss, inits, delta=1e-3, max_iter=500):
    """Your fit works with δ = 0.001 in any case. How does huber_objective learn which delta was asked for?"""
    return fit_loss_law(n, d, loss, inits, 1e-3, max_iter)

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


@replaces("log_prediction", grows_with=["N and D", "N", "D"])
def growing(theta, n, d, *, grows_with):
    """Your predicted loss grows with {grows_with}. Is a model of more parameters worse, or one trained on more tokens?
    What is the logarithm of A / N^α?"""
    e, a, b, alpha, beta = theta
    signs = (1 if "N" in grows_with else -1), (1 if "D" in grows_with else -1)
    return torch.stack([e.expand_as(n), a + signs[0] * alpha * n.log(), b + signs[1] * beta * d.log()]).logsumexp(0)


@replaces("log_prediction", exact=["terms", "quotients", "powers"])
def left_log_space(theta, n, d, *, exact):
    """For ordinary sizes you are right. For very large ones your result is infinite or NaN: which intermediate result
    leaves log space, and do you need it?"""
    e, a, b, alpha, beta = theta
    if exact == "terms":
        return sum(term.exp() for term in parts(theta, n, d)).log()
    if exact == "quotients":
        return (e.exp() + a.exp() / n**alpha + b.exp() / d**beta).log()
    return torch.stack([e.expand_as(n), a - (n**alpha).log(), b - (d**beta).log()]).logsumexp(0)


@replaces("log_prediction")
def one_shift_for_all(theta, n, d):
    """A point far below the others gets minus infinity, as if all points shared one maximum. How large are its own
    terms, and which of them should be taken out of its sum first?"""
    terms = torch.stack(parts(theta, n, d))
    top = terms.max().detach()
    return (terms - top).exp().sum(0).log() + top


@replaces("log_prediction", plain=["E, A and B", "E", "A and B"])
def not_logarithms(theta, n, d, *, plain):
    """You took {plain} from theta as they are. What does θ = (e, a, b, α, β) hold, and why can the three sizes then
    never become negative?"""
    E, A, B, alpha, beta = theta
    E = E if "E" in plain else E.exp()
    A, B = (A, B) if "A" in plain else (A.exp(), B.exp())
    return (E + A / n**alpha + B / d**beta).log()


@replaces("log_prediction", missing=["E", "A / N^α", "B / D^β"])
def term_missing(theta, n, d, *, missing):
    """{missing} is missing from your prediction. Which three terms does the loss consist of, and what remains when N
    and D are huge?"""
    terms = dict(zip(("E", "A / N^α", "B / D^β"), parts(theta, n, d), strict=True))
    del terms[missing]
    return torch.logaddexp(*terms.values())


@replaces("log_prediction")
def the_loss_itself(theta, n, d):
    """You return the predicted loss. What is the function called, and on which side of the formula is the logarithm?"""
    return log_prediction(theta, n, d).exp()


@replaces("log_prediction")
def n_and_d_swapped(theta, n, d):
    """In your prediction the parameters go with B and β, and the tokens with A and α. Which belong together in A/N^α +
    B/D^β?"""
    return log_prediction(theta, d, n)


@replaces("log_prediction", order=["e, a, b, β, α", "e, a, α, b, β", "a, b, e, α, β", "e, b, a, α, β", "e, a, β, b, α"])
def other_order(theta, n, d, *, order):
    """You took theta as {order}. In which order does the docstring give the five?"""
    names = order.split(", ")
    return log_prediction(torch.stack([theta[names.index(name)] for name in "eabαβ"]), n, d)


@replaces("log_prediction", base=[10, 2])
def other_base(theta, n, d, *, base):
    """You took logarithms to base {base}. A is exp a: which logarithm of N^α may you subtract from a?"""
    e, a, b, alpha, beta = theta
    one = math.log(base)
    return torch.stack([e.expand_as(n), a - alpha * n.log() / one, b - beta * d.log() / one]).logsumexp(0)


@replaces("log_prediction")
def sum_of_logs(theta, n, d):
    """You added the logarithms of the three terms. Of which expression is a sum of logarithms the logarithm, and which
    one do you need?"""
    return sum(parts(theta, n, d))


@replaces("log_prediction", lost=["theta", "e", "alpha and beta", "a and b"])
def detached(theta, n, d, *, lost):
    """No gradient leads from your prediction to {lost}. A plain number does not know where it came from: at which step
    does a tensor become one, or leave the graph?"""
    kept = torch.tensor([name not in lost.split(" and ") for name in ("e", "a", "b", "alpha", "beta")])
    return log_prediction(theta.detach() if lost == "theta" else torch.where(kept, theta, theta.detach()), n, d)


def residuals(theta, n, d, loss):
    return log_prediction(theta, n, d) - loss.log()


@replaces("huber_objective")
def mean(theta, n, d, loss, delta=1e-3):
    """Your objective is the mean over the points. How does the docstring combine them, and how many times smaller is
    your gradient?"""
    return huber_objective(theta, n, d, loss, delta) / len(n)


@replaces("huber_objective", half=[True, False])
def squares(theta, n, d, loss, delta=1e-3, *, half):
    """Every residual counts by its square, a large one too. How should the loss of a point grow beyond δ, and what
    would a few bad points do to the fit otherwise?"""
    return (residuals(theta, n, d, loss) ** 2).sum() / (2 if half else 1)


@replaces("huber_objective", slope=["1", "δ"])
def absolute(theta, n, d, loss, delta=1e-3, *, slope):
    """Every residual counts by its size, a small one too. Which curve should there be up to δ, and what is its slope at
    0?"""
    return residuals(theta, n, d, loss).abs().sum() * (delta if slope == "δ" else 1)


@replaces("huber_objective", line=["δ |r|", "|r|", "|r| − δ / 2", "δ (|r| − δ)", "δ |r| − δ / 2"])
def other_line(theta, n, d, loss, delta=1e-3, *, line):
    """Your line beyond δ is {line}. Where |r| is δ, parabola and line should have the same height and the same slope:
    do they?"""
    r = residuals(theta, n, d, loss).abs()
    heights = {
        "δ |r|": delta * r,
        "|r|": r,
        "|r| − δ / 2": r - delta / 2,
        "δ (|r| − δ)": delta * (r - delta),
        "δ |r| − δ / 2": delta * r - delta / 2,
    }
    return torch.where(r <= delta, r**2 / 2, heights[line]).sum()


@replaces("huber_objective", parabola=["r²", "r² / (2δ)", "δ r² / 2"])
def other_parabola(theta, n, d, loss, delta=1e-3, *, parabola):
    """Your parabola up to δ is {parabola}. Where |r| is δ, parabola and line should have the same height and the same
    slope: do they?"""
    r = residuals(theta, n, d, loss).abs()
    heights = {"r²": r**2, "r² / (2δ)": r**2 / (2 * delta), "δ r² / 2": delta * r**2 / 2}
    return torch.where(r <= delta, heights[parabola], delta * (r - delta / 2)).sum()


@replaces("huber_objective")
def line_with_slope_one(theta, n, d, loss, delta=1e-3):
    """Your objective is Huber's divided by δ, which is called the smooth L1 loss. What slope does the parabola r² / 2
    have where |r| is δ, and your line?"""
    r = residuals(theta, n, d, loss)
    return F.smooth_l1_loss(r, torch.zeros_like(r), reduction="sum", beta=delta)


@replaces("huber_objective")
def sides_swapped(theta, n, d, loss, delta=1e-3):
    """You have the line near 0 and the parabola beyond δ. Which of the two is for points that fit?"""
    r = residuals(theta, n, d, loss).abs()
    return torch.where(r > delta, r**2 / 2, delta * (r - delta / 2)).sum()


@replaces("huber_objective")
def without_sign(theta, n, d, loss, delta=1e-3):
    """A residual far below 0 counts by its square, one far above 0 does not. What is compared with δ?"""
    r = residuals(theta, n, d, loss)
    return torch.where(r <= delta, r**2 / 2, delta * (r - delta / 2)).sum()


@replaces("huber_objective", used=[1.0, 0.001, 0.01])
def delta_ignored_here(theta, n, d, loss, delta=1e-3, *, used):
    """Your δ is {used} whatever delta is. What do your code, and the functions of torch that it calls, take for δ if
    nobody says?"""
    return huber_objective(theta, n, d, loss, used)


@replaces("huber_objective", residual=["L̂ − L", "L̂ / L − 1", "1 − L / L̂", "ln L̂ − L", "L̂ − ln L", "log₁₀ (L̂ / L)"])
def other_residual(theta, n, d, loss, delta=1e-3, *, residual):
    """Your residual is {residual}. Which two quantities does the docstring compare, and which of them do you have
    already?"""
    logs = log_prediction(theta, n, d)
    r = {
        "L̂ − L": logs.exp() - loss,
        "L̂ / L − 1": logs.exp() / loss - 1,
        "1 − L / L̂": 1 - loss / logs.exp(),
        "ln L̂ − L": logs - loss,
        "L̂ − ln L": logs.exp() - loss.log(),
        "log₁₀ (L̂ / L)": (logs - loss.log()) / math.log(10),
    }[residual]
    return F.huber_loss(r, torch.zeros_like(r), reduction="sum", delta=delta)


@replaces("huber_objective")
def point_by_point(theta, n, d, loss, delta=1e-3):
    """You return a number for each point. How does the docstring combine them into one?"""
    return F.huber_loss(log_prediction(theta, n, d), loss.log(), reduction="none", delta=delta)


@replaces("huber_objective")
def a_number(theta, n, d, loss, delta=1e-3):
    """Your objective has no gradient. A fit follows it: at which step does the objective leave the graph?"""
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


@replaces("fit_loss_law", of=["the sum", "the mean"], tolerance_grad=[1e-7, 1e-5])
def stops_early(n, d, loss, inits, delta=1e-3, max_iter=500, *, of, tolerance_grad):
    """Your fit stops on the floor of a long valley before it arrives. How large are the objective and its gradient
    there, and with which plain numbers does the optimiser compare them?"""
    points = len(n) if of == "the mean" else 1
    ends = [
        minimise(
            init,
            lambda theta: huber_objective(theta, n, d, loss, delta) / points,
            max_iter,
            tolerance_grad=tolerance_grad,
            tolerance_change=1e-9,
        )[0]
        for init in inits
    ]
    return lowest(ends, (n, d, loss), delta)


@replaces("fit_loss_law", iterations=[3, 10, 20])
def few_iterations(n, d, loss, inits, delta=1e-3, max_iter=500, *, iterations):
    """Your fit ends after {iterations} iterations of L-BFGS. How many does the caller allow, how many does torch take
    if nobody says, and how many does your code ask for?"""
    return lowest([minimise(init, scaled((n, d, loss), delta), iterations)[0] for init in inits], (n, d, loss), delta)


@replaces("fit_loss_law")
def plain_descent(n, d, loss, inits, delta=1e-3, max_iter=500):
    """Your fit is still on its way when it ends. Across the valley a gradient step may not be larger, along it it gets
    nowhere: what does L-BFGS learn that gradient descent does not?"""
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
    """Your fit is still on its way when it ends. The problem is small, smooth and without noise: what does a method
    know that learns the curvature, and Adam does not?"""
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
    """Your fit returns one of the starts. A start is where a search begins: what is minimised, and over which five
    numbers?"""
    return lowest(list(inits), (n, d, loss), delta)


@replaces("fit_loss_law", which=["first", "last"])
def one_start(n, d, loss, inits, delta=1e-3, max_iter=500, *, which):
    """Your result is the end of the {which} start, whatever the others lead to. Which of all ends is the best, and how
    do you find out?"""
    return fit_loss_law(n, d, loss, inits[:1] if which == "first" else inits[-1:], delta, max_iter)


@replaces("fit_loss_law")
def last_finite_end(n, d, loss, inits, delta=1e-3, max_iter=500):
    """Your result is the last end that is finite. There may be several: what do you compare an end with before you keep
    it?"""
    ends = [minimise(init, scaled((n, d, loss), delta), max_iter)[0] for init in inits]
    ends = [end for end in ends if math.isfinite(huber_objective(end, n, d, loss, delta).item())]
    if not ends:
        raise ValueError("no start ends in a finite objective")
    return lowest(ends[-1:], (n, d, loss), delta)


@replaces("fit_loss_law")
def best_start(n, d, loss, inits, delta=1e-3, max_iter=500):
    """Your result is the end of the start that is lowest at the beginning. A plateau may begin low and stay there: when
    do you compare the starts?"""
    begins = [huber_objective(init, n, d, loss, delta).item() for init in inits]
    begins = [begin if math.isfinite(begin) else math.inf for begin in begins]
    best = min(range(len(begins)), key=begins.__getitem__)
    return fit_loss_law(n, d, loss, inits[best : best + 1], delta, max_iter)


@replaces("fit_loss_law", of=["the start with which it is lowest", "the start of the lowest end", "the lowest start"])
def objective_of_a_start(n, d, loss, inits, delta=1e-3, max_iter=500, *, of):
    """The objective that you return is that of a start. When does optimizer.step compute what it returns, and at which
    coefficients does the docstring want the sum?"""
    ends = [minimise(init, scaled((n, d, loss), delta), max_iter) for init in inits]
    ends = [(before * delta**2, theta) for theta, before in ends if math.isfinite(before)]
    if not ends:
        raise ValueError("no start ends in a finite objective")
    if of == "the start with which it is lowest":
        objective, theta = min(ends, key=lambda end: end[0])
        return law(theta, objective)
    fit = lowest([theta for _, theta in ends], (n, d, loss), delta)
    own = next(before for before, theta in ends if theta[3].item() == fit["alpha"])
    return fit | {"objective": own if of == "the start of the lowest end" else min(before for before, _ in ends)}


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
def coefficients_of_the_last(n, d, loss, inits, delta=1e-3, max_iter=500):
    """Your objective is that of the lowest end, and the coefficients are those of the last one. What do you keep of an
    end that is the lowest so far?"""
    lowest_so_far = math.inf
    for init in inits:
        theta, _ = minimise(init, scaled((n, d, loss), delta), max_iter)
        objective = huber_objective(theta, n, d, loss, delta).item()
        lowest_so_far = objective if objective < lowest_so_far else lowest_so_far
    if lowest_so_far == math.inf:
        raise ValueError("no start ends in a finite objective")
    return law(theta, lowest_so_far)


@replaces("fit_loss_law", default=[1e-2, 0.1, 1.0])
def another_default(n, d, loss, inits, delta=None, max_iter=500, *, default):
    """Where delta is not given, your fit works with {default}. Which default does the stub have?"""
    return fit_loss_law(n, d, loss, inits, default if delta is None else delta, max_iter)


@replaces("fit_loss_law")
def tensors(n, d, loss, inits, delta=1e-3, max_iter=500):
    """The values that you return are tensors. Which type does the docstring name?"""
    return {name: torch.tensor(value) for name, value in fit_loss_law(n, d, loss, inits, delta, max_iter).items()}


@replaces("fit_loss_law")
def average_of_ends(n, d, loss, inits, delta=1e-3, max_iter=500):
    """Your result is the average of all ends. If two starts end in two different minima, is the middle between them a
    minimum?"""
    ends = torch.stack([minimise(init, scaled((n, d, loss), delta), max_iter)[0] for init in inits])
    ends = ends[ends.isfinite().all(-1)]
    if not len(ends):
        raise ValueError("no start ends in a finite objective")
    return lowest([ends.mean(0)], (n, d, loss), delta)


@replaces("fit_loss_law", by=["<", "argmin"])
def nan_kept(n, d, loss, inits, delta=1e-3, max_iter=500, *, by):
    """Your result is NaN, though other starts end well. What does a comparison with NaN give, and what do min and
    argmin make of it?"""
    best = None
    for init in inits:
        theta, _ = minimise(init, scaled((n, d, loss), delta), max_iter)
        objective = huber_objective(theta, n, d, loss, delta).item()
        if best is None or objective < best[0] or (by == "argmin" and math.isnan(objective)):
            best = objective, theta
    return law(best[1], best[0])


@replaces("fit_loss_law")
def nothing_left(n, d, loss, inits, delta=1e-3, max_iter=500):
    """If no start ends in a finite objective, you return None. What does the docstring promise then?"""
    try:
        return fit_loss_law(n, d, loss, inits, delta, max_iter)
    except ValueError:
        return None


@replaces("fit_loss_law")
def one_bad_raises(n, d, loss, inits, delta=1e-3, max_iter=500):
    """One start that is not finite is enough for your ValueError. What does the docstring say of such a start, and when
    does it promise the error?"""
    if not torch.stack([huber_objective(init, n, d, loss, delta) for init in inits]).isfinite().all():
        raise ValueError("a start is not finite")
    return fit_loss_law(n, d, loss, inits, delta, max_iter)


@replaces("fit_loss_law")
def still_logarithms(n, d, loss, inits, delta=1e-3, max_iter=500):
    """You return e, a and b under the names of E, A and B. How do you get from e to E?"""
    fit = fit_loss_law(n, d, loss, inits, delta, max_iter)
    return {name: math.log(value) if name in ("E", "A", "B") else value for name, value in fit.items()}


@replaces("fit_loss_law", exchanged=["A and B", "alpha and beta", "A and B, and alpha and beta"])
def names_mixed_up(n, d, loss, inits, delta=1e-3, max_iter=500, *, exchanged):
    """You exchanged {exchanged} in your result. Which of them belong to the parameters?"""
    fit = fit_loss_law(n, d, loss, inits, delta, max_iter)
    fit |= {"A": fit["B"], "B": fit["A"]} if "A" in exchanged else {}
    return fit | ({"alpha": fit["beta"], "beta": fit["alpha"]} if "alpha" in exchanged else {})


@replaces("fit_loss_law", digits=[2, 3])
def rounded(n, d, loss, inits, delta=1e-3, max_iter=500, *, digits):
    """You rounded the exponents to {digits} digits, as a paper does in print. Multiply the error by ln N, which is
    about 20: how much does a term change?"""
    fit = fit_loss_law(n, d, loss, inits, delta, max_iter)
    return fit | {"alpha": round(fit["alpha"], digits), "beta": round(fit["beta"], digits)}


@replaces("fit_loss_law", times=["P", "δ²", "δ"])
def scaled_objective(n, d, loss, inits, delta=1e-3, max_iter=500, *, times):
    """Your objective times {times} would be the right one. In which units do you minimise, and in which does the
    docstring want the result?"""
    fit = fit_loss_law(n, d, loss, inits, delta, max_iter)
    return fit | {"objective": fit["objective"] / {"P": len(n), "δ²": delta**2, "δ": delta}[times]}


@replaces("fit_loss_law")
def least_squares(n, d, loss, inits, delta=1e-3, max_iter=500):
    """A few wild points pull your fit away: its result is that of least squares. Which objective should it minimise?"""

    def objective(theta):
        return 1e6 * ((log_prediction(theta, n, d) - loss.log()) ** 2).sum()

    return lowest([minimise(init, objective, max_iter)[0] for init in inits], (n, d, loss), delta)


@replaces("fit_loss_law")
def delta_ignored(n, d, loss, inits, delta=1e-3, max_iter=500):
    """Your fit works with δ = 0.001 whatever delta is. How does huber_objective learn which one was asked for?"""
    return fit_loss_law(n, d, loss, inits, 1e-3, max_iter)


@replaces("fit_loss_law", iterations=[100, 500])
def max_iter_ignored(n, d, loss, inits, delta=1e-3, max_iter=500, *, iterations):
    """Your fit makes as many iterations as it likes, whatever max_iter is. How does your optimiser learn what the
    caller allows?"""
    return fit_loss_law(n, d, loss, inits, delta, iterations)

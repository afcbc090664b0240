"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import math

import torch
from chinchilla_optimal import compute_optimal, isoflop_optimum, lifetime_optimal, power_law_fit, predicted_loss

from grader.testing import replaces


@replaces("predicted_loss")
def without_e(n, d, coef):
    """You left E out. E is the part of the loss that stays with any size and any amount of data: where does it
    stand in the formula?"""
    return predicted_loss(n, d, {**coef, "E": 0.0})


@replaces("predicted_loss")
def exponents_exchanged(n, d, coef):
    """You gave the parameters the exponent β and the tokens α. Which belongs to which?"""
    return predicted_loss(n, d, {**coef, "alpha": coef["beta"], "beta": coef["alpha"]})


@replaces("predicted_loss")
def sizes_exchanged(n, d, coef):
    """You divided A by a power of the tokens and B by a power of the parameters. Which of the two coefficients
    belongs to N?"""
    return predicted_loss(d, n, coef)


@replaces("predicted_loss")
def grows_with_size(n, d, coef):
    """You multiplied A and B by the powers, so that the loss grows with the model. What happens to the two terms
    when N and D grow?"""
    return coef["E"] + coef["A"] * n ** coef["alpha"] + coef["B"] * d ** coef["beta"]


@replaces("predicted_loss")
def power_of_the_quotient(n, d, coef):
    """You raised the quotient A/N to the power of α. Which of the two numbers does the formula raise?"""
    return coef["E"] + (coef["A"] / n) ** coef["alpha"] + (coef["B"] / d) ** coef["beta"]


@replaces("predicted_loss")
def one_exponent(n, d, coef):
    """You used the exponent α for both terms. Which of the two exponents belongs to the tokens?"""
    return predicted_loss(n, d, {**coef, "beta": coef["alpha"]})


def split(n, d, coef):
    return {"n": n, "d": d, "tokens_per_param": d / n, "loss": predicted_loss(n, d, coef)}


def parts(coef):
    A, B, alpha, beta = (coef[key] for key in ("A", "B", "alpha", "beta"))
    return A, B, alpha, beta, alpha + beta


def closed_form(flops, coef, G, power_of_n=None, power_of_d=None):
    _, _, alpha, beta, both = parts(coef)
    power_of_n = beta / both if power_of_n is None else power_of_n
    power_of_d = alpha / both if power_of_d is None else power_of_d
    return split(G * (flops / 6) ** power_of_n, (flops / 6) ** power_of_d / G, coef)


def right_g(coef):
    A, B, alpha, beta, both = parts(coef)
    return (alpha * A / (beta * B)) ** (1 / both)


@replaces("compute_optimal")
def powers_exchanged(flops, coef):
    """You gave N the exponent α/(α + β) and D the other one. If tokens help more, β is larger, and then
    fewer of them are needed: which of the two must grow faster with the budget?"""
    _, _, alpha, beta, both = parts(coef)
    return closed_form(flops, coef, right_g(coef), alpha / both, beta / both)


@replaces("compute_optimal")
def power_of_n_wrong(flops, coef):
    """You gave N the exponent α/(α + β), and D the same one. Then 6·N·D is not the budget: the two
    exponents add up to 1."""
    _, _, alpha, _, both = parts(coef)
    return closed_form(flops, coef, right_g(coef), power_of_n=alpha / both)


@replaces("compute_optimal")
def without_six(flops, coef):
    """You split C itself, so that N·D is the budget. A parameter costs 6 FLOPs for each token: what is
    N·D?"""
    return compute_optimal(6 * flops, coef)


@replaces("compute_optimal")
def two_flops(flops, coef):
    """You split C/2, the cost of the forward pass. Training also goes backwards, which costs twice as
    much."""
    return compute_optimal(3 * flops, coef)


@replaces("compute_optimal")
def g_of_a_and_b(flops, coef):
    """Your G has A/B under the root. Both terms were differentiated, and their exponents came down: where
    are α and β?"""
    A, B, _, _, both = parts(coef)
    return closed_form(flops, coef, (A / B) ** (1 / both))


@replaces("compute_optimal")
def g_upside_down(flops, coef):
    """Your G is the inverse of what it should be. The larger A, the more it pays to have parameters: is G
    larger or smaller then?"""
    return closed_form(flops, coef, 1 / right_g(coef))


@replaces("compute_optimal")
def g_without_root(flops, coef):
    """You took G without its root. N^α times N^β is on one side: what solves that for N?"""
    return closed_form(flops, coef, right_g(coef) ** (coef["alpha"] + coef["beta"]))


@replaces("compute_optimal")
def g_grows_with_b(flops, coef):
    """Your G grows with B, and it should fall: the more there is to gain from tokens, the smaller the best model. Which
    of the three stand below the line in a / b * c?"""
    A, B, alpha, beta, both = parts(coef)
    return closed_form(flops, coef, (alpha * A / beta * B) ** (1 / both))


@replaces("compute_optimal")
def root_without_brackets(flops, coef):
    """Your G is the quotient αA/βB, divided by α + β. Python takes a power before a division: what does it read as the
    exponent in x ** 1 / (a + b)?"""
    A, B, alpha, beta, both = parts(coef)
    return closed_form(flops, coef, (alpha * A / (beta * B)) ** 1 / both)


@replaces("compute_optimal")
def no_g(flops, coef):
    """You split by the exponents alone. How much a parameter and a token are worth depends on A and B too,
    through G."""
    return closed_form(flops, coef, 1.0)


@replaces("compute_optimal")
def twenty(flops, coef):
    """You took 20 tokens for each parameter. That is what one fit gives near one budget: another law, or
    another budget, has another ratio."""
    n = math.sqrt(flops / 120)
    return split(n, 20 * n, coef)


@replaces("compute_optimal")
def both_square_roots(flops, coef):
    """You let both grow like the square root of the budget. That is so for α = β; here the exponents
    differ."""
    return closed_form(flops, coef, right_g(coef), 0.5, 0.5)


@replaces("compute_optimal")
def params_per_token(flops, coef):
    """Your tokens_per_param is parameters divided by tokens. Which of the two does the name put on top?"""
    best = compute_optimal(flops, coef)
    return {**best, "tokens_per_param": 1 / best["tokens_per_param"]}


@replaces("compute_optimal")
def loss_above_e(flops, coef):
    """Your loss is that part of it which N and D can make smaller. Which third part has the loss of every model?"""
    best = compute_optimal(flops, coef)
    return {**best, "loss": best["loss"] - coef["E"]}


def parabola(x, y):
    columns = torch.stack([x**2, x, torch.ones_like(x)], dim=1)
    return torch.linalg.lstsq(columns, y[:, None]).solution.squeeze(1).tolist()


def centred(n_params, loss):
    """p, q of the parabola around the middle of ln N, and that middle."""
    x = n_params.log()
    p, q, _ = parabola(x - x.mean(), loss)
    if p < 0:
        raise ValueError("the parabola opens downwards")
    return p, q, x.mean().item()


@replaces("isoflop_optimum")
def within_the_sizes(n_params, loss):
    """Where the parabola turns outside the sizes that were measured, you return the nearest of these. The parabola goes
    on there: at which N is it lowest?"""
    return min(max(isoflop_optimum(n_params, loss), n_params.min().item()), n_params.max().item())


@replaces("isoflop_optimum")
def parabola_in_n(n_params, loss):
    """You fitted the parabola over N. IsoFLOP curves are parabolas when a doubling of N is always the same step: on
    which axis is that so?"""
    centred(n_params, loss)
    scale = n_params.mean()
    p, q, _ = parabola(n_params / scale, loss)
    return -q / (2 * p) * scale.item()


@replaces("isoflop_optimum")
def parabola_in_root(n_params, loss):
    """You fitted a parabola to the logarithm of the loss. Of which of the two quantities does the docstring take
    the logarithm?"""
    centred(n_params, loss)
    p, q, middle = centred(n_params, loss.log())
    return math.exp(middle - q / (2 * p))


@replaces("isoflop_optimum")
def best_of_the_points(n_params, loss):
    """You returned the size that had the lowest loss. Does the lowest place of a parabola lie at one of its
    points?"""
    centred(n_params, loss)
    return n_params[loss.argmin()].item()


@replaces("isoflop_optimum")
def logarithm_returned(n_params, loss):
    """You returned ln N. What undoes the logarithm?"""
    return math.log(isoflop_optimum(n_params, loss))


@replaces("isoflop_optimum")
def without_two(n_params, loss):
    """You took -q/p for the turning point. Where is the derivative of p·x² + q·x equal to 0?"""
    p, q, middle = centred(n_params, loss)
    return math.exp(middle - q / p)


@replaces("isoflop_optimum")
def sign_lost(n_params, loss):
    """You took q/(2p) for the turning point. Which sign does x have where 2p·x + q = 0?"""
    p, q, middle = centred(n_params, loss)
    return math.exp(middle + q / (2 * p))


@replaces("isoflop_optimum")
def mixed_bases(n_params, loss):
    """You fitted over log10 of N and undid it with exp. Which function belongs to which?"""
    return math.exp(math.log10(isoflop_optimum(n_params, loss)))


@replaces("isoflop_optimum")
def three_points_only(n_params, loss):
    """Your parabola goes through three points only, those near the lowest loss. How many points does a fit by least
    squares use?"""
    centred(n_params, loss)
    chosen = loss.topk(3, largest=False).indices
    x = n_params[chosen].log()
    p, q, _ = parabola(x - x.mean(), loss[chosen])
    return math.exp(x.mean().item() - q / (2 * p))


def curve(n_params, loss):
    x = n_params.log()
    p, q, _ = parabola(x - x.mean(), loss)
    return p, math.exp(max(-700.0, min(700.0, x.mean().item() - q / (2 * p)))) if p else 0.0


@replaces("isoflop_optimum")
def maximum_too(n_params, loss):
    """You returned the turning point of a parabola that opens downwards. The loss is highest there: what does the
    sign of the square say?"""
    return curve(n_params, loss)[1]


@replaces("isoflop_optimum")
def middle_forgotten(n_params, loss):
    """You fitted around the mean of ln N, and did not add the mean again. Where on the axis of ln N is the
    point 0 of your parabola?"""
    p, q, _ = centred(n_params, loss)
    return math.exp(-q / (2 * p))


@replaces("isoflop_optimum")
def coefficients_reversed(n_params, loss):
    """You divided the slope by the constant of the parabola instead of by the coefficient of its square. In
    which order does your fit return its three numbers?"""
    centred(n_params, loss)
    x = n_params.log()
    _, q, r = parabola(x - x.mean(), loss)
    return math.exp(x.mean().item() - q / (2 * r))


@replaces("power_law_fit")
def height_returned(x, y):
    """Your coefficient is the logarithm of it. What undoes that?"""
    fit = power_law_fit(x, y)
    return {**fit, "coefficient": math.log(fit["coefficient"])}


@replaces("power_law_fit")
def bases_mixed(x, y):
    """You took log10 of the numbers and undid it with exp. The exponent stays right: what happens to the
    coefficient?"""
    fit = power_law_fit(x, y)
    return {**fit, "coefficient": math.exp(math.log10(fit["coefficient"]))}


@replaces("power_law_fit")
def mean_of_quotients(x, y):
    """Your coefficient is the mean of y / x^e. The line of least squares has the mean of ln y where ln x has its mean:
    is the mean of some numbers the exponential of the mean of their logarithms?"""
    fit = power_law_fit(x, y)
    return {**fit, "coefficient": (y / x ** fit["exponent"]).mean().item()}


def with_slope(x, y, factor):
    """The line with another slope, through the mean of the logarithms."""
    exponent = power_law_fit(x, y)["exponent"] * factor
    height = y.log().mean() - exponent * x.log().mean()
    return {"exponent": exponent, "coefficient": math.exp(height.item())}


@replaces("power_law_fit")
def variance_over_less(x, y):
    """You divided the covariance by the number M of points and the variance by M - 1, as torch's var does unless it is
    told otherwise. By what factor is your exponent too small?"""
    return with_slope(x, y, (len(x) - 1) / len(x))


@replaces("power_law_fit")
def covariance_over_less(x, y):
    """You divided the covariance by M - 1, as numpy's cov does, and the variance by the number M of points, as numpy's
    var does. By what factor is your exponent too large?"""
    return with_slope(x, y, len(x) / (len(x) - 1))


@replaces("power_law_fit")
def names_exchanged(x, y):
    """You exchanged the slope and the height of the line. ln y = e · ln x + ln c: which of the two is the
    exponent?"""
    fit = power_law_fit(x, y)
    return {"exponent": math.log(fit["coefficient"]), "coefficient": math.exp(fit["exponent"])}


@replaces("power_law_fit")
def through_the_origin(x, y):
    """You fitted a line through the origin, so that the coefficient is always 1. What is ln y where ln x is 0?"""
    a, b = x.log(), y.log()
    return {"exponent": ((a * b).sum() / (a * a).sum()).item(), "coefficient": 1.0}


@replaces("power_law_fit")
def ends_only(x, y):
    """You put a line through the first and the last point. With noise both of them have an error: which points does
    a fit by least squares use?"""
    a, b = x.log(), y.log()
    exponent = ((b[-1] - b[0]) / (a[-1] - a[0])).item()
    return {"exponent": exponent, "coefficient": math.exp((b[0] - exponent * a[0]).item())}


@replaces("power_law_fit")
def x_over_y(x, y):
    """You fitted ln x as a line in ln y and turned the result around. With noise that is another line: the errors
    of which quantity shall be small?"""
    back = power_law_fit(y, x)
    exponent = 1 / back["exponent"]
    return {"exponent": exponent, "coefficient": back["coefficient"] ** -exponent}


@replaces("power_law_fit")
def mean_of_ratios(x, y):
    """You took the mean of the slopes between neighbours. Most of the points cancel in it: how does a fit by least
    squares weigh them?"""
    a, b = x.log(), y.log()
    exponent = ((b[1:] - b[:-1]) / (a[1:] - a[:-1])).mean().item()
    return {"exponent": exponent, "coefficient": math.exp((b.mean() - exponent * a.mean()).item())}


@replaces("power_law_fit")
def slope_of_the_ends(x, y):
    """Your exponent depends on the first and the last point only. With noise every point has an error: how do
    all points get a say in the slope?"""
    a, b = x.log(), y.log()
    exponent = ((b[-1] - b[0]) / (a[-1] - a[0])).item()
    return {"exponent": exponent, "coefficient": math.exp((b.mean() - exponent * a.mean()).item())}


@replaces("power_law_fit")
def x_as_it_is(x, y):
    """You fitted ln y over x itself. That is an exponential law. Over which axis is a power law a straight
    line?"""
    dx = x - x.mean()
    slope = ((dx * y.log()).sum() / (dx * dx).sum()).item()
    return {"exponent": slope, "coefficient": math.exp((y.log().mean() - slope * x.mean()).item())}


def life(n, target_loss, inference_tokens, coef):
    left = target_loss - coef["E"] - coef["A"] / n ** coef["alpha"]
    d = (coef["B"] / left) ** (1 / coef["beta"])
    return {"n": n, "d": d, "flops": 6 * n * d + 2 * n * inference_tokens}


@replaces("lifetime_optimal")
def inference_at_six(target_loss, inference_tokens, coef):
    """You charged 6 FLOPs for each parameter and token that is served. Inference goes forward only: how
    many are that?"""
    return lifetime_optimal(target_loss, 3 * inference_tokens, coef)


@replaces("lifetime_optimal")
def never_run(target_loss, inference_tokens, coef):
    """You minimised the cost of training: the tokens that are served cost nothing in your F, or nearly so. How much is
    its second term for a model of N parameters?"""
    return lifetime_optimal(target_loss, 0, coef)


@replaces("lifetime_optimal")
def trained_then_run(target_loss, inference_tokens, coef):
    """You took the model that is cheapest to train and added what it costs to run. Would a smaller model that is
    trained on more tokens cost less in all?"""
    return life(lifetime_optimal(target_loss, 0, coef)["n"], target_loss, inference_tokens, coef)


@replaces("lifetime_optimal")
def twenty_for_life(target_loss, inference_tokens, coef):
    """You took 20 tokens for each parameter, and the size that has the loss then. Many other sizes have it too, each
    with tokens of its own: which of them costs the least to train and to run?"""
    if target_loss <= coef["E"]:
        raise ValueError("no model has this loss")
    low, high = 0.0, 200.0
    for _ in range(200):
        middle = (low + high) / 2
        n = math.exp(middle)
        low, high = (middle, high) if predicted_loss(n, 20 * n, coef) > target_loss else (low, middle)
    n = math.exp(low)
    return {"n": n, "d": 20 * n, "flops": 6 * n * 20 * n + 2 * n * inference_tokens}


@replaces("lifetime_optimal")
def training_returned(target_loss, inference_tokens, coef):
    """Your n and d are right, and flops is the cost of the training alone. Which other cost is a part of F?"""
    best = lifetime_optimal(target_loss, inference_tokens, coef)
    return {**best, "flops": 6 * best["n"] * best["d"]}


@replaces("lifetime_optimal")
def served_tokens_teach(target_loss, inference_tokens, coef):
    """You let the tokens that are served lower the loss. Does a model learn from a text that it writes for a
    user?"""
    best = lifetime_optimal(target_loss, inference_tokens, coef)
    d = max(best["d"] - inference_tokens, 1.0)
    return {"n": best["n"], "d": d, "flops": 6 * best["n"] * d + 2 * best["n"] * inference_tokens}


@replaces("lifetime_optimal")
def e_left_in(target_loss, inference_tokens, coef):
    """You solved L(N, D) = target without E. How much of the target is left for the two other terms?"""
    if target_loss <= coef["E"]:
        raise ValueError("no model has this loss")
    return lifetime_optimal(target_loss, inference_tokens, {**coef, "E": 0.0})


@replaces("lifetime_optimal")
def any_target(target_loss, inference_tokens, coef):
    """You did not refuse a target at E or below. No model reaches such a loss: which error does the docstring
    promise?"""
    return lifetime_optimal(max(target_loss, coef["E"] + 1e-3), inference_tokens, coef)


@replaces("lifetime_optimal")
def searched_to_a_trillion(target_loss, inference_tokens, coef):
    """Your search ends at a trillion parameters, and where the best model is larger you return just that. The nearer a
    target is to E, the larger the model: how can a search find its own upper end?"""
    best = lifetime_optimal(target_loss, inference_tokens, coef)
    if best["n"] < 1e12:
        return best
    return life(math.exp(math.log(1e12)), target_loss, inference_tokens, coef)  # where a search over ln N ends


@replaces("lifetime_optimal")
def below_e_unnoticed(target_loss, inference_tokens, coef):
    """You did not ask whether the target lies above E. Below it the size that reaches it with text without end is a
    broken power of a negative number, which is complex: which error does the docstring promise there, and at E
    itself?"""
    math.log((coef["A"] / (target_loss - coef["E"])) ** (1 / coef["alpha"]))
    return lifetime_optimal(target_loss, inference_tokens, coef)


@replaces("lifetime_optimal")
def all_at_two(target_loss, inference_tokens, coef):
    """You charged 2 FLOPs for each parameter and token, in training too. Training has a backward pass: how
    many FLOPs does it cost?"""
    best = lifetime_optimal(target_loss, 3 * inference_tokens, coef)
    return {**best, "flops": best["flops"] / 3}


@replaces("lifetime_optimal")
def e_itself(target_loss, inference_tokens, coef):
    """You refused targets below E, and not E itself: there your code divides by zero. How large would a
    model with the loss E have to be?"""
    if target_loss == coef["E"]:
        coef["A"] / (target_loss - coef["E"])
    return lifetime_optimal(target_loss, inference_tokens, coef)

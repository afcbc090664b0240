"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import math

import torch
from chinchilla_optimal import compute_optimal, isoflop_optimum, lifetime_optimal, power_law_fit, predicted_loss

from grader.testing import replaces


def exchanged(coef, first, second):
    return {**coef, first: coef[second], second: coef[first]}


@replaces("predicted_loss", term=["E", "A", "B"])
def without_a_term(n, d, coef, *, term):
    """The term with {term} is missing from your loss. Which three parts does a loss have, and what does each of them
    depend on?"""
    return predicted_loss(n, d, {**coef, term: 0.0})


@replaces("predicted_loss", keys=["β and α", "α and α", "β and β"])
def other_exponents(n, d, coef, *, keys):
    """The exponents of N and D in your loss are {keys}, in this order. Which exponent belongs to the parameters, and
    which to the tokens?"""
    first, second = ({"α": "alpha", "β": "beta"}[key] for key in keys.split(" and "))
    return predicted_loss(n, d, {**coef, "alpha": coef[first], "beta": coef[second]})


@replaces("predicted_loss")
def sizes_exchanged(n, d, coef):
    """You divided A by a power of the tokens and B by a power of the parameters. Which of the two coefficients belongs
    to N?"""
    return predicted_loss(d, n, coef)


@replaces("predicted_loss")
def coefficients_exchanged(n, d, coef):
    """The exponents of your loss are right. Which of A and B belongs to the parameters, and which to the tokens?"""
    return predicted_loss(n, d, exchanged(coef, "A", "B"))


@replaces("predicted_loss", terms=["A", "B", "AB"])
def grows_with_size(n, d, coef, *, terms):
    """Your loss grows with N, with D or with both. What should happen to the two terms as a model gets larger and reads
    more?"""
    by_size = n ** (coef["alpha"] if "A" in terms else -coef["alpha"])
    by_tokens = d ** (coef["beta"] if "B" in terms else -coef["beta"])
    return coef["E"] + coef["A"] * by_size + coef["B"] * by_tokens


@replaces("predicted_loss", terms=["A", "B", "AB"])
def power_of_the_quotient(n, d, coef, *, terms):
    """In your loss a coefficient is raised to a power together with N or D. What does the exponent belong to in
    A/N^α?"""
    A = coef["A"] ** coef["alpha"] if "A" in terms else coef["A"]
    B = coef["B"] ** coef["beta"] if "B" in terms else coef["B"]
    return predicted_loss(n, d, {**coef, "A": A, "B": B})


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
    """Your N grows like (C/6)^(α/(α + β)). If tokens help more, β is larger, and then fewer of them are needed: which
    of N and D must grow faster with the budget?"""
    _, _, alpha, beta, both = parts(coef)
    return closed_form(flops, coef, right_g(coef), alpha / both, beta / both)


@replaces("compute_optimal", power=["α", "β"])
def one_power_for_both(flops, coef, *, power):
    """Your N and D grow with the same power of C/6, {power}/(α + β), so that 6·N·D is not the budget. What must the two
    exponents add up to?"""
    power = coef["alpha" if power == "α" else "beta"] / (coef["alpha"] + coef["beta"])
    return closed_form(flops, coef, right_g(coef), power, power)


@replaces("compute_optimal")
def both_square_roots(flops, coef):
    """Your N and D both grow like the square root of the budget. For which α and β is that so?"""
    return closed_form(flops, coef, right_g(coef), 0.5, 0.5)


@replaces("compute_optimal")
def powers_without_brackets(flops, coef):
    """Your N grows faster than the budget. Python divides before it adds: what are a / b + a and a / (b + a)?"""
    alpha, beta = coef["alpha"], coef["beta"]
    return closed_form(flops, coef, right_g(coef), beta / alpha + beta, alpha / alpha + beta)


@replaces("compute_optimal", cost=[1, 2, 3, 4, 8])
def other_cost(flops, coef, *, cost):
    """You split the budget so that C = {cost}·N·D. How many FLOPs does each parameter cost for each token, forward and
    backward together?"""
    return compute_optimal(6 / cost * flops, coef)


@replaces("compute_optimal", place=["n", "d"])
def six_in_one_place(flops, coef, *, place):
    """Your N·D is not C/6. What is raised to a power in N*, and what in D*?"""
    return split(*(compute_optimal(6 * flops if key == place else flops, coef)[key] for key in ("n", "d")), coef)


@replaces("compute_optimal")
def six_in_d_only(flops, coef):
    """Your 6·N·D is the budget, but your N is the one for a larger budget. What is raised to a power in N*?"""
    n = compute_optimal(6 * flops, coef)["n"]
    return split(n, flops / (6 * n), coef)


@replaces("compute_optimal")
def g_of_a_and_b(flops, coef):
    """Your G is a root of A/B. Differentiating the two terms brings their exponents down: where are α and β in your
    G?"""
    A, B, _, _, both = parts(coef)
    return closed_form(flops, coef, (A / B) ** (1 / both))


@replaces("compute_optimal", letters=["AB", "αβ", "AαBβ"])
def g_upside_down(flops, coef, *, letters):
    """Your G is upside down, wholly or in part. At the optimum αA/N^α = βB/D^β: if α or A grows, does N grow or
    shrink?"""
    A, B, alpha, beta, both = parts(coef)
    A, B = (B, A) if "A" in letters else (A, B)
    alpha, beta = (beta, alpha) if "α" in letters else (alpha, beta)
    return closed_form(flops, coef, (alpha * A / (beta * B)) ** (1 / both))


@replaces("compute_optimal", root=["one", "both", "alpha", "beta"])
def g_with_another_root(flops, coef, *, root):
    """αA/(βB) has the wrong exponent in your G. With D = C/(6N) in αA/N^α = βB/D^β, bring all N to one side: what is
    their power, and what undoes it?"""
    _, _, alpha, beta, both = parts(coef)
    power = {"one": 1.0, "both": both, "alpha": 1 / alpha, "beta": 1 / beta}[root]
    return closed_form(flops, coef, right_g(coef) ** (both * power))


@replaces("compute_optimal")
def g_grows_with_b(flops, coef):
    """Your G grows with B, and it should fall: the more there is to gain from tokens, the smaller the best model. What
    does Python divide by in a / b * c?"""
    A, B, alpha, beta, both = parts(coef)
    return closed_form(flops, coef, (alpha * A / beta * B) ** (1 / both))


@replaces("compute_optimal")
def root_without_brackets(flops, coef):
    """Your G is αA/(βB), divided by α + β. Python takes a power before it divides: what is the exponent in x ** 1 / (a
    + b)?"""
    A, B, alpha, beta, both = parts(coef)
    return closed_form(flops, coef, (alpha * A / (beta * B)) ** 1 / both)


@replaces("compute_optimal", places=["n", "d", "nd"])
def without_g(flops, coef, *, places):
    """G is missing from your N, from your D or from both. How does what a parameter and a token are worth depend on A
    and B?"""
    G, best = right_g(coef), compute_optimal(flops, coef)
    return split(best["n"] / G if "n" in places else best["n"], best["d"] * G if "d" in places else best["d"], coef)


@replaces("compute_optimal", power=[1, -1])
def g_twice_alike(flops, coef, *, power):
    """G moves your N and D in the same direction. The budget fixes their product: what happens to D if G makes N
    larger?"""
    G, best = right_g(coef), compute_optimal(flops, coef)
    n, d = (best["n"], best["d"] * G**2) if power == 1 else (best["n"] / G**2, best["d"])
    return split(n, d, coef)


@replaces("compute_optimal")
def twenty(flops, coef):
    """You took 20 tokens for each parameter. That is what one fit gives near one budget: on what does the ratio D*/N*
    depend?"""
    n = math.sqrt(flops / 120)
    return split(n, 20 * n, coef)


@replaces("compute_optimal")
def params_per_token(flops, coef):
    """Your tokens_per_param is parameters divided by tokens. Which of the two does the name put on top?"""
    best = compute_optimal(flops, coef)
    return {**best, "tokens_per_param": 1 / best["tokens_per_param"]}


@replaces("compute_optimal")
def n_and_d_exchanged(flops, coef):
    """Your n and d are exchanged. Which of them is the number of parameters?"""
    return exchanged(compute_optimal(flops, coef), "n", "d")


@replaces("compute_optimal")
def loss_above_e(flops, coef):
    """Your loss is only the part of it that N and D can make smaller. What third part does the loss of every model
    have?"""
    best = compute_optimal(flops, coef)
    return {**best, "loss": best["loss"] - coef["E"]}


@replaces("compute_optimal")
def loss_of_exchanged_sizes(flops, coef):
    """Your loss is that of a model with D parameters, trained on N tokens. In which order does predicted_loss take
    them?"""
    best = compute_optimal(flops, coef)
    return {**best, "loss": predicted_loss(best["d"], best["n"], coef)}


def parabola(x, y):
    columns = torch.stack([x**2, x, torch.ones_like(x)], dim=1)
    return torch.linalg.lstsq(columns, y[:, None]).solution.squeeze(1).tolist()


def opens_upwards(p):
    if p < 0:
        raise ValueError("the parabola opens downwards")


def fitted(x, loss):
    """p, q of the parabola around the middle of x, and that middle."""
    p, q, _ = parabola(x - x.mean(), loss)
    opens_upwards(p)
    return p, q, x.mean().item()


def exponential(x, base=math.e):
    return base ** max(-300.0, min(300.0, x))


@replaces("isoflop_optimum", outside=["nearest", "error"])
def within_the_sizes(n_params, loss, *, outside):
    """The parabola may turn outside the range of sizes that were measured. What does your code do then? The parabola
    goes on there: at which N is it lowest?"""
    n, low, high = isoflop_optimum(n_params, loss), n_params.min().item(), n_params.max().item()
    if outside == "error" and not low <= n <= high:
        raise ValueError("no minimum between the sizes")
    return min(max(n, low), high)


@replaces("isoflop_optimum", form=["as it is", "centred", "scaled"])
def parabola_in_n(n_params, loss, *, form):
    """You fitted the parabola over N. The curves are close to parabolas where a doubling of N is always the same step:
    on which axis is it?"""
    scale = n_params.mean() if form == "scaled" else 1.0
    middle = n_params.mean() if form == "centred" else torch.zeros(())
    p, q, _ = parabola((n_params - middle) / scale, loss)
    opens_upwards(p)
    return float(middle - q / (2 * p) * scale)


@replaces("isoflop_optimum")
def logarithm_of_the_loss(n_params, loss):
    """You fitted a parabola to the logarithm of the loss. Of which of the two quantities does the docstring take the
    logarithm?"""
    p, q, middle = fitted(n_params.log(), loss.log())
    return math.exp(middle - q / (2 * p))


@replaces("isoflop_optimum", checked=[True, False])
def best_of_the_points(n_params, loss, *, checked):
    """You returned the size with the lowest loss. Is the lowest place of a parabola always at one of the points that it
    was fitted to?"""
    if checked:
        fitted(n_params.log(), loss)
    return n_params[loss.argmin()].item()


@replaces("isoflop_optimum", base=["e", "10", "2"])
def logarithm_returned(n_params, loss, *, base):
    """You returned a logarithm of N. What undoes it?"""
    return math.log(isoflop_optimum(n_params, loss)) / {"e": 1.0, "10": math.log(10), "2": math.log(2)}[base]


@replaces("isoflop_optimum", factor=[-1, 0.5, 1, -2], centred=[True, False])
def another_turning_point(n_params, loss, *, factor, centred):
    """You took {factor} · q/p for the turning point of p·x² + q·x + r. Where is the derivative equal to 0?"""
    p, q, middle = fitted(n_params.log(), loss)
    return exponential(middle + factor * q / p if centred else factor * (q - 2 * p * middle) / p)


@replaces("isoflop_optimum", bases=[(10, math.e), (2, math.e), (math.e, 10), (math.e, 2), (2, 10), (10, 2)])
def mixed_bases(n_params, loss, *, bases):
    """Your fit is over a logarithm of one base, and you undid that of another. Which function belongs to which?"""
    return bases[1] ** math.log(isoflop_optimum(n_params, loss), bases[0])


@replaces("isoflop_optimum")
def three_points_only(n_params, loss):
    """Your parabola goes through only three of the points, those with the lowest losses. Which points does a fit by
    least squares use?"""
    fitted(n_params.log(), loss)
    chosen = loss.topk(3, largest=False).indices
    x = n_params[chosen].log()
    p, q, _ = parabola(x - x.mean(), loss[chosen])
    return exponential(x.mean().item() - q / (2 * p))


@replaces("isoflop_optimum")
def maximum_too(n_params, loss):
    """You returned the turning point of a parabola that opens downwards, where the loss is highest. Which of the three
    numbers of a parabola shows how it opens?"""
    x = n_params.log()
    p, q, _ = parabola(x - x.mean(), loss)
    return exponential(x.mean().item() - q / (2 * p))


@replaces("isoflop_optimum")
def middle_forgotten(n_params, loss):
    """You fitted around the mean of ln N and did not add the mean again. Where on the axis of ln N is the point 0 of
    your parabola?"""
    p, q, _ = fitted(n_params.log(), loss)
    return math.exp(-q / (2 * p))


@replaces("isoflop_optimum", centred=[True, False])
def coefficients_reversed(n_params, loss, *, centred):
    """You divided the slope of the parabola by its constant instead of by the coefficient of its square. In which order
    does your fit return its three numbers?"""
    x = n_params.log()
    middle = x.mean() if centred else torch.zeros(())
    _, q, r = parabola(x - middle, loss)
    opens_upwards(r)
    return exponential(middle.item() - q / (2 * r))


@replaces("power_law_fit", base=[math.e, 10, 2])
def height_returned(x, y, *, base):
    """Your coefficient is a logarithm of the right one. What undoes it?"""
    fit = power_law_fit(x, y)
    return {**fit, "coefficient": math.log(fit["coefficient"], base)}


@replaces("power_law_fit", bases=[(10, math.e), (2, math.e), (math.e, 10), (math.e, 2), (2, 10), (10, 2)])
def bases_mixed(x, y, *, bases):
    """Your fit takes logarithms of one base, and you undid those of another. The exponent stays right: what happens to
    the coefficient?"""
    fit = power_law_fit(x, y)
    return {**fit, "coefficient": bases[1] ** math.log(fit["coefficient"], bases[0])}


@replaces("power_law_fit", point=["mean of quotients", "quotient of means", "first", "last"])
def not_through_the_means(x, y, *, point):
    """Your exponent is right, your coefficient is not. The line of least squares goes through the mean of ln x and the
    mean of ln y: does yours?"""
    fit = power_law_fit(x, y)
    quotients = y / x ** fit["exponent"]
    means = y.mean() / x.mean() ** fit["exponent"]
    coefficient = {
        "mean of quotients": quotients.mean(),
        "quotient of means": means,
        "first": quotients[0],
        "last": quotients[-1],
    }
    return {**fit, "coefficient": coefficient[point].item()}


def line_with(x, y, exponent):
    """The line with this slope, through the mean of the logarithms."""
    return {"exponent": exponent, "coefficient": math.exp((y.log().mean() - exponent * x.log().mean()).item())}


@replaces("power_law_fit", less=["variance", "covariance"])
def divided_by_less(x, y, *, less):
    """You divided one of covariance and variance by M, the number of points, and the other one by M − 1. Which of the
    two do torch's var and numpy's cov divide by unless you tell them?"""
    factor = (len(x) - 1) / len(x)
    exponent = power_law_fit(x, y)["exponent"]
    return line_with(x, y, exponent * factor if less == "variance" else exponent / factor)


@replaces("power_law_fit")
def names_exchanged(x, y):
    """You exchanged the slope and the height of the line. ln y = e · ln x + ln c: which of the two is the exponent?"""
    fit = power_law_fit(x, y)
    return {"exponent": math.log(fit["coefficient"]), "coefficient": math.exp(fit["exponent"])}


@replaces("power_law_fit")
def through_the_origin(x, y):
    """You fitted a line through the origin, so that the coefficient is always 1. What is ln y where ln x is 0?"""
    a, b = x.log(), y.log()
    return {"exponent": ((a * b).sum() / (a * a).sum()).item(), "coefficient": 1.0}


@replaces("power_law_fit", through=["first", "means"])
def slope_of_the_ends(x, y, *, through):
    """Your exponent depends only on the first and the last point. With noise every point has an error: how does a fit
    by least squares give all of them a say?"""
    a, b = x.log(), y.log()
    exponent = ((b[-1] - b[0]) / (a[-1] - a[0])).item()
    return line_with(x, y, exponent) if through == "means" else line_with(x[:1], y[:1], exponent)


@replaces("power_law_fit", turned=[True, False])
def x_over_y(x, y, *, turned):
    """You fitted ln x as a line in ln y. With noise that is another line: which quantity's errors should be small?"""
    back = power_law_fit(y, x)
    if not turned:
        return back
    exponent = 1 / back["exponent"]
    return {"exponent": exponent, "coefficient": back["coefficient"] ** -exponent}


@replaces("power_law_fit")
def mean_of_slopes(x, y):
    """Your exponent is the mean of the slopes between neighbours. Between two near points noise makes any slope: how
    does a fit by least squares weigh the points?"""
    a, b = x.log(), y.log()
    return line_with(x, y, ((b[1:] - b[:-1]) / (a[1:] - a[:-1])).mean().item())


@replaces("power_law_fit", logarithms=["of y", "of x", "of none"])
def other_axes(x, y, *, logarithms):
    """A power law is a straight line if both axes are logarithmic. Which of the two are logarithmic in your fit?"""
    a = x.log() if logarithms == "of x" else x
    b = y.log() if logarithms == "of y" else y
    dx = a - a.mean()
    slope = ((dx * b).sum() / (dx * dx).sum()).item()
    height = (b.mean() - slope * a.mean()).item()
    return {"exponent": slope, "coefficient": math.exp(height) if logarithms == "of y" else height}


def life(n, d, inference_tokens):
    return {"n": n, "d": d, "flops": 6 * n * d + 2 * n * inference_tokens}


def tokens_for(n, target_loss, coef):
    return (coef["B"] / (target_loss - coef["E"] - coef["A"] / n ** coef["alpha"])) ** (1 / coef["beta"])


def reachable(target_loss, coef):
    if target_loss <= coef["E"]:
        raise ValueError("no model has this loss")


@replaces("lifetime_optimal", cost=[1, 4, 6], returned=[True, False])
def other_cost_of_inference(target_loss, inference_tokens, coef, *, cost, returned):
    """Your search charges {cost} FLOPs for each parameter and each token that is served. Inference only goes forward:
    how many are that?"""
    best = lifetime_optimal(target_loss, cost / 2 * inference_tokens, coef)
    return best if returned else life(best["n"], best["d"], inference_tokens)


@replaces("lifetime_optimal", cost=[1, 2, 4])
def other_cost_of_training(target_loss, inference_tokens, coef, *, cost):
    """Your search charges {cost} FLOPs for each parameter and each token of the training. How many do the forward and
    the backward pass cost together?"""
    best = lifetime_optimal(target_loss, 6 / cost * inference_tokens, coef)
    return {**best, "flops": best["flops"] * cost / 6}


@replaces("lifetime_optimal")
def never_run(target_loss, inference_tokens, coef):
    """You minimised the cost of training: the tokens that are served cost nothing in your F, or nearly nothing. How
    much is its second term for a model of N parameters?"""
    return lifetime_optimal(target_loss, 0, coef)


@replaces("lifetime_optimal")
def trained_then_run(target_loss, inference_tokens, coef):
    """Your model is the one that is cheapest to train, and what it costs to run was added afterwards. Could a smaller
    one, trained on more tokens, cost less in all?"""
    best = lifetime_optimal(target_loss, 0, coef)
    return life(best["n"], best["d"], inference_tokens)


@replaces("lifetime_optimal")
def twenty_for_life(target_loss, inference_tokens, coef):
    """You took 20 tokens for each parameter, and the size that then has the loss. Many other sizes reach it too, each
    with its own D: which of them costs the least to train and to run?"""
    reachable(target_loss, coef)
    low, high = 0.0, 200.0
    for _ in range(200):
        middle = (low + high) / 2
        n = math.exp(middle)
        low, high = (middle, high) if predicted_loss(n, 20 * n, coef) > target_loss else (low, middle)
    n = math.exp(low)
    return life(n, 20 * n, inference_tokens)


@replaces("lifetime_optimal", part=["training", "inference"])
def part_of_f(target_loss, inference_tokens, coef, *, part):
    """Your n and d are right, but flops is the cost of {part} alone. Which two costs make up F?"""
    best = lifetime_optimal(target_loss, inference_tokens, coef)
    return {**best, "flops": 6 * best["n"] * best["d"] if part == "training" else 2 * best["n"] * inference_tokens}


@replaces("lifetime_optimal", checked=[True, False])
def e_left_in(target_loss, inference_tokens, coef, *, checked):
    """The loss of your N and D is above the target by E. How much of the target is left for the terms with A and B?"""
    if checked:
        reachable(target_loss, coef)
    return lifetime_optimal(target_loss, inference_tokens, {**coef, "E": 0.0})


def cheapest(low, tokens, inference_tokens):
    """The least total of all sizes above exp(low), by a grid and finer ones around its best point."""
    width = 40.0
    for _ in range(7):
        grid = [low + width * (i + 1) / 200 for i in range(200)]
        x = min(grid, key=lambda x: life(math.exp(x), tokens(math.exp(x)), inference_tokens)["flops"])
        low, width = max(low, x - width / 200), 2 * width / 200
    return life(math.exp(x), tokens(math.exp(x)), inference_tokens)


@replaces("lifetime_optimal", power=["1", "beta", "alpha"])
def d_without_its_root(target_loss, inference_tokens, coef, *, power):
    """Your N and D do not have the target's loss. B/D^β is what is left of the target: how do you solve that for D?"""
    reachable(target_loss, coef)
    root = {"1": 1.0, "beta": coef["beta"], "alpha": 1 / coef["alpha"]}[power]

    def tokens(n):
        left = target_loss - coef["E"] - coef["A"] / n ** coef["alpha"]
        return (coef["B"] / left) ** root

    low = math.log(coef["A"] / (target_loss - coef["E"])) / coef["alpha"]
    return cheapest(low, tokens, inference_tokens)


@replaces("lifetime_optimal")
def any_target(target_loss, inference_tokens, coef):
    """Your code returns a model for a target of E or less. Which models reach such a loss, and what does the docstring
    promise for it?"""
    return lifetime_optimal(max(target_loss, coef["E"] + 1e-3), inference_tokens, coef)


@replaces("lifetime_optimal")
def below_e_unnoticed(target_loss, inference_tokens, coef):
    """What does your code do with a target below E? There, what is left for A/N^α is negative, and in Python a broken
    power of a negative number is complex. What does the docstring promise?"""
    math.log((coef["A"] / (target_loss - coef["E"])) ** (1 / coef["alpha"]))
    return lifetime_optimal(target_loss, inference_tokens, coef)


@replaces("lifetime_optimal")
def e_itself(target_loss, inference_tokens, coef):
    """Targets below E are refused; what about E itself? How large would a model with the loss E have to be?"""
    if target_loss == coef["E"]:
        coef["A"] / (target_loss - coef["E"])
    return lifetime_optimal(target_loss, inference_tokens, coef)


@replaces("lifetime_optimal", end=["100 billion", "a trillion"])
def search_ends_too_early(target_loss, inference_tokens, coef, *, end):
    """Where the best model has more than {end} parameters, you return one with just that many. The nearer a target is
    to E, the larger the model: how can a search find its own upper end?"""
    best, end = lifetime_optimal(target_loss, inference_tokens, coef), 1e11 if end == "100 billion" else 1e12
    if best["n"] < end:
        return best
    if target_loss - coef["E"] <= coef["A"] / end ** coef["alpha"]:
        return {"n": end, "d": math.inf, "flops": math.inf}
    n = math.exp(math.log(end))  # where a search over ln N ends
    return life(n, tokens_for(n, target_loss, coef), inference_tokens)


@replaces("lifetime_optimal", points=[100, 200, 500])
def coarse_grid(target_loss, inference_tokens, coef, *, points):
    """Your N is near the best one, but not near enough. How far apart are the sizes that your search compares, and what
    would a second search around the best of them find?"""
    reachable(target_loss, coef)
    sizes = torch.logspace(6, 14, points, dtype=torch.float64).tolist()
    sizes = [n for n in sizes if target_loss - coef["E"] > coef["A"] / n ** coef["alpha"]]
    lives = [life(n, tokens_for(n, target_loss, coef), inference_tokens) for n in sizes]
    return min(lives, key=lambda each: each["flops"])

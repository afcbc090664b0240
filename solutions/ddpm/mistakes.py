"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import math

import torch
import torch.nn.functional as F
from ddpm import alpha_bars, cosine_betas, ddim_step, linear_betas, posterior, predict_x0, q_sample, v_target
from torch import Tensor

from grader.testing import replaces


def at(values: Tensor, t: Tensor, x: Tensor) -> Tensor:
    """values[t] for each row of x, as it should be."""
    return values[t].to(x.dtype).reshape(-1, *[1] * (x.dim() - 1))


def mixed(a: Tensor, x0: Tensor, noise: Tensor) -> Tensor:
    """√a x0 + √(1 - a) noise."""
    return a.sqrt() * x0 + (1 - a).sqrt() * noise


def root(value: Tensor, taken: bool) -> Tensor:
    return value.sqrt() if taken else value


def before(betas: Tensor, first: float | Tensor = 1.0) -> Tensor:
    """ᾱ_{t-1}, beginning with first."""
    a = alpha_bars(betas)
    return torch.cat([torch.as_tensor(first, dtype=a.dtype).reshape(1), a[:-1]])


def with_first(betas: Tensor) -> Tensor:
    """ᾱ_{-1}, ᾱ_0, ..."""
    return F.pad(alpha_bars(betas), (1, 0), value=1.0)


def back(x0: Tensor, xt: Tensor, t: Tensor, of_x0: Tensor, of_xt: Tensor, variance: Tensor) -> dict[str, Tensor]:
    """A posterior from three tables."""
    return {"mean": at(of_x0, t, xt) * x0 + at(of_xt, t, xt) * xt, "variance": at(variance, t, xt)}


def tables(betas: Tensor, first: float | Tensor = 1.0) -> tuple[Tensor, Tensor, Tensor]:
    """of_x0, of_xt and the variance; as they should be if first is 1."""
    a, b = alpha_bars(betas), before(betas, first)
    of_x0, of_xt = b.sqrt() * betas / (1 - a), (1 - betas).sqrt() * (1 - b) / (1 - a)
    return of_x0, of_xt, betas * (1 - b) / (1 - a)


def squared_cosine(angle: Tensor) -> Tensor:
    return torch.cos(angle).square()


def times(steps: int) -> Tensor:
    """(T + 1,): 0 ... 1"""
    return torch.arange(steps + 1, dtype=torch.float64) / steps


def from_f(f: Tensor, max_beta: float) -> Tensor:
    return (1 - f[1:] / f[:-1]).clamp(max=max_beta)


# schedules


@replaces("linear_betas")
def of_float32(steps, start=1e-4, end=0.02):
    """Your betas are float32, torch's default. The product of a thousand factors near 1 needs more digits: which dtype
    does the docstring promise?"""
    return linear_betas(steps, start, end).float()


@replaces("linear_betas", first=[0, 1, 0.5], more=[0, 1])
def an_end_is_missing(steps, start=1e-4, end=0.02, *, first: float, more: int):
    """Your schedule does not hold both of its ends. How many distances are there between T numbers?"""
    return start + (end - start) * (torch.arange(steps, dtype=torch.float64) + first) / (steps + more)


@replaces("linear_betas", what=["roots", "logarithms", "squares"])
def unequal_distances(steps, start=1e-4, end=0.02, *, what: str):
    """Both ends are right, but between them it is the {what} of your β that have equal distances. What is linear in
    DDPM's schedule?"""
    if what == "roots":
        return linear_betas(steps, math.sqrt(start), math.sqrt(end)).square()
    if what == "squares":
        return linear_betas(steps, start**2, end**2).sqrt()
    return linear_betas(steps, math.log(start), math.log(end)).exp()


@replaces("linear_betas")
def own_ends(steps, start=1e-4, end=0.02):
    """Your schedule goes from 0.0001 to 0.02 whatever start and end are. What are those two arguments for?"""
    return linear_betas(steps, 1e-4, 0.02)


@replaces("linear_betas")
def scaled_to_steps(steps, start=1e-4, end=0.02):
    """Your β grow when there are fewer than 1000 steps, so the first is not start. Some code scales them like that:
    does the statement?"""
    return linear_betas(steps, start * 1000 / steps, end * 1000 / steps)


@replaces("linear_betas")
def as_alphas(steps, start=1e-4, end=0.02):
    """You returned 1 − β. Which of the two is the share of noise that a step adds?"""
    return 1 - linear_betas(steps, start, end)


@replaces("cosine_betas")
def cosine_of_float32(steps, s=0.008, max_beta=0.999):
    """Your betas are float32, torch's default. Which dtype does the docstring promise?"""
    return cosine_betas(steps, s, max_beta).float()


@replaces("cosine_betas", cap=[0.999, 0.9999, 0.99, 0.9, 0.5, 1.0])
def own_cap(steps, s=0.008, max_beta=0.999, *, cap: float):
    """Your β may go up to {cap}, whatever max_beta is. What becomes of x₀ at a step with β = 1, and what is max_beta
    for?"""
    return cosine_betas(steps, s, cap)


@replaces("cosine_betas", offset=[0.0, 0.008])
def own_offset(steps, s=0.008, max_beta=0.999, *, offset: float):
    """Your f always has s = {offset}. Where does the argument s appear in the formula?"""
    return cosine_betas(steps, offset, max_beta)


@replaces("cosine_betas", power=[1, 3, 4])
def another_power(steps, s=0.008, max_beta=0.999, *, power: int):
    """Your f is the cosine to the power {power}. Which power makes f a share of the variance?"""
    f = torch.cos(math.pi / 2 * (times(steps) + s) / (1 + s)) ** power
    return from_f(f, max_beta)


@replaces("cosine_betas", form=["above", "below", "outside", "pi"])
def no_right_angle(steps, s=0.008, max_beta=0.999, *, form: str):
    """At u = 1 your cosine is not that of a right angle, so f(1) is not 0. What is the angle in the formula at u =
    1?"""
    u = times(steps)
    angle = {"above": u + s, "below": u / (1 + s), "outside": u + s / (1 + s), "pi": 2 * (u + s) / (1 + s)}[form]
    return from_f(squared_cosine(math.pi / 2 * angle), max_beta)


@replaces("cosine_betas", divided=[True, False])
def noise_so_far(steps, s=0.008, max_beta=0.999, *, divided: bool):
    """You returned all the noise up to each step. β_t is what step t alone adds: by the f of which step do you divide
    the f of this one?"""
    f = squared_cosine(math.pi / 2 * (times(steps) + s) / (1 + s))
    return (1 - f[1:] / (f[0] if divided else 1)).clamp(max=max_beta)


@replaces("cosine_betas")
def cosine_as_alphas(steps, s=0.008, max_beta=0.999):
    """You returned the quotients of f, which are the α. What is the share of noise that a step adds?"""
    return 1 - cosine_betas(steps, s, max_beta)


@replaces("cosine_betas")
def cosine_one_early(steps, s=0.008, max_beta=0.999):
    """Your first β is 0, and every other β is one place late. β_0 is a quotient of f at two times: which two?"""
    return F.pad(cosine_betas(steps, s, max_beta)[:-1], (1, 0), value=0.0)


@replaces("cosine_betas", fewer=[1, -1])
def cosine_distances(steps, s=0.008, max_beta=0.999, *, fewer: int):
    """Your u does not grow by 1/T from step to step. At how many values of u is f needed for T steps, and how far apart
    are they?"""
    u = torch.arange(steps + 1, dtype=torch.float64) / (steps - fewer)
    return from_f(squared_cosine(math.pi / 2 * (u + s) / (1 + s)), max_beta)


@replaces("alpha_bars")
def alphas(betas):
    """You returned α, what one step leaves. What do all steps so far leave?"""
    return 1 - betas


@replaces("alpha_bars")
def bars_always_float64(betas):
    """Your ᾱ is float64 whatever betas are. In which dtype does the docstring promise it?"""
    return torch.cumprod(1 - betas.double(), 0)


@replaces("alpha_bars")
def product_of_betas(betas):
    """You multiplied the β. Which share of the variance does a step leave?"""
    return torch.cumprod(betas, 0)


@replaces("alpha_bars", exponential=[False, True])
def from_a_sum(betas, *, exponential: bool):
    """You made ᾱ of the sum of the β, which is nearly right while they are small. Each step takes its share of what is
    left: how do such shares combine?"""
    total = betas.cumsum(0)
    return (-total).exp() if exponential else 1 - total


@replaces("alpha_bars")
def product_of_roots(betas):
    """You multiplied the roots √α. ᾱ is a share of the variance: does the root belong in ᾱ, or where ᾱ is used?"""
    return torch.cumprod((1 - betas).sqrt(), 0)


@replaces("alpha_bars")
def one_in_front(betas):
    """Your list begins with 1, so ᾱ_t is in place t + 1. That is handy inside other functions; how many numbers does
    this one return, and what is the first?"""
    return with_first(betas)


@replaces("alpha_bars")
def one_step_late(betas):
    """Your ᾱ_t leaves step t out of the product. What is left after step 0?"""
    return before(betas)


# q_sample


@replaces("q_sample", roots=[(False, False), (True, False), (False, True)])
def roots_missing(x0, t, noise, betas, *, roots: tuple[bool, bool]):
    """Unit variance does not stay unit variance: the squares of your two coefficients do not add up to 1. What turns a
    variance into a factor?"""
    a = at(alpha_bars(betas), t, x0)
    return root(a, roots[0]) * x0 + root(1 - a, roots[1]) * noise


@replaces("q_sample", of=["both coefficients", "the noise"])
def single_step(x0, t, noise, betas, *, of: str):
    """You use α_t or β_t of a single step. How many steps of noise does x_t have behind it, and which letter stands for
    all of them?"""
    bar, alpha = at(alpha_bars(betas), t, x0), at(1 - betas, t, x0)
    return (alpha if "both" in of else bar).sqrt() * x0 + (1 - alpha).sqrt() * noise


@replaces("q_sample")
def coefficients_exchanged(x0, t, noise, betas):
    """With little noise in it, your x_t is nearly all noise. Which of the two coefficients is near 1 at small t?"""
    return mixed(at(alpha_bars(betas), t, x0), noise, x0)


@replaces("q_sample")
def noise_subtracted(x0, t, noise, betas):
    """You subtracted the noise. It has no preferred sign, but what does predict_x0 expect?"""
    return mixed(at(alpha_bars(betas), t, x0), x0, -noise)


@replaces("q_sample", axes=[0, 1, 2, 3])
def axes_as_always(x0, t, noise, betas, *, axes: int):
    """After B, your coefficients always have {axes} axes of size 1. How many axes do vectors (B, D) have, and images
    (B, C, H, W)?"""
    a = alpha_bars(betas)[t].to(x0.dtype)
    return mixed(a.reshape(-1, *[1] * axes), x0, noise)


@replaces("q_sample", place=[0, -1])
def step_of_one_row(x0, t, noise, betas, *, place: int):
    """All rows get the step of one of them. How many steps does t hold?"""
    return q_sample(x0, t[place].expand(len(t)), noise, betas)


@replaces("q_sample")
def counted_from_1(x0, t, noise, betas):
    """You took ᾱ_{t−1} for step t, so at t = 0 your x0 gets no noise at all. From which number are steps counted
    here?"""
    return mixed(at(before(betas), t, x0), x0, noise)


@replaces("q_sample")
def dtype_of_betas(x0, t, noise, betas):
    """Your result is float64 if betas are, even for x0 of float32. Whose dtype should it have?"""
    a = alpha_bars(betas)[t].reshape(-1, *[1] * (x0.dim() - 1))
    return mixed(a, x0, noise)


# predict_x0


@replaces("predict_x0", bound=[1, 3])
def clipped(xt, t, eps, betas, *, bound: float):
    """Your x0 never leaves −{bound} … {bound}. Samplers of images clip it; which values may x have here?"""
    return predict_x0(xt, t, eps, betas).clamp(-bound, bound)


@replaces("predict_x0", divided=["nothing", "the noise"])
def not_divided(xt, t, eps, betas, *, divided: str):
    """You divided {divided} by √ᾱ. Solve x_t = √ᾱ x0 + √(1 − ᾱ) ε for x0: what is above the fraction bar?"""
    a = at(alpha_bars(betas), t, xt)
    return xt - (1 - a).sqrt() * eps / (1 if divided == "nothing" else a.sqrt())


@replaces("predict_x0", roots=[(False, False), (True, False), (False, True)])
def back_without_roots(xt, t, eps, betas, *, roots: tuple[bool, bool]):
    """Your coefficients are not those with which the noise was added, so x0 does not come back. Which of them lacks its
    root?"""
    a = at(alpha_bars(betas), t, xt)
    return (xt - root(1 - a, roots[1]) * eps) / root(a, roots[0])


@replaces("predict_x0")
def added_again(xt, t, eps, betas):
    """You added the noise once more. Solve x_t = √ᾱ x0 + √(1 − ᾱ) ε for x0: which sign does ε get?"""
    return predict_x0(xt, t, -eps, betas)


@replaces("predict_x0", of=["both", "noise", "x0"])
def of_one_step(xt, t, eps, betas, *, of: str):
    """You undid the noise of one step: a coefficient is made of α_t or β_t. How many steps lie between x0 and x_t, and
    which letter stands for all of them?"""
    bar, alpha = at(alpha_bars(betas), t, xt), at(1 - betas, t, xt)
    kept, added = (alpha if of in ("both", "x0") else bar), (alpha if of in ("both", "noise") else bar)
    return (xt - (1 - added).sqrt() * eps) / kept.sqrt()


# posterior


@replaces("posterior")
def posterior_exchanged(x0, xt, t, betas):
    """You exchanged the two coefficients of the mean. On which of x0 and x_t should all the weight be at t = 0?"""
    of_x0, of_xt, variance = tables(betas)
    return back(x0, xt, t, of_xt, of_x0, variance)


@replaces("posterior", factor=["√ᾱ_t", "√α_t", "ᾱ_{t−1}", "1"])
def another_weight_of_x0(x0, xt, t, betas, *, factor: str):
    """Your coefficient of x0 is {factor} · β_t / (1 − ᾱ_t). The mean belongs to step t − 1: how much of x0 is left
    after that step?"""
    a, b = alpha_bars(betas), before(betas)
    value = {"√ᾱ_t": a.sqrt(), "√α_t": (1 - betas).sqrt(), "ᾱ_{t−1}": b, "1": torch.ones_like(a)}[factor]
    _, of_xt, variance = tables(betas)
    return back(x0, xt, t, value * betas / (1 - a), of_xt, variance)


@replaces("posterior", factor=["√ᾱ_t", "√ᾱ_{t−1}", "α_t", "1"])
def another_weight_of_xt(x0, xt, t, betas, *, factor: str):
    """Your coefficient of x_t is {factor} · (1 − ᾱ_{t−1}) / (1 − ᾱ_t). How many steps lie between x_{t−1} and x_t, and
    how much does that shrink x?"""
    a, b = alpha_bars(betas), before(betas)
    value = {"√ᾱ_t": a.sqrt(), "√ᾱ_{t−1}": b.sqrt(), "α_t": 1 - betas, "1": torch.ones_like(a)}[factor]
    of_x0, _, variance = tables(betas)
    return back(x0, xt, t, of_x0, value * (1 - b) / (1 - a), variance)


@replaces("posterior", by=["1", "√(1 − ᾱ_t)"], variance_too=[False, True])
def another_denominator(x0, xt, t, betas, *, by: str, variance_too: bool):
    """The coefficients of your mean are divided by {by}. At t = 0 the mean should be x0: what is it with yours?"""
    of_x0, of_xt, variance = tables(betas)
    times_that = 1 - alpha_bars(betas)
    if by != "1":
        times_that = times_that.sqrt()
    return back(x0, xt, t, of_x0 * times_that, of_xt * times_that, variance * times_that if variance_too else variance)


@replaces("posterior")
def variance_beta(x0, xt, t, betas):
    """Your variance is β_t, that of a step to noise. x0 is known here: does that leave more doubt or less, and how much
    at t = 0?"""
    of_x0, of_xt, _ = tables(betas)
    return back(x0, xt, t, of_x0, of_xt, betas)


@replaces("posterior", of=["root", "logarithm"])
def another_form_of_variance(x0, xt, t, betas, *, of: str):
    """What you return as "variance" is its {of}. Which form does β̃ in the statement have?"""
    of_x0, of_xt, variance = tables(betas)
    return back(x0, xt, t, of_x0, of_xt, variance.sqrt() if of == "root" else variance.log())


@replaces("posterior", first=["the last ᾱ", "ᾱ_0", "0"])
def another_start(x0, xt, t, betas, *, first: str):
    """At t = 0 your ᾱ_{t−1} is {first}, and the posterior is not x0 alone. How much of x0 is left before the first
    step?"""
    a = alpha_bars(betas)
    return back(x0, xt, t, *tables(betas, 0.0 if first == "0" else a[0] if first == "ᾱ_0" else a[-1]))


@replaces("posterior")
def variance_of_step_1(x0, xt, t, betas):
    """At t = 0 your variance is that of step 1. DDPM's code does so where it needs a logarithm, and masks the noise
    later. How much doubt is there about x0, if x0 is given?"""
    of_x0, of_xt, variance = tables(betas)
    return back(x0, xt, t, of_x0, of_xt, torch.cat([variance[1:2], variance[1:]]))


@replaces("posterior")
def all_at_0(x0, xt, t, betas):
    """As soon as one row is at t = 0, all your rows are treated as if they were. How many steps does t hold?"""
    q = posterior(x0, xt, t, betas)
    return {"mean": x0, "variance": 0 * q["variance"]} if (t == 0).any() else q


@replaces("posterior")
def posterior_counted_from_1(x0, xt, t, betas):
    """You took the posterior of step t − 1, so at t = 1 yours is x0 for certain. From which number are steps counted
    here?"""
    return posterior(x0, xt, (t - 1).clamp(min=0), betas)


@replaces("posterior")
def variance_flat(x0, xt, t, betas):
    """Your variance has the shape (B,). Against x (B, D) that is one number for each column: which shape is one for
    each row?"""
    return {"mean": posterior(x0, xt, t, betas)["mean"], "variance": tables(betas)[2][t].to(xt.dtype)}


# ddpm_step


@replaces("ddpm_step", factor=["β̃_t", "1", "exp(β̃_t / 2)", "√β_t"], masked=[False, True])
def another_noise(xt, t, eps, noise, betas, *, factor: str, masked: bool):
    """You multiplied the noise by {factor}. What is the variance of the posterior, and which factor gives a standard
    normal that variance?"""
    q = posterior(predict_x0(xt, t, eps, betas), xt, t, betas)
    variance = q["variance"]
    factors = {"β̃_t": variance, "1": 1.0, "exp(β̃_t / 2)": (variance / 2).exp(), "√β_t": at(betas.sqrt(), t, xt)}
    kept = at((t > 0).to(xt.dtype), torch.arange(len(t)), xt) if masked else 1.0
    return q["mean"] + factors[factor] * kept * noise


@replaces("ddpm_step")
def mean_only(xt, t, eps, noise, betas):
    """Noise has no effect in yours: you returned the mean. DDPM draws from a Gaussian: what does it add to its mean?"""
    return posterior(predict_x0(xt, t, eps, betas), xt, t, betas)["mean"]


@replaces("ddpm_step")
def no_noise_beside_0(xt, t, eps, noise, betas):
    """As soon as one row is at t = 0, none of your rows gets noise. t holds one step for each row: which of them have
    arrived?"""
    q = posterior(predict_x0(xt, t, eps, betas), xt, t, betas)
    return q["mean"] if (t == 0).any() else q["mean"] + q["variance"].sqrt() * noise


@replaces("ddpm_step", given=["ε", "x_t"])
def another_x0(xt, t, eps, noise, betas, *, given: str):
    """Your posterior gets {given} as x0. What do you know about x0 here, and which function says it?"""
    q = posterior(eps if given == "ε" else xt, xt, t, betas)
    return q["mean"] + q["variance"].sqrt() * noise


@replaces("ddpm_step", amount=["√(1 − ᾱ_t)", "√β_t", "β_t", "β_t / (1 − ᾱ_t)"])
def another_share_removed(xt, t, eps, noise, betas, *, amount: str):
    """You took {amount} · ε from x_t before dividing by √α_t. Put the predicted x0 into the posterior's mean: how much
    of ε does that remove?"""
    a = alpha_bars(betas)
    shares = {"√(1 − ᾱ_t)": (1 - a).sqrt(), "√β_t": betas.sqrt(), "β_t": betas, "β_t / (1 − ᾱ_t)": betas / (1 - a)}
    mean = (xt - at(shares[amount], t, xt) * eps) / at((1 - betas).sqrt(), t, xt)
    return mean + posterior(xt, xt, t, betas)["variance"].sqrt() * noise


@replaces("ddpm_step", by=["√ᾱ_t", "α_t", "1"])
def another_shrinking(xt, t, eps, noise, betas, *, by: str):
    """You divided by {by} after taking noise away. By which factor does one step to noise shrink x?"""
    a = alpha_bars(betas)
    divisor = {"√ᾱ_t": a.sqrt(), "α_t": 1 - betas, "1": torch.ones_like(a)}[by]
    mean = (xt - at(betas / (1 - a).sqrt(), t, xt) * eps) / at(divisor, t, xt)
    return mean + posterior(xt, xt, t, betas)["variance"].sqrt() * noise


@replaces("ddpm_step")
def noised_anew(xt, t, eps, noise, betas):
    """You put fresh noise on the predicted x0, as much as there is at step t − 1, so of x_t nothing but x0 is left.
    What does the posterior know that q_sample does not?"""
    return mixed(at(before(betas), t, xt), predict_x0(xt, t, eps, betas), noise)


@replaces("ddpm_step")
def ddim_and_noise(xt, t, eps, noise, betas):
    """You added noise to a step of DDIM, whose ε already has all the variance of step t − 1. What is the mean of DDPM's
    step?"""
    x0 = predict_x0(xt, t, eps, betas)
    return ddim_step(xt, t, t - 1, eps, betas) + posterior(x0, xt, t, betas)["variance"].sqrt() * noise


@replaces("ddpm_step", bound=[1, 3])
def clipped_on_the_way(xt, t, eps, noise, betas, *, bound: float):
    """The x0 that you give to the posterior never leaves −{bound} … {bound}. Samplers of images clip it; which values
    may x have here?"""
    q = posterior(predict_x0(xt, t, eps, betas).clamp(-bound, bound), xt, t, betas)
    return q["mean"] + q["variance"].sqrt() * noise


# ddim_step


@replaces("ddim_step", first=["the last ᾱ", "ᾱ_0"])
def ddim_another_start(xt, t, t_prev, eps, betas, *, first: str):
    """For t_prev = −1 you took {first}, so noise is left in x0. How much of x0 is left before the first step?"""
    a = alpha_bars(betas)
    a = a[t_prev] if first == "the last ᾱ" else a[t_prev.clamp(min=0)]
    return mixed(a.to(xt.dtype).reshape(-1, *[1] * (xt.dim() - 1)), predict_x0(xt, t, eps, betas), eps)


@replaces("ddim_step")
def ddim_one_more(xt, t, t_prev, eps, betas):
    """You mixed x0 and ε for step t_prev + 1, so at t_prev = −1 some noise is left. If a table begins with ᾱ_{−1}, in
    which place is ᾱ of t_prev?"""
    return mixed(at(alpha_bars(betas), t_prev + 1, xt), predict_x0(xt, t, eps, betas), eps)


@replaces("ddim_step")
def ddim_one_step(xt, t, t_prev, eps, betas):
    """You went to t − 1 whatever t_prev is. What makes DDIM quicker than DDPM?"""
    return ddim_step(xt, t, t - 1, eps, betas)


@replaces("ddim_step")
def ddim_keeps_bar(xt, t, t_prev, eps, betas):
    """You mixed x0 and ε with the coefficients of t, and got x_t back. To which step should they belong?"""
    return q_sample(predict_x0(xt, t, eps, betas), t, eps, betas)


@replaces("ddim_step", roots=[(False, False), (True, False), (False, True)])
def ddim_without_roots(xt, t, t_prev, eps, betas, *, roots: tuple[bool, bool]):
    """The squares of the two coefficients with which you mix x0 and ε do not add up to 1. What turns a variance into a
    factor?"""
    a = at(with_first(betas), t_prev + 1, xt)
    return root(a, roots[0]) * predict_x0(xt, t, eps, betas) + root(1 - a, roots[1]) * eps


@replaces("ddim_step")
def ddim_to_x0(xt, t, t_prev, eps, betas):
    """You returned the predicted x0, whatever t_prev is. How much of ε belongs to step t_prev?"""
    return predict_x0(xt, t, eps, betas)


@replaces("ddim_step")
def ddim_minus(xt, t, t_prev, eps, betas):
    """You subtracted ε for step t_prev. Which sign does it have in x_t?"""
    return mixed(at(with_first(betas), t_prev + 1, xt), predict_x0(xt, t, eps, betas), -eps)


@replaces("ddim_step")
def ddim_of_xt(xt, t, t_prev, eps, betas):
    """You mixed ε with x_t, which holds its share of ε already. With which image does the formula mix it?"""
    return mixed(at(with_first(betas), t_prev + 1, xt), xt, eps)


@replaces("ddim_step")
def ddim_is_mean(xt, t, t_prev, eps, betas):
    """You returned the mean of the posterior, which is DDPM without its noise. With which coefficients does DDIM mix x0
    and ε?"""
    return posterior(predict_x0(xt, t, eps, betas), xt, t, betas)["mean"]


@replaces("ddim_step", sigma=["from t to t_prev", "of one step"])
def ddim_room_for_noise(xt, t, t_prev, eps, betas, *, sigma: str):
    """You took σ² from the variance of ε, as if fresh noise were to be added, and x_{t′} has too little noise. What is
    σ for η = 0?"""
    bar, b = at(with_first(betas), t + 1, xt), at(with_first(betas), t_prev + 1, xt)
    beta = 1 - bar / b if sigma == "from t to t_prev" else at(betas, t, xt)
    left = (1 - b) * (1 - beta / (1 - bar))
    return b.sqrt() * predict_x0(xt, t, eps, betas) + left.clamp(min=0).sqrt() * eps


# v_target


@replaces("v_target")
def v_sign(x0, noise, t, betas):
    """Your v has the opposite sign. Which of its two terms is subtracted?"""
    return -v_target(x0, noise, t, betas)


@replaces("v_target")
def v_plus(x0, noise, t, betas):
    """You added the two terms. Think of x_t as a vector with coordinates for x0 and noise: v is at a right angle to it.
    Which sign makes it so?"""
    return v_target(-x0, noise, t, betas)


@replaces("v_target")
def v_exchanged(x0, noise, t, betas):
    """You gave √ᾱ to x0, as in x_t. Which of the two does it belong to in v?"""
    return v_target(-noise, -x0, t, betas)


@replaces("v_target")
def v_arguments_exchanged(x0, noise, t, betas):
    """Your v is √ᾱ x0 − √(1 − ᾱ) noise. Which of x0 and the noise is v nearly equal to at small t, where √ᾱ is nearly
    1?"""
    return v_target(noise, x0, t, betas)


@replaces("v_target", roots=[(False, False), (True, False), (False, True)])
def v_without_roots(x0, noise, t, betas, *, roots: tuple[bool, bool]):
    """The squares of the two coefficients in your v do not add up to 1. What turns a variance into a factor?"""
    a = at(alpha_bars(betas), t, x0)
    return root(a, roots[0]) * noise - root(1 - a, roots[1]) * x0


@replaces("v_target")
def v_of_one_step(x0, noise, t, betas):
    """The coefficients in your v are made of α_t, a single step. How many steps of noise does x_t have behind it?"""
    a = at(1 - betas, t, x0)
    return a.sqrt() * noise - (1 - a).sqrt() * x0


@replaces("v_target")
def v_is_eps(x0, noise, t, betas):
    """You returned the noise, which is what a network for ε learns. What does v take from it, and what from x0?"""
    return noise.clone()

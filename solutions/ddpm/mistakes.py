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


def earlier(betas: Tensor) -> Tensor:
    """ᾱ_{t-1}, as it should be."""
    return F.pad(alpha_bars(betas)[:-1], (1, 0), value=1.0)


def back(x0: Tensor, xt: Tensor, t: Tensor, of_x0: Tensor, of_xt: Tensor, variance: Tensor) -> dict[str, Tensor]:
    """A posterior from three tables."""
    return {"mean": at(of_x0, t, xt) * x0 + at(of_xt, t, xt) * xt, "variance": at(variance, t, xt)}


def tables(betas: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """of_x0, of_xt and the variance, as they should be."""
    a, b = alpha_bars(betas), earlier(betas)
    of_x0, of_xt = b.sqrt() * betas / (1 - a), (1 - betas).sqrt() * (1 - b) / (1 - a)
    return of_x0, of_xt, betas * (1 - b) / (1 - a)


# schedules


@replaces("linear_betas")
def of_float32(steps, start=1e-4, end=0.02):
    """Your betas are float32, as torch makes them unless it is told otherwise. The product of a thousand factors near 1
    asks for more digits."""
    return linear_betas(steps, start, end).float()


@replaces("linear_betas")
def without_end(steps, start=1e-4, end=0.02):
    """Your schedule stops one distance before its end. steps numbers have how many distances between them?"""
    return start + (end - start) * torch.arange(steps, dtype=torch.float64) / steps


@replaces("linear_betas")
def linear_in_roots(steps, start=1e-4, end=0.02):
    """You went from √start to √end and squared: the schedule that Stable Diffusion calls scaled_linear. DDPM's is
    linear in β itself."""
    return linear_betas(steps, math.sqrt(start), math.sqrt(end)).square()


@replaces("linear_betas")
def as_alphas(steps, start=1e-4, end=0.02):
    """You returned 1 − β. Which of the two is the share of the noise?"""
    return 1 - linear_betas(steps, start, end)


@replaces("cosine_betas")
def not_capped(steps, s=0.008, max_beta=0.999):
    """Your last β is 1 and leaves nothing of x₀, so that no x₀ can be predicted from there. What is max_beta for?"""
    return cosine_betas(steps, s, 1.0)


@replaces("cosine_betas")
def cap_of_the_paper(steps, s=0.008, max_beta=0.999):
    """Your β goes up to 0.999 whatever max_beta is, and that is only its default. If somebody asks for another bound,
    where in your function does it arrive?"""
    return cosine_betas(steps, s, 0.999)


@replaces("cosine_betas")
def without_square(steps, s=0.008, max_beta=0.999):
    """Your f is the cosine, not its square."""
    u = torch.arange(steps + 1, dtype=torch.float64) / steps
    f = torch.cos(math.pi / 2 * (u + s) / (1 + s))
    return (1 - f[1:] / f[:-1]).clamp(max=max_beta)


@replaces("cosine_betas")
def without_offset(steps, s=0.008, max_beta=0.999):
    """Your f has no s, and the first steps add next to no noise. Where does s stand in the formula?"""
    return cosine_betas(steps, 0.0, max_beta)


@replaces("cosine_betas")
def offset_above_only(steps, s=0.008, max_beta=0.999):
    """You added s above the line and not below it: f(1) is then no longer cos² of a right angle."""
    u = torch.arange(steps + 1, dtype=torch.float64) / steps
    f = torch.cos(math.pi / 2 * (u + s)).square()
    return (1 - f[1:] / f[:-1]).clamp(max=max_beta)


@replaces("cosine_betas")
def bars_for_betas(steps, s=0.008, max_beta=0.999):
    """You returned 1 − f, which is all the noise so far. β is what one step adds: which quotient says that?"""
    u = torch.arange(1, steps + 1, dtype=torch.float64) / steps
    return (1 - torch.cos(math.pi / 2 * (u + s) / (1 + s)).square()).clamp(max=max_beta)


@replaces("alpha_bars")
def alphas(betas):
    """You returned α, what one step leaves. ᾱ is what all steps so far leave."""
    return 1 - betas


@replaces("alpha_bars")
def bars_always_float64(betas):
    """Your ᾱ is float64 whatever betas are. In which dtype does the docstring promise it?"""
    return torch.cumprod(1 - betas.double(), 0)


@replaces("alpha_bars")
def product_of_betas(betas):
    """You multiplied the β. Which share of the variance does a step leave?"""
    return torch.cumprod(betas, 0)


@replaces("alpha_bars")
def one_less_sum(betas):
    """You subtracted the sum of the β from 1, which falls below 0 after enough steps. Each step takes its share of
    what is left."""
    return 1 - betas.cumsum(0)


@replaces("alpha_bars")
def one_in_front(betas):
    """Your list begins with 1, so ᾱ_t stands at t + 1. That is handy inside other functions; this one returns T
    numbers, the first of them 1 − β_0."""
    return F.pad(alpha_bars(betas), (1, 0), value=1.0)


@replaces("alpha_bars")
def one_step_late(betas):
    """Your ᾱ_t leaves step t out of the product: it is ᾱ_{t−1}."""
    return earlier(betas)


# q_sample


@replaces("q_sample")
def no_roots(x0, t, noise, betas):
    """Your coefficients add up to 1, so variances do not: unit variance falls to ᾱ² + (1 − ᾱ)². What has to
    add up to 1 instead?"""
    a = at(alpha_bars(betas), t, x0)
    return a * x0 + (1 - a) * noise


@replaces("q_sample")
def one_root(x0, t, noise, betas):
    """Your noise is multiplied by 1 − ᾱ, which is its variance. What is its standard deviation?"""
    a = at(alpha_bars(betas), t, x0)
    return a.sqrt() * x0 + (1 - a) * noise


@replaces("q_sample")
def single_step(x0, t, noise, betas):
    """You took α_t, so x0 got the noise of one step. x_t has that of all steps from 0 to t."""
    return mixed(at(1 - betas, t, x0), x0, noise)


@replaces("q_sample")
def coefficients_exchanged(x0, t, noise, betas):
    """Your x0 disappears at small t, and noise at large t. Which of the two does √ᾱ belong to?"""
    return mixed(at(alpha_bars(betas), t, x0), noise, x0)


@replaces("q_sample")
def one_axis(x0, t, noise, betas):
    """Your coefficients are (B, 1), which fits vectors. For images (B, C, H, W) it meets the wrong axes: how many of
    size 1 are needed?"""
    return mixed(alpha_bars(betas)[t].to(x0.dtype)[:, None], x0, noise)


@replaces("q_sample")
def four_axes(x0, t, noise, betas):
    """Your coefficients are (B, 1, 1, 1), which fits images. With vectors (B, D) the result gets four axes: how many
    has x0?"""
    return mixed(alpha_bars(betas)[t].to(x0.dtype)[:, None, None, None], x0, noise)


@replaces("q_sample")
def step_of_first(x0, t, noise, betas):
    """All rows got the step of the first one. Each row has its own t."""
    return q_sample(x0, t[:1].expand(len(t)), noise, betas)


@replaces("q_sample")
def dtype_of_betas(x0, t, noise, betas):
    """Your result is float64 if betas is, though x0 is float32. Whose dtype should it have?"""
    a = alpha_bars(betas)[t].reshape(-1, *[1] * (x0.dim() - 1))
    return mixed(a, x0, noise)


# predict_x0


@replaces("predict_x0")
def clipped(xt, t, eps, betas):
    """You clipped x0 to −1 … 1. Samplers of images do that; here x may be anything."""
    return predict_x0(xt, t, eps, betas).clamp(-1, 1)


@replaces("predict_x0")
def not_divided(xt, t, eps, betas):
    """You took the noise away and stopped: what is left is √ᾱ x0."""
    return xt - at((1 - alpha_bars(betas)).sqrt(), t, xt) * eps


@replaces("predict_x0")
def divided_by_variance(xt, t, eps, betas):
    """You divided by ᾱ. By what was x0 multiplied?"""
    a = at(alpha_bars(betas), t, xt)
    return (xt - (1 - a).sqrt() * eps) / a


@replaces("predict_x0")
def variance_of_eps(xt, t, eps, betas):
    """You took (1 − ᾱ) ε away. By what was the noise multiplied when it was added?"""
    a = at(alpha_bars(betas), t, xt)
    return (xt - (1 - a) * eps) / a.sqrt()


@replaces("predict_x0")
def added_again(xt, t, eps, betas):
    """You added the noise once more. Solve x_t = √ᾱ x0 + √(1 − ᾱ) ε for x0."""
    return predict_x0(xt, t, -eps, betas)


@replaces("predict_x0")
def of_one_step(xt, t, eps, betas):
    """You undid the noise of one step: your coefficients are made of α_t. How many steps lie between x0 and x_t, and
    which letter stands for all of them?"""
    a = at(1 - betas, t, xt)
    return (xt - (1 - a).sqrt() * eps) / a.sqrt()


# posterior


@replaces("posterior")
def posterior_exchanged(x0, xt, t, betas):
    """You exchanged the two coefficients of the mean. At t = 0 all the weight should be on x0."""
    of_x0, of_xt, variance = tables(betas)
    return back(x0, xt, t, of_xt, of_x0, variance)


@replaces("posterior")
def variance_beta(x0, xt, t, betas):
    """Your variance is β_t, that of the step to noise. x0 is known here, which leaves less doubt: none at t = 0."""
    of_x0, of_xt, _ = tables(betas)
    return back(x0, xt, t, of_x0, of_xt, betas)


@replaces("posterior")
def bar_of_t(x0, xt, t, betas):
    """In the coefficient of x0 you took √ᾱ_t. Which step does the mean belong to?"""
    _, of_xt, variance = tables(betas)
    a = alpha_bars(betas)
    return back(x0, xt, t, a.sqrt() * betas / (1 - a), of_xt, variance)


@replaces("posterior")
def bar_for_alpha(x0, xt, t, betas):
    """In the coefficient of x_t you took √ᾱ_t, all steps so far. Only one step lies between x_{t−1} and x_t."""
    of_x0, _, variance = tables(betas)
    a = alpha_bars(betas)
    return back(x0, xt, t, of_x0, a.sqrt() * (1 - earlier(betas)) / (1 - a), variance)


@replaces("posterior")
def deviation_for_variance(x0, xt, t, betas):
    """You returned the standard deviation as "variance". What has to be done with it to get a variance?"""
    of_x0, of_xt, variance = tables(betas)
    return back(x0, xt, t, of_x0, of_xt, variance.sqrt())


@replaces("posterior")
def wraps_round(x0, xt, t, betas):
    """At t = 0 you looked up index −1, which is the last ᾱ in Python, and so noise. What is ᾱ before the first step?"""
    a = alpha_bars(betas)
    b = a.roll(1)
    of_x0, of_xt = b.sqrt() * betas / (1 - a), (1 - betas).sqrt() * (1 - b) / (1 - a)
    return back(x0, xt, t, of_x0, of_xt, betas * (1 - b) / (1 - a))


@replaces("posterior")
def stays_at_0(x0, xt, t, betas):
    """At t = 0 you took ᾱ_0 for ᾱ_{−1}, as clamp(min=0) does: some noise is left then. What is ᾱ before the first
    step?"""
    a = alpha_bars(betas)
    b = torch.cat([a[:1], a[:-1]])
    of_x0, of_xt = b.sqrt() * betas / (1 - a), (1 - betas).sqrt() * (1 - b) / (1 - a)
    return back(x0, xt, t, of_x0, of_xt, betas * (1 - b) / (1 - a))


@replaces("posterior")
def variance_of_step_1(x0, xt, t, betas):
    """At t = 0 your variance is that of step 1. DDPM's code does so where it needs a logarithm, and masks the noise
    later. How much doubt is there about x0, if x0 is given?"""
    of_x0, of_xt, variance = tables(betas)
    return back(x0, xt, t, of_x0, of_xt, torch.cat([variance[1:2], variance[1:]]))


@replaces("posterior")
def all_at_0(x0, xt, t, betas):
    """As soon as one row is at t = 0, all your rows are x0 without a doubt. t is one step for each row."""
    q = posterior(x0, xt, t, betas)
    return {"mean": x0, "variance": 0 * q["variance"]} if (t == 0).any() else q


@replaces("posterior")
def posterior_counted_from_1(x0, xt, t, betas):
    """You took the posterior of step t − 1: at t = 1 yours is x0 without a doubt. Here steps are counted from 0. From
    how many steps of noise does step 1 lead back?"""
    return posterior(x0, xt, (t - 1).clamp(min=0), betas)


@replaces("posterior")
def variance_flat(x0, xt, t, betas):
    """Your variance is (B,). Against x (B, D) that is one number for each column: which shape is one for each row?"""
    return {"mean": posterior(x0, xt, t, betas)["mean"], "variance": tables(betas)[2][t].to(xt.dtype)}


# ddpm_step


@replaces("ddpm_step")
def times_variance(xt, t, eps, noise, betas):
    """You multiplied the noise by its variance. Which number turns a standard normal into one of variance β̃?"""
    q = posterior(predict_x0(xt, t, eps, betas), xt, t, betas)
    return q["mean"] + q["variance"] * noise


@replaces("ddpm_step")
def noise_as_it_is(xt, t, eps, noise, betas):
    """You added the noise as it was given, of variance 1 at every step, also at t = 0. How much doubt does the
    posterior leave at step t?"""
    return posterior(predict_x0(xt, t, eps, betas), xt, t, betas)["mean"] + noise


@replaces("ddpm_step")
def of_a_log_variance(xt, t, eps, noise, betas):
    """You multiplied the noise by exp(variance / 2), as if its logarithm were given: some networks predict one. What
    does your factor become where the variance is 0, and what should it be there?"""
    q = posterior(predict_x0(xt, t, eps, betas), xt, t, betas)
    return q["mean"] + (q["variance"] / 2).exp() * noise


@replaces("ddpm_step")
def noise_of_beta(xt, t, eps, noise, betas):
    """Your noise has the variance β_t, and so the last step is noisy too. The posterior has another variance."""
    mean = posterior(predict_x0(xt, t, eps, betas), xt, t, betas)["mean"]
    return mean + at(betas.sqrt(), t, xt) * noise


@replaces("ddpm_step")
def noise_of_beta_masked(xt, t, eps, noise, betas):
    """Your noise has the variance β_t, and you leave it out at t = 0: the other choice in Ho et al. Here the variance
    is that of the posterior."""
    mean = posterior(predict_x0(xt, t, eps, betas), xt, t, betas)["mean"]
    return mean + at(betas.sqrt() * (torch.arange(len(betas)) > 0), t, xt) * noise


@replaces("ddpm_step")
def mean_only(xt, t, eps, noise, betas):
    """You returned the mean, and noise has no effect. DDPM draws from a Gaussian: what is added to its mean?"""
    return posterior(predict_x0(xt, t, eps, betas), xt, t, betas)["mean"]


@replaces("ddpm_step")
def no_noise_beside_0(xt, t, eps, noise, betas):
    """As soon as one row is at t = 0, none of your rows gets noise. t is one step for each row: which of them have
    arrived?"""
    q = posterior(predict_x0(xt, t, eps, betas), xt, t, betas)
    return q["mean"] if (t == 0).any() else q["mean"] + q["variance"].sqrt() * noise


@replaces("ddpm_step")
def eps_for_x0(xt, t, eps, noise, betas):
    """You gave ε to the posterior in the place of x0. Which function makes one from the other?"""
    q = posterior(eps, xt, t, betas)
    return q["mean"] + q["variance"].sqrt() * noise


@replaces("ddpm_step")
def whole_noise_removed(xt, t, eps, noise, betas):
    """You took √(1 − ᾱ) ε away, all noise at once, and divided by √α. One step back removes the share of one step."""
    q = posterior(xt, xt, t, betas)
    mean = (xt - at((1 - alpha_bars(betas)).sqrt(), t, xt) * eps) / at((1 - betas).sqrt(), t, xt)
    return mean + q["variance"].sqrt() * noise


@replaces("ddpm_step")
def over_all_steps(xt, t, eps, noise, betas):
    """You divided by √ᾱ_t. One step back undoes the shrinking of one step."""
    a = alpha_bars(betas)
    mean = (xt - at(betas / (1 - a).sqrt(), t, xt) * eps) / at(a.sqrt(), t, xt)
    return mean + posterior(xt, xt, t, betas)["variance"].sqrt() * noise


@replaces("ddpm_step")
def noised_anew(xt, t, eps, noise, betas):
    """You took the predicted x0 and put fresh noise on it, as much as there is at step t − 1. That is no step back from
    x_t, of which nothing but x0 is left then. What does the posterior know that q_sample does not?"""
    a = at(earlier(betas), t, xt)
    return mixed(a, predict_x0(xt, t, eps, betas), noise)


@replaces("ddpm_step")
def ddim_and_noise(xt, t, eps, noise, betas):
    """You added noise to a step of DDIM, whose ε already has all the variance of step t − 1: together that is too much.
    Which mean does DDPM's step have?"""
    x0 = predict_x0(xt, t, eps, betas)
    return ddim_step(xt, t, t - 1, eps, betas) + posterior(x0, xt, t, betas)["variance"].sqrt() * noise


# ddim_step


@replaces("ddim_step")
def ddim_wraps(xt, t, t_prev, eps, betas):
    """t_prev = −1 looked up the last ᾱ, and the last step returned noise. What is ᾱ before the first step?"""
    a = at(alpha_bars(betas), t_prev, xt)
    return mixed(a, predict_x0(xt, t, eps, betas), eps)


@replaces("ddim_step")
def ddim_stays_at_0(xt, t, t_prev, eps, betas):
    """t_prev = −1 was treated as 0, and x0 keeps the noise of the first step. What is ᾱ before it?"""
    a = at(alpha_bars(betas), t_prev.clamp(min=0), xt)
    return mixed(a, predict_x0(xt, t, eps, betas), eps)


@replaces("ddim_step")
def ddim_one_step(xt, t, t_prev, eps, betas):
    """You went to t − 1 whatever t_prev is. DDIM may leave out steps: that is what makes it quick."""
    return ddim_step(xt, t, t - 1, eps, betas)


@replaces("ddim_step")
def ddim_no_root(xt, t, t_prev, eps, betas):
    """Your ε is multiplied by 1 − ᾱ. The squares of the two coefficients have to add up to 1."""
    a = at(F.pad(alpha_bars(betas), (1, 0), value=1.0), t_prev + 1, xt)
    return a.sqrt() * predict_x0(xt, t, eps, betas) + (1 - a) * eps


@replaces("ddim_step")
def ddim_to_x0(xt, t, t_prev, eps, betas):
    """You returned the predicted x0. How much of ε belongs to step t_prev?"""
    return predict_x0(xt, t, eps, betas)


@replaces("ddim_step")
def ddim_is_mean(xt, t, t_prev, eps, betas):
    """You returned the mean of the posterior, DDPM without its noise. DDIM mixes x0 and ε anew: with which
    coefficients?"""
    return posterior(predict_x0(xt, t, eps, betas), xt, t, betas)["mean"]


@replaces("ddim_step")
def ddim_room_for_noise(xt, t, t_prev, eps, betas):
    """You took σ² out of the variance of ε, to make room for fresh noise as DDPM adds it (η = 1). Here nothing fresh is
    added, and x_{t′} has too little noise. What is σ for η = 0?"""
    a = F.pad(alpha_bars(betas), (1, 0), value=1.0)
    bar, b = at(a, t + 1, xt), at(a, t_prev + 1, xt)
    left = 1 - b - (1 - b) / (1 - bar) * (1 - bar / b)
    return b.sqrt() * predict_x0(xt, t, eps, betas) + left.clamp(min=0).sqrt() * eps


@replaces("ddim_step")
def ddim_room_for_one_step(xt, t, t_prev, eps, betas):
    """You took σ² out of the variance of ε, that of DDPM's noise with the β of one step. Here nothing fresh is added,
    and x_{t′} has too little noise. What is σ for η = 0?"""
    a = F.pad(alpha_bars(betas), (1, 0), value=1.0)
    bar, b = at(a, t + 1, xt), at(a, t_prev + 1, xt)
    left = (1 - b) * (1 - at(betas, t, xt) / (1 - bar))
    return b.sqrt() * predict_x0(xt, t, eps, betas) + left.clamp(min=0).sqrt() * eps


@replaces("ddim_step")
def ddim_keeps_bar(xt, t, t_prev, eps, betas):
    """You mixed x0 and ε with the coefficients of t, and got x_t back. To which step should they belong?"""
    return q_sample(predict_x0(xt, t, eps, betas), t, eps, betas)


# v_target


@replaces("v_target")
def v_sign(x0, noise, t, betas):
    """Your v has the opposite sign. Which of its two terms is subtracted?"""
    return -v_target(x0, noise, t, betas)


@replaces("v_target")
def v_plus(x0, noise, t, betas):
    """You added the two terms. v is at right angles to x_t, and one of the terms is subtracted."""
    return v_target(-x0, noise, t, betas)


@replaces("v_target")
def v_exchanged(x0, noise, t, betas):
    """You gave √ᾱ to x0, as in x_t. In v it belongs to the noise."""
    return v_target(-noise, -x0, t, betas)


@replaces("v_target")
def v_arguments_exchanged(x0, noise, t, betas):
    """Yours is √ᾱ x0 − √(1 − ᾱ) noise: x0 and the noise have changed places. Which of the two is v nearly equal to
    at small t, where √ᾱ is nearly 1?"""
    return v_target(noise, x0, t, betas)


@replaces("v_target")
def v_no_roots(x0, noise, t, betas):
    """Your coefficients have no roots. Their squares have to add up to 1, as in x_t."""
    a = at(alpha_bars(betas), t, x0)
    return a * noise - (1 - a) * x0


# more of the same functions


@replaces("linear_betas")
def without_start(steps, start=1e-4, end=0.02):
    """Your schedule leaves start out: its first β is already one distance further. Both ends belong to the schedule.
    What has your list as its first number?"""
    return torch.linspace(start, end, steps + 1, dtype=torch.float64)[1:]


@replaces("cosine_betas")
def bars_over_first(steps, s=0.008, max_beta=0.999):
    """You divided f by f(0) in all steps, and 1 minus that is all the noise so far. β_t is what step t alone adds. By
    the f of which step has the f of this step to be divided?"""
    f = torch.cos(math.pi / 2 * (torch.arange(steps + 1, dtype=torch.float64) / steps + s) / (1 + s)).square()
    return (1 - f[1:] / f[0]).clamp(max=max_beta)


@replaces("cosine_betas")
def cosine_one_early(steps, s=0.008, max_beta=0.999):
    """Your first β is 0, and every other β belongs to the step after it. β_0 is a quotient of f at two times. Which two
    times are meant for t = 0?"""
    return F.pad(cosine_betas(steps, s, max_beta)[:-1], (1, 0), value=0.0)


@replaces("cosine_betas")
def cosine_one_distance(steps, s=0.008, max_beta=0.999):
    """Your u goes from 0 to 1 in T − 1 distances, and a step goes from t/T to (t + 1)/T. At how many values of u is f
    needed for T steps?"""
    u = torch.arange(steps + 1, dtype=torch.float64) / (steps - 1)
    f = torch.cos(math.pi / 2 * (u + s) / (1 + s)).square()
    return (1 - f[1:] / f[:-1]).clamp(max=max_beta)


@replaces("alpha_bars")
def product_of_roots(betas):
    """You multiplied the roots √α. ᾱ is a share of the variance. Where does the root come in: in ᾱ itself, or where ᾱ
    is used?"""
    return torch.cumprod((1 - betas).sqrt(), 0)


@replaces("q_sample")
def counted_from_1(x0, t, noise, betas):
    """You took ᾱ_{t−1} for step t: at t = 0 your x0 gets no noise at all. Here steps are counted from 0. How many steps
    has x_0 behind it?"""
    return mixed(at(earlier(betas), t, x0), x0, noise)


@replaces("predict_x0")
def only_eps_divided(xt, t, eps, betas):
    """You divided only the noise by √ᾱ, and x_t not. Solve x_t = √ᾱ x0 + √(1 − ᾱ) ε for x0: which terms stand above
    the line?"""
    a = at(alpha_bars(betas), t, xt)
    return xt - (1 - a).sqrt() * eps / a.sqrt()


@replaces("ddpm_step")
def clipped_on_the_way(xt, t, eps, noise, betas):
    """You clipped the predicted x0 to −1 … 1 before you gave it to the posterior. Samplers of images do that. Which
    values may x have here?"""
    q = posterior(predict_x0(xt, t, eps, betas).clamp(-1, 1), xt, t, betas)
    return q["mean"] + q["variance"].sqrt() * noise


@replaces("ddim_step")
def ddim_one_more(xt, t, t_prev, eps, betas):
    """You mixed x0 and ε for step t_prev + 1: at t_prev = −1 some noise is left. If your table begins with ᾱ_{−1}, at
    which place does ᾱ of t_prev stand?"""
    return mixed(at(alpha_bars(betas), t_prev + 1, xt), predict_x0(xt, t, eps, betas), eps)

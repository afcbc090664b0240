"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import itertools
import math

import torch
from flow_matching import flow_loss, flow_pair, gaussian_velocity, sample, shift_time
from torch import Tensor

from grader.testing import replaces


def at(t: Tensor, x: Tensor) -> Tensor:
    """A time for each row of x, as it should be."""
    return t.to(x.dtype).reshape(-1, *[1] * (x.dim() - 1))


def errors(prediction: Tensor, target: Tensor) -> Tensor:
    """The mean squared error of each row, (B,)."""
    return (prediction - target).square().flatten(1).mean(1)


def weights(t: Tensor, like: Tensor, mean: float, std: float) -> Tensor:
    """π(t), as it should be, in the dtype of `like`."""
    t = t.to(like.dtype)
    bell = torch.exp(-((torch.logit(t) - mean) ** 2) / (2 * std**2)) / (std * math.sqrt(2 * math.pi))
    return bell / (t * (1 - t))


def parts(xt: Tensor, t: Tensor, mean: Tensor, var: float) -> tuple[Tensor, Tensor, Tensor]:
    """t for each row, the variance of x_t, and x_t less its mean."""
    t = at(t, xt)
    return t, (1 - t) ** 2 * var + t**2, xt - (1 - t) * mean


def velocity(x: Tensor, t: float, mean: Tensor, var: float) -> Tensor:
    """The right one, all rows at one time."""
    return gaussian_velocity(x, x.new_full((len(x),), t), mean, var)


def known(method: str) -> str:
    if method not in ("euler", "heun"):
        raise ValueError(method)
    return method


def walk(x, mean, var, times, method, first=velocity, second=velocity, last_is_euler=False):
    """sample, with other velocities at the two ends of a step: a mistake changes one of them."""
    known(method)
    for i, (t, after) in enumerate(itertools.pairwise(times)):
        step = after - t
        v = first(x, t, mean, var)
        if method == "heun" and not (last_is_euler and i == len(times) - 2):
            v = (v + second(x + step * v, after, mean, var)) / 2
        x = x + step * v
    return x


def bell(z: Tensor, like: Tensor, mean: float, std: float, by: float | None = None) -> Tensor:
    """The normal density, of which the exponent divides by `by`."""
    by = 2 * std**2 if by is None else by
    return torch.exp(-((z.to(like.dtype) - mean) ** 2) / by) / (std * math.sqrt(2 * math.pi))


def heun_step(noise, mean, var, times, method, both):
    """sample, where both(x, v, t, after) says along what a step of Heun goes."""
    known(method)
    x = noise
    for t, after in itertools.pairwise(times):
        v = velocity(x, t, mean, var)
        x = x + (after - t) * (both(x, v, t, after) if method == "heun" else v)
    return x


# flow_pair


@replaces("flow_pair")
def velocity_backwards(x0, noise, t):
    """Your v leads from the noise to the data. In which direction does time run, and with it the derivative by t?"""
    return flow_pair(x0, noise, t)[0], x0 - noise


@replaces("flow_pair")
def time_backwards(x0, noise, t):
    """Your x_t is noise at t = 0 and data at t = 1, and v fits that: some papers count this way. Which end is t = 0
    here?"""
    return flow_pair(noise, x0, t)


@replaces("flow_pair")
def point_backwards(x0, noise, t):
    """Your x_t is noise at t = 0, but your v runs from data to noise, so they do not fit each other. How much noise
    should there be in x_t at t = 0?"""
    return flow_pair(noise, x0, t)[0], noise - x0


@replaces("flow_pair")
def roots_of_diffusion(x0, noise, t):
    """Your coefficients are the roots of 1 − t and t; DDPM has roots to keep the variance. Is the path of a point
    straight with roots?"""
    s = at(t, x0)
    return (1 - s).sqrt() * x0 + s.sqrt() * noise, noise - x0


@replaces("flow_pair")
def noise_is_added(x0, noise, t):
    """You add t times the noise to the whole of x0, so at t = 1 the picture is still there. What should be left of x0
    then?"""
    return x0 + at(t, x0) * noise, noise - x0


@replaces("flow_pair", end=[0, 1])
def divided_by_time(x0, noise, t, *, end: int):
    """Your v is NaN at t = {end}, and right elsewhere. What is divided by 0 there, and which two tensors give v without
    a division?"""
    xt, _ = flow_pair(x0, noise, t)
    s = at(t, x0)
    return xt, (xt - x0) / s if end == 0 else (noise - xt) / (1 - s)


@replaces("flow_pair", what=["the noise", "x0", "x_t", "x_t − x0", "noise − x_t"])
def another_target(x0, noise, t, *, what: str):
    """What you return as v is {what}. Which two points does the line connect, and in which direction does it run?"""
    xt, _ = flow_pair(x0, noise, t)
    return xt, {"the noise": noise, "x0": x0, "x_t": xt, "x_t − x0": xt - x0, "noise − x_t": noise - xt}[what].clone()


@replaces("flow_pair")
def pair_exchanged(x0, noise, t):
    """You return v first. In which order does the docstring name the two?"""
    xt, v = flow_pair(x0, noise, t)
    return v, xt


@replaces("flow_pair", axes=[0, 1, 2, 3])
def axes_as_always(x0, noise, t, *, axes: int):
    """After B, your t always has {axes} axes of size 1. How many does it need to meet vectors (B, D), and how many for
    images (B, C, H, W)?"""
    s = t.to(x0.dtype).reshape(-1, *[1] * axes)
    return (1 - s) * x0 + s * noise, noise - x0


@replaces("flow_pair", which=[0, -1, None])
def one_time_for_all_rows(x0, noise, t, *, which: int | None):
    """All your rows are at the same time. How many times does t hold, and how does row b find its own?"""
    s = (t.mean() if which is None else t[which]).to(x0.dtype)
    return (1 - s) * x0 + s * noise, noise - x0


@replaces("flow_pair", v_too=[True, False])
def dtype_of_time(x0, noise, t, *, v_too: bool):
    """For float32 pictures and a t of float64, you return float64. Whose dtype do results have?"""
    s = t.reshape(-1, *[1] * (x0.dim() - 1))
    v = noise - x0
    return (1 - s) * x0 + s * noise, v.to(torch.promote_types(v.dtype, t.dtype)) if v_too else v


# flow_loss


@replaces("flow_loss")
def loss_without_weight(prediction, x0, noise, t, mean=0.0, std=1.0):
    """Your loss is the plain squared error: t, mean and std have no effect. What is the error of a row multiplied
    by?"""
    return errors(prediction, noise - x0).mean()


@replaces("flow_loss", factor=["1", "t (1 − t)", "1 / t", "1 / (1 − t)"])
def another_slope(prediction, x0, noise, t, mean=0.0, std=1.0, *, factor: str):
    """Your weight is the normal density of logit t, times {factor}. π is a density of t: how steep is logit t at t =
    0.5, and how does that change a density?"""
    e = errors(prediction, noise - x0)
    s = t.to(e.dtype)
    factors = {"1": 1.0, "t (1 − t)": s * (1 - s), "1 / t": 1 / s, "1 / (1 − t)": 1 / (1 - s)}
    return (bell(torch.logit(s), e, mean, std) * factors[factor] * e).mean()


@replaces("flow_loss", what=["ln t", "t", "ln(1 − t)", "ln((1 − t) / t)"])
def another_argument(prediction, x0, noise, t, mean=0.0, std=1.0, *, what: str):
    """The bell in your weight is that of {what}. What is logit t at t = 0.5 and at t = 0.9, and what do you have
    there?"""
    e = errors(prediction, noise - x0)
    s = t.to(e.dtype)
    argument = {"ln t": s.log(), "t": s, "ln(1 − t)": (1 - s).log(), "ln((1 − t) / t)": -torch.logit(s)}[what]
    return (bell(argument, e, mean, std) / (s * (1 - s)) * e).mean()


@replaces("flow_loss", by=["std²", "2 std", "std", "std² / 2"])
def another_width(prediction, x0, noise, t, mean=0.0, std=1.0, *, by: str):
    """Your exponent divides the square by {by}. What does the exponent of a normal density divide by, and is that the
    same for std = 1 and std = 2?"""
    e = errors(prediction, noise - x0)
    s = t.to(e.dtype)
    divisor = {"std²": std**2, "2 std": 2 * std, "std": std, "std² / 2": std**2 / 2}[by]
    return (bell(torch.logit(s), e, mean, std, divisor) / (s * (1 - s)) * e).mean()


@replaces("flow_loss", area=["std", "√(2π)", "1 / √(2π)", "std √(2π)", "1 / std"])
def another_area(prediction, x0, noise, t, mean=0.0, std=1.0, *, area: str):
    """The area under your weight is {area}. What should it be for a density, and which factor is missing or too
    many?"""
    areas = {"std": std, "√(2π)": math.sqrt(2 * math.pi), "1 / √(2π)": 1 / math.sqrt(2 * math.pi), "1 / std": 1 / std}
    areas["std √(2π)"] = std * math.sqrt(2 * math.pi)
    return flow_loss(prediction, x0, noise, t, mean, std) * areas[area]


@replaces("flow_loss", what=["mean", "std", "mean and std"])
def argument_ignored(prediction, x0, noise, t, mean=0.0, std=1.0, *, what: str):
    """Your weight is the same for every {what}. Where in π do mean and std appear?"""
    return flow_loss(prediction, x0, noise, t, 0.0 if "mean" in what else mean, 1.0 if "std" in what else std)


@replaces("flow_loss", twice=[False, True])
def weights_normalised(prediction, x0, noise, t, mean=0.0, std=1.0, *, twice: bool):
    """You divide by the sum of the weights, so the weight of a row depends on the times of the others. What does π(t)
    depend on?"""
    e = errors(prediction, noise - x0)
    w = weights(t, e, mean, std)
    return (w * e).sum() / w.sum() / (len(e) if twice else 1)


@replaces("flow_loss")
def averaged_apart(prediction, x0, noise, t, mean=0.0, std=1.0):
    """Your loss is the mean weight times the mean error, as if every weight met every error, which (B, 1) times (B,)
    does. Whose error does the weight of row b belong to?"""
    e = errors(prediction, noise - x0)
    return weights(t, e, mean, std).mean() * e.mean()


@replaces("flow_loss", first=[True, False])
def weight_on_last_axis(prediction, x0, noise, t, mean=0.0, std=1.0, *, first: bool):
    """Your weights (B,) meet the last axis of the squares, so columns are weighed and not rows. Which shape is left
    when each row has been averaged?"""
    squares = (prediction - (noise - x0)).square()
    w = weights(t, squares, mean, std)
    return (w * squares if first else squares * w).mean()


@replaces("flow_loss", over=["the numbers of a row", "the rows", "the rows and their numbers"])
def summed(prediction, x0, noise, t, mean=0.0, std=1.0, *, over: str):
    """Your loss is a sum over {over}, so it grows with their number. Which two means does the docstring take?"""
    loss = flow_loss(prediction, x0, noise, t, mean, std)
    return loss * (x0[0].numel() if "numbers" in over else 1) * (len(x0) if "rows" in over else 1)


@replaces("flow_loss", factor=[0.5, 2])
def loss_off_by_a_factor(prediction, x0, noise, t, mean=0.0, std=1.0, *, factor: float):
    """Your loss is exactly {factor} times the right one. Which factor is in front of the square in the docstring?"""
    return flow_loss(prediction, x0, noise, t, mean, std) * factor


@replaces("flow_loss")
def target_backwards(prediction, x0, noise, t, mean=0.0, std=1.0):
    """Your target leads from the noise to the data. In which direction does v lead?"""
    return flow_loss(prediction, noise, x0, t, mean, std)


@replaces("flow_loss", what=["the noise", "x0", "x_t"])
def another_loss_target(prediction, x0, noise, t, mean=0.0, std=1.0, *, what: str):
    """You compare the prediction with {what}. What does the network predict here?"""
    e = errors(prediction, {"the noise": noise, "x0": x0, "x_t": flow_pair(x0, noise, t)[0]}[what])
    return (weights(t, e, mean, std) * e).mean()


@replaces("flow_loss", what=["roots of each row's mean square", "absolute values"])
def no_squares(prediction, x0, noise, t, mean=0.0, std=1.0, *, what: str):
    """The errors in your loss are {what}. What does the docstring do to prediction − v?"""
    e = errors(prediction, noise - x0).sqrt()
    if what == "absolute values":
        e = (prediction - (noise - x0)).abs().flatten(1).mean(1)
    return (weights(t, e, mean, std) * e).mean()


@replaces("flow_loss")
def prediction_detached(prediction, x0, noise, t, mean=0.0, std=1.0):
    """Your value is right, but no gradient reaches the prediction, so no network learns from it. Where does your code
    leave the graph?"""
    return flow_loss(prediction.detach(), x0, noise, t, mean, std)


@replaces("flow_loss")
def loss_in_dtype_of_time(prediction, x0, noise, t, mean=0.0, std=1.0):
    """Your loss is float64 if t is, even for a prediction of float32. Whose dtype do results have?"""
    e = errors(prediction, noise - x0)
    return (weights(t, t, mean, std) * e).mean()


# shift_time


@replaces("shift_time")
def shift_other_way(t, shift):
    """Your times move towards 0 with a shift above 1. Should a larger image see more noise or less?"""
    return shift_time(t, 1 / shift)


@replaces("shift_time", under=["1", "1 + shift · t", "1 − (shift − 1) t"])
def another_denominator(t, shift, *, under: str):
    """You divide by {under}. At t = 1 the result should be 1: what does the fraction bar need below it there?"""
    return shift * t / {"1": 1.0, "1 + shift · t": 1 + shift * t, "1 − (shift − 1) t": 1 - (shift - 1) * t}[under]


@replaces("shift_time", what=["√shift", "shift²", "e^shift"])
def another_shift(t, shift, *, what: str):
    """You put {what} where the formula has a. Three letters are used for a shift, a, n and μ: which of them is the
    argument?"""
    return shift_time(t, {"√shift": math.sqrt(shift), "shift²": shift**2, "e^shift": math.exp(shift)}[what])


@replaces("shift_time", inverse=[True, False])
def power_of_time(t, shift, *, inverse: bool):
    """You take a power of t, which leaves 0 and 1 alone too. What is multiplied by shift, t or t / (1 − t)?"""
    return t ** (1 / shift if inverse else shift)


@replaces("shift_time")
def always_float64(t, shift):
    """Your times are float64 whatever came in. Which dtype should they have?"""
    return shift_time(t.double(), shift)


# gaussian_velocity


@replaces("gaussian_velocity")
def guess_backwards(xt, t, mean, var):
    """Your velocity has the opposite sign: it leads from the noise to the data. In which direction does v lead?"""
    return -gaussian_velocity(xt, t, mean, var)


@replaces("gaussian_velocity", where=["s_t²", "E[x₀ | x_t]", "s_t² and E[x₀ | x_t]"], power=["square", "root"])
def power_of_var(xt, t, mean, var, *, where: str, power: str):
    """In {where} you take the {power} of var. Is var σ or σ², and which of the two does the formula have there?"""
    s, s2, rest = parts(xt, t, mean, var)
    other = var**2 if power == "square" else math.sqrt(var)
    if "s_t²" in where:
        s2 = (1 - s) ** 2 * other + s**2
    covariance = (1 - s) * (other if "E[x₀" in where else var)
    return s / s2 * rest - (mean + covariance / s2 * rest)


@replaces("gaussian_velocity", what=["the whole mean", "nothing", "t times the mean"])
def another_middle(xt, t, mean, var, *, what: str):
    """You subtract {what} from x_t. Where is the middle of x_t at t = 0, and where at t = 1?"""
    t, s2, _ = parts(xt, t, mean, var)
    middle = {"the whole mean": mean, "nothing": 0.0, "t times the mean": t * mean}[what]
    return -mean + (t - (1 - t) * var) / s2 * (xt - middle)


@replaces("gaussian_velocity")
def without_mean(xt, t, mean, var):
    """Your E[x0 | x_t] lacks the mean in front. What would you guess for x0 if x_t said nothing about it?"""
    return gaussian_velocity(xt, t, mean, var) + mean


@replaces("gaussian_velocity")
def noise_by_division(xt, t, mean, var):
    """Your velocity is NaN at t = 0, where Heun's last step asks for it. What do you divide by t, and which formula for
    E[ε | x_t] does not?"""
    s, s2, rest = parts(xt, t, mean, var)
    x0 = mean + (1 - s) * var / s2 * rest
    return (xt - (1 - s) * x0) / s - x0


@replaces("gaussian_velocity", factor=["1 ·", "(1 − t)²", "t"])
def another_slope_of_x0(xt, t, mean, var, *, factor: str):
    """In your E[x0 | x_t] the distance of x_t from its middle is multiplied by {factor} σ² / s_t². How much of x0 is in
    x_t at time t?"""
    s, s2, rest = parts(xt, t, mean, var)
    value = {"1 ·": 1.0, "(1 − t)²": (1 - s) ** 2, "t": s}[factor]
    return s / s2 * rest - (mean + value * var / s2 * rest)


@replaces("gaussian_velocity", factor=["1", "t²", "(1 − t)"])
def another_slope_of_noise(xt, t, mean, var, *, factor: str):
    """In your E[ε | x_t] the distance of x_t from its middle is multiplied by {factor} / s_t². How much of ε is in x_t
    at time t?"""
    s, s2, rest = parts(xt, t, mean, var)
    value = {"1": 1.0, "t²": s**2, "(1 − t)": 1 - s}[factor]
    return value / s2 * rest - (mean + (1 - s) * var / s2 * rest)


@replaces("gaussian_velocity")
def noise_less_the_mean(xt, t, mean, var):
    """You subtract the mean of the data from E[ε | x_t], whatever x_t is. What does x_t say about x0?"""
    t, s2, rest = parts(xt, t, mean, var)
    return t / s2 * rest - mean


@replaces(
    "gaussian_velocity",
    form=["(1 − t) σ² + t", "(1 − t)² σ² + t", "(1 − t) σ² + t²", "((1 − t) σ + t)²", "(1 − t)² + t² σ²"],
)
def another_variance(xt, t, mean, var, *, form: str):
    """Your s_t² is {form}. What happens to a variance when a number is multiplied by t, and when two independent
    numbers are added?"""
    t, _, rest = parts(xt, t, mean, var)
    s2 = {
        "(1 − t) σ² + t": (1 - t) * var + t,
        "(1 − t)² σ² + t": (1 - t) ** 2 * var + t,
        "(1 − t) σ² + t²": (1 - t) * var + t**2,
        "((1 − t) σ + t)²": ((1 - t) * math.sqrt(var) + t) ** 2,
        "(1 − t)² + t² σ²": (1 - t) ** 2 + t**2 * var,
    }[form]
    return -mean + (t - (1 - t) * var) / s2 * rest


@replaces("gaussian_velocity")
def divided_by_deviation(xt, t, mean, var):
    """You divide by s_t, not by its square. The slope of a regression is a covariance over a variance: which of the two
    is s_t?"""
    t, s2, rest = parts(xt, t, mean, var)
    return -mean + (t - (1 - t) * var) / s2.sqrt() * rest


@replaces("gaussian_velocity")
def conditional_velocity(xt, t, mean, var):
    """You return (x_t − μ) / t, the velocity if all data were a single picture, and at t = 0 that divides by zero. What
    does var change?"""
    return (xt - mean) / at(t, xt)


@replaces("gaussian_velocity")
def score(xt, t, mean, var):
    """You return −(x_t − (1 − t) μ) / s_t², the score. Which two conditional means is a velocity made of?"""
    _, s2, rest = parts(xt, t, mean, var)
    return -rest / s2


@replaces("gaussian_velocity", what=["E[ε | x_t]", "E[x0 | x_t]"])
def one_guess_alone(xt, t, mean, var, *, what: str):
    """You return {what} alone. Which two guesses is the velocity the difference of?"""
    s, s2, rest = parts(xt, t, mean, var)
    return s / s2 * rest if what == "E[ε | x_t]" else mean + (1 - s) * var / s2 * rest


@replaces("gaussian_velocity")
def one_time_for_all(xt, t, mean, var):
    """All your rows are at the time of the first one. How many times does t hold, and how does row b find its own?"""
    return gaussian_velocity(xt, t[:1].expand(len(xt)), mean, var)


@replaces("gaussian_velocity")
def time_for_each_column(xt, t, mean, var):
    """Your t meets the last axis of xt, so columns have times and not rows. Does broadcasting begin to compare axes at
    the front or at the end?"""
    t = t.to(xt.dtype)
    s2 = (1 - t) ** 2 * var + t**2
    return -mean + (t - (1 - t) * var) / s2 * (xt - (1 - t) * mean)


@replaces("gaussian_velocity")
def velocity_in_dtype_of_time(xt, t, mean, var):
    """Your velocity is float64 if t is, even for an xt of float32. Whose dtype do results have?"""
    return gaussian_velocity(xt.to(torch.promote_types(xt.dtype, t.dtype)), t, mean, var)


# sample


@replaces("sample")
def wrong_direction(noise, mean, var, times, method="euler"):
    """You walk away from the data. What sign does t′ − t have, and what sign does the step in the formula have?"""

    def backwards(x, t, mean, var):
        return -velocity(x, t, mean, var)

    return walk(noise, mean, var, times, method, backwards, backwards)


@replaces("sample")
def euler_at_the_end(noise, mean, var, times, method="euler"):
    """You take the velocity at the time t′ where the step ends, in the point where it starts. Which time does that
    point belong to?"""
    known(method)
    x = noise
    for t, after in itertools.pairwise(times):
        v = velocity(x, after, mean, var)
        if method == "heun":
            v = (v + velocity(x + (after - t) * v, after, mean, var)) / 2
        x = x + (after - t) * v
    return x


@replaces("sample")
def one_time_throughout(noise, mean, var, times, method="euler"):
    """You take all velocities at times[0]. At which time is x after the first step?"""

    def at_first(x, t, mean, var):
        return velocity(x, times[0], mean, var)

    return walk(noise, mean, var, times, method, at_first, at_first)


@replaces("sample")
def direction_kept(noise, mean, var, times, method="euler"):
    """You ask for the velocity once and walk along it to the end. The lines from x0 to the noise are straight, but many
    cross: what does their mean do on the way?"""

    def at_first(x, t, mean, var):
        return velocity(noise, times[0], mean, var)

    return walk(noise, mean, var, times, method, at_first, at_first)


@replaces("sample")
def place_kept(noise, mean, var, times, method="euler"):
    """You ask for the velocities at the time of each step, but always in the point where the way began. Where is x
    after the first step?"""
    known(method)
    x = noise
    for t, after in itertools.pairwise(times):
        v = velocity(noise, t, mean, var)
        if method == "heun":
            v = (v + velocity(noise + (after - t) * v, after, mean, var)) / 2
        x = x + (after - t) * v
    return x


@replaces("sample", where=["new point and the old time", "old point and the new time"])
def heun_second_place(noise, mean, var, times, method="euler", *, where: str):
    """Heun's second velocity is taken at the {where} in your code. Where would Euler's step arrive, and when?"""

    def both(x, v, t, after):
        place = x + (after - t) * v if "new point" in where else x
        return (v + velocity(place, after if "new time" in where else t, mean, var)) / 2

    return heun_step(noise, mean, var, times, method, both)


@replaces("sample", what=["the second velocity alone", "the sum of both", "their difference"])
def heun_along(noise, mean, var, times, method="euler", *, what: str):
    """Your step of Heun goes along {what}. How does the formula combine the two velocities?"""

    def both(x, v, t, after):
        second = velocity(x + (after - t) * v, after, mean, var)
        return {"the second velocity alone": second, "the sum of both": v + second, "their difference": v - second}[
            what
        ]

    return heun_step(noise, mean, var, times, method, both)


@replaces("sample")
def heun_after_euler(noise, mean, var, times, method="euler"):
    """Your step of Heun begins where Euler's ended, so x has moved twice. Which point does the mean of the two
    velocities move?"""

    def both(x, v, t, after):
        return v + (v + velocity(x + (after - t) * v, after, mean, var)) / 2

    return heun_step(noise, mean, var, times, method, both)


@replaces("sample")
def midpoint_for_heun(noise, mean, var, times, method="euler"):
    """Your second velocity is taken in the middle of the step, and it alone counts: the midpoint method. Where does
    Heun take the second one?"""

    def both(x, v, t, after):
        return velocity(x + (after - t) / 2 * v, (t + after) / 2, mean, var)

    return heun_step(noise, mean, var, times, method, both)


@replaces("sample")
def heun_ends_with_euler(noise, mean, var, times, method="euler"):
    """Your last step is one of Euler, as in samplers that cannot ask for a velocity at the end. What does the docstring
    say about Heun's last step?"""
    return walk(noise, mean, var, times, method, last_is_euler=True)


@replaces("sample")
def always_euler(noise, mean, var, times, method="euler"):
    """The method "heun" gives the steps of Euler. Where does your code look at `method`?"""
    known(method)
    return sample(noise, mean, var, times)


@replaces("sample")
def always_heun(noise, mean, var, times, method="euler"):
    """Even "euler" gives the steps of Heun in your code. Where does it look at `method`?"""
    known(method)
    return sample(noise, mean, var, times, "heun")


@replaces("sample")
def heun_by_default(noise, mean, var, times, method="heun"):
    """Without a method you take Heun's. Which default does the signature have?"""
    return sample(noise, mean, var, times, method)


@replaces("sample", taken=["Euler's", "Heun's"])
def unknown_is_known(noise, mean, var, times, method="euler", *, taken: str):
    """A method that you do not know is taken for {taken}, so a typo goes unnoticed. What should happen to
    "midpoint"?"""
    other = "heun" if taken == "Heun's" else "euler"
    return sample(noise, mean, var, times, method if method in ("euler", "heun") else other)


@replaces("sample")
def key_error(noise, mean, var, times, method="euler"):
    """An unknown method ends in a KeyError. Which exception does the docstring promise?"""
    methods = {"euler": "euler", "heun": "heun"}
    return sample(noise, mean, var, times, methods[method])


@replaces("sample")
def any_case(noise, mean, var, times, method="euler"):
    """You take "Euler" for "euler". Which names does the docstring know, and what happens to any other?"""
    return sample(noise, mean, var, times, method.lower())


@replaces("sample")
def equal_steps(noise, mean, var, times, method="euler"):
    """All your steps have the same length, and the times in between have no effect. Where does a step begin, and where
    does it end?"""
    n = len(times) - 1
    return sample(noise, mean, var, [times[0] + (times[-1] - times[0]) * i / n for i in range(n + 1)], method)


@replaces("sample")
def steps_of_one_length(noise, mean, var, times, method="euler"):
    """Your velocities belong to the given times, but all your steps have the same length. How far is it from one time
    to the next if `times` are not equally far apart?"""
    known(method)
    x, step = noise, (times[-1] - times[0]) / (len(times) - 1)
    for t, after in itertools.pairwise(times):
        v = velocity(x, t, mean, var)
        if method == "heun":
            v = (v + velocity(x + step * v, after, mean, var)) / 2
        x = x + step * v
    return x


@replaces("sample")
def from_one_to_zero(noise, mean, var, times, method="euler"):
    """You always go from 1 to 0, whatever the ends of `times` are. At which time is x at first, by the docstring?"""
    n = len(times) - 1
    return sample(noise, mean, var, [1 - i / n for i in range(n + 1)], method)


@replaces("sample")
def on_to_zero(noise, mean, var, times, method="euler"):
    """You go on to t = 0 even if `times` ends before it. At which time should x be in the end?"""
    return sample(noise, mean, var, times if times[-1] == 0 else [*times, 0.0], method)


@replaces("sample", which=["last", "first"])
def step_missing(noise, mean, var, times, method="euler", *, which: str):
    """Your {which} step is missing. How many steps do n times make?"""
    left = times[:-1] if which == "last" else times[1:]
    return noise.clone() if len(left) == 1 else sample(noise, mean, var, left, method)


@replaces("sample")
def way_returned(noise, mean, var, times, method="euler"):
    """You return all points of the way. Which of them does the docstring ask for?"""
    points = [noise]
    for pair in itertools.pairwise(times):
        points.append(sample(points[-1], mean, var, list(pair), method))
    return torch.stack(points)


@replaces("sample")
def exact_flow(noise, mean, var, times, method="euler"):
    """You return the end of the exact flow, which has no error. A sampler finds its way in a few steps: which steps
    does the docstring describe?"""
    known(method)
    first, last = (math.sqrt((1 - t) ** 2 * var + t * t) for t in (times[0], times[-1]))
    return (1 - times[-1]) * mean + last / first * (noise - (1 - times[0]) * mean)


@replaces("sample")
def to_the_mean(noise, mean, var, times, method="euler"):
    """In each step you go to E[x0 | x_t] and mix it with the first noise again. What does the noise become along the
    way?"""
    known(method)
    x = noise
    for t, after in itertools.pairwise(times):
        x0 = x - t * velocity(x, t, mean, var)
        x = (1 - after) * x0 + after * noise
    return x


@replaces("sample", what=["everything", "times", "times and steps"])
def digits_lost(noise, mean, var, times, method="euler", *, what: str):
    """Your numbers are right to seven digits, as if something were float32 although float64 came in. Which of your
    tensors is made without a dtype, or converted?"""
    if what == "everything":
        return sample(noise.float(), mean.float(), var, times, method).to(noise.dtype)
    if what == "times":

        def rounded(x, t, mean, var):
            return gaussian_velocity(x, torch.full((len(x),), t), mean, var)

        return walk(noise, mean, var, times, method, rounded, rounded)
    known(method)
    x = noise
    for t, after in itertools.pairwise(torch.tensor(times)):
        v = gaussian_velocity(x, t.expand(len(x)), mean, var)
        if method == "heun":
            v = (v + gaussian_velocity(x + (after - t) * v, after.expand(len(x)), mean, var)) / 2
        x = x + (after - t) * v
    return x

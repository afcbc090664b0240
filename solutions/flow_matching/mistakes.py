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


# flow_pair


@replaces("flow_pair")
def velocity_backwards(x0, noise, t):
    """Your v is x0 − noise, which leads from noise to data. In which direction does time run, and so the derivative
    by t?"""
    return flow_pair(x0, noise, t)[0], x0 - noise


@replaces("flow_pair")
def time_backwards(x0, noise, t):
    """Your x_t is noise at t = 0 and data at t = 1, and v fits that: two of the papers count so. Which end is t = 0
    here?"""
    return flow_pair(noise, x0, t)


@replaces("flow_pair")
def point_backwards(x0, noise, t):
    """Your x_t is noise at t = 0, and your v runs from data to noise, so they do not fit each other. How much noise
    should there be in x_t at t = 0?"""
    return flow_pair(noise, x0, t)[0], noise - x0


@replaces("flow_pair")
def roots_of_diffusion(x0, noise, t):
    """Your coefficients are the roots of 1 − t and t, as in DDPM, where they keep the variance. Does the path of a
    point with roots run straight?"""
    s = at(t, x0)
    return (1 - s).sqrt() * x0 + s.sqrt() * noise, noise - x0


@replaces("flow_pair")
def noise_is_added(x0, noise, t):
    """You add t times the noise to the whole of x0, so at t = 1 the picture is still there. What should be left of x0
    then?"""
    return x0 + at(t, x0) * noise, noise - x0


@replaces("flow_pair")
def divided_by_time(x0, noise, t):
    """You make v from x_t − x0 divided by t, and at t = 0 that is 0/0. Which two tensors give v without a
    division?"""
    xt, _ = flow_pair(x0, noise, t)
    return xt, (xt - x0) / at(t, x0)


@replaces("flow_pair")
def target_is_noise(x0, noise, t):
    """You return the noise for v, what a network of DDPM learns. What does one learn here?"""
    return flow_pair(x0, noise, t)[0], noise * 1


@replaces("flow_pair")
def pair_exchanged(x0, noise, t):
    """You return v first. In which order does the docstring have the two?"""
    xt, v = flow_pair(x0, noise, t)
    return v, xt


@replaces("flow_pair")
def vectors_only(x0, noise, t):
    """Your t has the shape (B, 1), which is right for vectors. How many axes of size 1 does it need to meet an image
    (B, C, H, W)?"""
    s = t.to(x0.dtype)[:, None]
    return (1 - s) * x0 + s * noise, noise - x0


@replaces("flow_pair")
def images_only(x0, noise, t):
    """Your t has the shape (B, 1, 1, 1), which is right for images. A vector of B rows becomes something else with
    it: from where can the number of axes be taken?"""
    s = t.to(x0.dtype)[:, None, None, None]
    return (1 - s) * x0 + s * noise, noise - x0


@replaces("flow_pair")
def time_on_last_axis(x0, noise, t):
    """Your t meets the last axis of x0, so columns have times and not rows. Where does broadcasting begin to compare
    axes, at the front or at the end?"""
    s = t.to(x0.dtype)
    return (1 - s) * x0 + s * noise, noise - x0


@replaces("flow_pair")
def first_time_for_all(x0, noise, t):
    """All your rows are at the time of the first one. t holds a time for each row: how does row b find its own?"""
    s = t[0].to(x0.dtype)
    return (1 - s) * x0 + s * noise, noise - x0


@replaces("flow_pair")
def dtype_of_time(x0, noise, t):
    """Your results take the dtype of t where it is the finer one: float32 pictures come back in float64. Whose dtype
    do results have?"""
    wide = t.reshape(-1, *[1] * (x0.dim() - 1)) + torch.zeros_like(x0)
    return (1 - wide) * x0 + wide * noise, (noise - x0).to(wide.dtype)


@replaces("flow_pair")
def point_in_dtype_of_time(x0, noise, t):
    """Your x_t takes the dtype of t where it is the finer one: of float32 pictures it comes back in float64, and v does
    not. Whose dtype do results have?"""
    s = t.reshape(-1, *[1] * (x0.dim() - 1))
    return (1 - s) * x0 + s * noise, noise - x0


# flow_loss


@replaces("flow_loss")
def loss_without_weight(prediction, x0, noise, t, mean=0.0, std=1.0):
    """Your loss is the plain squared error: t, mean and std have no effect. What is each row multiplied by?"""
    return errors(prediction, noise - x0).mean()


@replaces("flow_loss")
def weight_without_jacobian(prediction, x0, noise, t, mean=0.0, std=1.0):
    """Your weight is the normal density at logit t. π is a density of t, and not of logit t: put in t = 0.5 and t =
    0.9, what should the weights be?"""
    e = errors(prediction, noise - x0)
    s = t.to(e.dtype)
    return (weights(t, e, mean, std) * s * (1 - s) * e).mean()


@replaces("flow_loss")
def jacobian_multiplied(prediction, x0, noise, t, mean=0.0, std=1.0):
    """You multiply the normal density by t (1 − t). The slope of logit t is 1 / (t (1 − t)): by which of the two does
    a density change?"""
    e = errors(prediction, noise - x0)
    s = t.to(e.dtype)
    return (weights(t, e, mean, std) * (s * (1 - s)) ** 2 * e).mean()


@replaces("flow_loss")
def log_for_logit(prediction, x0, noise, t, mean=0.0, std=1.0):
    """You put ln t where logit t belongs: yours is the log-normal density. What lies between 0 and 1 only, and what
    has the logit of it as its range?"""
    e = errors(prediction, noise - x0)
    s = t.to(e.dtype)
    bell = torch.exp(-((s.log() - mean) ** 2) / (2 * std**2)) / (std * math.sqrt(2 * math.pi))
    return (bell / (s * (1 - s)) * e).mean()


@replaces("flow_loss")
def logit_backwards(prediction, x0, noise, t, mean=0.0, std=1.0):
    """Your logit is ln((1 − t) / t), and a mean above 0 then favours early times. Which of the two should a positive
    mean favour?"""
    return flow_loss(prediction, x0, noise, t, -mean, std)


@replaces("flow_loss")
def square_not_divided_by_two(prediction, x0, noise, t, mean=0.0, std=1.0):
    """Your exponent lacks the 2 below the line, so the bell is too narrow and its area is less than 1. What does the
    exponent of a normal density divide by?"""
    e = errors(prediction, noise - x0)
    narrow = std / math.sqrt(2)
    return (weights(t, e, mean, narrow) * narrow / std * e).mean()


@replaces("flow_loss")
def std_not_squared(prediction, x0, noise, t, mean=0.0, std=1.0):
    """Your exponent divides by 2 std and not by 2 std². With std = 1 the two are one: in what units is the square
    above the line?"""
    e = errors(prediction, noise - x0)
    wide = math.sqrt(std)
    return (weights(t, e, mean, wide) * wide / std * e).mean()


@replaces("flow_loss")
def not_divided_by_std(prediction, x0, noise, t, mean=0.0, std=1.0):
    """Your density does not divide by std, so its area is std and not 1. What happens to the height of a bell that
    gets wider?"""
    return flow_loss(prediction, x0, noise, t, mean, std) * std


@replaces("flow_loss")
def without_root_of_two_pi(prediction, x0, noise, t, mean=0.0, std=1.0):
    """Your weight lacks the factor 1/√(2π), and its area is 2.5. What should a density add up to?"""
    return flow_loss(prediction, x0, noise, t, mean, std) * math.sqrt(2 * math.pi)


@replaces("flow_loss")
def two_pi_without_root(prediction, x0, noise, t, mean=0.0, std=1.0):
    """You divide by 2π and not by its root. What stands below the line of a normal density in one dimension?"""
    return flow_loss(prediction, x0, noise, t, mean, std) / math.sqrt(2 * math.pi)


@replaces("flow_loss")
def mean_and_std_ignored(prediction, x0, noise, t, mean=0.0, std=1.0):
    """mean and std have no effect: your weight is always that of 0 and 1. Where do the two stand in π?"""
    return flow_loss(prediction, x0, noise, t)


@replaces("flow_loss")
def weights_normalised(prediction, x0, noise, t, mean=0.0, std=1.0):
    """You divide by the sum of the weights. Then the weight of a row depends on the times of the other rows: which
    numbers does π(t) depend on?"""
    e = errors(prediction, noise - x0)
    w = weights(t, e, mean, std)
    return (w * e).sum() / w.sum()


@replaces("flow_loss")
def averaged_apart(prediction, x0, noise, t, mean=0.0, std=1.0):
    """Your loss is the mean weight times the mean error, as if each weight met every error; (B, 1) times (B,) does
    that too. Which error does the weight of row b belong to?"""
    e = errors(prediction, noise - x0)
    return weights(t, e, mean, std).mean() * e.mean()


@replaces("flow_loss")
def weight_on_last_axis(prediction, x0, noise, t, mean=0.0, std=1.0):
    """Your weights (B,) meet the last axis of the squares, so columns are weighed and not rows. Which shape has what is
    left of the squares when each row has its mean?"""
    squares = (prediction - (noise - x0)).square()
    return (weights(t, squares, mean, std) * squares).mean()


@replaces("flow_loss")
def weight_on_last_axis_from_behind(prediction, x0, noise, t, mean=0.0, std=1.0):
    """Your weights (B,) meet the last axis of the squares, so columns are weighed and not rows. Which shape has what is
    left of the squares when each row has its mean?"""
    squares = (prediction - (noise - x0)).square()
    return (squares * weights(t, squares, mean, std)).mean()


@replaces("flow_loss")
def rows_summed(prediction, x0, noise, t, mean=0.0, std=1.0):
    """You add up the squares of a row, so a larger image has a larger loss. What does the docstring take of a row,
    sum or mean?"""
    return flow_loss(prediction, x0, noise, t, mean, std) * x0[0].numel()


@replaces("flow_loss")
def batch_summed(prediction, x0, noise, t, mean=0.0, std=1.0):
    """You add up the rows, so a larger batch has a larger loss. What is taken over the rows, sum or mean?"""
    return flow_loss(prediction, x0, noise, t, mean, std) * len(x0)


@replaces("flow_loss")
def target_backwards(prediction, x0, noise, t, mean=0.0, std=1.0):
    """Your target is x0 − noise. In which direction does v lead?"""
    return flow_loss(prediction, noise, x0, t, mean, std)


@replaces("flow_loss")
def noise_as_target(prediction, x0, noise, t, mean=0.0, std=1.0):
    """You compare the prediction with the noise, as DDPM does. What does the network predict here?"""
    return flow_loss(prediction, torch.zeros_like(x0), noise, t, mean, std)


@replaces("flow_loss")
def root_of_squares(prediction, x0, noise, t, mean=0.0, std=1.0):
    """You take the root of each row's mean square before it is weighed. Where in the docstring is there a root
    besides that of 2π?"""
    e = errors(prediction, noise - x0).sqrt()
    return (weights(t, e, mean, std) * e).mean()


@replaces("flow_loss")
def prediction_detached(prediction, x0, noise, t, mean=0.0, std=1.0):
    """Your value is right, and no gradient reaches the prediction, so no network learns from it. Which step of your
    code leaves the graph?"""
    return flow_loss(prediction.detach(), x0, noise, t, mean, std)


@replaces("flow_loss")
def loss_in_dtype_of_time(prediction, x0, noise, t, mean=0.0, std=1.0):
    """Your loss has the dtype of t where that is the finer one. Whose dtype do results have?"""
    e = errors(prediction, noise - x0)
    return (weights(t, t, mean, std) * e).mean()


# shift_time


@replaces("shift_time")
def shift_other_way(t, shift):
    """Your times move towards 0 with a shift above 1. Should a larger image see more noise or less?"""
    return shift_time(t, 1 / shift)


@replaces("shift_time")
def shift_without_minus_one(t, shift):
    """Below the line you have 1 + shift · t, and t = 1 does not stay at 1. Put t = 1 into the formula: what makes the
    two sides of the line equal?"""
    return shift * t / (1 + shift * t)


@replaces("shift_time")
def shift_above_only(t, shift):
    """You multiply t by shift, and times go beyond 1. What holds t = 1 in its place?"""
    return shift * t


@replaces("shift_time")
def root_of_shift(t, shift):
    """You take the root of shift. The root is that of the number of pixels, a = √n: is the argument a or n?"""
    return shift_time(t, math.sqrt(shift))


@replaces("shift_time")
def shift_as_exponent(t, shift):
    """You take shift for FLUX's μ and put e^shift in its place. With shift = 1 nothing should change: which name in
    the statement is the argument?"""
    return shift_time(t, math.exp(shift))


@replaces("shift_time")
def power_of_time(t, shift):
    """You take t to the power 1/shift, which leaves 0 and 1 alone too. What is multiplied by shift, t or t / (1 −
    t)?"""
    return t ** (1 / shift)


@replaces("shift_time")
def always_float64(t, shift):
    """Your times are float64 whatever came in. Which dtype do they have?"""
    return shift_time(t.double(), shift)


# gaussian_velocity


@replaces("gaussian_velocity")
def guess_backwards(xt, t, mean, var):
    """Your velocity is E[x0] − E[noise]. In which direction does v lead?"""
    return -gaussian_velocity(xt, t, mean, var)


@replaces("gaussian_velocity")
def variance_for_deviation(xt, t, mean, var):
    """You square var. It is a variance already, σ²: what is squared in s_t²?"""
    return gaussian_velocity(xt, t, mean, var**2)


@replaces("gaussian_velocity")
def deviation_for_variance(xt, t, mean, var):
    """You take the root of var. Which of σ and σ² does the formula of s_t² have?"""
    return gaussian_velocity(xt, t, mean, math.sqrt(var))


@replaces("gaussian_velocity")
def mean_not_scaled(xt, t, mean, var):
    """You subtract the whole mean from x_t. Where is the middle of x_t at t = 1?"""
    t, s2, _ = parts(xt, t, mean, var)
    return -mean + (t - (1 - t) * var) / s2 * (xt - mean)


@replaces("gaussian_velocity")
def mean_not_subtracted(xt, t, mean, var):
    """You take x_t as it is, without its mean. How far is x_t from its middle?"""
    t, s2, _ = parts(xt, t, mean, var)
    return -mean + (t - (1 - t) * var) / s2 * xt


@replaces("gaussian_velocity")
def without_mean(xt, t, mean, var):
    """Your E[x0 | x_t] lacks the mean in front. What would you guess for x0 if x_t said nothing?"""
    return gaussian_velocity(xt, t, mean, var) + mean


@replaces("gaussian_velocity")
def noise_by_division(xt, t, mean, var):
    """You solve x_t = (1 − t) x0 + t ε for ε, or for v, and divide by t. At t = 0, where Heun's last step asks, that is
    0/0. Which formula has no t below the line?"""
    s, s2, rest = parts(xt, t, mean, var)
    x0 = mean + (1 - s) * var / s2 * rest
    return (xt - (1 - s) * x0) / s - x0


@replaces("gaussian_velocity")
def covariance_without_time(xt, t, mean, var):
    """Your E[x0 | x_t] goes along by σ² / s_t², as if all of x0 were in x_t. How much of it is there at time t, and
    what should x_t say about x0 at t = 1?"""
    s, s2, rest = parts(xt, t, mean, var)
    return s / s2 * rest - (mean + var / s2 * rest)


@replaces("gaussian_velocity")
def noise_less_the_mean(xt, t, mean, var):
    """You subtract the mean of the data from E[noise | x_t], whatever x_t is. What does x_t say about x0?"""
    t, s2, rest = parts(xt, t, mean, var)
    return t / s2 * rest - mean


@replaces("gaussian_velocity")
def times_not_squared(xt, t, mean, var):
    """Your s_t² is (1 − t) σ² + t. What happens to a variance when a number is multiplied by t?"""
    t, _, rest = parts(xt, t, mean, var)
    s2 = (1 - t) * var + t
    return -mean + (t - (1 - t) * var) / s2 * rest


@replaces("gaussian_velocity")
def noise_time_not_squared(xt, t, mean, var):
    """In your s_t² the noise has the variance t. It is multiplied by t: what is its variance then?"""
    t, _, rest = parts(xt, t, mean, var)
    s2 = (1 - t) ** 2 * var + t
    return -mean + (t - (1 - t) * var) / s2 * rest


@replaces("gaussian_velocity")
def divided_by_deviation(xt, t, mean, var):
    """You divide by s_t and not by its square. Covariance over variance is the slope of a regression: which of the
    two is s_t?"""
    t, s2, rest = parts(xt, t, mean, var)
    return -mean + (t - (1 - t) * var) / s2.sqrt() * rest


@replaces("gaussian_velocity")
def conditional_velocity(xt, t, mean, var):
    """You return (x_t − μ) / t, the velocity if all data were one single picture; at t = 0 it divides by zero. Where
    is var in it?"""
    return (xt - mean) / at(t, xt)


@replaces("gaussian_velocity")
def score(xt, t, mean, var):
    """You return −(x_t − (1 − t) μ) / s_t², the score. What has to be done to make a velocity of it?"""
    _, s2, rest = parts(xt, t, mean, var)
    return -rest / s2


@replaces("gaussian_velocity")
def one_time_for_all(xt, t, mean, var):
    """All your rows are at the time of the first one. t holds a time for each row: how does row b find its own?"""
    return gaussian_velocity(xt, t[:1].expand(len(xt)), mean, var)


@replaces("gaussian_velocity")
def time_for_each_column(xt, t, mean, var):
    """Your t meets the last axis of xt, so columns have times and not rows. Where does broadcasting begin to compare
    axes?"""
    t = t.to(xt.dtype)
    s2 = (1 - t) ** 2 * var + t**2
    return -mean + (t - (1 - t) * var) / s2 * (xt - (1 - t) * mean)


@replaces("gaussian_velocity")
def velocity_in_dtype_of_time(xt, t, mean, var):
    """Your velocity has the dtype of t where that is the finer one. Whose dtype do results have?"""
    return gaussian_velocity(xt.to(torch.promote_types(xt.dtype, t.dtype)), t, mean, var)


# sample


@replaces("sample")
def wrong_direction(noise, mean, var, times, method="euler"):
    """You walk away from the data: your step is t − t′, or v is subtracted. What sign has t′ − t, and what sign has
    the step of the statement?"""

    def backwards(x, t, mean, var):
        return -velocity(x, t, mean, var)

    return walk(noise, mean, var, times, method, backwards, backwards)


@replaces("sample")
def euler_at_the_end(noise, mean, var, times, method="euler"):
    """You ask for the velocity at the time t′, where the step ends, in the point where it starts. To which time does
    the x of the step's start belong?"""
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
    """You ask for all velocities at times[0]. At which time is x after the first step?"""

    def at_first(x, t, mean, var):
        return velocity(x, times[0], mean, var)

    return walk(noise, mean, var, times, method, at_first, at_first)


@replaces("sample")
def direction_kept(noise, mean, var, times, method="euler"):
    """You ask for the velocity once, at the beginning, and walk along it to the end. The lines from x0 to the noise are
    straight, and many of them cross: what does their mean do on the way?"""

    def at_first(x, t, mean, var):
        return velocity(noise, times[0], mean, var)

    return walk(noise, mean, var, times, method, at_first, at_first)


@replaces("sample")
def place_kept(noise, mean, var, times, method="euler"):
    """You ask for the velocities at the time of each step, and always in the point where the way began. Where is x
    after the first step?"""
    known(method)
    x = noise
    for t, after in itertools.pairwise(times):
        v = velocity(noise, t, mean, var)
        if method == "heun":
            v = (v + velocity(noise + (after - t) * v, after, mean, var)) / 2
        x = x + (after - t) * v
    return x


@replaces("sample")
def heun_old_time(noise, mean, var, times, method="euler"):
    """Your second velocity is taken at the new point and the old time. It belongs to the end of the step, in place
    and in time: which time is that?"""
    known(method)
    x = noise
    for t, after in itertools.pairwise(times):
        v = velocity(x, t, mean, var)
        if method == "heun":
            v = (v + velocity(x + (after - t) * v, t, mean, var)) / 2
        x = x + (after - t) * v
    return x


@replaces("sample")
def heun_old_point(noise, mean, var, times, method="euler"):
    """Your second velocity is taken at the new time and the old point. It belongs to the end of the step, in place
    and in time: where would Euler arrive?"""
    known(method)
    x = noise
    for t, after in itertools.pairwise(times):
        v = velocity(x, t, mean, var)
        if method == "heun":
            v = (v + velocity(x, after, mean, var)) / 2
        x = x + (after - t) * v
    return x


@replaces("sample")
def heun_takes_second_alone(noise, mean, var, times, method="euler"):
    """Your step of Heun goes along the second velocity alone. What is taken of the two?"""
    known(method)
    x = noise
    for t, after in itertools.pairwise(times):
        v = velocity(x, t, mean, var)
        if method == "heun":
            v = velocity(x + (after - t) * v, after, mean, var)
        x = x + (after - t) * v
    return x


@replaces("sample")
def heun_sums(noise, mean, var, times, method="euler"):
    """Your step of Heun goes along the sum of the two velocities, and so twice as far. What is taken of the two?"""
    known(method)
    x = noise
    for t, after in itertools.pairwise(times):
        v = velocity(x, t, mean, var)
        if method == "heun":
            v = v + velocity(x + (after - t) * v, after, mean, var)
        x = x + (after - t) * v
    return x


@replaces("sample")
def midpoint_for_heun(noise, mean, var, times, method="euler"):
    """Your second velocity is taken in the middle of the step, and it alone counts: the midpoint method. Where does
    Heun take its second one?"""
    known(method)
    x = noise
    for t, after in itertools.pairwise(times):
        v = velocity(x, t, mean, var)
        if method == "heun":
            v = velocity(x + (after - t) / 2 * v, (t + after) / 2, mean, var)
        x = x + (after - t) * v
    return x


@replaces("sample")
def heun_ends_with_euler(noise, mean, var, times, method="euler"):
    """Your last step is one of Euler, as in samplers that cannot ask for a velocity at the end. What does the
    docstring say of Heun's last step?"""
    return walk(noise, mean, var, times, method, last_is_euler=True)


@replaces("sample")
def always_euler(noise, mean, var, times, method="euler"):
    """ "heun" gives the steps of Euler. Where does your code look at `method`?"""
    known(method)
    return sample(noise, mean, var, times)


@replaces("sample")
def heun_by_default(noise, mean, var, times, method="heun"):
    """Without a method you take Heun's. What does the signature say?"""
    return sample(noise, mean, var, times, method)


@replaces("sample")
def falls_back_to_euler(noise, mean, var, times, method="euler"):
    """A method that you do not know is taken for Euler's, so a slip of the pen goes unnoticed. What should happen to
    "midpoint"?"""
    return sample(noise, mean, var, times, method if method == "heun" else "euler")


@replaces("sample")
def any_case(noise, mean, var, times, method="euler"):
    """You take "Euler" for "euler". Which names does the docstring know, and what happens to any other?"""
    return sample(noise, mean, var, times, method.lower())


@replaces("sample")
def equal_steps(noise, mean, var, times, method="euler"):
    """Your steps are of equal length, from the first time to the last: what stands between in `times` has no effect.
    Where does a step begin, and where does it end?"""
    n = len(times) - 1
    return sample(noise, mean, var, [times[0] + (times[-1] - times[0]) * i / n for i in range(n + 1)], method)


@replaces("sample")
def steps_of_one_length(noise, mean, var, times, method="euler"):
    """Your velocities belong to the times that are given, and your steps are all of one length. How far is it from one
    time to the next, if `times` are not equally far apart?"""
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
    """You always go from 1 to 0, whatever the ends of `times` are. Where does the docstring say that x is at
    first?"""
    n = len(times) - 1
    return sample(noise, mean, var, [1 - i / n for i in range(n + 1)], method)


@replaces("sample")
def on_to_zero(noise, mean, var, times, method="euler"):
    """You go on to t = 0 where `times` ends before it. At which time should x be in the end?"""
    return sample(noise, mean, var, times if times[-1] == 0 else [*times, 0.0], method)


@replaces("sample")
def last_step_missing(noise, mean, var, times, method="euler"):
    """Your last step is missing. How many steps do n times make?"""
    return noise * 1 if len(times) == 2 else sample(noise, mean, var, times[:-1], method)


@replaces("sample")
def way_returned(noise, mean, var, times, method="euler"):
    """You return all points of the way. Which of them is asked for?"""
    points = [noise]
    for pair in itertools.pairwise(times):
        points.append(sample(points[-1], mean, var, list(pair), method))
    return torch.stack(points)


@replaces("sample")
def exact_flow(noise, mean, var, times, method="euler"):
    """You return the end of the exact flow, without an error. What a sampler finds in a few steps has one: which
    steps does the docstring describe?"""
    known(method)
    first, last = (math.sqrt((1 - t) ** 2 * var + t * t) for t in (times[0], times[-1]))
    return (1 - times[-1]) * mean + last / first * (noise - (1 - times[0]) * mean)


@replaces("sample")
def to_the_mean(noise, mean, var, times, method="euler"):
    """In each step you go to E[x0 | x_t] and mix it anew with the noise that was drawn at first. What does the noise
    become along the way: is it still the first one?"""
    known(method)
    x = noise
    for t, after in itertools.pairwise(times):
        x0 = x - t * velocity(x, t, mean, var)
        x = (1 - after) * x0 + after * noise
    return x


@replaces("sample")
def sample_in_float32(noise, mean, var, times, method="euler"):
    """You compute in float32 whatever comes in, and float64 loses half of its digits. From where can the times take
    their dtype?"""
    return sample(noise.float(), mean.float(), var, times, method).to(noise.dtype)


@replaces("sample")
def times_in_float32(noise, mean, var, times, method="euler"):
    """You hand the velocity a time in float32, the dtype that torch makes where nobody names one: 0.7 has seven digits
    there. From where can a time take the dtype of x?"""

    def rounded(x, t, mean, var):
        return gaussian_velocity(x, torch.full((len(x),), t), mean, var)

    return walk(noise, mean, var, times, method, rounded, rounded)


@replaces("sample")
def list_in_float32(noise, mean, var, times, method="euler"):
    """You made a tensor of `times`, which is float32 where nobody names a dtype: times and steps have seven digits.
    From where can they take the dtype of x?"""
    known(method)
    x = noise
    for t, after in itertools.pairwise(torch.tensor(times)):
        v = gaussian_velocity(x, t.expand(len(x)), mean, var)
        if method == "heun":
            v = (v + gaussian_velocity(x + (after - t) * v, after.expand(len(x)), mean, var)) / 2
        x = x + (after - t) * v
    return x

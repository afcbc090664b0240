"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import math

import torch
from rope_scaling import linear_scaling, llama3_scaling, ntk_scaling, yarn_scaling
from torch import Tensor

from grader.testing import replaces


def plain(head_dim: int, base: float) -> Tensor:
    """θ of a model that has not been scaled. An odd head_dim raises ValueError."""
    return linear_scaling(head_dim, base, 1.0)[0]


def pair_of(turns: float, head_dim: int, base: float, old_len: float) -> float:
    """i(r)."""
    return head_dim * math.log(old_len / (2 * math.pi * turns)) / (2 * math.log(base))


def in_order(beta_fast: float, beta_slow: float) -> None:
    if beta_fast <= beta_slow:
        raise ValueError("beta_fast has to be above beta_slow")


def ramp_over(values: Tensor, begin: float, end: float) -> Tensor:
    """0 up to begin, 1 from end on, and a line between."""
    return ((values - begin) / (end - begin)).clamp(0, 1)


def mixed(theta: Tensor, factor: float, ramp: Tensor) -> Tensor:
    """θ where the ramp is 0, θ/s where it is 1."""
    return (1 - ramp) * theta + ramp * theta / factor


def factor_of_yarn(factor: float) -> float:
    return 0.1 * math.log(factor) + 1


def numbers(theta: Tensor) -> Tensor:
    return torch.arange(len(theta), dtype=torch.float64)


def ends(head_dim: int, base: float, old_len: float, beta_fast: float, beta_slow: float) -> tuple[int, int]:
    """low and high of YaRN, as they should be."""
    low = math.floor(pair_of(beta_fast, head_dim, base, old_len))
    return max(low, 0), math.ceil(pair_of(beta_slow, head_dim, base, old_len))


@replaces("_plain_angles", exponent=["−i/K", "−4i/K", "2i/K"])
def another_exponent(head_dim: int, base: float, *, exponent: str) -> Tensor:
    """All your angles start from base^({exponent}). What is the exponent of the plain angle in the docstring, and how
    large is the first angle of K = 4, and the second?"""
    theta = plain(head_dim, base)
    return theta ** {"−i/K": 0.5, "−4i/K": 2.0, "2i/K": -1.0}[exponent]


@replaces("_plain_angles")
def pairs_from_one(head_dim: int, base: float) -> Tensor:
    """Your first angle is below 1 even before it is scaled: the pairs are counted from 1. With which i does the
    docstring begin?"""
    return plain(head_dim, base) * base ** (-2 / head_dim)


@replaces("_plain_angles", order=["blocks", "neighbours"])
def one_for_each_number(head_dim: int, base: float, *, order: str) -> Tensor:
    """You return K angles, each of them twice. How many pairs does a head have?"""
    theta = plain(head_dim, base)
    return torch.cat([theta, theta]) if order == "blocks" else theta.repeat_interleave(2)


@replaces("_plain_angles", back=[False, True])
def float32_angles(head_dim: int, base: float, *, back: bool) -> Tensor:
    """Your angles are only as precise as float32, the default of torch. In which step, from the numbers of the pairs to
    the result, do they become float32?"""
    plain(head_dim, base)
    theta = base ** (-torch.arange(0, head_dim, 2) / head_dim)
    return theta.double() if back else theta


@replaces("_plain_angles", kept=["one pair less", "half a pair more"])
def odd_width_passes(head_dim: int, base: float, *, kept: str) -> Tensor:
    """An odd width goes through in your code, with {kept}. Which partner does the last number of the head have, and
    what does the docstring of the module ask for?"""
    width = head_dim - 1 if kept == "one pair less" else head_dim + 1
    return plain(width, base) if head_dim % 2 else plain(head_dim, base)


@replaces("linear_scaling", power=[1, 2])
def linear_multiplies(head_dim: int, base: float, factor: float, *, power: int) -> tuple[Tensor, float]:
    """Your hands turn faster than before. In which direction must an angle change, so that s times as many positions
    fit?"""
    return plain(head_dim, base) * factor**power, 1.0


@replaces("linear_scaling")
def linear_does_nothing(head_dim: int, base: float, factor: float) -> tuple[Tensor, float]:
    """Your angles do not depend on s. What does a position become if s times as many of them should turn no further?"""
    return plain(head_dim, base), 1.0


@replaces("linear_scaling")
def base_is_scaled(head_dim: int, base: float, factor: float) -> tuple[Tensor, float]:
    """You raised the base, so your first pair is as fast as before. Position interpolation treats all pairs alike: what
    does it do to the first one?"""
    return plain(head_dim, base * factor), 1.0


@replaces("linear_scaling", power=[0.5, 2])
def linear_by_a_power(head_dim: int, base: float, factor: float, *, power: float) -> tuple[Tensor, float]:
    """Your angles are divided by s to the power {power}. How many positions does a text have that is s times as
    long?"""
    return plain(head_dim, base) / factor**power, 1.0


@replaces("linear_scaling", rule=["YaRN", "s", "1/s"])
def linear_attention_factor(head_dim: int, base: float, factor: float, *, rule: str) -> tuple[Tensor, float]:
    """Your attention factor depends on s. Which of the four rules has one that is not 1?"""
    attention = {"YaRN": factor_of_yarn(factor), "s": factor, "1/s": 1 / factor}[rule]
    return linear_scaling(head_dim, base, factor)[0], attention


@replaces("linear_scaling", result=["the angles alone", "the attention factor first"])
def linear_not_a_tuple(head_dim: int, base: float, factor: float, *, result: str) -> Tensor | tuple[float, Tensor]:
    """You return {result}. What are the two parts of the result in the docstring of the module, and which comes
    first?"""
    theta, attention = linear_scaling(head_dim, base, factor)
    return theta if result == "the angles alone" else (attention, theta)


def with_base(head_dim: int, base: float) -> tuple[Tensor, float]:
    return plain(head_dim, base), 1.0


@replaces("ntk_scaling")
def ntk_base_times_factor(head_dim: int, base: float, factor: float) -> tuple[Tensor, float]:
    """Your slowest pair does not get the whole factor. By what power of s must the base grow, if the exponent of that
    pair is −(K − 2)/K?"""
    return with_base(head_dim, base * factor)


@replaces("ntk_scaling")
def ntk_exponent_upside_down(head_dim: int, base: float, factor: float) -> tuple[Tensor, float]:
    """Put the last pair, i = K/2 − 1, into your new base. By how much has it slowed down?"""
    return with_base(head_dim, base * factor ** ((head_dim - 2) / head_dim))


@replaces("ntk_scaling", exponent=["K/2", "K", "K/(K − 1)", "(K/2)/(K/2 − 2)"])
def ntk_another_exponent(head_dim: int, base: float, factor: float, *, exponent: str) -> tuple[Tensor, float]:
    """You raised s to the power {exponent}. The exponent of the last pair is −(K − 2)/K: which power of s makes exactly
    1/s of it?"""
    half = head_dim / 2
    power = {
        "K/2": half,
        "K": head_dim,
        "K/(K − 1)": head_dim / (head_dim - 1),
        "(K/2)/(K/2 − 2)": half / max(half - 2, 0.5),
    }
    return with_base(head_dim, base * factor ** power[exponent])


@replaces("ntk_scaling")
def ntk_without_brackets(head_dim: int, base: float, factor: float) -> tuple[Tensor, float]:
    """Your base is base · s^K / (K − 2). Python takes a power before it divides: where do brackets belong in s ** K /
    (K − 2)?"""
    return with_base(head_dim, base * factor**head_dim / (head_dim - 2))


@replaces("ntk_scaling")
def ntk_power_of_both(head_dim: int, base: float, factor: float) -> tuple[Tensor, float]:
    """You raised base · s to the power, and with s = 1 your angles change. Which of the two gets the exponent?"""
    return with_base(head_dim, (base * factor) ** (head_dim / (head_dim - 2)))


@replaces("ntk_scaling")
def ntk_base_divided(head_dim: int, base: float, factor: float) -> tuple[Tensor, float]:
    """Your base became smaller, so the slow pairs are faster than before. What does a larger base do to a power with a
    negative exponent?"""
    return with_base(head_dim, base / factor ** (head_dim / (head_dim - 2)))


@replaces("ntk_scaling")
def ntk_and_linear(head_dim: int, base: float, factor: float) -> tuple[Tensor, float]:
    """You raised the base and then divided by s as well. What should become of the first pair?"""
    return ntk_scaling(head_dim, base, factor)[0] / factor, 1.0


@replaces("ntk_scaling")
def ntk_is_linear(head_dim: int, base: float, factor: float) -> tuple[Tensor, float]:
    """You divided every angle by s. This rule does it with the base: which pair should keep its speed?"""
    return linear_scaling(head_dim, base, factor)


@replaces("ntk_scaling", rule=["YaRN", "s", "1/s"])
def ntk_attention_factor(head_dim: int, base: float, factor: float, *, rule: str) -> tuple[Tensor, float]:
    """Your attention factor depends on s. Which of the four rules has one that is not 1?"""
    attention = {"YaRN": factor_of_yarn(factor), "s": factor, "1/s": 1 / factor}[rule]
    return ntk_scaling(head_dim, base, factor)[0], attention


def yarn_with(
    head_dim: int, base: float, factor: float, low: float, high: float, attention: float | None = None
) -> tuple[Tensor, float]:
    """YaRN with a ramp from low to high."""
    theta = plain(head_dim, base)
    high = high if high != low else low + 1e-3
    ramp = ramp_over(numbers(theta), low, high)
    return mixed(theta, factor, ramp), factor_of_yarn(factor) if attention is None else attention


@replaces("yarn_scaling")
def yarn_ramp_reversed(head_dim, base, factor, old_len, beta_fast=32.0, beta_slow=1.0):
    """Your fast pairs are slowed down, and the slow ones stay. Which of them has seen all its angles?"""
    in_order(beta_fast, beta_slow)
    theta = plain(head_dim, base)
    ramp = ramp_over(numbers(theta), *ends(head_dim, base, old_len, beta_fast, beta_slow))
    return mixed(theta, factor, 1 - ramp), factor_of_yarn(factor)


@replaces(
    "yarn_scaling",
    rounding=["neither", "low", "high", "nearest", "low nearest", "high nearest", "both down", "both up", "inward"],
)
def yarn_ramp_not_rounded(head_dim, base, factor, old_len, beta_fast=32.0, beta_slow=1.0, *, rounding):
    """The ends of your ramp are between two pairs, or at the wrong ones. In which direction is i(r) rounded before it
    becomes low, and in which before it becomes high?"""
    in_order(beta_fast, beta_slow)
    low, high = (pair_of(turns, head_dim, base, old_len) for turns in (beta_fast, beta_slow))
    low, high = {
        "neither": (low, high),
        "low": (math.floor(low), high),
        "high": (low, math.ceil(high)),
        "nearest": (round(low), round(high)),
        "low nearest": (round(low), math.ceil(high)),
        "high nearest": (math.floor(low), round(high)),
        "both down": (math.floor(low), math.floor(high)),
        "both up": (math.ceil(low), math.ceil(high)),
        "inward": (math.ceil(low), math.floor(high)),
    }[rounding]
    return yarn_with(head_dim, base, factor, max(low, 0), high)


@replaces("yarn_scaling")
def yarn_high_cut_off(head_dim, base, factor, old_len, beta_fast=32.0, beta_slow=1.0):
    """You do not let high be more than K/2 − 1, so your last pair always gets the whole factor. What does the docstring
    say about the ramp, if even the last pair makes more than beta_slow turns?"""
    in_order(beta_fast, beta_slow)
    low, high = ends(head_dim, base, old_len, beta_fast, beta_slow)
    return yarn_with(head_dim, base, factor, low, min(high, head_dim // 2 - 1))


@replaces("yarn_scaling", form=["(i − low) / (high − low + 1)", "(i − low + 1) / (high − low)", "i / high"])
def yarn_another_line(head_dim, base, factor, old_len, beta_fast=32.0, beta_slow=1.0, *, form):
    """Your line is {form}. At which pair should it be 0, and at which 1?"""
    in_order(beta_fast, beta_slow)
    theta = plain(head_dim, base)
    low, high = ends(head_dim, base, old_len, beta_fast, beta_slow)
    begin, end = {
        "(i − low) / (high − low + 1)": (low, high + 1),
        "(i − low + 1) / (high − low)": (low - 1, high - 1),
        "i / high": (0, high),
    }[form]
    return mixed(theta, factor, ramp_over(numbers(theta), begin, end)), factor_of_yarn(factor)


@replaces("yarn_scaling")
def yarn_low_below_zero(head_dim, base, factor, old_len, beta_fast=32.0, beta_slow=1.0):
    """For a short old text i(beta_fast) is negative, and your first pair is slowed down. What is the least that low may
    be?"""
    in_order(beta_fast, beta_slow)
    low = math.floor(pair_of(beta_fast, head_dim, base, old_len))
    return yarn_with(head_dim, base, factor, low, math.ceil(pair_of(beta_slow, head_dim, base, old_len)))


@replaces("yarn_scaling")
def yarn_new_length(head_dim, base, factor, old_len, beta_fast=32.0, beta_slow=1.0):
    """You counted turns in the long text. Which angles has the model seen?"""
    in_order(beta_fast, beta_slow)
    return yarn_with(head_dim, base, factor, *ends(head_dim, base, factor * old_len, beta_fast, beta_slow))


@replaces("yarn_scaling")
def yarn_last_position(head_dim, base, factor, old_len, beta_fast=32.0, beta_slow=1.0):
    """You counted turns in old_len − 1 steps, up to the last position. In how many does the docstring count them?"""
    in_order(beta_fast, beta_slow)
    return yarn_with(head_dim, base, factor, *ends(head_dim, base, old_len - 1, beta_fast, beta_slow))


@replaces("yarn_scaling")
def yarn_without_two_pi(head_dim, base, factor, old_len, beta_fast=32.0, beta_slow=1.0):
    """2π is missing from your i(r). How many radians does a turn have?"""
    in_order(beta_fast, beta_slow)
    return yarn_with(head_dim, base, factor, *ends(head_dim, base, 2 * math.pi * old_len, beta_fast, beta_slow))


@replaces("yarn_scaling", name=["log10 of the base", "K ln(...) / ln(base)", "(K/2) ln(...) / (2 ln base)"])
def yarn_another_i(head_dim, base, factor, old_len, beta_fast=32.0, beta_slow=1.0, *, name):
    """Your i(r) has another factor: {name}. Solve r = old_len · base^(−2i/K) / 2π for i: which numbers stand before the
    logarithm, and which logarithm is it?"""
    in_order(beta_fast, beta_slow)
    scale = {"log10 of the base": math.log(10), "K ln(...) / ln(base)": 2, "(K/2) ln(...) / (2 ln base)": 0.5}[name]
    low, high = (scale * pair_of(turns, head_dim, base, old_len) for turns in (beta_fast, beta_slow))
    return yarn_with(head_dim, base, factor, max(math.floor(low), 0), math.ceil(high))


@replaces("yarn_scaling")
def yarn_as_in_the_paper(head_dim, base, factor, old_len, beta_fast=32.0, beta_slow=1.0):
    """Your ramp runs over the number of turns. That is the formula of the paper, but the weights follow the authors'
    code. Over what does the ramp in the docstring run?"""
    in_order(beta_fast, beta_slow)
    theta = plain(head_dim, base)
    turns = old_len * theta / (2 * math.pi)
    return mixed(theta, factor, 1 - ramp_over(turns, beta_slow, beta_fast)), factor_of_yarn(factor)


@replaces("yarn_scaling")
def yarn_hard_step(head_dim, base, factor, old_len, beta_fast=32.0, beta_slow=1.0):
    """Your pairs are either kept or slowed down by the whole factor. What happens to those between low and high?"""
    in_order(beta_fast, beta_slow)
    low, high = ends(head_dim, base, old_len, beta_fast, beta_slow)
    theta = plain(head_dim, base)
    return torch.where(numbers(theta) < (low + high) / 2, theta, theta / factor), factor_of_yarn(factor)


@replaces("yarn_scaling")
def yarn_ramp_not_clamped(head_dim, base, factor, old_len, beta_fast=32.0, beta_slow=1.0):
    """Your line goes on below 0 and above 1. What are the least and the most that a ramp may be?"""
    in_order(beta_fast, beta_slow)
    low, high = ends(head_dim, base, old_len, beta_fast, beta_slow)
    theta = plain(head_dim, base)
    return mixed(theta, factor, (numbers(theta) - low) / (high - low)), factor_of_yarn(factor)


@replaces("yarn_scaling")
def yarn_ramp_over_numbers(head_dim, base, factor, old_len, beta_fast=32.0, beta_slow=1.0):
    """Your ramp runs in steps of two: it counts numbers of the head, 0, 2, 4 and so on. Which i belongs to the second
    pair?"""
    in_order(beta_fast, beta_slow)
    theta = plain(head_dim, base)
    ramp = ramp_over(2 * numbers(theta), *ends(head_dim, base, old_len, beta_fast, beta_slow))
    return mixed(theta, factor, ramp), factor_of_yarn(factor)


@replaces("yarn_scaling")
def yarn_waves_mixed(head_dim, base, factor, old_len, beta_fast=32.0, beta_slow=1.0):
    """You mixed wavelengths, and turned the mean into an angle. Of which two quantities is the new θ the weighted
    mean?"""
    in_order(beta_fast, beta_slow)
    theta = plain(head_dim, base)
    ramp = ramp_over(numbers(theta), *ends(head_dim, base, old_len, beta_fast, beta_slow))
    return theta / (1 + ramp * (factor - 1)), factor_of_yarn(factor)


@replaces("yarn_scaling", done=["multiplied by s", "divided by a power of s"])
def yarn_mixed_otherwise(head_dim, base, factor, old_len, beta_fast=32.0, beta_slow=1.0, *, done):
    """Your pairs on the ramp are {done}. Of which two angles is the new θ the weighted mean, and what are the
    weights?"""
    in_order(beta_fast, beta_slow)
    theta = plain(head_dim, base)
    ramp = ramp_over(numbers(theta), *ends(head_dim, base, old_len, beta_fast, beta_slow))
    new = mixed(theta, 1 / factor, ramp) if done == "multiplied by s" else theta * factor**-ramp
    return new, factor_of_yarn(factor)


@replaces("yarn_scaling")
def yarn_raised_base(head_dim, base, factor, old_len, beta_fast=32.0, beta_slow=1.0):
    """Your ramp mixes the plain angles with those of a raised base. Which angles does it mix in the docstring?"""
    in_order(beta_fast, beta_slow)
    theta = plain(head_dim, base)
    ramp = ramp_over(numbers(theta), *ends(head_dim, base, old_len, beta_fast, beta_slow))
    return (1 - ramp) * theta + ramp * ntk_scaling(head_dim, base, factor)[0], factor_of_yarn(factor)


@replaces("yarn_scaling", name=["beta_fast", "beta_slow", "both betas"])
def yarn_betas_ignored(head_dim, base, factor, old_len, beta_fast=32.0, beta_slow=1.0, *, name):
    """Your ramp always has the ends that belong to 32 turns or to 1. Where does your code use {name}?"""
    in_order(beta_fast, beta_slow)
    fast = 32.0 if name != "beta_slow" else beta_fast
    slow = 1.0 if name != "beta_fast" else beta_slow
    return yarn_with(head_dim, base, factor, *ends(head_dim, base, old_len, fast, slow))


@replaces("yarn_scaling", passes=["equal", "reversed", "equal or reversed"])
def yarn_betas_unchecked(head_dim, base, factor, old_len, beta_fast=32.0, beta_slow=1.0, *, passes):
    """Betas that are {passes} go through in your code. When does the docstring ask for a ValueError?"""
    if (beta_fast == beta_slow and "equal" not in passes) or (beta_fast < beta_slow and "reversed" not in passes):
        raise ValueError("betas")
    return yarn_with(head_dim, base, factor, *ends(head_dim, base, old_len, beta_fast, beta_slow))


@replaces("yarn_scaling")
def yarn_is_linear(head_dim, base, factor, old_len, beta_fast=32.0, beta_slow=1.0):
    """You slowed down all pairs alike. Which pairs have seen all their angles, and stay as they are?"""
    in_order(beta_fast, beta_slow)
    return linear_scaling(head_dim, base, factor)[0], factor_of_yarn(factor)


@replaces("yarn_scaling")
def attention_squared(head_dim, base, factor, old_len, beta_fast=32.0, beta_slow=1.0):
    """Your attention factor is what scores grow by. Both q and k are multiplied: what does each of them get?"""
    theta, attention = yarn_scaling(head_dim, base, factor, old_len, beta_fast, beta_slow)
    return theta, attention**2


@replaces("yarn_scaling", name=["10", "2"])
def attention_log10(head_dim, base, factor, old_len, beta_fast=32.0, beta_slow=1.0, *, name):
    """Your attention factor has a logarithm to the base {name}. Which logarithm is ln?"""
    theta, _ = yarn_scaling(head_dim, base, factor, old_len, beta_fast, beta_slow)
    return theta, 0.1 * math.log(factor, int(name)) + 1


@replaces("yarn_scaling", form=["1", "ln s + 1", "0.1 ln s", "0.1 (ln s + 1)", "1 / (0.1 ln s + 1)", "√(0.1 ln s + 1)"])
def another_attention_factor(head_dim, base, factor, old_len, beta_fast=32.0, beta_slow=1.0, *, form):
    """Your attention factor is {form}. Scores in a longer text should become a little larger: by what are sine and
    cosine multiplied in the docstring?"""
    theta, right = yarn_scaling(head_dim, base, factor, old_len, beta_fast, beta_slow)
    log = math.log(factor)
    return theta, {
        "1": 1.0,
        "ln s + 1": log + 1,
        "0.1 ln s": 0.1 * log,
        "0.1 (ln s + 1)": 0.1 * (log + 1),
        "1 / (0.1 ln s + 1)": 1 / right,
        "√(0.1 ln s + 1)": math.sqrt(right),
    }[form]


@replaces("yarn_scaling")
def attention_as_a_tensor(head_dim, base, factor, old_len, beta_fast=32.0, beta_slow=1.0):
    """Your attention factor is a tensor, and the docstring asks for a float. Which module has a logarithm of floats?"""
    theta, _ = yarn_scaling(head_dim, base, factor, old_len, beta_fast, beta_slow)
    return theta, 0.1 * torch.log(torch.tensor(factor)) + 1


@replaces("yarn_scaling")
def attention_on_the_angles(head_dim, base, factor, old_len, beta_fast=32.0, beta_slow=1.0):
    """You multiplied the angles by the attention factor. It belongs to sine and cosine, whose angle stays what it is:
    where is it in what you return?"""
    theta, attention = yarn_scaling(head_dim, base, factor, old_len, beta_fast, beta_slow)
    return theta * attention, attention


def llama3_with(head_dim: int, base: float, factor: float, keep: Tensor) -> tuple[Tensor, float]:
    return mixed(plain(head_dim, base), factor, 1 - keep), 1.0


def turns_of(head_dim: int, base: float, old_len: float) -> Tensor:
    return old_len * plain(head_dim, base) / (2 * math.pi)


@replaces("llama3_scaling")
def llama_without_two_pi(head_dim, base, factor, old_len, low=1.0, high=4.0):
    """Your numbers of turns are too large by a factor of 6.28. How many radians does a turn have?"""
    return llama3_scaling(head_dim, base, factor, 2 * math.pi * old_len, low, high)


@replaces("llama3_scaling")
def llama_pi(head_dim, base, factor, old_len, low=1.0, high=4.0):
    """You divided by π, which is half a turn. How many radians does a whole one have?"""
    return llama3_scaling(head_dim, base, factor, 2 * old_len, low, high)


@replaces("llama3_scaling", at=["low", "high", "the middle"])
def llama_hard_step(head_dim, base, factor, old_len, low=1.0, high=4.0, *, at):
    """Between low and high there should be a line, and you have a step at {at}. How much of its speed does a pair
    between them keep?"""
    step = {"low": low, "high": high, "the middle": (low + high) / 2}[at]
    return llama3_with(head_dim, base, factor, (turns_of(head_dim, base, old_len) > step).double())


@replaces("llama3_scaling")
def llama_wavelength_ramp(head_dim, base, factor, old_len, low=1.0, high=4.0):
    """Your line is straight in the wavelength. In which quantity should it be?"""
    turns = turns_of(head_dim, base, old_len)
    return llama3_with(head_dim, base, factor, 1 - ramp_over(1 / turns, 1 / high, 1 / low))


@replaces("llama3_scaling", over=["the numbers of the pairs", "the logarithm of the turns"])
def llama_ramp_of_yarn(head_dim, base, factor, old_len, low=1.0, high=4.0, *, over):
    """Your line runs over {over}. Over what does it run in Llama's rule?"""
    theta = plain(head_dim, base)
    begin, end = (pair_of(turns, head_dim, base, old_len) for turns in (high, low))
    if over == "the numbers of the pairs":
        begin, end = max(math.floor(begin), 0), math.ceil(end)
    return llama3_with(head_dim, base, factor, 1 - ramp_over(numbers(theta), begin, end))


@replaces("llama3_scaling")
def llama_reversed(head_dim, base, factor, old_len, low=1.0, high=4.0):
    """Your fast pairs are slowed down, and the slow ones keep their speed. Which pair tells a word from its neighbor,
    and which the first page from the last?"""
    keep = ramp_over(turns_of(head_dim, base, old_len), low, high)
    return llama3_with(head_dim, base, factor, 1 - keep)


@replaces("llama3_scaling")
def llama_not_clamped(head_dim, base, factor, old_len, low=1.0, high=4.0):
    """Your line goes on below 0 and above 1, so fast pairs get faster than they were. How much of an angle can be
    kept, at most and at least?"""
    return llama3_with(head_dim, base, factor, (turns_of(head_dim, base, old_len) - low) / (high - low))


@replaces("llama3_scaling", end=["low", "high"])
def llama_clamped_at_one_end(head_dim, base, factor, old_len, low=1.0, high=4.0, *, end):
    """Your line is cut off at one end, and at {end} it goes on. How much of an angle can be kept, at most and at
    least?"""
    keep = (turns_of(head_dim, base, old_len) - low) / (high - low)
    return llama3_with(head_dim, base, factor, keep.clamp(max=1) if end == "low" else keep.clamp(min=0))


@replaces("llama3_scaling", form=["(r − low) / high", "r / (high − low)", "r / high"])
def llama_another_line(head_dim, base, factor, old_len, low=1.0, high=4.0, *, form):
    """Your line is {form}. At which number of turns should it be 0, and at which 1?"""
    turns = turns_of(head_dim, base, old_len)
    line = {
        "(r − low) / high": (turns - low) / high,
        "r / (high − low)": turns / (high - low),
        "r / high": turns / high,
    }
    return llama3_with(head_dim, base, factor, line[form].clamp(0, 1))


@replaces("llama3_scaling")
def llama_new_length(head_dim, base, factor, old_len, low=1.0, high=4.0):
    """You counted turns in the long text. Which angles has the model seen?"""
    return llama3_scaling(head_dim, base, factor, factor * old_len, low, high)


@replaces("llama3_scaling")
def llama_last_position(head_dim, base, factor, old_len, low=1.0, high=4.0):
    """You counted turns in old_len − 1 steps, up to the last position. In how many does the docstring count them?"""
    return llama3_scaling(head_dim, base, factor, old_len - 1, low, high)


@replaces("llama3_scaling")
def llama_scaled_turns(head_dim, base, factor, old_len, low=1.0, high=4.0):
    """You counted the turns of angles that are already divided by s. How many turns did a pair make while the model was
    trained?"""
    return llama3_scaling(head_dim, base, factor, old_len / factor, low, high)


@replaces("llama3_scaling")
def llama_waves_mixed(head_dim, base, factor, old_len, low=1.0, high=4.0):
    """You mixed wavelengths, and turned the mean into an angle. Of which two quantities is the new θ the weighted
    mean?"""
    keep = ramp_over(turns_of(head_dim, base, old_len), low, high)
    return plain(head_dim, base) / (keep + (1 - keep) * factor), 1.0


@replaces("llama3_scaling", done=["multiplied by s", "divided by a power of s"])
def llama_mixed_otherwise(head_dim, base, factor, old_len, low=1.0, high=4.0, *, done):
    """Your pairs that do not keep their speed are {done}. Of which two angles is the new θ the weighted mean, and what
    are the weights?"""
    theta, ramp = plain(head_dim, base), 1 - ramp_over(turns_of(head_dim, base, old_len), low, high)
    return (mixed(theta, 1 / factor, ramp) if done == "multiplied by s" else theta * factor**-ramp), 1.0


@replaces("llama3_scaling")
def llama_attention_factor(head_dim, base, factor, old_len, low=1.0, high=4.0):
    """Your attention factor is that of YaRN. What does the docstring of this rule say about it?"""
    return llama3_scaling(head_dim, base, factor, old_len, low, high)[0], factor_of_yarn(factor)


@replaces("llama3_scaling", name=["low", "high", "low and high"])
def llama_ends_ignored(head_dim, base, factor, old_len, low=1.0, high=4.0, *, name):
    """Your line always runs from 1 turn or up to 4. Where does your code use {name}?"""
    low, high = low if name == "high" else 1.0, high if name == "low" else 4.0
    return llama3_scaling(head_dim, base, factor, old_len, low, high if high > low else low + 1e-9)


@replaces("llama3_scaling")
def llama_bounds_of_yarn(head_dim, base, factor, old_len, low=1.0, high=4.0):
    """Your pairs keep their speed from 32 turns on, which is YaRN's number. Which one is the default here?"""
    return llama3_scaling(head_dim, base, factor, old_len, low, 32.0 if high == 4.0 else high)

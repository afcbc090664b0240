"""Wrong versions that students write. Each docstring is the advice that such a student reads.

A net is cut into parts: a mistake gets one wrong and takes the others from here.
"""

import torch
import torch.nn.functional as F
from mup import coordinate_slopes, scales
from torch import Tensor, nn

from grader.testing import replaces

Factors = dict[str, float]


# The factors


@replaces("scales", power=["√width_ratio", "width_ratio²", "no power of width_ratio"])
def hidden_rate_by_the_root(
    role: str, width_ratio: float, depth_ratio: float = 1.0, alpha: float = 1.0, *, power: str
) -> Factors:
    """You divide the rate of hidden matrices by {power}. A random sum of D entries grows with √D; how does a sum of D
    entries grow that all moved in the same direction?"""
    found = scales(role, width_ratio, depth_ratio, alpha)
    if role == "hidden":
        exponent = {"√width_ratio": 0.5, "width_ratio²": 2.0, "no power of width_ratio": 0.0}[power]
        found["lr"] = depth_ratio ** (alpha - 1) / width_ratio**exponent
    return found


@replaces("scales")
def variance_for_deviation(role: str, width_ratio: float, depth_ratio: float = 1.0, alpha: float = 1.0) -> Factors:
    """Your deviation of hidden matrices falls with 1/width. That is what the variance does. What does its root do?"""
    found = scales(role, width_ratio, depth_ratio, alpha)
    return found | {"init_std": found["init_std"] ** 2}


@replaces("scales")
def rules_of_sgd(role: str, width_ratio: float, depth_ratio: float = 1.0, alpha: float = 1.0) -> Factors:
    """Your rates of everything that has one dimension of the width grow with the width, and those of hidden matrices
    stay. These are the rules of SGD. What does Adam do with the size of a gradient?"""
    found = scales(role, width_ratio, depth_ratio, alpha)
    return found | {"lr": found["lr"] * width_ratio}


@replaces("scales")
def output_rate_too(role: str, width_ratio: float, depth_ratio: float = 1.0, alpha: float = 1.0) -> Factors:
    """What the output matrix puts out is divided by the ratio already. What does the table say about its rate?"""
    found = scales(role, width_ratio, depth_ratio, alpha)
    return found | {"lr": 1 / width_ratio} if role == "output" else found


@replaces("scales", power=["width_ratio", "√width_ratio"])
def output_starts_smaller(
    role: str, width_ratio: float, depth_ratio: float = 1.0, alpha: float = 1.0, *, power: str
) -> Factors:
    """You let the output matrix begin smaller, by {power}, and divide by the ratio as well. Which of the two does the
    table have?"""
    found = scales(role, width_ratio, depth_ratio, alpha)
    exponent = {"width_ratio": -1.0, "√width_ratio": -0.5}[power]
    return found | {"init_std": width_ratio**exponent} if role == "output" else found


@replaces("scales", multiplier=["1", "width_ratio", "1 / √width_ratio"])
def other_multiplier(
    role: str, width_ratio: float, depth_ratio: float = 1.0, alpha: float = 1.0, *, multiplier: str
) -> Factors:
    """Your multiplier of the output is {multiplier}. After training, the entries of the output matrix agree with what
    they read. How does such a sum grow with the width?"""
    found = scales(role, width_ratio, depth_ratio, alpha)
    values = {"1": 1.0, "width_ratio": width_ratio, "1 / √width_ratio": width_ratio**-0.5}
    return found | {"multiplier": values[multiplier]} if role == "output" else found


@replaces("scales")
def biases_as_matrices(role: str, width_ratio: float, depth_ratio: float = 1.0, alpha: float = 1.0) -> Factors:
    """You treat a bias as a hidden matrix. How many of its dimensions grow with the width, and which row of the table
    is its own?"""
    return scales("hidden" if role == "vector" else role, width_ratio, depth_ratio, alpha)


@replaces("scales")
def vectors_as_inputs(role: str, width_ratio: float, depth_ratio: float = 1.0, alpha: float = 1.0) -> Factors:
    """The rate of your vectors does not depend on the depth. With alpha below 1 a bias is added in each block: what
    does the table say?"""
    return scales("input" if role == "vector" else role, width_ratio, depth_ratio, alpha)


@replaces("scales", exponent=["alpha", "−alpha", "1 − alpha", "0"])
def alpha_without_minus_one(
    role: str, width_ratio: float, depth_ratio: float = 1.0, alpha: float = 1.0, *, exponent: str
) -> Factors:
    """Your exponent of the depth's ratio is {exponent}. With alpha = 1 rates should not depend on the depth at all, and
    with alpha = ½ they should fall with it. What is the exponent then?"""
    found = scales(role, width_ratio, depth_ratio, alpha)
    if role in ("hidden", "vector"):
        wrong = {"alpha": alpha, "−alpha": -alpha, "1 − alpha": 1 - alpha, "0": 0.0}[exponent]
        found["lr"] = depth_ratio**wrong / (width_ratio if role == "hidden" else 1.0)
    return found


@replaces("scales")
def everything_follows_the_depth(
    role: str, width_ratio: float, depth_ratio: float = 1.0, alpha: float = 1.0
) -> Factors:
    """The rates of your input and output matrices depend on the depth. In which of the roles is a parameter part of a
    block?"""
    found = scales(role, width_ratio, depth_ratio, alpha)
    return found | {"lr": depth_ratio ** (alpha - 1)} if role in ("input", "output") else found


@replaces("scales")
def any_role(role: str, width_ratio: float, depth_ratio: float = 1.0, alpha: float = 1.0) -> Factors:
    """You return factors for a role that does not exist. What does the docstring promise then?"""
    known = role in ("input", "hidden", "output", "vector")
    return scales(role if known else "input", width_ratio, depth_ratio, alpha)


@replaces("scales")
def key_error(role: str, width_ratio: float, depth_ratio: float = 1.0, alpha: float = 1.0) -> Factors:
    """For a role that does not exist, a dict raises KeyError. Which error does the docstring promise?"""
    known = {name: scales(name, width_ratio, depth_ratio, alpha) for name in ("input", "hidden", "output", "vector")}
    return known[role]


# The net


class Net(nn.Module):
    """The right net, in parts. A mistake gets one of them wrong."""

    def __init__(self, noise: dict[str, Tensor], base_width: int, base_depth: int = 1, alpha: float = 1.0) -> None:
        super().__init__()
        self.L, self.D = noise["w_hidden"].shape[:2]
        self.inputs = noise["w_in"].shape[1]
        self.base_width, self.base_depth, self.alpha = base_width, base_depth, alpha
        for name in ("w_in", "w_hidden", "w_out"):
            setattr(self, name, nn.Parameter(self.drawn(noise[name], self.deviation(name))))
        self.b_hidden = nn.Parameter(self.bias(noise["w_hidden"]))

    def width_ratio(self) -> float:
        return self.D / self.base_width

    def depth_ratio(self) -> float:
        return self.L / self.base_depth

    def factors(self, name: str) -> Factors:
        role = {"w_in": "input", "w_hidden": "hidden", "b_hidden": "vector", "w_out": "output"}[name]
        return scales(role, self.width_ratio(), self.depth_ratio(), self.alpha)

    def base_deviation(self, name: str) -> float:
        return self.inputs**-0.5 if name == "w_in" else self.base_width**-0.5

    def deviation(self, name: str) -> float:
        return self.base_deviation(name) * self.factors(name)["init_std"]

    def drawn(self, noise: Tensor, deviation: float) -> Tensor:
        return noise * deviation

    def bias(self, noise: Tensor) -> Tensor:
        return noise.new_zeros(self.L, self.D)

    def r(self) -> float:
        return self.depth_ratio() ** -self.alpha

    def step(self, x: Tensor, w: Tensor, b: Tensor) -> Tensor:
        return x + self.r() * (x.relu() @ w.mT + b)

    def out(self, x: Tensor) -> Tensor:
        return self.factors("w_out")["multiplier"] * (x @ self.w_out.mT)

    def result(self, y: Tensor, states: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        return y, states

    def forward(self, u: Tensor) -> tuple[Tensor, list[Tensor]]:
        states = [u @ self.w_in.mT]
        for w, b in zip(self.w_hidden, self.b_hidden, strict=True):
            states.append(self.step(states[-1], w, b))
        return self.result(self.out(states[-1]), states)

    def learning_rates(self, lr: float) -> dict[str, float]:
        return {name: lr * self.factors(name)["lr"] for name in ("w_in", "w_hidden", "b_hidden", "w_out")}


@replaces("MupNet")
class MultiplierForgotten(Net):
    """Nothing in your forward knows the multiplier of the output. Where does the formula have its m?"""

    def out(self, x: Tensor) -> Tensor:
        return x @ self.w_out.mT


@replaces("MupNet")
class MultiplierOfEveryState(Net):
    """You divide the last state by the width's ratio as well as y. What are the states in the docstring?"""

    def result(self, y: Tensor, states: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        return y, [*states[:-1], self.factors("w_out")["multiplier"] * states[-1]]


@replaces("MupNet")
class DepthNotRatio(Net):
    """Your branches are smaller even in a net of the base depth: you took L for L / base_depth. Depth in relation to
    what?"""

    def depth_ratio(self) -> float:
        return float(self.L)


@replaces("MupNet")
class WidthNotRatio(Net):
    """Your net changes if nothing but base_width does, in the wrong way: you took D for D / base_width."""

    def width_ratio(self) -> float:
        return float(self.D)


@replaces("MupNet")
class RatiosUpsideDown(Net):
    """Your ratio of widths is base over own. Which of the two nets is the large one?"""

    def width_ratio(self) -> float:
        return self.base_width / self.D


@replaces("MupNet")
class DepthUpsideDown(Net):
    """Your ratio of depths is base over own. Which of the two nets is the large one?"""

    def depth_ratio(self) -> float:
        return self.base_depth / self.L


@replaces("MupNet", power=["+alpha", "−½", "−1", "0", "alpha − 1"])
class OtherBranch(Net):
    """The factor of your branches is the depth's ratio to the power {power}. What is r in the docstring?"""

    power: str

    def r(self) -> float:
        powers = {"+alpha": self.alpha, "−½": -0.5, "−1": -1.0, "0": 0.0, "alpha − 1": self.alpha - 1}
        return self.depth_ratio() ** powers[self.power]


@replaces("MupNet")
class BranchWithoutBias(Net):
    """You add the bias after the factor. What belongs to the branch?"""

    def step(self, x: Tensor, w: Tensor, b: Tensor) -> Tensor:
        return x + self.r() * (x.relu() @ w.mT) + b


@replaces("MupNet")
class BiasForgotten(Net):
    """Your states do not depend on b_hidden. It begins as zeros; what is it after training?"""

    def step(self, x: Tensor, w: Tensor, b: Tensor) -> Tensor:
        return x + self.r() * (x.relu() @ w.mT)


@replaces("MupNet")
class NoResidual(Net):
    """Each of your blocks replaces its input. What does the formula add the branch to?"""

    def step(self, x: Tensor, w: Tensor, b: Tensor) -> Tensor:
        return self.r() * (x.relu() @ w.mT + b)


@replaces("MupNet", place=["after the matrix", "on the sum", "nowhere"])
class ReluElsewhere(Net):
    """Your relu is {place}. What does it act on in the formula?"""

    place: str

    def step(self, x: Tensor, w: Tensor, b: Tensor) -> Tensor:
        if self.place == "after the matrix":
            return x + self.r() * (x @ w.mT + b).relu()
        branch = self.r() * (x @ w.mT + b)
        return (x + branch).relu() if self.place == "on the sum" else x + branch


@replaces("MupNet", function=["GELU", "SiLU", "tanh"])
class OtherActivation(Net):
    """Your blocks apply {function}. Which function is in the formula?"""

    function: str

    def step(self, x: Tensor, w: Tensor, b: Tensor) -> Tensor:
        functions = {"GELU": F.gelu, "SiLU": F.silu, "tanh": torch.tanh}
        return x + self.r() * (functions[self.function](x) @ w.mT + b)


@replaces("MupNet")
class LastBlockFirst(Net):
    """Your blocks run in reverse order. Which row of w_hidden belongs to the first one?"""

    def step(self, x: Tensor, w: Tensor, b: Tensor) -> Tensor:
        self.next = getattr(self, "next", 0) - 1
        layer = self.next % self.L
        return super().step(x, self.w_hidden[layer], self.b_hidden[layer])


@replaces("MupNet")
class MatricesTransposed(Net):
    """Your hidden matrices act from the other side. In W x, over which axis of W does the sum run?"""

    def step(self, x: Tensor, w: Tensor, b: Tensor) -> Tensor:
        return x + self.r() * (x.relu() @ w + b)


@replaces("MupNet")
class OneMatrixForAll(Net):
    """All your blocks use the first matrix and the first bias. How many does w_hidden hold?"""

    def step(self, x: Tensor, w: Tensor, b: Tensor) -> Tensor:
        return super().step(x, self.w_hidden[0], self.b_hidden[0])


@replaces("MupNet", states=["the last one", "all but the first", "all but the last"])
class OtherStates(Net):
    """Of the states you return {states}. Which does the docstring list?"""

    states: str

    def result(self, y: Tensor, states: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        if self.states == "the last one":
            return y, states[-1:]
        return y, states[1:] if self.states == "all but the first" else states[:-1]


@replaces("MupNet")
class StartScaledTwice(Net):
    """Your hidden matrices begin too small in wide nets: the width is in your base deviation already, and once more in
    the factor. Whose width is the base deviation made of?"""

    def base_deviation(self, name: str) -> float:
        return self.D**-0.5 if name == "w_hidden" else super().base_deviation(name)


@replaces("MupNet")
class OutputByOwnWidth(Net):
    """The deviation of your output matrix falls with your own width. Which width does the docstring name?"""

    def base_deviation(self, name: str) -> float:
        return self.D**-0.5 if name == "w_out" else super().base_deviation(name)


@replaces("MupNet")
class StartWithoutFactor(Net):
    """Your hidden matrices begin as large as in the base model. Which factor of scales have you left out?"""

    def deviation(self, name: str) -> float:
        return self.base_deviation(name)


@replaces("MupNet", width=["base_width", "the own width"])
class InputByWidth(Net):
    """The deviation of your input matrix is made of {width}. What does an input matrix sum over?"""

    width: str

    def base_deviation(self, name: str) -> float:
        width = self.base_width if self.width == "base_width" else self.D
        return width**-0.5 if name == "w_in" else super().base_deviation(name)


@replaces("MupNet")
class BaseVariance(Net):
    """You multiply the noise by the variances 1/inputs and 1/base_width. What is the root of a variance for?"""

    def base_deviation(self, name: str) -> float:
        return super().base_deviation(name) ** 2


@replaces("MupNet")
class NoiseAsItIs(Net):
    """Your parameters begin as the noise itself, with a deviation of 1. What are the base standard deviations?"""

    def deviation(self, name: str) -> float:
        return 1.0


@replaces("MupNet")
class NoiseIsTheParameter(Net):
    """The noise has changed: your parameters share its numbers. What makes a tensor of its own?"""

    def drawn(self, noise: Tensor, deviation: float) -> Tensor:
        return noise.mul_(deviation)


@replaces("MupNet")
class DrawnAnew(Net):
    """Your net does not begin from the noise that it is given. Why does the docstring take noise as an argument?"""

    def drawn(self, noise: Tensor, deviation: float) -> Tensor:
        return deviation * noise.flip(-1)


@replaces("MupNet")
class RandomBias(Net):
    """Your biases do not begin as zeros. What does the docstring say about b_hidden?"""

    def bias(self, noise: Tensor) -> Tensor:
        return noise.new_ones(self.L, self.D)


@replaces("MupNet")
class BiasInFloat32(Net):
    """Your biases are float32 whatever the dtype of the noise is. Which of your lines makes a tensor without naming a
    dtype?"""

    def bias(self, noise: Tensor) -> Tensor:
        return torch.zeros(self.L, self.D)


@replaces("MupNet")
class OneRate(Net):
    """All your parameters have one rate. Which of them needs another?"""

    def learning_rates(self, lr: float) -> dict[str, float]:
        return dict.fromkeys(super().learning_rates(lr), lr)


@replaces("MupNet")
class RateNotUsed(Net):
    """Your rates are the same whatever lr is. What do the factors multiply?"""

    def learning_rates(self, lr: float) -> dict[str, float]:
        return super().learning_rates(1.0)


@replaces("MupNet", which=["init_std", "multiplier"])
class RateOfOtherFactor(Net):
    """You multiply lr by the factor {which}. Which of the three is that of the rate?"""

    which: str

    def learning_rates(self, lr: float) -> dict[str, float]:
        return {name: lr * self.factors(name)[self.which] for name in super().learning_rates(lr)}


@replaces("MupNet", role=["input", "hidden"])
class BiasInOtherRole(Net):
    """The rate of your b_hidden is that of the role "{role}". Which role does the docstring give it?"""

    role: str

    def learning_rates(self, lr: float) -> dict[str, float]:
        factor = scales(self.role, self.width_ratio(), self.depth_ratio(), self.alpha)["lr"]
        return super().learning_rates(lr) | {"b_hidden": lr * factor}


@replaces("MupNet")
class RatesWithoutDepth(Net):
    """Your rates do not depend on the depth and on alpha. With alpha = ½, what does scales need to know?"""

    def learning_rates(self, lr: float) -> dict[str, float]:
        return super().learning_rates(lr) | {"w_hidden": lr / self.width_ratio(), "b_hidden": lr}


@replaces("MupNet")
class BiasHasNoRate(Net):
    """b_hidden has no learning rate in your dict. How many parameters does the net have?"""

    def learning_rates(self, lr: float) -> dict[str, float]:
        return {name: rate for name, rate in super().learning_rates(lr).items() if name != "b_hidden"}


# The coordinate check


def fitted(x: Tensor, y: Tensor) -> list[float]:
    x = (x - x.mean())[:, None]
    return ((x * (y - y.mean(0))).sum(0) / x.square().sum()).tolist()


@replaces("coordinate_slopes", axes=["the width and the size", "the width and ln size", "ln width and the size"])
def slope_over_width(widths: list[int], sizes: list[list[float]], *, axes: str) -> list[float]:
    """Your line is fitted to {axes}. On which two axes is a power a straight line?"""
    x, y = torch.tensor(widths).double(), torch.tensor(sizes).double()
    return fitted(x.log() if "ln width" in axes else x, y.log() if "ln size" in axes else y)


@replaces("coordinate_slopes", between=["the first and the last", "the smallest and the largest", "the first two"])
def ends_only(widths: list[int], sizes: list[list[float]], *, between: str) -> list[float]:
    """Your slope looks at {between} of the widths only. The docstring fits a line through all: what does one wild size
    in the middle do to it?"""
    x, y = torch.tensor(widths).double().log(), torch.tensor(sizes).double().log()
    first, last = {"the first and the last": (0, -1), "the first two": (0, 1)}.get(
        between, (int(x.argmin()), int(x.argmax()))
    )
    return ((y[last] - y[first]) / (x[last] - x[first])).tolist()


@replaces("coordinate_slopes")
def mean_of_slopes(widths: list[int], sizes: list[list[float]]) -> list[float]:
    """You average the slopes from each width to the next. Least squares looks at all widths together: what does it
    minimize?"""
    x, y = torch.tensor(widths).double().log(), torch.tensor(sizes).double().log()
    return (y.diff(dim=0) / x.diff()[:, None]).mean(0).tolist()


@replaces("coordinate_slopes")
def through_the_origin(widths: list[int], sizes: list[list[float]]) -> list[float]:
    """Your line goes through the origin, so a size of 3 at every width is not flat. What is subtracted from both axes
    first?"""
    x, y = torch.tensor(widths).double().log()[:, None], torch.tensor(sizes).double().log()
    return ((x * y).sum(0) / x.square().sum()).tolist()


@replaces("coordinate_slopes")
def axes_exchanged(widths: list[int], sizes: list[list[float]]) -> list[float]:
    """You divide by the spread of the sizes: your slope is that of ln width over ln size. Which of the two is on the
    horizontal axis?"""
    x, y = torch.tensor(widths).double().log(), torch.tensor(sizes).double().log()
    x, y = (x - x.mean())[:, None], y - y.mean(0)
    return ((x * y).sum(0) / y.square().sum(0)).tolist()


@replaces("coordinate_slopes")
def one_slope(widths: list[int], sizes: list[list[float]]) -> list[float]:
    """You return one slope for all quantities. Which axis of sizes has the quantities?"""
    return [sum(coordinate_slopes(widths, sizes)) / len(sizes[0])]


@replaces("coordinate_slopes")
def correlation(widths: list[int], sizes: list[list[float]]) -> list[float]:
    """You return the correlation, which is near 1 for any power. By what is the product of the deviations divided?"""
    x, y = torch.tensor(widths).double().log(), torch.tensor(sizes).double().log()
    x, y = (x - x.mean())[:, None], y - y.mean(0)
    return ((x * y).sum(0) / (x.square().sum() * y.square().sum(0)).sqrt()).nan_to_num().tolist()

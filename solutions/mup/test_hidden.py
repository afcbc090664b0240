"""Exponents, a net of loops, numpy.polyfit, and the coordinate check of the student's own net."""

import itertools
import math

import numpy as np
import pytest
import test_public
import torch

from grader.testing import assert_close, needs, points

ROLES = {"w_in": "input", "w_hidden": "hidden", "b_hidden": "vector", "w_out": "output"}


def exponents(role, alpha):
    """Of the width's ratio and of the depth's, for each factor."""
    nothing = (0.0, 0.0)
    deep = alpha - 1.0
    return {
        "input": {"init_std": nothing, "lr": nothing, "multiplier": nothing},
        "hidden": {"init_std": (-0.5, 0.0), "lr": (-1.0, deep), "multiplier": nothing},
        "output": {"init_std": nothing, "lr": nothing, "multiplier": (-1.0, 0.0)},
        "vector": {"init_std": nothing, "lr": (0.0, deep), "multiplier": nothing},
    }[role]


def factors(role, width, depth=1.0, alpha=1.0):
    """exp of the exponents times the logarithms of both ratios"""
    found = exponents(role, alpha)
    return {name: math.exp(w * math.log(width) + d * math.log(depth)) for name, (w, d) in found.items()}


def draw(rng, D, L, inputs, outputs):
    return {"w_in": rng.randn(D, inputs), "w_hidden": rng.randn(L, D, D), "w_out": rng.randn(outputs, D)}


NETS = [  # base width, base depth, alpha
    (2, 1, 1.0),
    (6, 3, 0.5),
    (24, 8, 0.7),
    (5, 2, 1.0),
]


@points(8)
@needs(test_public.test_example_scales)
def test_scales(submission):
    """four roles, ratios above and below 1, three alphas"""
    for role in ("hidden", "vector", "output", "input"):
        for width, depth, alpha in itertools.product((4.0, 0.25, 6.0), (1.0, 9.0, 0.5), (1.0, 0.5, 0.6)):
            found = submission.scales(role, width, depth, alpha)
            assert_close(found, factors(role, width, depth, alpha), name=f"factors of {role}")
        assert_close(submission.scales(role, 3.0), factors(role, 3.0), name=f"factors of {role}")
        assert_close(submission.scales(role, 3.0, 5.0), factors(role, 3.0, 5.0), name=f"factors of {role}")
        assert_close(submission.scales(role, 3.0, alpha=0.5), factors(role, 3.0), name=f"factors of {role}")


@points(1)
@needs(test_public.test_example_scales)
def test_other_role(submission):
    """any other role raises ValueError"""
    for role in ("bias", "w_in", "Hidden", ""):
        with pytest.raises(ValueError):  # noqa: PT011 - the wording is the student's
            submission.scales(role, 2.0)


@points(6)
@needs(test_public.test_parameters)
def test_start(submission, rng):
    """the parameters follow from the noise, number by number"""
    D, L, inputs, outputs = 12, 4, 3, 5
    noise = draw(rng, D, L, inputs, outputs)
    for base_width, base_depth, alpha in NETS:
        net = submission.MupNet(noise, base_width, base_depth, alpha)
        expected = {
            "w_in": noise["w_in"] / math.sqrt(inputs),
            "w_hidden": noise["w_hidden"] / math.sqrt(D),  # √base width · √(width / base width)
            "w_out": noise["w_out"] / math.sqrt(base_width),
            "b_hidden": torch.zeros(L, D, dtype=torch.float64),
        }
        for name, start in expected.items():
            assert_close(net.get_parameter(name).detach(), start, name=f"{name}, base width {base_width}")
    single = {name: x.float() for name, x in noise.items()}
    net = submission.MupNet(single, 2)
    for name, start in expected.items():
        scale = 1.0 if name != "w_out" else math.sqrt(5 / 2)
        assert_close(net.get_parameter(name).detach(), (scale * start).float(), name=f"{name} in float32")


def loops(state, u, base_width, base_depth, alpha):
    """y and the states of one input after another, in float64."""
    w_in, w_hidden, b_hidden, w_out = (state[name].double() for name in ("w_in", "w_hidden", "b_hidden", "w_out"))
    L, D = b_hidden.shape
    r = (base_depth / L) ** alpha
    outputs, states = [], []
    for row in u.double():
        x = torch.mv(w_in, row)
        path = [x]
        for layer in range(L):
            branch = torch.mv(w_hidden[layer], torch.where(x > 0, x, 0.0)) + b_hidden[layer]
            x = x + r * branch
            path.append(x)
        outputs.append(base_width / D * torch.mv(w_out, x))
        states.append(torch.stack(path))
    return torch.stack(outputs), list(torch.stack(states, dim=1))


def trained(rng, noise):
    """A state as after training: nothing is zero, and no scale is that of the beginning."""
    state = {name: x / math.sqrt(x.shape[-1]) for name, x in noise.items()}
    return state | {"b_hidden": rng.randn(*noise["w_hidden"].shape[:2])}


@points(8)
@needs(test_public.test_parameters)
def test_forward(submission, rng):
    """by loops, with a state as after training"""
    D, L, inputs, outputs, B = 12, 4, 3, 5, 7
    noise, u = draw(rng, D, L, inputs, outputs), rng.randn(B, inputs)
    state = trained(rng, noise)
    for base_width, base_depth, alpha in NETS:
        net = submission.MupNet(noise, base_width, base_depth, alpha)
        net.load_state_dict(state)
        expected = loops(state, u, base_width, base_depth, alpha)
        name = f"base {base_width} × {base_depth}, alpha = {alpha}"
        y, states = net(u)
        assert_close(list(states), expected[1], name=f"states, {name}")
        assert_close(y, expected[0], name=f"y, {name}")
    net = submission.MupNet(noise, 4)  # base_depth = 1, alpha = 1
    net.load_state_dict(state)
    assert_close(net(u)[0], loops(state, u, 4, 1, 1.0)[0], name="y, by default")
    single = submission.MupNet({name: x.float() for name, x in noise.items()}, 4)
    single.load_state_dict({name: x.float() for name, x in state.items()})
    y, states = single(u.float())
    # float32: sums of a few dozen numbers of size 1 to 10
    expected = loops(state, u, 4, 1, 1.0)
    assert_close(y, expected[0].float(), rtol=1e-4, atol=1e-4, name="y in float32")
    assert_close(list(states), [x.float() for x in expected[1]], rtol=1e-4, atol=1e-4, name="states in float32")


@points(5)
@needs(test_public.test_parameters)
def test_rates(submission, rng):
    """four names, four numbers"""
    D, L, inputs, outputs = 12, 4, 3, 5
    noise = draw(rng, D, L, inputs, outputs)
    for (base_width, base_depth, alpha), lr in itertools.product(NETS, (0.3, 1e-3)):
        net = submission.MupNet(noise, base_width, base_depth, alpha)
        ratios = D / base_width, L / base_depth
        expected = {name: lr * factors(role, *ratios, alpha)["lr"] for name, role in ROLES.items()}
        found = {name: rate / lr for name, rate in net.learning_rates(lr).items()}
        name = f"rates over lr, base {base_width} × {base_depth}, alpha = {alpha}"
        assert_close(found, {name: rate / lr for name, rate in expected.items()}, name=name)


@points(4)
@needs(test_public.test_example_slopes)
def test_slopes(submission, rng):
    """a line through all widths, in any order"""
    for widths in ([64, 256, 1024], [512, 64, 4096, 128, 100], [30, 300], [1024, 64]):
        sizes = rng.randn(len(widths), 3).exp()
        line = np.polyfit(np.log(widths), sizes.log().numpy(), 1)[0]
        # may be computed in float32
        found = submission.coordinate_slopes(widths, sizes.tolist())
        assert_close(found, line.tolist(), rtol=1e-3, atol=1e-3, name="slopes")


def mean_changes(submission, rng, D):
    """How far x_0, x_1, x_2 and y have moved after three steps of Adam."""
    L, inputs, outputs, B, lr = 2, 16, 4, 64, 0.002
    u, target = rng.randn(B, inputs).float(), rng.randn(B, outputs).float()
    noise = {name: x.float() for name, x in draw(rng, D, L, inputs, outputs).items()}
    net = submission.MupNet(noise | {"w_out": torch.zeros(outputs, D)}, base_width=32, base_depth=2)
    rates = net.learning_rates(lr)
    first = None
    means = dict.fromkeys(ROLES, (0.0, 0.0))
    state = {name: net.get_parameter(name).detach().clone() for name in ROLES}
    for step in range(1, 5):
        net.load_state_dict(state)
        net.zero_grad()
        y, states = net(u)
        found = [x.detach() for x in (*states, y)]
        first = found if first is None else first
        (y - target).square().mean().backward()
        for name in ROLES:
            gradient = net.get_parameter(name).grad
            assert gradient is not None, f"No gradient reaches {name}."
            mean, square = means[name]
            mean, square = 0.9 * mean + 0.1 * gradient, 0.999 * square + 0.001 * gradient.square()
            means[name] = mean, square
            moved = mean / (1 - 0.9**step) / ((square / (1 - 0.999**step)).sqrt() + 1e-8)
            state[name] = state[name] - rates[name] * moved
    return [(x - before).abs().mean().item() for x, before in zip(found, first, strict=True)]


@points(2)
@needs(test_start, test_forward, test_rates)
def test_coordinates(submission, rng):
    """after three steps of Adam all layers have moved alike, whatever the width"""
    widths = [64, 128, 256, 512]
    sizes = torch.tensor([mean_changes(submission, rng, D) for D in widths])
    slopes = np.polyfit(np.log(widths), sizes.log().numpy(), 1)[0]
    for name, slope in zip(("x_0", "x_1", "x_2", "y"), slopes, strict=True):
        assert abs(slope) < 0.3, f"The change of {name} grows as the width to the power {slope:.2f}; it should stay."

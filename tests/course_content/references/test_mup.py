"""The reference of mup against the authors' package, exponents, numpy.polyfit, and two small trainings.

The package is compared where it is installed. It is no dependency of the course.
"""

from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.course_content.references.solutions import close, reference

NO_MUP = "compares with the authors' package mup, which is not installed"
ROLES = {"w_in": "input", "w_hidden": "hidden", "b_hidden": "vector", "w_out": "output"}


@pytest.fixture
def ours() -> ModuleType:
    return reference("mup")


@pytest.fixture(scope="module")
def package() -> Any:
    """Return the authors' package, which has the name of the exercise."""
    module = pytest.importorskip("mup", reason=NO_MUP)
    if not hasattr(module, "MuReadout"):
        pytest.skip(NO_MUP)
    return module


def noise(D: int, L: int, generator: torch.Generator) -> dict[str, Tensor]:
    """Draw noise in float64, for 3 inputs and 5 outputs."""
    shapes = {"w_in": (D, 3), "w_hidden": (L, D, D), "w_out": (5, D)}
    return {name: torch.randn(*shape, generator=generator, dtype=torch.float64) for name, shape in shapes.items()}


class Layers(nn.Module):
    """The same net in the layers of the package, whose output layer divides by the ratio of the widths."""

    def __init__(self, package: Any, D: int, L: int, r: float) -> None:
        super().__init__()
        self.first = nn.Linear(3, D, bias=False)
        self.blocks = nn.ModuleList(nn.Linear(D, D) for _ in range(L))
        self.last = package.MuReadout(D, 5, bias=False)
        self.r = r

    def forward(self, u: Tensor) -> Tensor:
        x = self.first(u)
        for block in self.blocks:
            x = x + self.r * block(x.relu())
        y: Tensor = self.last(x)
        return y


def test_rates_and_outputs_are_those_of_the_package(ours: ModuleType, package: Any, generator: torch.Generator) -> None:
    D, L, base = 24, 4, 8
    net = ours.MupNet(noise(D, L, generator), base, L)
    theirs: Any = Layers(package, D, L, 1.0)
    package.set_base_shapes(theirs, Layers(package, base, L, 1.0), delta=Layers(package, 2 * base, L, 1.0))
    theirs = theirs.double()
    with torch.no_grad():
        net.b_hidden.normal_(generator=generator)
        theirs.first.weight.copy_(net.w_in)
        theirs.last.weight.copy_(net.w_out)
        for block, w, b in zip(theirs.blocks, net.w_hidden, net.b_hidden, strict=True):
            block.weight.copy_(w)
            block.bias.copy_(b)
    u = torch.randn(7, 3, generator=generator, dtype=torch.float64)
    assert close(net(u)[0], theirs(u), atol=1e-12)
    groups = package.MuAdam(theirs.parameters(), lr=0.3).param_groups
    rates = {id(parameter): group["lr"] for group in groups for parameter in group["params"]}
    found = net.learning_rates(0.3)
    for block in theirs.blocks:
        assert rates[id(block.weight)] == pytest.approx(found["w_hidden"])
        assert rates[id(block.bias)] == pytest.approx(found["b_hidden"])
    assert rates[id(theirs.first.weight)] == pytest.approx(found["w_in"])
    assert rates[id(theirs.last.weight)] == pytest.approx(found["w_out"])


def test_only_the_rules_of_the_base_model_are_left_at_its_size(ours: ModuleType, generator: torch.Generator) -> None:
    start = noise(16, 3, generator)
    net = ours.MupNet(start, base_width=16, base_depth=3, alpha=0.7)
    assert net.learning_rates(0.1) == dict.fromkeys(ROLES, 0.1)
    assert close(net.w_hidden.detach(), start["w_hidden"] / 4, atol=1e-15)
    u = torch.randn(7, 3, generator=generator, dtype=torch.float64)
    y, states = net(u)
    assert close(y, states[-1] @ net.w_out.mT, atol=0.0)
    assert close(states[1] - states[0], states[0].relu() @ net.w_hidden[0].mT, atol=1e-12)


def test_sizes_at_the_beginning_do_not_depend_on_width_and_depth(ours: ModuleType, generator: torch.Generator) -> None:
    """By α = 1/2 the branches, which are random, add up to a variance that stays."""
    u = torch.randn(20, 3, generator=generator, dtype=torch.float64)
    sizes = []
    for D, L in ((64, 4), (512, 4), (128, 32)):
        _, states = ours.MupNet(noise(D, L, generator), 64, 4, alpha=0.5)(u)
        sizes.append((states[-1] - states[0]).square().mean().sqrt().item() / states[0].square().mean().sqrt().item())
    assert max(sizes) < 1.25 * min(sizes)


def test_factors_by_their_exponents(ours: ModuleType) -> None:
    width, depth, alpha = 6.0, 9.0, 0.6
    table = {
        "input": (0, 0, 0, 0),
        "hidden": (-0.5, -1, alpha - 1, 0),
        "output": (0, 0, 0, -1),
        "vector": (0, 0, alpha - 1, 0),
    }
    for role, (std, lr, deep, multiplier) in table.items():
        expected = {"init_std": width**std, "lr": width**lr * depth**deep, "multiplier": width**multiplier}
        assert ours.scales(role, width, depth, alpha) == pytest.approx(expected)


def test_slopes_are_those_of_polyfit(ours: ModuleType, generator: torch.Generator) -> None:
    widths = [512, 64, 100, 4096]
    sizes = torch.randn(4, 3, generator=generator, dtype=torch.float64).exp()
    expected = np.polyfit(np.log(widths), sizes.log().numpy(), 1)[0]
    assert ours.coordinate_slopes(widths, sizes.tolist()) == pytest.approx(expected.tolist(), abs=1e-12)


def adam(net: nn.Module, rates: dict[str, float]) -> torch.optim.Adam:
    return torch.optim.Adam([{"params": [p], "lr": rates[name]} for name, p in net.named_parameters()])


def changes(ours: ModuleType, D: int, base: int, seed: int) -> list[float]:
    """How far x_0, x_1, x_2 and y move in three steps."""
    generator = torch.Generator().manual_seed(seed)
    u, target = torch.randn(64, 16, generator=generator), torch.randn(64, 4, generator=generator)
    shapes = {"w_in": (D, 16), "w_hidden": (2, D, D)}
    start = {name: torch.randn(*shape, generator=generator) for name, shape in shapes.items()}
    net = ours.MupNet(start | {"w_out": torch.zeros(4, D)}, base, 2)
    optimizer = adam(net, net.learning_rates(0.002))
    y, states = net(u)
    before = [x.detach() for x in (*states, y)]
    for _ in range(3):
        optimizer.zero_grad()
        (net(u)[0] - target).square().mean().backward()
        optimizer.step()
    y, states = net(u)
    return [(x - old).abs().mean().item() for x, old in zip((*states, y), before, strict=True)]


def test_slopes_of_the_statement(ours: ModuleType) -> None:
    """Three of its sixty seeds."""
    widths = [64, 128, 256, 512]
    for seed in range(3):
        slopes = ours.coordinate_slopes(widths, [changes(ours, D, 32, seed) for D in widths])
        assert min(slopes) > -0.18
        assert max(slopes) < 0.06
        standard = ours.coordinate_slopes(widths, [changes(ours, D, D, seed) for D in widths])
        assert min(standard[1:]) > 0.38
        assert max(standard[1:]) < 0.9


def final_loss(ours: ModuleType, D: int, base: int, lr: float) -> float:
    """Of the task of the statement's table, after 40 steps."""
    generator = torch.Generator().manual_seed(100)
    u = torch.randn(256, 16, generator=generator)
    hidden = torch.tanh(u @ torch.randn(16, 32, generator=generator) / 4)
    target = hidden @ torch.randn(32, 4, generator=generator) / 32**0.5
    generator = torch.Generator().manual_seed(0)
    shapes = {"w_in": (D, 16), "w_hidden": (2, D, D)}
    start = {name: torch.randn(*shape, generator=generator) for name, shape in shapes.items()}
    net = ours.MupNet(start | {"w_out": torch.zeros(4, D)}, base, 2)
    optimizer = adam(net, net.learning_rates(lr))
    for _ in range(40):
        optimizer.zero_grad()
        loss = (net(u)[0] - target).square().mean()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        end: float = (net(u)[0] - target).square().mean().item()
    return end


@pytest.mark.parametrize(("D", "base", "best", "loss"), [(32, 32, 6, 0.019), (128, 128, 8, 0.013), (128, 32, 6, 0.010)])
def test_best_rates_of_the_statement(ours: ModuleType, D: int, base: int, best: int, loss: float) -> None:
    losses = {exponent: final_loss(ours, D, base, 2.0**-exponent) for exponent in range(4, 13)}
    assert min(losses, key=losses.__getitem__) == best
    assert losses[best] == pytest.approx(loss, abs=0.001)

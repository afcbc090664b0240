"""The reference of chinchilla_optimal against minimisers of scipy, numpy.polyfit, and published figures.

They are compared where `scipy` is installed. It is no dependency of the course.
"""

import math
from types import ModuleType

import pytest
import torch

from tests.course_content.references.solutions import reference
from tests.paths import ROOT

NO_SCIPY = "compares with scipy, which is not installed"
HOFFMANN = {"E": 1.69, "A": 406.4, "B": 410.7, "alpha": 0.34, "beta": 0.28}
SOURCE = {"E": 1.6934, "A": 406.4, "B": 410.7, "alpha": 0.3392, "beta": 0.2849}
REFIT = {"E": 1.8172, "A": 482.01, "B": 2085.43, "alpha": 0.3478, "beta": 0.3658}
LAWS = [
    pytest.param(HOFFMANN, id="as printed"),
    pytest.param(SOURCE, id="source"),
    pytest.param(REFIT, id="refit"),
]


@pytest.fixture
def ours() -> ModuleType:
    return reference("chinchilla_optimal")


@pytest.mark.parametrize("coef", LAWS)
@pytest.mark.parametrize("flops", [1e19, 5.88e23, 1e27])
def test_compute_optimal_is_the_minimum(ours: ModuleType, coef: dict[str, float], flops: float) -> None:
    optimize = pytest.importorskip("scipy.optimize", reason=NO_SCIPY)

    def slope(x: float) -> float:  # of the loss in ln N, by a difference
        low, high = (ours.predicted_loss(math.exp(y), flops / 6 / math.exp(y), coef) for y in (x - 1e-3, x + 1e-3))
        return float(high - low)

    n = math.exp(optimize.brentq(slope, 10.0, 40.0, xtol=1e-12))
    best = ours.compute_optimal(flops, coef)
    assert best["n"] == pytest.approx(n, rel=1e-6)  # the difference is off by its step squared
    assert 6 * best["n"] * best["d"] == pytest.approx(flops, rel=1e-12)


@pytest.mark.parametrize("coef", LAWS)
@pytest.mark.parametrize("served", [0, 1e12, 1e14, 1e16])
def test_lifetime_is_the_constrained_minimum(ours: ModuleType, coef: dict[str, float], served: float) -> None:
    """Minimised over D, where the reference searches over N."""
    optimize = pytest.importorskip("scipy.optimize", reason=NO_SCIPY)
    target = ours.predicted_loss(70e9, 1.4e12, coef)

    def params(d: float) -> float:
        left = target - coef["E"] - coef["B"] / d ** coef["beta"]
        return float((coef["A"] / left) ** (1 / coef["alpha"]))

    def total(x: float) -> float:
        d = math.exp(x)
        return 6 * params(d) * d + 2 * params(d) * served

    least = math.log(coef["B"] / (target - coef["E"])) / coef["beta"]
    found = optimize.minimize_scalar(total, bounds=(least + 1e-9, 60.0), method="bounded", options={"xatol": 1e-10})
    best = ours.lifetime_optimal(target, served, coef)
    assert best["flops"] == pytest.approx(found.fun, rel=1e-9)
    assert best["d"] == pytest.approx(math.exp(found.x), rel=1e-5)
    assert ours.predicted_loss(best["n"], best["d"], coef) == pytest.approx(target, rel=1e-12)


def test_isoflop_curves_of_the_law_lead_to_its_exponent(ours: ModuleType) -> None:
    """Approach 2 on losses that follow the law finds N growing with the budget to the power β/(α + β)."""
    budgets = torch.logspace(19, 24, 6, dtype=torch.float64)
    sizes = []
    for flops in budgets.tolist():
        n = ours.compute_optimal(flops, REFIT)["n"] * torch.logspace(-0.6, 0.6, 9, dtype=torch.float64)
        loss = torch.tensor([ours.predicted_loss(x, flops / 6 / x, REFIT) for x in n.tolist()], dtype=torch.float64)
        sizes.append(ours.isoflop_optimum(n, loss))
    fit = ours.power_law_fit(budgets, torch.tensor(sizes, dtype=torch.float64))
    assert fit["exponent"] == pytest.approx(REFIT["beta"] / (REFIT["alpha"] + REFIT["beta"]), rel=1e-6)


def test_figures_of_the_statement(ours: ModuleType) -> None:
    statement = (ROOT / "exercises" / "chinchilla_optimal" / "README.md").read_text(encoding="utf-8")
    for coef in (HOFFMANN, SOURCE, REFIT):
        best = ours.compute_optimal(5.88e23, coef)
        row = f"| {best['n'] / 1e9:.1f}B | {best['d'] / 1e12:.2f}T | {best['tokens_per_param']:.1f} |"
        assert ", ".join(f"{value:g}" for value in coef.values()) + " " + row in statement
    assert round(6 * 70e9 * 1.4e12 / 1e21) == 588
    assert [round(ours.compute_optimal(C, REFIT)["tokens_per_param"], 1) for C in (1e21, 1e25)] == [21.6, 17.1]
    target = ours.predicted_loss(73e9, 1.34e12, REFIT)
    best = ours.lifetime_optimal(target, 1e13, REFIT)
    assert f"{best['n'] / 1e9:.0f}B on {best['d'] / 1e12:.1f}T" == "34B on 3.7T"
    before = 6 * 73e9 * 1.34e12 + 2 * 73e9 * 1e13
    assert round(1 - best["flops"] / before, 2) == 0.28

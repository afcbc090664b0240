"""The reference of scaling_fit against SciPy's robust least squares, torch's Huber loss and published figures.

SciPy is compared where it is installed. It is no dependency of the course.
"""

import math
from types import ModuleType

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from tests.course_content.references.solutions import reference

NO_SCIPY = "compares with SciPy, which is not installed"

# E, A, B, alpha, beta, and the tokens for each parameter that are best at the compute of Chinchilla
LAWS = {
    "as printed": ((1.69, 406.4, 410.7, 0.34, 0.28), 92.8),
    "digits of the source": ((1.6934, 406.4, 410.7, 0.3392, 0.2849), 59.2),
    "Besiroglu": ((1.8172, 482.01, 2085.43, 0.3478, 0.3658), 18.4),
}


@pytest.fixture
def ours() -> ModuleType:
    return reference("scaling_fit")


def theta_of(name: str) -> Tensor:
    E, A, B, alpha, beta = LAWS[name][0]
    return torch.tensor([math.log(E), math.log(A), math.log(B), alpha, beta], dtype=torch.float64)


def draw_points(name: str, P: int, noise: float, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Points of a law, with noise; the law itself is written as in the papers."""
    E, A, B, alpha, beta = LAWS[name][0]
    n = 10 ** (7.7 + 2.6 * torch.rand(P, generator=generator, dtype=torch.float64))
    d = n * 10 ** (0.5 + 2 * torch.rand(P, generator=generator, dtype=torch.float64))
    loss = E + A / n**alpha + B / d**beta
    return n, d, loss * torch.exp(noise * torch.randn(P, generator=generator, dtype=torch.float64))


@pytest.mark.parametrize("delta", [1e-3, 0.02, 1.0])
def test_objective_is_torchs_huber_loss(ours: ModuleType, delta: float, generator: torch.Generator) -> None:
    n, d, loss = draw_points("Besiroglu", 50, 0.01, generator)
    theta = theta_of("as printed").requires_grad_()
    expected = F.huber_loss(ours.log_prediction(theta, n, d), loss.log(), reduction="sum", delta=delta)
    found = ours.huber_objective(theta, n, d, loss, delta)
    assert torch.allclose(found, expected, rtol=1e-12, atol=0.0)
    (mine,), (theirs,) = torch.autograd.grad(found, theta), torch.autograd.grad(expected, theta)
    assert torch.allclose(mine, theirs, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("noise", [5e-4, 4e-3])
@pytest.mark.parametrize("name", LAWS)
def test_fit_is_that_of_scipy(ours: ModuleType, name: str, noise: float, generator: torch.Generator) -> None:
    """SciPy's least squares with loss="huber" minimises the same objective, without L-BFGS."""
    optimize = pytest.importorskip("scipy.optimize", reason=NO_SCIPY)
    data = n, d, loss = draw_points(name, 60, noise, generator)
    delta = 1e-3

    def residuals(theta: list[float]) -> Tensor:
        return (ours.log_prediction(torch.as_tensor(theta), n, d) - loss.log()).numpy()

    tight = {"xtol": 1e-15, "ftol": 1e-15, "gtol": 1e-15, "x_scale": "jac", "max_nfev": 5000}
    theirs = optimize.least_squares(residuals, theta_of(name), loss="huber", f_scale=delta, jac="3-point", **tight)
    far = torch.tensor([[0.0, 5.0, 5.0, 0.5, 0.5], [0.7, 7.0, 7.0, 0.4, 0.4]], dtype=torch.float64)
    fit = ours.fit_loss_law(*data, far)
    assert fit["objective"] <= theirs.cost * (1 + 1e-9)
    assert fit["objective"] == pytest.approx(theirs.cost, rel=1e-4)
    assert fit["alpha"] == pytest.approx(theirs.x[3], abs=1e-3)
    assert fit["beta"] == pytest.approx(theirs.x[4], abs=1e-3)


def test_fit_finds_each_published_law(ours: ModuleType, generator: torch.Generator) -> None:
    """Also from the coefficients of the others."""
    inits = torch.stack([theta_of(name) for name in LAWS])
    for name, ((E, A, B, alpha, beta), _) in LAWS.items():
        others = inits[[other != name for other in LAWS]]
        fit = ours.fit_loss_law(*draw_points(name, 60, 0.0, generator), others)
        expected = {"E": E, "A": A, "B": B, "alpha": alpha, "beta": beta}
        assert {key: fit[key] for key in expected} == pytest.approx(expected, rel=1e-5)


def test_the_published_error(ours: ModuleType, generator: torch.Generator) -> None:
    """The average, at the tolerances that torch has by default, takes the start for the minimum."""
    n, d, loss = draw_points("Besiroglu", 240, 2e-3, generator)
    theta = theta_of("digits of the source").requires_grad_()
    optimizer = torch.optim.LBFGS([theta], max_iter=500, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        average = ours.huber_objective(theta, n, d, loss) / len(n)
        average.backward()
        return average

    optimizer.step(closure)
    fit = ours.fit_loss_law(n, d, loss, theta_of("digits of the source")[None])
    assert abs(theta[4].item() - 0.2849) < 0.01
    assert abs(fit["beta"] - 0.3658) < 0.01
    assert ours.huber_objective(theta, n, d, loss).item() > 1.1 * fit["objective"]


@pytest.mark.parametrize("name", LAWS)
def test_tokens_per_parameter(name: str) -> None:
    """93, 59 and 18 at 5.88e23 FLOPs: the contradiction of which the statement speaks."""
    (_, A, B, alpha, beta), ratio = LAWS[name]
    n = (alpha * A / (beta * B)) ** (1 / (alpha + beta)) * (5.88e23 / 6) ** (beta / (alpha + beta))
    assert 5.88e23 / (6 * n) / n == pytest.approx(ratio, rel=2e-3)


def test_gradients_are_those_of_finite_differences(ours: ModuleType, generator: torch.Generator) -> None:
    n, d, loss = draw_points("Besiroglu", 7, 0.05, generator)
    theta = theta_of("as printed").requires_grad_()
    assert torch.autograd.gradcheck(lambda t: ours.log_prediction(t, n, d), theta)
    assert torch.autograd.gradcheck(lambda t: ours.huber_objective(t, n, d, loss, 0.02), theta)

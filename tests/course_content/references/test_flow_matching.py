"""The reference of flow_matching against distributions of torch, a solver of scipy, and the statement's table."""

import math
from types import ModuleType

import numpy as np
import pytest
import torch
from scipy.integrate import quad, solve_ivp
from torch import Tensor
from torch.distributions import MultivariateNormal, Normal, SigmoidTransform, TransformedDistribution

from tests.course_content.references.solutions import close, reference


@pytest.fixture
def ours() -> ModuleType:
    return reference("flow_matching")


def tensor(*numbers: float) -> Tensor:
    return torch.tensor(numbers, dtype=torch.float64)


def test_velocity_is_the_derivative_of_the_path(ours: ModuleType, generator: torch.Generator) -> None:
    x0, noise = (torch.randn(3, 2, 4, generator=generator, dtype=torch.float64) for _ in range(2))
    t = torch.rand(3, generator=generator, dtype=torch.float64)
    xt, v = ours.flow_pair(x0, noise, t)
    by_forward_mode = torch.func.jvp(lambda time: ours.flow_pair(x0, noise, time)[0], (t,), (torch.ones_like(t),))
    assert close(v, by_forward_mode[1], atol=1e-15)
    assert close(xt + (1 - t)[:, None, None] * v, noise, atol=1e-15)


@pytest.mark.parametrize(("mean", "std"), [(0.0, 1.0), (0.7, 0.6), (-1.1, 1.7)])
def test_weight_is_the_density_of_a_normal_number_through_a_sigmoid(
    ours: ModuleType, generator: torch.Generator, mean: float, std: float
) -> None:
    t = torch.rand(6, generator=generator, dtype=torch.float64)
    pi = TransformedDistribution(Normal(tensor(mean), tensor(std)), [SigmoidTransform()])
    zero = torch.zeros(1, 5, dtype=torch.float64)
    for time in t:
        loss = ours.flow_loss(zero + 2, zero, zero, time[None], mean, std)
        assert close(loss, 4 * pi.log_prob(time).exp()[0], atol=1e-12)
    one = zero[:, :1] + 1
    integral, _ = quad(lambda time: ours.flow_loss(one, 0 * one, 0 * one, tensor(time), mean, std).item(), 0, 1)
    assert integral == pytest.approx(1, abs=1e-7)


def test_weighing_is_drawing(ours: ModuleType, generator: torch.Generator) -> None:
    """Of any error e(t) the loss is the mean over times that are drawn from the logit-normal distribution."""
    m, s, n = 0.4, 0.8, 400_000
    drawn = torch.sigmoid(m + s * torch.randn(n, generator=generator, dtype=torch.float64))
    expected = ((1 + drawn) ** 2).mean()
    t = (torch.arange(n, dtype=torch.float64) + 0.5) / n
    zero = torch.zeros(n, 1, dtype=torch.float64)
    loss = ours.flow_loss(1 + t[:, None], zero, zero, t, m, s)
    assert abs(loss - expected) < 0.005  # a standard error is 0.001


def test_shift_is_that_of_flux(ours: ModuleType) -> None:
    """e^μ / (e^μ + 1/t - 1), and on a grid of times n times as many pixels with √n as shift."""
    t = torch.linspace(0.01, 1, 100, dtype=torch.float64)
    for mu in (-0.5, 0.5, 1.15):
        assert close(ours.shift_time(t, math.exp(mu)), math.exp(mu) / (math.exp(mu) + (1 / t - 1)), atol=1e-15)
    shifted = ours.shift_time(t[:-1], 3.0)
    assert close(torch.logit(shifted) - torch.logit(t[:-1]), torch.full((99,), math.log(3.0)).double(), atol=1e-7)


@pytest.mark.parametrize("t", [0.2, 0.5, 0.9])
def test_velocity_is_what_a_perfect_network_says(ours: ModuleType, t: float) -> None:
    """E[ε - x0 | x_t], by a sum over 40,001 values of x0 with their densities."""
    mean, var, xt = 1.3, 0.4, 0.25
    x0 = np.linspace(-12, 12, 40_001)
    noise = (xt - (1 - t) * x0) / t
    density = np.exp(-((x0 - mean) ** 2) / (2 * var) - noise**2 / 2)
    expected = ((noise - x0) * density).sum() / density.sum()
    found = ours.gaussian_velocity(tensor(xt)[:, None], tensor(t), tensor(mean), var).item()
    assert found == pytest.approx(expected, rel=1e-9)


def test_velocity_follows_from_the_score(ours: ModuleType, generator: torch.Generator) -> None:
    """(1 - t) v = -x_t - t · score, with the score of x_t by autograd of torch's Gaussian."""
    B, D, var = 5, 3, 0.7
    mean = torch.randn(D, generator=generator, dtype=torch.float64)
    t = 0.9 * torch.rand(B, generator=generator, dtype=torch.float64)
    for row, time in zip(torch.randn(B, D, generator=generator, dtype=torch.float64), t, strict=True):
        x = row.clone().requires_grad_()
        spread = ((1 - time) ** 2 * var + time**2) * torch.eye(D, dtype=torch.float64)
        (score,) = torch.autograd.grad(MultivariateNormal((1 - time) * mean, spread).log_prob(x), x)
        expected = (-row - time * score) / (1 - time)
        assert close(ours.gaussian_velocity(row[None], time[None], mean, var)[0], expected, atol=1e-12)


@pytest.mark.parametrize("ends", [(1.0, 0.0), (0.9, 0.3)])
def test_many_steps_are_the_solution_of_scipy(ours: ModuleType, ends: tuple[float, float]) -> None:
    mean, var, x = tensor(2.0, -1.0), 0.25, tensor(1.0, 0.3)

    def slope(t: float, y: np.ndarray) -> np.ndarray:
        v: np.ndarray = ours.gaussian_velocity(torch.from_numpy(y)[None], tensor(t), mean, var)[0].numpy()
        return v

    exact = solve_ivp(slope, ends, x.numpy(), rtol=1e-10, atol=1e-10).y[:, -1]
    times = np.linspace(*ends, 401).tolist()
    assert close(ours.sample(x[None], mean, var, times, "heun")[0], exact, atol=1e-5)
    assert close(ours.sample(x[None], mean, var, times)[0], exact, atol=5e-3)
    if ends == (1.0, 0.0):
        assert close(torch.from_numpy(exact), mean + 0.5 * x, atol=1e-8)


def test_table_of_the_statement(ours: ModuleType) -> None:
    table = {2: (-0.300, -0.0200), 4: (-0.159, 0.0048), 8: (-0.085, 0.0024), 16: (-0.044, 0.0008), 32: (-0.023, 0.0002)}
    for steps, (of_euler, of_heun) in table.items():
        times = [1 - i / steps for i in range(steps + 1)]
        for method, error, digits in (("euler", of_euler, 3), ("heun", of_heun, 4)):
            found = ours.sample(tensor(1.0)[:, None], tensor(2.0), 0.25, times, method).item() - 2.5
            assert round(found, digits) == error


def test_weights_of_the_statement(ours: ModuleType) -> None:
    zero = torch.zeros(1, 1, dtype=torch.float64)
    found = [ours.flow_loss(zero + 1, zero, zero, tensor(t)).item() for t in (0.5, 0.9)]
    assert [round(each, 3) for each in found] == [1.596, 0.397]


def test_answer_to_the_question(ours: ModuleType, generator: torch.Generator) -> None:
    """On pairs of noise and the point to which the flow leads it, lines do not cross, and one step is exact."""
    mean, var = tensor(2.0, -1.0), 0.25
    noise = torch.randn(5, 2, generator=generator, dtype=torch.float64)
    assert close(ours.sample(noise, mean, var, [1.0, 0.0]), mean.expand(5, 2), atol=1e-12)
    ends = mean + math.sqrt(var) * noise
    for t in (0.25, 0.75):
        xt, v = ours.flow_pair(ends, noise, torch.full((5,), t).double())
        # x_t = (1 - t) μ + ((1 - t) σ + t) ε tells ε, so the network can say ε - x0 without an error
        told = (xt - (1 - t) * mean) / ((1 - t) * math.sqrt(var) + t)
        assert close(v, told - (mean + math.sqrt(var) * told), atol=1e-12)
        assert close(xt - t * v, ends, atol=1e-12)

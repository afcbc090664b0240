"""The reference of ddpm against densities on a grid, torch's Gaussians, the chain itself, and DDPM's figures."""

import math
from types import ModuleType

import numpy as np
import pytest
import torch
from torch.distributions import MultivariateNormal, Normal

from tests.course_content.references.solutions import reference


@pytest.fixture
def ours() -> ModuleType:
    return reference("ddpm")


def normal(x: np.ndarray | float, mean: np.ndarray | float, deviation: float) -> np.ndarray:
    """Return the density of a normal distribution."""
    points, center = torch.as_tensor(x, dtype=torch.float64), torch.as_tensor(mean, dtype=torch.float64)
    density: np.ndarray = Normal(center, deviation).log_prob(points).exp().numpy()
    return density


def test_figures_of_the_schedules(ours: ModuleType) -> None:
    """DDPM ends with ᾱ = 4.04e-5; the cosine schedule passes 1/2 in the middle, as figure 5 of its paper shows."""
    betas = ours.linear_betas(1000)
    assert np.allclose(betas.numpy(), np.linspace(0.0001, 0.02, 1000), rtol=1e-14, atol=0.0)
    left = ours.alpha_bars(betas)[-1].item()
    assert round(left, 7) == 4.04e-5
    assert (round(math.sqrt(left), 4), round(math.sqrt(1 - left), 5)) == (0.0064, 0.99998)
    cosine = ours.cosine_betas(1000)
    assert cosine[-1] == 0.999
    assert abs(ours.alpha_bars(cosine)[499].item() - 0.5) < 0.01


def test_cosine_bars_are_f(ours: ModuleType) -> None:
    """Before β is capped, ᾱ_t = f((t + 1)/T) / f(0), the equation that the paper begins with."""
    u = np.arange(1, 101) / 100
    f = np.cos((u + 0.008) / 1.008 * np.pi / 2) ** 2 / np.cos(0.008 / 1.008 * np.pi / 2) ** 2
    assert np.allclose(ours.alpha_bars(ours.cosine_betas(100)).numpy()[:-1], f[:-1], rtol=1e-11, atol=0.0)


def test_q_sample_is_the_chain_drawn(ours: ModuleType, generator: torch.Generator) -> None:
    """100,000 chains: mean and standard deviation within five standard errors."""
    n, betas = 100_000, ours.linear_betas(12, 0.05, 0.4)
    x = torch.full((n, 1), 1.7, dtype=torch.float64)
    for beta in betas:
        x = (1 - beta).sqrt() * x + beta.sqrt() * torch.randn(n, 1, generator=generator, dtype=torch.float64)
    one, t = torch.ones(1, 1, dtype=torch.float64), torch.tensor([11])
    mean = ours.q_sample(1.7 * one, t, 0 * one, betas).item()
    deviation = ours.q_sample(0 * one, t, one, betas).item()
    assert abs(x.mean().item() - mean) < 5 * deviation / math.sqrt(n)
    assert abs(x.std().item() - deviation) < 5 * deviation / math.sqrt(2 * n)


@pytest.mark.parametrize("t", [1, 4, 11])
def test_posterior_is_bayes_on_a_grid(ours: ModuleType, t: int) -> None:
    """q(x_{t-1} | x0) q(x_t | x_{t-1}), normalised by a sum over 20,001 points."""
    betas = ours.linear_betas(12, 0.05, 0.4)
    x0, xt, beta, bar = 0.8, -0.5, betas[t].item(), ours.alpha_bars(betas)[t - 1].item()
    grid = np.linspace(-10, 10, 20_001)
    density = normal(grid, math.sqrt(bar) * x0, math.sqrt(1 - bar))
    density = density * normal(xt, math.sqrt(1 - beta) * grid, math.sqrt(beta))
    density /= density.sum()
    mean = (grid * density).sum()
    variance = ((grid - mean) ** 2 * density).sum()
    q = ours.posterior(*(torch.tensor([[v]], dtype=torch.float64) for v in (x0, xt)), torch.tensor([t]), betas)
    assert np.isclose(q["mean"].item(), mean, rtol=1e-9)
    assert np.isclose(q["variance"].item(), variance, rtol=1e-9)


def test_posterior_factors_the_joint(ours: ModuleType) -> None:
    """q(x_t | x0) times the posterior is the joint Gaussian of x_{t-1} and x_t, as torch has it."""
    betas, t, x0 = ours.linear_betas(12, 0.05, 0.4), 6, 0.8
    alpha = (1 - betas[t]).item()
    bar, now = ours.alpha_bars(betas)[t - 1 : t + 1].tolist()
    covariance = [[1 - bar, math.sqrt(alpha) * (1 - bar)], [math.sqrt(alpha) * (1 - bar), 1 - now]]
    means = torch.tensor([math.sqrt(bar) * x0, math.sqrt(now) * x0], dtype=torch.float64)
    joint = MultivariateNormal(means, torch.tensor(covariance, dtype=torch.float64))
    for before, xt in ((0.3, -0.5), (1.1, 0.9)):
        q = ours.posterior(*(torch.tensor([[v]], dtype=torch.float64) for v in (x0, xt)), torch.tensor([t]), betas)
        product = normal(xt, math.sqrt(now) * x0, math.sqrt(1 - now))
        product = product * normal(before, q["mean"].item(), math.sqrt(q["variance"].item()))
        expected = joint.log_prob(torch.tensor([before, xt], dtype=torch.float64)).exp()
        assert np.isclose(product, expected, rtol=1e-12)


def test_ddpm_restores_a_gaussian(ours: ModuleType, generator: torch.Generator) -> None:
    """The exact ε of data N(1, 0.25), 400 steps back from noise: the data's mean and deviation."""
    steps, n, mean, variance = 400, 20_000, 1.0, 0.25
    betas = ours.linear_betas(steps, 1e-4, 0.05)
    bars = ours.alpha_bars(betas)
    x = torch.randn(n, 1, generator=generator, dtype=torch.float64)
    for step in reversed(range(steps)):
        a = bars[step]
        eps = (1 - a).sqrt() * (x - a.sqrt() * mean) / (a * variance + 1 - a)
        noise = torch.randn(n, 1, generator=generator, dtype=torch.float64)
        x = ours.ddpm_step(x, torch.full((n,), step), eps, noise, betas)
    assert abs(x.mean().item() - mean) < 0.02
    assert abs(x.std().item() - math.sqrt(variance)) < 0.02


def test_ddim_takes_any_way_to_x0(ours: ModuleType, generator: torch.Generator) -> None:
    """With one ε all the way, fifty steps or one lead to the same x0."""
    betas = ours.linear_betas(1000)
    x, eps = (torch.randn(3, 2, 4, 4, generator=generator, dtype=torch.float64) for _ in range(2))
    t = torch.tensor([999, 500, 20])
    at_once = ours.ddim_step(x, t, torch.full((3,), -1), eps, betas)
    while (t >= 0).any():
        t_prev = (t - 20).clamp(min=-1)
        going = t >= 0
        x[going] = ours.ddim_step(x[going], t[going], t_prev[going], eps[going], betas)
        t = t_prev
    assert torch.allclose(x, at_once, rtol=1e-9, atol=1e-9)


def test_v_is_the_velocity(ours: ModuleType, generator: torch.Generator) -> None:
    """Compare v with the derivative of x_t by the angle whose cosine is √ᾱ."""
    x0, noise = (torch.randn(1, 5, generator=generator, dtype=torch.float64) for _ in range(2))
    betas, t = ours.linear_betas(12, 0.05, 0.4), 6
    angle = math.acos(math.sqrt(ours.alpha_bars(betas)[t].item()))
    h = 1e-5
    change = (math.cos(angle + h) - math.cos(angle - h)) * x0 + (math.sin(angle + h) - math.sin(angle - h)) * noise
    slope = change / (2 * h)
    assert torch.allclose(ours.v_target(x0, noise, torch.tensor([t]), betas), slope, rtol=0.0, atol=1e-9)

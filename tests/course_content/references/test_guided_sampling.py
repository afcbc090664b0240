"""The reference of guided_sampling against torch's mixtures, integrals, and the table of the statement."""

import math
from types import ModuleType

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from tests.course_content.references.solutions import reference


@pytest.fixture
def ours() -> ModuleType:
    return reference("guided_sampling")


def tensor(*numbers: float) -> Tensor:
    return torch.tensor(numbers, dtype=torch.float64)


def bars(steps: int) -> list[float]:
    """ᾱ of `steps` of the 1000 steps of DDPM."""
    left = torch.cumprod(1 - torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64), 0)
    numbers: list[float] = left[torch.linspace(0, 999, steps).long()].tolist()
    return numbers


@pytest.mark.parametrize("ab", [0.98, 0.5, 0.03])
def test_eps_is_the_score_of_torchs_mixture(ours: ModuleType, ab: float, generator: torch.Generator) -> None:
    B, D, M, var = 6, 4, 5, 0.4
    means = 2 * torch.randn(M, D, generator=generator, dtype=torch.float64)
    weights = torch.rand(M, generator=generator, dtype=torch.float64)
    weights /= weights.sum()
    x = torch.randn(B, D, generator=generator, dtype=torch.float64).requires_grad_()
    deviation = torch.full_like(means, math.sqrt(ab * var + 1 - ab))
    parts = Independent(Normal(math.sqrt(ab) * means, deviation), 1)
    (score,) = torch.autograd.grad(MixtureSameFamily(Categorical(weights), parts).log_prob(x).sum(), x)
    found = ours.mixture_eps(x.detach(), ab, means, var, weights)
    assert torch.allclose(found, -math.sqrt(1 - ab) * score, rtol=0.0, atol=1e-12)


def test_eps_is_what_a_perfect_network_says(ours: ModuleType) -> None:
    """E[ε | x_t], by a sum over 40,001 values of x0 with their densities."""
    ab, var, xt = 0.6, 0.3, 0.4
    means, weights = tensor(2.0, -1.0, 0.5)[:, None], tensor(0.2, 0.5, 0.3)
    x0 = np.linspace(-12, 12, 40_001)
    prior = sum(
        w * np.exp(-((x0 - m) ** 2) / (2 * var)) for w, m in zip(weights.tolist(), means[:, 0].tolist(), strict=True)
    )
    eps = (xt - math.sqrt(ab) * x0) / math.sqrt(1 - ab)
    density = prior * np.exp(-(eps**2) / 2)
    expected = (eps * density).sum() / density.sum()
    assert np.isclose(ours.mixture_eps(tensor(xt)[:, None], ab, means, var, weights).item(), expected, rtol=1e-10)


def test_eps_is_the_best_guess(ours: ModuleType, generator: torch.Generator) -> None:
    """No multiple of it, and no shift, has a smaller squared error on a million draws."""
    n, ab, var = 1_000_000, 0.7, 0.25
    means, weights = tensor(2.0, -2.0)[:, None], tensor(0.3, 0.7)
    label = (torch.rand(n, generator=generator) >= 0.3).long()
    x0 = means[label] + math.sqrt(var) * torch.randn(n, 1, generator=generator, dtype=torch.float64)
    eps = torch.randn(n, 1, generator=generator, dtype=torch.float64)
    xt = math.sqrt(ab) * x0 + math.sqrt(1 - ab) * eps
    found = ours.mixture_eps(xt, ab, means, var, weights)
    slope = (found * eps).mean() / (found * found).mean()
    assert abs(slope.item() - 1) < 0.01
    assert abs((eps - found).mean().item()) < 0.01


def test_table_of_the_statement(ours: ModuleType) -> None:
    quantiles = torch.special.ndtri((torch.arange(2000, dtype=torch.float64) + 0.5) / 2000)[:, None]
    means, weights = tensor(2.0, -2.0)[:, None], tensor(0.5, 0.5)
    table = {0.0: (0.0, 4.22), 1.0: (1.99, 0.24), 2.0: (2.31, 0.12), 4.0: (2.67, 0.08), 8.0: (3.10, 0.06)}
    for scale, (mean, variance) in table.items():
        x = ours.sample(quantiles, means, 0.25, weights, 0, scale, bars(200))
        assert abs(x.mean().item() - mean) < 0.005
        assert abs(x.var().item() - variance) < 0.005
        assert (x > 0).double().mean().item() == (1.0 if scale else 0.5)


def test_many_steps_sample_the_class(ours: ModuleType, generator: torch.Generator) -> None:
    """At s = 1 DDIM is the flow that turns N(0, I) into the data: after 4000 steps a straight line."""
    left = [math.cos((i / 4000 + 0.008) / 1.008 * math.pi / 2) ** 2 for i in range(4000)]
    abars = [a / left[0] for a in left[1:]]
    x = torch.randn(5, 3, generator=generator, dtype=torch.float64)
    means, weights = torch.randn(2, 3, generator=generator, dtype=torch.float64), tensor(0.5, 0.5)
    found = ours.sample(x, means, 0.25, weights, 1, 1.0, abars)
    assert torch.allclose(found, means[1] + 0.5 * x, rtol=0.0, atol=5e-3)


def test_guidance_of_ho_and_salimans(ours: ModuleType, generator: torch.Generator) -> None:
    """Equation 6 of the paper, (1 + w) ε_c - w ε_u, with scale = 1 + w."""
    c, u = torch.randn(2, 3, 4, generator=generator, dtype=torch.float64)
    for w in (0.0, 0.3, 4.0):
        assert torch.allclose(ours.guide(c, u, 1 + w), (1 + w) * c - w * u, rtol=0.0, atol=1e-12)
        assert torch.equal(ours.guide_batched(torch.cat([c, u]), 1 + w), ours.guide(c, u, 1 + w))

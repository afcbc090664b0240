"""The reference of hippo against integrals of Legendre polynomials, SciPy's discretisation, and the statement's table.

SciPy is compared with where it is installed. It is no dependency of the course.
"""

import math
from types import ModuleType

import numpy as np
import pytest
import torch
from numpy.polynomial import legendre
from torch import Tensor

from tests.course_content.references.solutions import close, reference

NO_SCIPY = "compares with SciPy, which is not installed"


@pytest.fixture
def ours() -> ModuleType:
    return reference("hippo")


def basis(n: int) -> legendre.Legendre:
    """√(2n+1) P_n(2s - 1), on [0, 1]."""
    return math.sqrt(2 * n + 1) * legendre.Legendre.basis(n, domain=[0, 1])


@pytest.mark.parametrize("N", [1, 2, 7, 20])
def test_matrix_is_that_of_the_derivative_of_the_projection(ours: ModuleType, N: int) -> None:
    """c_n(t) = 1/t ∫ f(x) φ_n(x/t) dx over [0, t], so t c_n' = φ_n(1) f(t) − c_n − ∫ f(ts) s φ_n'(s) ds."""
    nodes, weights = legendre.leggauss(2 * N)
    s, weights = (nodes + 1) / 2, weights / 2
    inner = [[weights @ (s * basis(n).deriv()(s) * basis(k)(s)) for k in range(N)] for n in range(N)]
    A, B = ours.hippo_legs(N)
    assert close(A, -np.eye(N) - np.array(inner), atol=1e-9)
    assert close(B, np.array([basis(n)(1.0) for n in range(N)]), atol=1e-12)


@pytest.mark.parametrize(("N", "T"), [(1, 5), (6, 30), (16, 12)])
def test_steps_are_those_of_cont2discrete(ours: ModuleType, N: int, T: int, generator: torch.Generator) -> None:
    signal = pytest.importorskip("scipy.signal", reason=NO_SCIPY)
    f = torch.randn(T, generator=generator, dtype=torch.float64)
    A, B = (matrix.numpy() for matrix in ours.hippo_legs(N))
    found = ours.legs_coefficients(f, N)
    c = np.zeros(N)
    for t in range(1, T + 1):
        A_bar, B_bar = signal.cont2discrete((A, B[:, None], np.eye(N), np.zeros((N, 1))), 1 / t, "bilinear")[:2]
        c = A_bar @ c + B_bar[:, 0] * f[t - 1].item()
        assert close(found[t - 1], c, atol=1e-10)


def test_error_of_the_steps_falls_like_one_over_t(ours: ModuleType) -> None:
    """f(x) = x: c_0 = t/2 and c_1 = t/(2√3), exactly. The samples stand in the middle of their steps."""
    errors = []
    for T in (50, 100, 200):
        f = (torch.arange(T, dtype=torch.float64) + 0.5) / T
        c = ours.legs_coefficients(f, 2)[-1]
        errors.append(float((c - torch.tensor([0.5, 0.5 / math.sqrt(3)])).abs().max()))
    assert errors[0] / errors[1] == pytest.approx(2, abs=0.1)
    assert errors[1] / errors[2] == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize("N", [1, 2, 9, 64])
def test_reconstruction_is_a_series_of_shifted_polynomials(
    ours: ModuleType, N: int, generator: torch.Generator
) -> None:
    special = pytest.importorskip("scipy.special", reason=NO_SCIPY)
    c = torch.randn(3, N, generator=generator, dtype=torch.float64)
    s = torch.rand(11, generator=generator, dtype=torch.float64)
    table = [math.sqrt(2 * n + 1) * special.eval_sh_legendre(n, s.numpy()) for n in range(N)]
    assert close(ours.reconstruct(c, s), c.numpy() @ np.array(table), atol=1e-10)


def test_gradients_are_those_of_finite_differences(ours: ModuleType, generator: torch.Generator) -> None:
    f = torch.randn(2, 5, generator=generator, dtype=torch.float64).requires_grad_()
    c = torch.randn(2, 4, generator=generator, dtype=torch.float64).requires_grad_()
    s = torch.rand(3, generator=generator, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda f: ours.legs_coefficients(f, 4), f)
    assert torch.autograd.gradcheck(lambda c: ours.reconstruct(c, s), c)


@pytest.mark.parametrize(("lag", "ridge"), [(0, 1e-6), (5, 1e-3), (30, 0.5)])
def test_recall_is_a_ridge_on_the_states_of_scipy(
    ours: ModuleType, lag: int, ridge: float, generator: torch.Generator
) -> None:
    signal = pytest.importorskip("scipy.signal", reason=NO_SCIPY)
    N, T, dt = 4, 80, 0.2
    A, B = ours.hippo_legs(N)
    f = torch.randn(T, generator=generator, dtype=torch.float64)
    system = signal.cont2discrete((A.numpy(), B.numpy()[:, None], np.eye(N), np.zeros((N, 1))), dt, "bilinear")
    _, z, _ = signal.dlsim((*system[:2], *system[:2], dt), f.numpy())  # its output is the state that has taken in f_t
    z, target = z[lag:], f.numpy()[: T - lag]
    root = math.sqrt(ridge * np.square(z).sum() / N)
    wide, long = np.concatenate([z, root * np.eye(N)]), np.concatenate([target, np.zeros(N)])
    missed = target - z @ np.linalg.lstsq(wide, long, rcond=None)[0]
    expected = 1 - np.square(missed).sum() / np.square(target).sum()
    assert ours.recall(A, B, dt, f, lag, ridge) == pytest.approx(expected, abs=1e-8)


def waves(generator: torch.Generator) -> Tensor:
    """40 cosine waves of 1 to 40 periods in 2,000 samples, with random heights and phases."""
    periods = torch.arange(1, 41, dtype=torch.float64)[:, None]
    height = torch.randn(40, 1, generator=generator, dtype=torch.float64)
    phase = 2 * math.pi * torch.rand(40, 1, generator=generator, dtype=torch.float64)
    return (height * torch.cos(2 * math.pi * periods * torch.arange(2000) / 2000 + phase)).sum(0)


def systems(ours: ModuleType, generator: torch.Generator) -> dict[str, tuple[Tensor, Tensor]]:
    """Return the four systems of the statement's table, with sixteen real numbers of state."""
    n = torch.arange(8, dtype=torch.float64)
    drawn = torch.randn(16, 16, generator=generator, dtype=torch.float64) / 4
    slowest = torch.linalg.eigvals(drawn).real.max()
    return {
        "LegS": ours.hippo_legs(16),
        "S4D-Lin": (torch.complex(torch.full_like(n, -0.5), math.pi * n).diag(), torch.ones(8, dtype=torch.complex128)),
        "S4D-real": (-torch.arange(1.0, 17, dtype=torch.float64).diag(), torch.ones(16, dtype=torch.float64)),
        "random": (
            drawn - (slowest + 0.5) * torch.eye(16, dtype=torch.float64),
            torch.randn(16, generator=generator, dtype=torch.float64),
        ),
    }


def test_table_of_the_statement(ours: ModuleType) -> None:
    drawn = torch.Generator().manual_seed(2)
    f = waves(drawn)
    found = {
        name: [round(ours.recall(A, B, 0.01, f, lag), 3) for lag in (0, 50, 100, 200)]
        for name, (A, B) in systems(ours, drawn).items()
    }
    expected = {
        "LegS": [1.0, 1.0, 1.0, 0.916],
        "S4D-Lin": [0.991, 0.897, 0.892, 0.903],
        "S4D-real": [0.998, 0.95, 0.644, 0.166],
        "random": [0.747, 0.657, 0.367, 0.182],
    }
    assert found == {name: pytest.approx(row, abs=0.0015) for name, row in expected.items()}


def test_white_noise_is_forgotten_by_all(ours: ModuleType, generator: torch.Generator) -> None:
    noise = torch.randn(2000, generator=generator, dtype=torch.float64)
    assert all(ours.recall(A, B, 0.01, noise, 100) < 0.1 for A, B in systems(ours, generator).values())


def test_powers_of_s_cancel(ours: ModuleType) -> None:
    """The coefficients of P_30(2s - 1) in powers of s, as whole numbers."""
    assert max(math.comb(30, k) * math.comb(30 + k, k) for k in range(31)) == pytest.approx(1.6e21, rel=0.03)

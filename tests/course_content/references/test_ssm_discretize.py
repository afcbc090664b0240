"""The reference of ssm_discretize against SciPy's discretisations, an integrator, and the scan of Hugging Face's Mamba.

SciPy and `transformers` are compared with where they are installed. They are no dependencies of the course.
"""

import numpy as np
import pytest
import torch

from tests.course_content.references.solutions import NO_TRANSFORMERS, close, reference

NO_SCIPY = "compares with SciPy, which is not installed"


@pytest.mark.parametrize("method", ["zoh", "bilinear", "euler"])
@pytest.mark.parametrize("dt", [0.05, 0.5, 2.0])
def test_matrix_rules_are_those_of_cont2discrete(method: str, dt: float, generator: torch.Generator) -> None:
    signal = pytest.importorskip("scipy.signal", reason=NO_SCIPY)
    N, M = 4, 2
    both = torch.randn(N, N + M, generator=generator, dtype=torch.float64)
    A, B = both[:, :N], both[:, N:]
    C, D = np.eye(N), np.zeros((N, M))
    expected = signal.cont2discrete((A.numpy(), B.numpy(), C, D), dt, method)[:2]
    for ours, theirs in zip(reference("ssm_discretize").discretize(A, B, dt, method), expected, strict=True):
        assert close(ours, theirs, atol=1e-8)  # torch's matrix_exp: up to 3e-10 of a norm of 10


@pytest.mark.parametrize("method", ["zoh", "bilinear"])
def test_diagonal_rules_are_those_of_cont2discrete(method: str, generator: torch.Generator) -> None:
    signal = pytest.importorskip("scipy.signal", reason=NO_SCIPY)
    A = torch.tensor([-3.0, -0.5, -1e-12, 0.0], dtype=torch.float64)
    B = torch.randn(4, generator=generator, dtype=torch.float64)
    system = A.diag().numpy(), B[:, None].numpy(), np.eye(4), np.zeros((4, 1))
    theirs = signal.cont2discrete(system, 0.7, method)
    A_bar, B_bar = reference("ssm_discretize").discretize_diag(A, B, 0.7, method)
    assert close(A_bar.diag(), theirs[0], atol=1e-14)
    assert close(B_bar[:, None], theirs[1], atol=1e-14)


def test_decay_is_the_exponential_of_scipy_and_of_torch(generator: torch.Generator) -> None:
    linalg = pytest.importorskip("scipy.linalg", reason=NO_SCIPY)
    A = torch.randn(5, 5, generator=generator, dtype=torch.float64)
    A_bar, _ = reference("ssm_discretize").discretize(A, A[:, :2], 0.7)
    assert close(A_bar, linalg.expm(0.7 * A.numpy()), atol=1e-8)
    assert close(A_bar, torch.matrix_exp(0.7 * A), atol=1e-8)


def test_zero_order_hold_is_exact_for_an_input_that_is_held(generator: torch.Generator) -> None:
    integrate = pytest.importorskip("scipy.integrate", reason=NO_SCIPY)
    N, dt = 3, 0.4
    both = torch.randn(N, N + 1, generator=generator, dtype=torch.float64)
    A, B = both[:, :N], both[:, N:]
    A_bar, B_bar = reference("ssm_discretize").discretize(A, B, dt)
    h, exact = torch.zeros(N, 1, dtype=torch.float64), np.zeros(N)
    for x in (1.0, -2.0, 0.5):
        h = A_bar @ h + B_bar * x
        held = integrate.solve_ivp(
            lambda _, y, x=x: A.numpy() @ y + B.numpy()[:, 0] * x, (0.0, dt), exact, rtol=1e-12, atol=1e-12
        )
        exact = held.y[:, -1]
        assert close(h[:, 0], exact, atol=1e-8)


@pytest.mark.parametrize("z", [-50.0, -1.0, -1e-3, -1e-5, -2e-6, -5e-7, -1e-9, -1e-12, 0.0])
def test_integral_of_the_decay_is_that_of_numpy(z: float) -> None:
    """Gauss-Legendre quadrature of exp(zs) over s from 0 to 1 divides by nothing."""
    nodes, weights = np.polynomial.legendre.leggauss(80)
    expected = weights @ np.exp(z * (nodes + 1) / 2) / 2
    one = torch.ones(1, dtype=torch.float64)
    _, B_bar = reference("ssm_discretize").discretize_diag(z * one, one, 1.0)
    assert abs(B_bar.item() / expected - 1) < 1e-11


def test_mamba_rule_is_that_of_the_slow_path_of_mamba(generator: torch.Generator) -> None:
    pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    from transformers.models.mamba.modeling_mamba import mamba_selective_scan

    Bt, T, Ch, N = 2, 5, 3, 4
    u, delta = torch.randn(2, Bt, Ch, T, generator=generator)
    delta = delta.abs()
    A = -torch.randn(Ch, N, generator=generator).exp()
    B, C = torch.randn(2, Bt, N, T, generator=generator)
    _, last = mamba_selective_scan(u, delta, A, B, C, delta_softplus=False, return_last_state=True)
    steps = delta.transpose(1, 2)[..., None]  # (Bt, T, Ch, 1)
    A_bar, B_bar = reference("ssm_discretize").discretize_diag(A, B.transpose(1, 2)[:, :, None], steps, "mamba")
    h = torch.zeros(Bt, Ch, N)
    for t in range(T):
        h = A_bar[:, t] * h + B_bar[:, t] * u[:, :, t, None]
    assert close(h, last, atol=1e-5)  # float32

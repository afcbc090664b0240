"""The reference of ssm_convolution against SciPy's discrete systems and filters, and NumPy's convolution.

SciPy is compared with where it is installed. It is no dependency of the course.
"""

from types import ModuleType

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.course_content.references.solutions import reference

NO_SCIPY = "compares with SciPy, which is not installed"


@pytest.fixture(scope="module")
def ours() -> ModuleType:
    return reference("ssm_convolution")


def draw(*size: int, seed: int = 0) -> Tensor:
    return torch.randn(*size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def system(Ch: int, N: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return A, B, C, D with |A| < 1, of both signs."""
    return torch.tanh(draw(Ch, N, seed=1)), draw(Ch, N, seed=2), draw(Ch, N, seed=3), draw(Ch, seed=4)


def test_recurrence_is_a_discrete_system_of_scipy(ours: ModuleType) -> None:
    """Simulate with dlsim, which reads the state before the update: C·A and D + C·B read it after."""
    signal = pytest.importorskip("scipy.signal", reason=NO_SCIPY)
    Bt, Ch, N, T = 2, 3, 4, 50
    A, B, C, D = system(Ch, N)
    x, h0 = draw(Bt, Ch, T, seed=5), draw(Bt, Ch, N, seed=6)
    y, h = ours.ssm_recurrence(A, B, C, x, D, h0)
    for b, c in np.ndindex(Bt, Ch):
        a, write, read = (tensor[c].numpy() for tensor in (A, B, C))
        theirs = np.diag(a), write[:, None], (read * a)[None], np.array([[D[c] + read @ write]]), 1.0
        _, outputs, states = signal.dlsim(theirs, x[b, c].numpy(), x0=h0[b, c].numpy())
        np.testing.assert_allclose(y[b, c], outputs[:, 0], atol=1e-11)
        np.testing.assert_allclose(h[b, c], a * states[-1] + write * x[b, c, -1].item(), atol=1e-11)


def test_kernel_is_the_impulse_response_of_scipy(ours: ModuleType) -> None:
    signal = pytest.importorskip("scipy.signal", reason=NO_SCIPY)
    Ch, N, T = 3, 4, 40
    A, B, C, _ = system(Ch, N)
    kernel = ours.ssm_kernel(A, B, C, T)
    for c in range(Ch):
        theirs = np.diag(A[c].numpy()), B[c, :, None].numpy(), C[c, None].numpy(), np.zeros((1, 1)), 1.0
        _, (response,) = signal.dimpulse(theirs, n=T + 1)
        np.testing.assert_allclose(kernel[c], response[1:, 0], atol=1e-12)  # theirs is one step later


def test_one_state_is_a_filter_of_scipy(ours: ModuleType) -> None:
    signal = pytest.importorskip("scipy.signal", reason=NO_SCIPY)
    T = 1000
    A, B, C = (torch.tensor([[value]], dtype=torch.float64) for value in (-0.95, 0.7, 2.0))
    x = draw(1, 1, T, seed=7)
    expected = signal.lfilter([1.4], [1.0, 0.95], x[0, 0].numpy())
    np.testing.assert_allclose(ours.ssm_recurrence(A, B, C, x)[0][0, 0], expected, atol=1e-11)
    y = ours.causal_conv(x, ours.ssm_kernel(A, B, C, T))
    np.testing.assert_allclose(y[0, 0], expected, atol=1e-11)


def test_convolution_is_that_of_torch(ours: ModuleType) -> None:
    Bt, Ch, T = 2, 3, 20
    x, kernel = draw(Bt, Ch, T, seed=11), draw(Ch, T, seed=12)
    padded = torch.nn.functional.pad(x, (T - 1, 0))
    expected = torch.nn.functional.conv1d(padded, kernel.flip(-1)[:, None], groups=Ch)
    torch.testing.assert_close(ours.causal_conv(x, kernel), expected, rtol=0.0, atol=1e-12)

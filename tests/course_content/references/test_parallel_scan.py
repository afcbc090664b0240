"""The reference of parallel_scan against SciPy's filters, itertools, Mamba's scan and torch's own associative scan.

SciPy and `transformers` are compared with where they are installed. They are no dependencies of the course.
"""

from types import ModuleType

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.course_content.references.solutions import NO_TRANSFORMERS, reference

NO_SCIPY = "compares with SciPy, which is not installed"


@pytest.fixture(scope="module")
def ours() -> ModuleType:
    return reference("parallel_scan")


def draw(*size: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Return a with |a| < 1, and b."""
    generator = torch.Generator().manual_seed(seed)
    a, b = torch.randn(2, *size, generator=generator, dtype=torch.float64)
    return torch.tanh(a), b


@pytest.mark.parametrize("decay", [0.9, -0.99, 1.0, 0.0])
@pytest.mark.parametrize("T", [1, 2, 3, 1000, 1024])
def test_a_constant_decay_is_a_filter_of_scipy(ours: ModuleType, decay: float, T: int) -> None:
    signal = pytest.importorskip("scipy.signal", reason=NO_SCIPY)
    _, b = draw(T)
    h0 = torch.tensor(3.0, dtype=torch.float64)
    expected, _ = signal.lfilter([1.0], [1.0, -decay], b.numpy(), zi=[decay * 3.0])
    h = ours.parallel_scan(torch.full_like(b, decay), b, h0)
    np.testing.assert_allclose(h, expected, atol=1e-11)


@pytest.mark.parametrize("T", [2, 7, 16, 33])
def test_scan_is_the_associative_scan_of_torch(ours: ModuleType, T: int) -> None:
    scans = pytest.importorskip("torch._higher_order_ops.associative_scan", reason="a prototype of torch")
    a, b = draw(3, T)
    try:
        _, expected = scans.generic_associative_scan(
            lambda *leaves: ours.combine(leaves[:2], leaves[2:]), [a, b], dim=1
        )
    except (AttributeError, TypeError):
        pytest.skip("torch's prototype has changed")
    torch.testing.assert_close(ours.parallel_scan(a, b), expected, rtol=0.0, atol=1e-12)


def test_mambas_recurrence_is_a_scan(ours: ModuleType) -> None:
    pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    from transformers.models.mamba.modeling_mamba import mamba_selective_scan

    Bt, T, Ch, N = 2, 37, 3, 4
    generator = torch.Generator().manual_seed(1)
    u, delta = torch.randn(2, Bt, Ch, T, generator=generator)
    delta = delta.abs()
    A = -torch.randn(Ch, N, generator=generator).exp()
    B, C = torch.randn(2, Bt, N, T, generator=generator)
    y, last = mamba_selective_scan(u, delta, A, B, C, delta_softplus=False, return_last_state=True)
    a = torch.exp(delta[:, :, None] * A[..., None])  # (Bt, Ch, N, T)
    h = ours.parallel_scan(a, (delta * u)[:, :, None] * B[:, None])
    torch.testing.assert_close(h[..., -1], last, rtol=0.0, atol=1e-5)
    torch.testing.assert_close((h * C[:, None]).sum(2), y, rtol=0.0, atol=1e-5)

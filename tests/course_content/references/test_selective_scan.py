"""The reference of selective_scan against the recurrence in NumPy, and the scan of Hugging Face's Mamba.

Hugging Face's are compared where `transformers` is installed. It is no dependency of the course.
"""

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.course_content.references.solutions import NO_TRANSFORMERS, close, reference


def scan_inputs(generator: torch.Generator, dtype: torch.dtype) -> dict[str, Tensor]:
    Bt, Ch, N, T = 2, 3, 4, 6

    def randn(*size: int) -> Tensor:
        return torch.randn(*size, generator=generator, dtype=dtype)

    return {
        "u": randn(Bt, Ch, T),
        "delta": randn(Bt, Ch, T),
        "A": -randn(Ch, N).exp(),
        "B": randn(Bt, N, T),
        "C": randn(Bt, N, T),
        "D": randn(Ch),
        "z": randn(Bt, Ch, T),
        "delta_bias": randn(Ch),
    }


def test_selective_scan_is_the_recurrence_number_by_number(generator: torch.Generator) -> None:
    inputs = scan_inputs(generator, torch.float64)
    h0 = torch.randn(2, 3, 4, generator=generator, dtype=torch.float64)
    y, last = reference("selective_scan").selective_scan(**inputs, delta_softplus=True, h0=h0)

    u, delta, A, B, C, D, z, bias = (x.numpy() for x in inputs.values())
    for b, c in np.ndindex(2, 3):
        h = h0[b, c].numpy()
        for t in range(6):
            step = np.logaddexp(0.0, delta[b, c, t] + bias[c])
            h = np.exp(step * A[c]) * h + step * u[b, c, t] * B[b, :, t]
            out = (C[b, :, t] @ h + D[c] * u[b, c, t]) * z[b, c, t] / (1 + np.exp(-z[b, c, t]))
            assert abs(out - y[b, c, t].item()) < 1e-12
        assert np.allclose(last[b, c].numpy(), h, rtol=0.0, atol=1e-12)


@pytest.mark.parametrize("options", [(), ("D",), ("z",), ("D", "z", "delta_bias")], ids=str)
@pytest.mark.parametrize("softplus", [False, True], ids=["delta", "softplus"])
def test_selective_scan_is_the_slow_path_of_mamba(
    options: tuple[str, ...], softplus: bool, generator: torch.Generator
) -> None:
    pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    from transformers.models.mamba.modeling_mamba import mamba_selective_scan

    inputs = scan_inputs(generator, torch.float32)
    if not softplus:
        inputs["delta"] = inputs["delta"].abs()
        inputs["delta_bias"] = inputs["delta_bias"].abs()
    required = [inputs[name] for name in ("u", "delta", "A", "B", "C")]
    chosen = {name: inputs[name] for name in options}
    theirs = mamba_selective_scan(*required, **chosen, delta_softplus=softplus, return_last_state=True)
    ours = reference("selective_scan").selective_scan(*required, **chosen, delta_softplus=softplus)
    for actual, expected in zip(ours, theirs, strict=True):
        assert close(actual, expected, atol=1e-4)  # float32, values of size 10

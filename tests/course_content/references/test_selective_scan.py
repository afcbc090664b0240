"""The reference of selective_scan against the recurrence in NumPy, and the scan of Hugging Face's Mamba.

Hugging Face's are compared where `transformers` is installed. It is no dependency of the course.
"""

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

"""The reference of moe_router against NumPy, a plain loop, and the gate of Hugging Face's Mixtral.

Hugging Face's are compared where `transformers` is installed. It is no dependency of the course.
"""

import pytest
import torch

from tests.course_content.references.solutions import NO_TRANSFORMERS, close, reference


def test_route_is_the_gate_of_mixtral(generator: torch.Generator) -> None:
    pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    from transformers import MixtralConfig
    from transformers.models.mixtral.modeling_mixtral import MixtralTopKRouter

    T, E, k, D = 11, 8, 2, 16
    gate = MixtralTopKRouter(MixtralConfig(hidden_size=D, num_local_experts=E, num_experts_per_tok=k))
    with torch.no_grad():
        gate.weight.copy_(torch.randn(E, D, generator=generator))
        x = torch.randn(T, D, generator=generator)
        _, scores, chosen = gate(x)
        weights, indices = reference("moe_router").route(x @ gate.weight.T, k)
    assert torch.equal(indices, chosen)
    assert close(weights, scores, atol=1e-6)  # float32

"""The reference of moe_router against NumPy, a plain loop, and the gate of Hugging Face's Mixtral.

Hugging Face's are compared where `transformers` is installed. It is no dependency of the course.
"""

import numpy as np
import pytest
import torch

from tests.course_content.references.solutions import NO_TRANSFORMERS, close, reference


@pytest.mark.parametrize("shape", [(5, 7), (2, 3, 7), (7,)], ids=str)
def test_route_is_argsort_and_softmax_of_numpy(shape: tuple[int, ...], generator: torch.Generator) -> None:
    k = 3
    logits = torch.randn(*shape, generator=generator, dtype=torch.float64)
    weights, indices = reference("moe_router").route(logits, k)
    order = np.argsort(-logits.numpy(), axis=-1)[..., :k]
    e = np.exp(np.take_along_axis(logits.numpy(), order, axis=-1))
    assert np.array_equal(indices.numpy(), order)
    assert np.allclose(weights.numpy(), e / e.sum(-1, keepdims=True), rtol=1e-12)


def test_combine_matrix_mixes_experts_as_a_loop_does(generator: torch.Generator) -> None:
    T, E, k, D = 5, 7, 3, 4
    ours = reference("moe_router")
    weights, indices = ours.route(torch.randn(T, E, generator=generator), k)
    outputs = torch.randn(E, D, generator=generator)
    mixed = ours.combine_matrix(weights, indices, E) @ outputs
    looped = [sum(w * outputs[e] for w, e in zip(weights[t], indices[t].tolist(), strict=True)) for t in range(T)]
    assert close(mixed, torch.stack(looped), atol=1e-6)  # float32


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

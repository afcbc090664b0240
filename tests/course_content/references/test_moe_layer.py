"""The reference of moe_layer against Hugging Face's Mixtral, NumPy and the sizes of Mixtral 8x7B.

Hugging Face's is compared where `transformers` is installed. It is no dependency of the course.
"""

from types import ModuleType
from typing import Any

import pytest
import torch

from tests.course_content.references.solutions import NO_TRANSFORMERS, close, reference


@pytest.fixture
def ours() -> ModuleType:
    return reference("moe_layer")


def mixtral(D: int, F: int, E: int, k: int) -> Any:
    from transformers import MixtralConfig
    from transformers.models.mixtral.modeling_mixtral import MixtralSparseMoeBlock

    sizes: dict[str, Any] = {"hidden_size": D, "intermediate_size": F, "num_local_experts": E, "num_experts_per_tok": k}
    block: Any = MixtralSparseMoeBlock
    return block(MixtralConfig(**sizes, num_attention_heads=1, num_key_value_heads=1)).double().eval()


@pytest.mark.parametrize("k", [1, 2, 3, 5])
def test_moe_layer_is_mixtrals_block(ours: ModuleType, k: int, generator: torch.Generator) -> None:
    pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    B, T, D, F, E = 2, 11, 8, 6, 5
    layer = ours.MoELayer(D, F, E, k).double()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) / parameter.shape[-1] ** 0.5)
    theirs = mixtral(D, F, E, k)
    theirs.load_state_dict(
        {
            "gate.weight": layer.gate.detach(),
            "experts.gate_up_proj": torch.cat([layer.w1, layer.w3], dim=1).detach(),
            "experts.down_proj": layer.w2.detach(),
        }
    )
    x, g = torch.randn(2, B, T, D, generator=generator, dtype=torch.float64)
    inputs = [x.clone().requires_grad_() for _ in range(2)]
    y, expected = layer(inputs[0]), theirs(inputs[1])
    # Theirs rounds the router's probabilities to float32, and so do the gradients that come through them.
    assert close(y, expected, atol=1e-6)
    (y * g).sum().backward()
    (expected * g).sum().backward()
    assert close(inputs[0].grad, inputs[1].grad, atol=1e-5)
    assert close(layer.gate.grad, theirs.gate.weight.grad, atol=1e-5)
    assert close(torch.cat([layer.w1.grad, layer.w3.grad], dim=1), theirs.experts.gate_up_proj.grad, atol=1e-5)
    assert close(layer.w2.grad, theirs.experts.down_proj.grad, atol=1e-5)


@pytest.mark.parametrize("k", [1, 3])
def test_gradients_are_those_of_finite_differences(ours: ModuleType, k: int, generator: torch.Generator) -> None:
    T, D, F, E = 4, 3, 2, 5
    shapes = (T, D), (E, D), (E, F, D), (E, D, F), (E, F, D)
    tensors = [torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_() for shape in shapes]
    assert torch.autograd.gradcheck(lambda *inputs: ours.moe_forward(*inputs, k), tensors)


def test_sizes_of_mixtral_8x7b(ours: ModuleType) -> None:
    with torch.device("meta"):
        layer = ours.MoELayer(4096, 14336, 8, 2)
    experts = sum(w.numel() for w in (layer.w1, layer.w2, layer.w3))
    assert experts == 1_409_286_144
    assert experts * 2 // 8 == 352_321_536
    assert layer.gate.numel() == 32_768

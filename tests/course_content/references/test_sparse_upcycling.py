"""The reference of sparse_upcycling against Hugging Face's Mistral and Mixtral, scipy and published counts.

Hugging Face's and scipy's are compared where they are installed. They are no dependencies of the course.
"""

from types import ModuleType
from typing import Any

import pytest
import torch

from tests.course_content.references.solutions import NO_TRANSFORMERS, close, reference

NO_SCIPY = "compares with scipy, which is not installed"


@pytest.fixture
def ours() -> ModuleType:
    return reference("sparse_upcycling")


def models(E: int, k: int, **sizes: Any) -> tuple[Any, Any]:
    """Make a dense Mistral and a Mixtral of the same sizes."""
    from transformers import MistralConfig, MistralModel, MixtralConfig, MixtralModel

    rope = {"rope_type": "default", "rope_theta": 10000.0}  # in this and in eps their defaults differ
    sizes |= {"attn_implementation": "eager", "sliding_window": None, "rope_parameters": rope, "rms_norm_eps": 1e-5}
    sparse = MixtralConfig(**sizes, num_local_experts=E, num_experts_per_tok=k)
    return MistralModel(MistralConfig(**sizes)).eval(), MixtralModel(sparse).eval()


@pytest.mark.parametrize("k", [1, 2, 4])
def test_upcycled_mistral_is_a_mixtral_that_says_the_same(ours: ModuleType, k: int, generator: torch.Generator) -> None:
    pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    E = 4
    sizes = {"vocab_size": 30, "hidden_size": 12, "intermediate_size": 20, "num_hidden_layers": 3}
    dense, sparse = models(E, k, **sizes, num_attention_heads=3, num_key_value_heads=1, head_dim=4)
    state = {}
    for name, weight in dense.state_dict().items():
        state[name] = torch.randn(weight.shape, generator=generator) / weight.shape[-1] ** 0.5
    dense.load_state_dict(state)
    for number in range(sizes["num_hidden_layers"]):
        mlp = f"layers.{number}.mlp"
        names = (f"{mlp}.gate_proj.weight", f"{mlp}.down_proj.weight", f"{mlp}.up_proj.weight")
        layer = ours.upcycle(*(state.pop(name) for name in names), E, seed=number)
        state[f"{mlp}.gate.weight"] = layer["gate"]
        state[f"{mlp}.experts.gate_up_proj"] = torch.cat([layer["w1"], layer["w3"]], dim=1)
        state[f"{mlp}.experts.down_proj"] = layer["w2"]
    sparse.load_state_dict(state)
    tokens = torch.randint(0, 30, (2, 7), generator=generator)
    with torch.no_grad():
        expected = dense(tokens, use_cache=False).last_hidden_state
        assert close(sparse(tokens, use_cache=False).last_hidden_state, expected, atol=1e-5)  # float32, three layers


def test_slices_of_mistrals_ffn_sum_to_it(ours: ModuleType, generator: torch.Generator) -> None:
    pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    from transformers import MistralConfig
    from transformers.models.mistral.modeling_mistral import MistralMLP

    mlp: Any = MistralMLP
    D, F, m = 5, 24, 4
    whole = mlp(MistralConfig(hidden_size=D, intermediate_size=F)).double().requires_grad_(False)
    slices = ours.split_expert(whole.gate_proj.weight, whole.down_proj.weight, whole.up_proj.weight, m)
    part = mlp(MistralConfig(hidden_size=D, intermediate_size=F // m)).double().requires_grad_(False)
    x = torch.randn(7, D, generator=generator, dtype=torch.float64)
    total = torch.zeros_like(x)
    for w1, w2, w3 in zip(slices["w1"], slices["w2"], slices["w3"], strict=True):
        part.load_state_dict({"gate_proj.weight": w1, "down_proj.weight": w2, "up_proj.weight": w3})
        total += part(x)
    assert close(total, whole(x), atol=1e-12)


def test_router_is_normal(ours: ModuleType) -> None:
    stats = pytest.importorskip("scipy.stats", reason=NO_SCIPY)
    w1, w2, w3 = torch.zeros(3, 128), torch.zeros(128, 3), torch.zeros(3, 128)
    gate = ours.upcycle(w1, w2, w3, 24, seed=0, router_std=0.5)["gate"]
    assert stats.kstest(gate.flatten().numpy(), "norm", (0.0, 0.5)).pvalue > 0.01


def test_combinations_are_those_that_deepseekmoe_counts(ours: ModuleType) -> None:
    assert ours.combinations(16, 2) == 120
    assert ours.combinations(16, 2, m=4) == 4_426_165_368


def test_upcycled_mistral_7b_has_the_size_of_mixtral_8x7b(ours: ModuleType) -> None:
    with torch.device("meta"):
        w1, w2, w3 = torch.empty(14336, 4096), torch.empty(4096, 14336), torch.empty(14336, 4096)
    copies = sum(8 * w.numel() for w in (w1, w2, w3))
    router = 8 * 4096
    dense_ffn = copies // 8
    assert 7_241_732_096 + 32 * (copies + router - dense_ffn) == 46_702_792_704

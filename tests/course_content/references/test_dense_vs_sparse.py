"""The reference of dense_vs_sparse against PyTorch's FLOP counter on models of Hugging Face transformers.

They are compared where `transformers` is installed. It is no dependency of the course.
"""

from types import ModuleType
from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from tests.course_content.references.published import MISTRAL_7B, MIXTRAL_8X7B, QWEN3_30B_A3B
from tests.course_content.references.solutions import NO_TRANSFORMERS, reference

LLAMA_2_70B = {
    **MISTRAL_7B,
    "hidden_size": 8192,
    "intermediate_size": 28672,
    "num_hidden_layers": 80,
    "num_attention_heads": 64,
}
SMALL = {
    "vocab_size": 50,
    "hidden_size": 24,
    "intermediate_size": 40,
    "num_hidden_layers": 3,
    "num_attention_heads": 6,
    "num_key_value_heads": 2,
}
SPARSE = {**SMALL, "num_experts": 8, "num_experts_per_tok": 3}


@pytest.fixture
def ours() -> ModuleType:
    return reference("dense_vs_sparse")


def counted(config_class: str, config: dict[str, Any], T: int, device: str = "cpu") -> int:
    """Return the FLOPs of one sequence of T tokens, each multiplied with all T keys and values."""
    transformers = pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    names = {"MixtralConfig": "num_local_experts", "Glm4MoeConfig": "n_routed_experts"}
    renamed = {names.get(config_class, key) if key == "num_experts" else key: config[key] for key in config}
    renamed.pop("qk_norm", None)
    theirs = getattr(transformers, config_class)(
        **{"tie_word_embeddings": False, "attn_implementation": "eager", **renamed}
    )
    with torch.device(device):
        model = transformers.AutoModelForCausalLM.from_config(theirs).eval()
        tokens, mask = torch.arange(T).view(1, T) % config["vocab_size"], torch.zeros(1, 1, T, T)
    if "num_experts" in config:
        model.set_experts_implementation("eager")
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(tokens, attention_mask=mask, use_cache=False)
    return int(counter.get_total_flops())


@pytest.mark.parametrize(
    ("config_class", "config"),
    [
        pytest.param("MistralConfig", SMALL, id="Mistral"),
        pytest.param("MistralConfig", {**SMALL, "head_dim": 10}, id="Mistral, other heads"),
        pytest.param("LlamaConfig", {**SMALL, "tie_word_embeddings": True}, id="Llama, tied"),
        pytest.param("MixtralConfig", SPARSE, id="Mixtral"),
        pytest.param("MixtralConfig", {**SPARSE, "num_experts": 5, "num_experts_per_tok": 1}, id="Mixtral, 1 of 5"),
        pytest.param(
            "Qwen3MoeConfig", {**SPARSE, "head_dim": 6, "qk_norm": True, "moe_intermediate_size": 7}, id="Qwen3"
        ),
    ],
)
def test_flops_are_those_of_the_counter(ours: ModuleType, config_class: str, config: dict[str, Any]) -> None:
    T = 13
    assert T * ours.flops_per_token(config, T) == counted(config_class, config, T)


@pytest.mark.parametrize(("shared", "dense"), [(1, 0), (2, 1), (1, 3)])
def test_shared_experts_and_dense_layers_are_those_of_glm(ours: ModuleType, shared: int, dense: int) -> None:
    """GLM-4.5 has both, and grouped queries."""
    config = {**SPARSE, "moe_intermediate_size": 7, "n_shared_experts": shared, "first_k_dense_replace": dense}
    config |= {"n_group": 1, "topk_group": 1, "head_dim": 4}
    assert 13 * ours.flops_per_token(config, 13) == counted("Glm4MoeConfig", config, 13)


@pytest.mark.parametrize(
    ("config", "flops", "twin"),
    [
        pytest.param(MISTRAL_7B, 16_368_271_360, 16_368_271_360, id="Mistral 7B"),
        pytest.param(MIXTRAL_8X7B, 27_644_657_664, 27_642_560_512, id="Mixtral 8x7B"),
        pytest.param(QWEN3_30B_A3B, 9_304_539_136, 9_279_373_312, id="Qwen3-30B-A3B"),
        pytest.param(LLAMA_2_70B, 148_163_788_800, 148_163_788_800, id="Llama 2 70B"),
    ],
)
def test_figures_of_the_statement(ours: ModuleType, config: dict[str, Any], flops: int, twin: int) -> None:
    assert ours.flops_per_token(config, 4096) == flops
    dense = ours.dense_twin(config)
    assert ours.flops_per_token(dense, 4096) == twin
    T = 4096
    assert counted("MistralConfig", {key: dense[key] for key in dense if key != "qk_norm"}, T, "meta") == T * twin


def test_training_and_dense_layers_of_deepseek_v3(ours: ModuleType) -> None:
    """Its first layers are as wide as what a token uses in the others, so the twin is alike in all layers."""
    assert ours.training_flops(37_000_000_000, 14_800_000_000_000) == pytest.approx(3.29e24, rel=2e-3)
    sparse = {"num_experts": 256, "num_experts_per_tok": 8, "moe_intermediate_size": 2048, "n_shared_experts": 1}
    dense = {**LLAMA_2_70B, "intermediate_size": 18432}
    assert ours.dense_twin({**dense, **sparse, "first_k_dense_replace": 3}) == dense

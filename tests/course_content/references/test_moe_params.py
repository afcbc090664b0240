"""The reference of moe_params against models of Hugging Face transformers, built on the meta device from their configs.

They are compared where `transformers` is installed. It is no dependency of the course.
"""

from typing import Any

import pytest
import torch

from tests.course_content.references.published import MISTRAL_7B, MIXTRAL_8X7B, QWEN3_30B_A3B
from tests.course_content.references.solutions import NO_TRANSFORMERS, reference

MIXTRAL_8X22B = {
    **MIXTRAL_8X7B,
    "hidden_size": 6144,
    "intermediate_size": 16384,
    "num_hidden_layers": 56,
    "num_attention_heads": 48,
}
DEEPSEEK_V3 = {
    "vocab_size": 129280,
    "hidden_size": 7168,
    "intermediate_size": 18432,
    "num_hidden_layers": 61,
    "num_attention_heads": 128,
    "num_key_value_heads": 128,
    "q_lora_rank": 1536,
    "kv_lora_rank": 512,
    "qk_nope_head_dim": 128,
    "qk_rope_head_dim": 64,
    "v_head_dim": 128,
    "num_experts": 256,
    "num_experts_per_tok": 8,
    "moe_intermediate_size": 2048,
    "n_shared_experts": 1,
    "first_k_dense_replace": 3,
}
KIMI_K2 = {
    **DEEPSEEK_V3,
    "vocab_size": 163840,
    "num_attention_heads": 64,
    "num_key_value_heads": 64,
    "num_experts": 384,
    "first_k_dense_replace": 1,
}
DEEPSEEK_V2_LITE = {
    **DEEPSEEK_V3,
    "vocab_size": 102400,
    "hidden_size": 2048,
    "intermediate_size": 10944,
    "num_hidden_layers": 27,
    "num_attention_heads": 16,
    "num_key_value_heads": 16,
    "q_lora_rank": None,
    "num_experts": 64,
    "num_experts_per_tok": 6,
    "moe_intermediate_size": 1408,
    "n_shared_experts": 2,
    "first_k_dense_replace": 1,
}
# What the config classes of transformers call num_experts. qk_norm is not in any of them.
NAMES = {
    "MixtralConfig": "num_local_experts",
    "DeepseekV2Config": "n_routed_experts",
    "DeepseekV3Config": "n_routed_experts",
}
PUBLISHED = [
    pytest.param("MistralConfig", MISTRAL_7B, 7_241_732_096, 7_241_732_096, id="Mistral 7B"),
    pytest.param("MixtralConfig", MIXTRAL_8X7B, 46_702_792_704, 12_879_925_248, id="Mixtral 8x7B"),
    pytest.param("MixtralConfig", MIXTRAL_8X22B, 140_620_634_112, 39_152_031_744, id="Mixtral 8x22B"),
    pytest.param("Qwen3MoeConfig", QWEN3_30B_A3B, 30_532_122_624, 3_353_032_704, id="Qwen3-30B-A3B"),
    pytest.param("DeepseekV2Config", DEEPSEEK_V2_LITE, 15_706_484_224, 2_661_150_208, id="DeepSeek-V2-Lite"),
    pytest.param("DeepseekV3Config", DEEPSEEK_V3, 671_026_404_352, 37_552_282_624, id="DeepSeek-V3"),
    pytest.param("DeepseekV3Config", KIMI_K2, 1_026_408_209_408, 32_861_477_888, id="Kimi K2"),
]


def model_of(config_class: str, config: dict[str, Any]) -> Any:
    """Make the transformers model of this config, without memory for its weights."""
    transformers = pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    renamed = {NAMES.get(config_class, key) if key == "num_experts" else key: config[key] for key in config}
    renamed.pop("qk_norm", None)
    theirs = getattr(transformers, config_class)(**{"tie_word_embeddings": False, **renamed})
    with torch.device("meta"):
        return transformers.AutoModelForCausalLM.from_config(theirs)


def count(model: Any, k: int) -> tuple[int, int]:
    """Its parameters, and those outside the experts together with k of each layer's experts."""
    sizes = {name: parameter.numel() for name, parameter in model.named_parameters()}
    experts = {name: parameter.shape[0] for name, parameter in model.named_parameters() if ".mlp.experts." in name}
    total = sum(sizes.values())
    return total, total - sum(sizes[name] // E * (E - k) for name, E in experts.items())


@pytest.mark.parametrize(("config_class", "config", "total", "active"), PUBLISHED)
def test_published_counts_are_those_of_the_models(
    config_class: str, config: dict[str, Any], total: int, active: int
) -> None:
    assert reference("moe_params").count_params(config) == {"total": total, "active": active}
    assert count(model_of(config_class, config), config.get("num_experts_per_tok", 0)) == (total, active)


@pytest.mark.parametrize("tied", [False, True], ids=["untied", "tied"])
@pytest.mark.parametrize(
    ("config_class", "config"),
    [
        pytest.param("MixtralConfig", {"head_dim": 10}, id="Mixtral"),
        pytest.param("Qwen3MoeConfig", {"head_dim": 6, "qk_norm": True, "moe_intermediate_size": 7}, id="Qwen3"),
        pytest.param("DeepseekV3Config", {"q_lora_rank": 9, "first_k_dense_replace": 2}, id="DeepSeek-V3"),
        pytest.param("DeepseekV3Config", {"q_lora_rank": None, "n_shared_experts": 3}, id="no compressed queries"),
    ],
)
def test_small_counts_are_those_of_the_models(config_class: str, config: dict[str, Any], tied: bool) -> None:
    small = {
        "vocab_size": 50,
        "hidden_size": 24,
        "intermediate_size": 40,
        "num_hidden_layers": 5,
        "num_attention_heads": 6,
        "num_key_value_heads": 2,
        "num_experts": 8,
        "num_experts_per_tok": 3,
        "tie_word_embeddings": tied,
    }
    if config_class == "DeepseekV3Config":
        small |= {"num_key_value_heads": 6, "kv_lora_rank": 11, "moe_intermediate_size": 13, "n_shared_experts": 1}
        small |= {"qk_nope_head_dim": 12, "qk_rope_head_dim": 4, "v_head_dim": 14, "first_k_dense_replace": 1}
        small |= {"n_group": 1, "topk_group": 1}
    small |= config
    total, active = count(model_of(config_class, small), 3)
    assert reference("moe_params").count_params(small) == {"total": total, "active": active}


def test_attention_is_that_of_the_models() -> None:
    for config_class, config in (("Qwen3MoeConfig", QWEN3_30B_A3B), ("DeepseekV3Config", DEEPSEEK_V3)):
        attention = model_of(config_class, config).model.layers[0].self_attn
        expected = sum(parameter.numel() for parameter in attention.parameters())
        assert reference("moe_params").attention_params(config) == expected


def test_figures_of_the_statement() -> None:
    """Eight times Mistral 7B; DeepSeek-V3 and V2-Lite without the embedding table; the prediction module of V3."""
    ours = reference("moe_params")
    assert 8 * ours.count_params(MISTRAL_7B)["total"] == 57_933_856_768
    table = 129280 * 7168
    count = ours.count_params(DEEPSEEK_V3)
    assert count["active"] - table == 36_625_603_584
    assert ours.count_params(DEEPSEEK_V2_LITE)["active"] - 102400 * 2048 == 2_451_435_008
    more = {**DEEPSEEK_V3, "num_hidden_layers": 62}
    layer = ours.count_params(more)["total"] - count["total"]
    module = layer + 2 * 7168 * 7168 + 3 * 7168  # a projection of 2D to D, and three norms
    assert count["total"] + module + 2 * table == 684_489_830_400  # "685B"

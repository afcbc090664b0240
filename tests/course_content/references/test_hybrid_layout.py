"""The reference of hybrid_layout against Hugging Face's Jamba: its config, its models, and the cache that one fills.

They are compared where `transformers` is installed. It is no dependency of the course.
"""

from typing import Any

import pytest
import torch

from tests.course_content.references.jambas import SMALL
from tests.course_content.references.solutions import NO_TRANSFORMERS, reference

GIB = 2**30
CHANGES = [
    pytest.param({}, id="small"),
    pytest.param({"attn_layer_period": 1, "attn_layer_offset": 0}, id="all attention"),
    pytest.param({"attn_layer_period": 9, "attn_layer_offset": 8, "expert_layer_period": 2}, id="all Mamba"),
    pytest.param({"mamba_d_conv": 3, "mamba_expand": 3, "num_key_value_heads": 3}, id="wide Mamba"),
    pytest.param({"expert_layer_period": 1, "num_experts_per_tok": 1}, id="all experts"),
]


def jamba_config(config: dict[str, Any]) -> Any:
    transformers = pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    return transformers.JambaConfig(**config)


def count(config: dict[str, Any]) -> dict[str, int]:
    """Count the parameters of Hugging Face's model, and those used by a token: k experts in each layer."""
    transformers = pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    with torch.device("meta"):
        model = transformers.AutoModelForCausalLM.from_config(jamba_config(config))
    sizes = {name: parameter.numel() for name, parameter in model.named_parameters()}
    E, k = config["num_experts"], config["num_experts_per_tok"]
    idle = sum(size // E * (E - k) for name, size in sizes.items() if ".experts." in name)
    total = sum(sizes.values())
    return {"total": total, "active": total - idle}


def test_jamba_is_the_default_config_of_transformers() -> None:
    pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    theirs, ours = jamba_config({}), reference("hybrid_layout").JAMBA
    assert ours == {key: getattr(theirs, key) for key in ours}


@pytest.mark.parametrize("changes", CHANGES)
def test_layout_is_that_of_the_config(changes: dict[str, int]) -> None:
    pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    config = {**SMALL, **changes}
    theirs = jamba_config(config)
    ffns = ["moe" if experts > 1 else "mlp" for experts in theirs.layers_num_experts]
    expected = [list(pair) for pair in zip(theirs.layers_block_type, ffns, strict=True)]
    assert reference("hybrid_layout").layout(config) == expected


@pytest.mark.parametrize("changes", CHANGES)
def test_counts_are_those_of_the_models(changes: dict[str, int]) -> None:
    pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    config = {**SMALL, **changes}
    assert reference("hybrid_layout").count_params(config) == count(config)


def test_published_counts_are_those_of_the_models() -> None:
    """52B and 12B of Jamba v0.1, 398B and 94B of Jamba 1.5 Large."""
    pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    ours = reference("hybrid_layout")
    large = {
        **ours.JAMBA,
        "hidden_size": 8192,
        "intermediate_size": 24576,
        "num_hidden_layers": 72,
        "num_attention_heads": 64,
        "mamba_dt_rank": 512,
    }
    for config, total, active in (
        (ours.JAMBA, 51_570_323_328, 12_110_311_296),
        (large, 398_555_145_696, 94_149_338_592),
    ):
        assert ours.count_params(config) == count(config) == {"total": total, "active": active}


@pytest.mark.parametrize("changes", [CHANGES[i] for i in (0, 1, 3, 4)])  # theirs needs an attention layer
def test_memory_is_that_of_a_filled_cache(changes: dict[str, int]) -> None:
    transformers = pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    config = {**SMALL, **changes}
    ours = reference("hybrid_layout")
    model = transformers.JambaModel(jamba_config(config)).eval()
    B, T = 2, 11
    with torch.no_grad():
        cache = model(torch.randint(1, 50, (B, T)), use_cache=True).past_key_values
    if not hasattr(cache, "layers"):
        pytest.skip("this version of transformers keeps the cache of Jamba in another way")
    keys_and_values = states = 0
    for layer, (mixer, _) in zip(cache.layers, ours.layout(config), strict=True):
        if mixer == "attention":
            keys_and_values += layer.keys.numel() + layer.values.numel()
        else:
            states += layer.conv_states[0].numel() + layer.recurrent_states[0].numel()
    assert ours.kv_cache_bytes(config, T, B, bytes_per_value=1) == keys_and_values
    assert ours.ssm_state_bytes(config, B, bytes_per_value=1) == states


def test_table_1_is_that_of_kv_cache_size() -> None:
    """4 GB for Jamba, 32 GB for Mixtral and Mistral 7B, 128 GB for Llama 2 7B, at 256K tokens of 16 bits."""
    ours, bytes_of = reference("hybrid_layout"), reference("kv_cache_size").kv_cache_bytes
    everywhere = {**ours.JAMBA, "attn_layer_period": 1, "attn_layer_offset": 0}
    for config, layers, kv_heads, expected in (
        (ours.JAMBA, 4, 8, 4 * GIB),
        (everywhere, 32, 8, 32 * GIB),
        ({**everywhere, "num_key_value_heads": 32}, 32, 32, 128 * GIB),
    ):
        assert ours.kv_cache_bytes(config, 256 * 1024) == bytes_of(layers, kv_heads, 128, 256 * 1024) == expected


def test_figures_of_the_statement() -> None:
    ours = reference("hybrid_layout")
    assert ours.ssm_state_bytes(ours.JAMBA) == 8.75 * 2**20
    one = {**ours.JAMBA, "num_hidden_layers": 1, "attn_layer_offset": 0}
    attention, mamba = {**one, "attn_layer_period": 1}, {**one, "attn_layer_period": 2, "attn_layer_offset": 1}
    for context, more in ((79, False), (80, False), (81, True), (82, True)):
        assert (ours.kv_cache_bytes(attention, context) > ours.ssm_state_bytes(mamba)) == more

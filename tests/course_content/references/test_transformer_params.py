"""The reference of transformer_params against models of Hugging Face transformers, built on the meta device.

They are compared where `transformers` is installed. It is no dependency of the course.
"""

from typing import Any

import pytest
import torch

from tests.course_content.references.solutions import NO_TRANSFORMERS, reference


def gpt2(L: int, D: int, H: int, V: int = 50257, positions: int = 1024) -> dict[str, Any]:
    sizes = {"n_layers": L, "d_model": D, "n_heads": H, "vocab_size": V, "max_positions": positions}
    return {**sizes, "attn_bias": "all", "mlp_bias": True, "tied": True}


def llama(L: int, D: int, H: int, G: int, F: int, V: int, **others: Any) -> dict[str, Any]:
    sizes = {"n_layers": L, "d_model": D, "n_heads": H, "n_kv_heads": G, "d_ff": F, "vocab_size": V}
    return {**sizes, "mlp": "swiglu", "norm": "rmsnorm", **others}


def model(family: str, c: dict[str, Any]) -> Any:
    """Make the transformers model of this config, without memory for its weights."""
    transformers = pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    if family == "GPT2LMHeadModel":
        theirs = {"n_layer": c["n_layers"], "n_embd": c["d_model"], "n_head": c["n_heads"], "n_inner": c.get("d_ff")}
        theirs |= {"vocab_size": c["vocab_size"], "n_positions": c["max_positions"]}
        config = transformers.GPT2Config(**theirs)
    else:
        theirs = {"hidden_size": c["d_model"], "num_hidden_layers": c["n_layers"], "vocab_size": c["vocab_size"]}
        theirs |= {"num_attention_heads": c["n_heads"], "intermediate_size": c.get("d_ff", 4 * c["d_model"])}
        theirs |= {"num_key_value_heads": c["n_kv_heads"], "tie_word_embeddings": c.get("tied", False)}
        theirs |= {"head_dim": c["head_dim"]} if "head_dim" in c else {}
        if family == "LlamaForCausalLM" and c.get("attn_bias") == "all":
            theirs |= {"attention_bias": True, "mlp_bias": c["mlp_bias"]}
        config = getattr(transformers, f"{family.removesuffix('ForCausalLM')}Config")(**theirs)
    with torch.device("meta"):
        return getattr(transformers, family)(config)


def part(name: str) -> str:
    """To which part a parameter of theirs belongs."""
    if name.endswith("lm_head.weight"):
        return "head"
    if "norm" in name.lower() or ".ln_" in name:
        return "norm"
    if "embed" in name or name.endswith(("wte.weight", "wpe.weight")):
        return "embedding"
    return "attention" if "attn" in name else "mlp"


def counts(family: str, c: dict[str, Any]) -> dict[str, int]:
    found = dict.fromkeys(("embedding", "attention", "mlp", "norm", "head"), 0)
    for name, parameter in model(family, c).named_parameters():  # a tied matrix is named once
        found[part(name)] += parameter.numel()
    total = sum(found.values())
    return {**found, "total": total, "non_embedding": total - found["embedding"] - found["head"]}


GEMMA = {"tied": True, "head_dim": 256}
PUBLISHED = [
    pytest.param("GPT2LMHeadModel", gpt2(12, 768, 12), 124_439_808, id="GPT-2"),
    pytest.param("GPT2LMHeadModel", gpt2(24, 1024, 16), 354_823_168, id="GPT-2 medium"),
    pytest.param("GPT2LMHeadModel", gpt2(36, 1280, 20), 774_030_080, id="GPT-2 large"),
    pytest.param("GPT2LMHeadModel", gpt2(48, 1600, 25), 1_557_611_200, id="GPT-2 XL"),
    pytest.param("GPT2LMHeadModel", gpt2(96, 12288, 96, positions=2048), 174_604_259_328, id="GPT-3"),
    pytest.param("LlamaForCausalLM", llama(32, 4096, 32, 32, 11008, 32000), 6_738_415_616, id="Llama 2 7B"),
    pytest.param("LlamaForCausalLM", llama(80, 8192, 64, 8, 28672, 32000), 68_976_648_192, id="Llama 2 70B"),
    pytest.param("LlamaForCausalLM", llama(32, 4096, 32, 8, 14336, 128256), 8_030_261_248, id="Llama 3 8B"),
    pytest.param("LlamaForCausalLM", llama(80, 8192, 64, 8, 28672, 128256), 70_553_706_496, id="Llama 3 70B"),
    pytest.param("LlamaForCausalLM", llama(126, 16384, 128, 8, 53248, 128256), 405_853_388_800, id="Llama 3.1 405B"),
    pytest.param("LlamaForCausalLM", llama(16, 2048, 32, 8, 8192, 128256, tied=True), 1_235_814_400, id="Llama 3.2 1B"),
    pytest.param("MistralForCausalLM", llama(32, 4096, 32, 8, 14336, 32000), 7_241_732_096, id="Mistral 7B"),
    pytest.param(
        "Qwen2ForCausalLM", llama(28, 3584, 28, 4, 18944, 152064, attn_bias="qkv"), 7_615_616_512, id="Qwen2.5 7B"
    ),
    pytest.param("GemmaForCausalLM", llama(28, 3072, 16, 16, 24576, 256000, **GEMMA), 8_537_680_896, id="Gemma 7B"),
    pytest.param("GemmaForCausalLM", llama(18, 2048, 8, 1, 16384, 256000, **GEMMA), 2_506_172_416, id="Gemma 2B"),
]


@pytest.mark.parametrize(("family", "config", "total"), PUBLISHED)
def test_published_counts_are_those_of_the_models(family: str, config: dict[str, Any], total: int) -> None:
    ours = reference("transformer_params").count_params(config)
    assert ours["total"] == total
    assert ours == counts(family, config)


@pytest.mark.parametrize(
    ("family", "config"),
    [
        pytest.param("GPT2LMHeadModel", {**gpt2(3, 24, 4, 50, 17), "d_ff": 37}, id="GPT-2"),
        pytest.param("LlamaForCausalLM", llama(3, 24, 6, 2, 37, 50, head_dim=10, tied=True), id="Llama"),
        pytest.param("LlamaForCausalLM", llama(3, 24, 6, 2, 37, 50, attn_bias="all", mlp_bias=True), id="biases"),
        pytest.param("Qwen2ForCausalLM", llama(3, 24, 6, 3, 37, 50, attn_bias="qkv"), id="Qwen2"),
    ],
)
def test_small_counts_are_those_of_the_models(family: str, config: dict[str, Any]) -> None:
    assert reference("transformer_params").count_params(config) == counts(family, config)


def test_figures_of_the_statement() -> None:
    """A layer of GPT-2, and what makes Llama 3 8B larger than Llama 2 7B."""
    count = reference("transformer_params").count_params
    gpt = count(gpt2(12, 768, 12))
    assert [gpt[name] // 12 for name in ("attention", "mlp")] == [2_362_368, 4_722_432]
    old, new = count(llama(32, 4096, 32, 32, 11008, 32000)), count(llama(32, 4096, 32, 8, 14336, 128256))
    more = {name: new[name] - old[name] for name in new}
    assert more["total"] == 1_291_845_632
    assert more["embedding"] + more["head"] == 788_529_152
    assert more["mlp"] == 1_308_622_848
    assert more["attention"] == -805_306_368

"""The reference of decode_roofline against models of Hugging Face transformers: what they hold, keep and multiply.

They are compared where `transformers` is installed. It is no dependency of the course.
"""

from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from tests.course_content.references.solutions import NO_TRANSFORMERS, reference
from tests.paths import ROOT

H100 = {"peak_flops": 989e12, "bandwidth": 3.35e12}
A100 = {"peak_flops": 312e12, "bandwidth": 2.039e12}
LLAMA_2_7B = {
    "shared_params": 6738415616,
    "attn_layers": 32,
    "n_heads": 32,
    "n_kv_heads": 32,
    "head_dim": 128,
    "bytes_per_param": 2,
    "kv_bytes": 2,
}
MIXTRAL_8X7B = {
    **LLAMA_2_7B,
    "shared_params": 1605636096,
    "n_experts": 8,
    "top_k": 2,
    "expert_params": 5637144576,
    "n_kv_heads": 8,
    "bytes_per_param": 1,
}


def on_meta(config: Any) -> Any:
    transformers = pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    with torch.device("meta"):
        return transformers.AutoModelForCausalLM.from_config(config)


def test_the_parameters_are_those_of_the_models() -> None:
    transformers = pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    ours = reference("decode_roofline")
    llama = on_meta(transformers.LlamaConfig())  # whose defaults are Llama 2 7B
    assert sum(p.numel() for p in llama.parameters()) == ours.total_params(LLAMA_2_7B) == ours.active_params(LLAMA_2_7B)
    mixtral = on_meta(transformers.MixtralConfig(tie_word_embeddings=False))
    sizes = {name: parameter.numel() for name, parameter in mixtral.named_parameters()}
    experts = sum(size for name, size in sizes.items() if ".mlp.experts." in name)
    assert experts == 8 * MIXTRAL_8X7B["expert_params"]
    assert sum(sizes.values()) == ours.total_params(MIXTRAL_8X7B) == 46_702_792_704
    assert ours.active_params(MIXTRAL_8X7B) == 12_879_925_248


def test_step_is_that_of_a_small_llama() -> None:
    """The FLOPs that torch counts in one step of decoding, and the bytes of the cache behind it."""
    transformers = pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    L, H, G, K, D, F, V, B, T = 3, 6, 2, 8, 48, 80, 100, 4, 13
    config = transformers.LlamaConfig(
        vocab_size=V,
        hidden_size=D,
        intermediate_size=F,
        num_hidden_layers=L,
        num_attention_heads=H,
        num_key_value_heads=G,
        attn_implementation="eager",
    )
    model = transformers.LlamaForCausalLM(config).eval()
    ids = torch.randint(V, (B, T), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        cache = model(ids[:, :-1]).past_key_values
        with FlopCounterMode(display=False) as counter:
            cache = model(ids[:, -1:], None, None, cache).past_key_values
    matrices = sum(p.numel() for name, p in model.named_parameters() if p.ndim == 2 and "embed_tokens" not in name)
    m = {
        "shared_params": matrices,  # an embedding is looked up, and norms are no products of matrices
        "attn_layers": L,
        "n_heads": H,
        "n_kv_heads": G,
        "head_dim": K,
        "bytes_per_param": 4,
        "kv_bytes": 4,
    }
    ours = reference("decode_roofline")
    flops = ours.decode_step(m, B, T, H100)["flops"]
    angles = 2 * B * (K // 2)  # of the rotary embedding, a product of matrices in some releases
    assert counter.get_total_flops() in (flops, flops + angles)
    kept = sum(tensor.nbytes for layer in cache.layers for tensor in (layer.keys, layer.values))
    assert kept == ours.cache_bytes(m, B, T)


@pytest.mark.parametrize(("n_experts", "top_k", "tokens"), [(8, 2, 4), (16, 3, 7), (64, 6, 20)])
def test_expected_experts_is_the_mean_of_a_simulation(n_experts: int, top_k: int, tokens: int) -> None:
    trials = 4000
    scores = torch.rand(trials, tokens, n_experts, generator=torch.Generator().manual_seed(0))
    used = torch.zeros(trials, n_experts).scatter_(1, scores.topk(top_k).indices.flatten(1), 1.0)
    counts = used.sum(1)
    error = float(counts.std()) / trials**0.5
    expected = reference("decode_roofline").expected_experts(n_experts, top_k, tokens)
    assert abs(float(counts.mean()) - expected) < 4 * error


def test_figures_of_the_statement() -> None:
    ours = reference("decode_roofline")
    assert [round(ours.critical_batch(hw, 2)) for hw in (H100, A100)] == [295, 153]
    assert round(ours.critical_batch(H100, 1)) == 148
    step = ours.decode_step(LLAMA_2_7B, 1, 0, H100)
    assert round(step["tokens_per_s"]) == 249
    assert round(1 / step["t_compute"], -3) == 73000
    assert round(1 - step["t_compute"] / step["t_memory"], 3) == 0.997
    assert round(ours.expected_experts(8, 2, 4), 2) == 5.47
    assert round(ours.expected_experts(8, 2, 32), 4) == 7.9992


def test_table_of_the_statement() -> None:
    ours = reference("decode_roofline")
    statement = (ROOT / "exercises" / "decode_roofline" / "README.md").read_text(encoding="utf-8")
    for batch in (1, 4, 32, 128):
        row = [str(batch)]
        for m in (LLAMA_2_7B, MIXTRAL_8X7B):
            step = ours.decode_step(m, batch, 1024, H100)
            assert step["bound"] == "memory"
            row += [f"{step['bytes'] / 1e9:.1f} GB", f"{1e3 * step['seconds']:.1f} ms", f"{step['tokens_per_s']:.0f}"]
        assert "| " + " | ".join(row) + " |" in statement, row

"""The reference of kv_cache_size against the caches of Hugging Face transformers, and a published number.

Hugging Face's are compared where `transformers` is installed. It is no dependency of the course.
"""

from typing import Any

import pytest
import torch

from tests.course_content.references.solutions import NO_TRANSFORMERS, reference


def test_a_token_of_opt_13b_takes_the_published_800_kb() -> None:
    opt = {"num_hidden_layers": 40, "num_attention_heads": 40, "hidden_size": 5120}
    assert reference("kv_cache_size").config_cache_bytes(opt, 1) == 800 * 1024


def config_of_llama(**changes: Any) -> dict[str, Any]:
    sizes = {"num_hidden_layers": 3, "num_attention_heads": 6, "num_key_value_heads": 2, "hidden_size": 48}
    return {**sizes, "vocab_size": 30, "intermediate_size": 16, **changes}


@pytest.mark.parametrize("changes", [{}, {"num_key_value_heads": 6}, {"head_dim": 10}], ids=str)
def test_cache_bytes_are_those_of_a_dynamic_cache(changes: dict[str, int]) -> None:
    transformers = pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    config = config_of_llama(**changes)
    model = transformers.LlamaModel(transformers.LlamaConfig(**config)).to(torch.bfloat16).eval()
    cache = transformers.DynamicCache(config=model.config)
    with torch.no_grad():
        model(torch.arange(14).view(2, 7), None, None, cache, use_cache=True)
    held = sum(x.numel() * x.element_size() for layer in cache.layers for x in (layer.keys, layer.values))
    assert reference("kv_cache_size").config_cache_bytes(config, seq_len=7, batch_size=2) == held

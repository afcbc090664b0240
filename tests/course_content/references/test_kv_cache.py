"""The reference of kv_cache against torch's own attention and Hugging Face's Llama with its cache.

Hugging Face's are compared where `transformers` is installed. It is no dependency of the course.
"""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from tests.course_content.references.llamas import additive, llama_config
from tests.course_content.references.solutions import NO_TRANSFORMERS, close, reference


@pytest.mark.parametrize("pieces", [[6], [1] * 6, [2, 1, 3]], ids=str)
@pytest.mark.parametrize("window", [None, 3], ids=["all", "window"])
def test_cached_attention_is_that_of_torch(window: int | None, pieces: list[int], generator: torch.Generator) -> None:
    """F.scaled_dot_product_attention over the whole text, with the turned queries and keys of rope's reference."""
    B, T, H, K = 2, 6, 3, 8
    layer = reference("kv_cache").CachedAttention(H * K, H, window=window).double()
    x = torch.randn(B, T, H * K, generator=generator, dtype=torch.float64)
    q, k, v = (
        F.linear(x, proj.weight).view(B, T, H, K).transpose(1, 2) for proj in (layer.q_proj, layer.k_proj, layer.v_proj)
    )
    q, k = (reference("rope").apply_rope(y, torch.arange(T)) for y in (q, k))
    keep = torch.from_numpy(np.tri(T, dtype=bool) & ~np.tri(T, k=-(window or T), dtype=bool))
    heads = F.scaled_dot_product_attention(q, k, v, attn_mask=keep)
    expected = F.linear(heads.transpose(1, 2).flatten(2), layer.o_proj.weight)

    outputs, cache = [], None
    for piece in x.split(pieces, dim=1):
        y, cache = layer(piece, cache)
        outputs.append(y)
    assert cache is not None
    kept = T if window is None else window
    assert close(torch.cat(outputs, dim=1), expected, atol=1e-12)
    assert close(cache["k"], k[:, :, -kept:], atol=1e-12)
    assert close(cache["v"], v[:, :, -kept:], atol=1e-12)
    assert cache["length"] == T


@pytest.mark.parametrize("pieces", [[6], [1] * 6, [2, 1, 3]], ids=str)
def test_cached_attention_is_that_of_llama_with_a_dynamic_cache(pieces: list[int], generator: torch.Generator) -> None:
    pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    from transformers import DynamicCache
    from transformers.models.llama.modeling_llama import LlamaAttention, LlamaRotaryEmbedding

    config = llama_config()
    theirs = LlamaAttention(config, layer_idx=0).eval()
    ours = reference("kv_cache").CachedAttention(24, 3)
    state = {name: torch.randn(24, 24, generator=generator) / 24**0.5 for name in ours.state_dict()}
    ours.load_state_dict(state)
    theirs.load_state_dict(state)

    x, start = torch.randn(2, 6, 24, generator=generator), 0
    cache, their_cache = None, DynamicCache()
    for piece in x.split(pieces, dim=1):
        T = piece.shape[1]
        where = torch.arange(start, start + T)[None]
        angles = LlamaRotaryEmbedding(config)(piece, where)
        mask = additive(torch.ones(T, start + T, dtype=torch.bool).tril(start))
        with torch.no_grad():
            y, cache = ours(piece, cache)
            expected, _ = theirs(piece, angles, mask, their_cache)
        start += T
        assert close(y, expected, atol=1e-5)  # float32
        assert close(cache["k"], their_cache.layers[0].keys, atol=1e-5)
        assert close(cache["v"], their_cache.layers[0].values, atol=1e-5)

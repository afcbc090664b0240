"""The references of rope, decoder_block and kv_cache against torch's own parts and Hugging Face's models.

Hugging Face's are compared where `transformers` is installed. It is no dependency of the course.
"""

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from tests.references import NO_TRANSFORMERS, close, reference


def llama_config(**changes: Any) -> Any:
    from transformers import LlamaConfig

    sizes = {"hidden_size": 24, "num_attention_heads": 3, "num_key_value_heads": 3, "intermediate_size": 40}
    theta = changes.pop("theta", 10000.0)
    rope = {"rope_type": "default", "rope_theta": theta}
    return LlamaConfig(
        **sizes, num_hidden_layers=1, rms_norm_eps=1e-5, rope_parameters=rope, attn_implementation="eager", **changes
    )


def additive(keep: Tensor) -> Tensor:
    return torch.zeros(keep.shape).masked_fill(~keep, float("-inf"))[None, None]


# rope


def test_apply_rope_is_multiplication_by_e_to_the_i_angle(generator: torch.Generator) -> None:
    B, H, T, K = 2, 3, 5, 8
    x = torch.randn(B, H, T, K, generator=generator, dtype=torch.float64)
    positions = torch.randint(0, 1_000_000, (B, T), generator=generator)
    theta = np.exp(-np.log(10000.0) * np.arange(0, K, 2) / K)
    z = x.numpy()[..., : K // 2] + 1j * x.numpy()[..., K // 2 :]
    z = z * np.exp(1j * positions.numpy()[:, None, :, None] * theta)
    turned = reference("rope").apply_rope(x, positions)
    assert np.allclose(turned.numpy(), np.concatenate([z.real, z.imag], -1), rtol=0.0, atol=1e-8)


@pytest.mark.parametrize("theta", [10000.0, 500000.0])
def test_apply_rope_is_that_of_llama(theta: float, generator: torch.Generator) -> None:
    pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding, apply_rotary_pos_emb

    B, H, T, K = 2, 3, 7, 8
    q, k = torch.randn(2, B, H, T, K, generator=generator)
    positions = torch.randint(0, 100, (B, T), generator=generator)
    cos, sin = LlamaRotaryEmbedding(llama_config(theta=theta))(q, positions)
    ours = reference("rope").apply_rope
    for x, expected in zip((q, k), apply_rotary_pos_emb(q, k, cos, sin), strict=True):
        assert close(ours(x, positions, theta), expected, atol=1e-4)  # float32 angles up to 100


def test_interleaved_to_half_undoes_the_order_of_gguf_files(generator: torch.Generator) -> None:
    """llama.cpp writes q and k of a Hugging Face checkpoint as reshape(H, 2, K/2, D).swapaxes(1, 2)."""
    H, K, D = 3, 8, 5
    weight = torch.randn(H * K, D, generator=generator)
    written = weight.numpy().reshape(H, 2, K // 2, D).swapaxes(1, 2).reshape(H * K, D)
    assert torch.equal(reference("rope").interleaved_to_half(torch.from_numpy(written), H), weight)


# decoder_block


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16], ids=str)
def test_rms_norm_is_that_of_torch(dtype: torch.dtype, generator: torch.Generator) -> None:
    x, weight = torch.randn(3, 5, 16, generator=generator).to(dtype), torch.randn(16, generator=generator).to(dtype)
    ours = reference("decoder_block").rms_norm(x, weight, 1e-5)
    expected = F.rms_norm(x.double(), (16,), weight.double(), 1e-5)
    precision = {torch.float64: 1e-14, torch.float32: 1e-6, torch.bfloat16: 2**-7}[dtype]
    assert ours.dtype == dtype
    assert torch.allclose(ours.double(), expected, rtol=precision, atol=precision)


@pytest.mark.parametrize(
    ("hidden_size", "multiple_of", "multiplier", "published"),
    [
        (4096, 256, None, 11008),
        (5120, 256, None, 13824),
        (6656, 256, None, 17920),
        (8192, 256, None, 22016),
        (8192, 4096, 1.3, 28672),
        (4096, 1024, 1.3, 14336),
        (16384, 4096, 1.2, 53248),
    ],
    ids=["7B", "13B", "33B", "65B", "Llama 2 70B", "Llama 3 8B", "Llama 3.1 405B"],
)
def test_widths_are_those_of_the_published_models(
    hidden_size: int, multiple_of: int, multiplier: float | None, published: int
) -> None:
    assert reference("decoder_block").swiglu_hidden_size(hidden_size, multiple_of, multiplier) == published


@pytest.mark.parametrize("positions", [None, [3, 4, 5, 6, 7, 8], [9, 2, 30, 4, 15, 0]], ids=["none", "shifted", "any"])
def test_block_is_the_decoder_layer_of_llama(positions: list[int] | None, generator: torch.Generator) -> None:
    pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    from transformers.models.llama.modeling_llama import LlamaDecoderLayer, LlamaRotaryEmbedding

    config = llama_config(theta=500000.0)
    theirs = LlamaDecoderLayer(config, layer_idx=0).eval()
    state = {
        name: torch.randn(weight.shape, generator=generator) / weight.shape[-1] ** 0.5
        for name, weight in theirs.state_dict().items()
    }
    theirs.load_state_dict(state)
    ours = reference("decoder_block").LlamaBlock(24, 3, 40, 1e-5, 500000.0)
    ours.load_state_dict({name.removeprefix("self_attn.").removeprefix("mlp."): w for name, w in state.items()})

    B, T = 2, 6
    x = torch.randn(B, T, 24, generator=generator)
    where = torch.arange(T) if positions is None else torch.tensor(positions)
    angles = LlamaRotaryEmbedding(config)(x, where.expand(B, T))
    mask = additive(torch.ones(T, T, dtype=torch.bool).tril())
    with torch.no_grad():
        expected = theirs(x, attention_mask=mask, position_ids=where.expand(B, T), position_embeddings=angles)
        expected = expected[0] if isinstance(expected, tuple) else expected
        found = ours(x) if positions is None else ours(x, where)
    assert close(found, expected, atol=2e-5)  # float32


def test_a_layer_of_llama_2_7b_has_202383360_parameters() -> None:
    with torch.device("meta"):
        block = reference("decoder_block").LlamaBlock(4096, 32, 11008)
    assert sum(parameter.numel() for parameter in block.parameters()) == 202_383_360


# kv_cache


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

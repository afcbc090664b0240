"""The reference of latent_attention against the attention of DeepSeek-V2 and V3 in Hugging Face transformers.

These are compared where `transformers` is installed. It is no dependency of the course.
"""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.course_content.references.llamas import additive
from tests.course_content.references.solutions import NO_TRANSFORMERS, close, randomised, reference

D, H, C, N, R, V, THETA = 24, 3, 8, 4, 6, 7, 500.0


def deepseek(name: str, q_rank: int | None, **changes: Any) -> tuple[Any, Any]:
    """Return the module of DeepSeek-V2 or V3 in transformers, and a config of these sizes."""
    transformers = pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    version = name.lower()
    modeling = pytest.importorskip(f"transformers.models.deepseek_{version}.modeling_deepseek_{version}")
    config = getattr(transformers, f"Deepseek{name}Config")(
        hidden_size=D,
        num_attention_heads=H,
        num_key_value_heads=H,
        q_lora_rank=q_rank,
        kv_lora_rank=C,
        qk_nope_head_dim=N,
        qk_rope_head_dim=R,
        v_head_dim=V,
        head_dim=R,
        rope_parameters={"rope_type": "default", "rope_theta": THETA},
        attn_implementation="eager",
        **changes,
    )
    return modeling, config


def ours(theirs: nn.Module, q_rank: int | None) -> Any:
    layer = reference("latent_attention").LatentAttention(D, H, C, N, R, V, q_rank, THETA).requires_grad_(False)
    layer.load_state_dict(theirs.state_dict())
    return layer


@pytest.mark.parametrize("absorb", [False, True])
@pytest.mark.parametrize("q_rank", [None, 8])
@pytest.mark.parametrize("pieces", [[6], [1] * 6, [2, 1, 3]], ids=str)
def test_latent_attention_is_that_of_deepseek_v3(
    pieces: list[int], q_rank: int | None, absorb: bool, generator: torch.Generator
) -> None:
    modeling, config = deepseek("V3", q_rank, rope_interleave=False)
    from transformers import DynamicCache

    theirs = randomised(modeling.DeepseekV3Attention(config, layer_idx=0), generator)
    layer = ours(theirs, q_rank)
    x, start = torch.randn(2, 6, D, generator=generator), 0
    cache, their_cache = None, DynamicCache()
    for piece in x.split(pieces, dim=1):
        T = piece.shape[1]
        where = torch.arange(start, start + T)[None]
        angles = modeling.DeepseekV3RotaryEmbedding(config)(piece, where)
        mask = additive(torch.ones(T, start + T, dtype=torch.bool).tril(start))
        expected = theirs(piece, angles, mask, their_cache)[0]
        y, cache = layer(piece, cache, absorb)
        start += T
        assert close(y, expected, atol=1e-5)  # float32
        kept = their_cache.layers[0]
        if kept.keys.shape[1] == 1:  # transformers before 5 kept keys and values of all heads
            assert close(cache["latent"], kept.keys[:, 0], atol=1e-5)
            assert close(cache["k_rope"], kept.values[:, 0], atol=1e-5)


def halves_to_neighbours(weight: Tensor, first: int) -> Tensor:
    """Reorder R rows, from `first` on, so that the two of a pair become neighbors."""
    moved = weight.clone()
    moved[first : first + R] = weight[first : first + R].unflatten(0, (2, -1)).transpose(0, 1).flatten(0, 1)
    return moved


def test_latent_attention_is_that_of_deepseek_v2_with_rows_moved_to_neighbours(generator: torch.Generator) -> None:
    modeling, config = deepseek("V2", None)
    theirs = randomised(modeling.DeepseekV2Attention(config, layer_idx=0), generator)
    layer = ours(theirs, None)
    queries = layer.q_proj.weight
    for h in range(H):
        queries = halves_to_neighbours(queries, h * (N + R) + N)
    theirs.get_parameter("q_proj.weight").copy_(queries)
    down = theirs.get_parameter("kv_a_proj_with_mqa.weight")
    down.copy_(halves_to_neighbours(down, C))

    x = torch.randn(2, 6, D, generator=generator)
    angles = modeling.DeepseekV2RotaryEmbedding(config)(x, torch.arange(6)[None])
    mask = additive(torch.ones(6, 6, dtype=torch.bool).tril())
    expected = theirs(x, mask, position_embeddings=angles)[0]
    for absorb in (False, True):
        assert close(layer(x, absorb=absorb)[0], expected, atol=1e-5)  # float32


@pytest.mark.parametrize("layers", [27, 61])
def test_the_cache_of_deepseek_is_that_of_two_and_a_quarter_heads(layers: int) -> None:
    """DeepSeek-V2, arXiv 2405.04434, table 1; the configs of V2-Lite and V3 have the same C and R."""
    heads = reference("latent_attention").equivalent_groups(512, 64, head_dim=128)
    gqa = 2 * heads * 128 * layers
    assert heads == 2.25
    assert gqa == (512 + 64) * layers

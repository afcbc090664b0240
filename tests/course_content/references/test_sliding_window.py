"""The reference of sliding_window against Hugging Face's gpt-oss and Mistral, and against torch's own attention.

Hugging Face's are compared where `transformers` is installed. It is no dependency of the course.
"""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from tests.course_content.references.llamas import additive
from tests.course_content.references.solutions import NO_TRANSFORMERS, close, randomised, reference


def band(T: int, window: int) -> Tensor:
    """(T, T), True where a token sees another: itself and the window - 1 before it."""
    return torch.from_numpy(np.tri(T, dtype=bool) & ~np.tri(T, k=-window, dtype=bool))


def draw(generator: torch.Generator, B: int, H: int, G: int, T: int, K: int, dtype: torch.dtype) -> list[Tensor]:
    return [torch.randn(B, heads, T, K, generator=generator, dtype=dtype) for heads in (H, G, G)]


@pytest.mark.parametrize("window", [1, 3, 20])
def test_window_attention_is_that_of_torch(window: int, generator: torch.Generator) -> None:
    B, H, G, T, K = 2, 6, 2, 9, 5
    q, k, v = draw(generator, B, H, G, T, K, torch.float64)
    order = torch.randperm(T, generator=generator)
    where = 100 + torch.arange(T)
    found = reference("sliding_window").window_attention(q, k[:, :, order], v[:, :, order], where, where[order], window)
    keys, values = (x.repeat_interleave(H // G, dim=1) for x in (k, v))
    expected = F.scaled_dot_product_attention(q, keys, values, attn_mask=band(T, window))
    assert close(found, expected, atol=1e-12)


@pytest.mark.parametrize("window", [2, 5])
def test_sinks_are_those_of_gpt_oss(window: int, generator: torch.Generator) -> None:
    modeling = pytest.importorskip("transformers.models.gpt_oss.modeling_gpt_oss", reason=NO_TRANSFORMERS)
    B, H, G, T, K = 2, 8, 2, 7, 4
    q, k, v = draw(generator, B, H, G, T, K, torch.float32)
    sinks = 2 * torch.randn(H, generator=generator)
    theirs = SimpleNamespace(sinks=sinks, num_key_value_groups=H // G, training=False)
    mask = additive(band(T, window))
    expected, _ = modeling.eager_attention_forward(theirs, q, k, v, mask, scaling=K**-0.5)
    where = torch.arange(T)
    found = reference("sliding_window").window_attention(q, k, v, where, where, window, sinks)
    assert close(found.transpose(1, 2), expected, atol=1e-5)  # float32


def test_decoding_with_a_ring_is_mistral(generator: torch.Generator) -> None:
    """A whole model of one layer makes its own mask; its attention is redone from a ring, token by token."""
    pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    from transformers import MistralConfig, MistralModel
    from transformers.models.mistral.modeling_mistral import apply_rotary_pos_emb

    D, H, G, K, T, window = 24, 4, 2, 6, 11, 4
    config = MistralConfig(
        vocab_size=30,
        hidden_size=D,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=H,
        num_key_value_heads=G,
        head_dim=K,
        sliding_window=window,
        attn_implementation="eager",
    )
    model = randomised(MistralModel(config), generator)
    attention: Any = model.get_submodule("layers.0.self_attn")
    seen: list[Tensor] = []
    attention.register_forward_pre_hook(lambda _, args, kwargs: seen.append(kwargs["hidden_states"]), with_kwargs=True)
    heads: list[Tensor] = []
    attention.o_proj.register_forward_pre_hook(lambda _, args: heads.append(args[0]))
    model(input_ids=torch.randint(0, 30, (2, T), generator=generator))

    x = seen[0]
    q, k, v = (
        proj(x).unflatten(-1, (-1, K)).transpose(1, 2)
        for proj in (attention.q_proj, attention.k_proj, attention.v_proj)
    )
    q, k = apply_rotary_pos_emb(q, k, *model.get_submodule("rotary_emb")(x, torch.arange(T)[None]))
    ours = reference("sliding_window")
    cache: Any = None
    outputs: list[torch.Tensor] = []
    for t in range(T):
        cache = ours.ring_append(cache, k[:, :, t : t + 1], v[:, :, t : t + 1], window)
        at = torch.tensor([t])
        outputs.append(
            ours.window_attention(q[:, :, t : t + 1], cache["k"], cache["v"], at, cache["positions"], window)
        )
    assert close(torch.cat(outputs, dim=2).transpose(1, 2).flatten(2), heads[0], atol=1e-5)  # float32
    assert sorted(cache["positions"].tolist()) == list(range(T - window, T))


@pytest.mark.parametrize(
    ("config", "layers", "period"),
    [
        ("Gemma2Config", 26, 2),
        ("Gemma3TextConfig", 26, 6),
        ("Gemma3TextConfig", 62, 6),
        ("GptOssConfig", 24, 2),
        ("GptOssConfig", 36, 2),
    ],
)
def test_layer_types_are_those_of_published_configs(config: str, layers: int, period: int) -> None:
    transformers = pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    theirs = getattr(transformers, config)(num_hidden_layers=layers).layer_types
    assert reference("sliding_window").layer_types(layers, period) == theirs


@pytest.mark.parametrize(("types", "window"), [("sss", 3), ("ssss", 2), ("sfs", 2), ("fss", 3), ("s", 5), ("ss", 1)])
def test_the_receptive_field_is_the_reach_of_a_graph(types: str, window: int) -> None:
    """Ways through a stack, counted by a product of its masks."""
    T = 14
    names = {"s": "sliding_attention", "f": "full_attention"}
    ways = np.eye(T, dtype=int)
    for kind in types:
        ways = np.tri(T, dtype=int) @ ways if kind == "f" else band(T, window).int().numpy() @ ways
    found = reference("sliding_window").layout_cost([names[kind] for kind in types], window, T)
    assert found["receptive_field"] == np.count_nonzero(ways[-1])

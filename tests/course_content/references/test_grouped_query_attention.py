"""The reference of grouped_query_attention against torch's own attention and Hugging Face's Llama.

Hugging Face's are compared where `transformers` is installed. It is no dependency of the course.
"""

import inspect
from functools import partial

import pytest
import torch
import torch.nn.functional as F

from tests.course_content.references import solutions
from tests.course_content.references.llamas import llama
from tests.course_content.references.solutions import NO_TRANSFORMERS, reference

close = partial(solutions.close, atol=1e-6)  # float32 numbers of size 1, sums of a few dozen terms


@pytest.mark.skipif(
    "enable_gqa" not in (inspect.getdoc(F.scaled_dot_product_attention) or ""), reason="this torch is before 2.5"
)
@pytest.mark.parametrize("G", [1, 2, 3, 6])
def test_grouped_attention_is_that_of_torch(G: int, generator: torch.Generator) -> None:
    B, H, T, S, K = 2, 6, 3, 5, 4
    q = torch.randn(B, H, T, K, generator=generator)
    k, v = torch.randn(2, B, G, S, K, generator=generator)
    mask = torch.rand(B, H, T, S, generator=generator) < 0.5
    mask[..., 0] = True
    ours = reference("grouped_query_attention").grouped_attention
    for keep in (None, mask):
        expected = F.scaled_dot_product_attention(q, k, v, attn_mask=keep, enable_gqa=True)
        assert close(ours(q, k, v, keep), expected)


@pytest.mark.parametrize(("H", "G"), [(4, 2), (6, 1), (3, 3)])
def test_grouped_query_attention_is_that_of_llama(H: int, G: int, generator: torch.Generator) -> None:
    pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    from transformers.models.llama.modeling_llama import repeat_kv

    B, T, D, K, theta = 2, 7, 24, 10, 500.0
    model = llama(D, H, G, K, theta, generator)
    theirs = model.get_submodule("layers.0.self_attn")
    ours = reference("grouped_query_attention")
    gqa = ours.GroupedQueryAttention(D, H, G, K, rope_theta=theta).requires_grad_(False)
    gqa.load_state_dict(theirs.state_dict())

    x = torch.randn(B, T, D, generator=generator)
    later = torch.ones(T, T).triu(1) > 0
    mask = torch.zeros(1, 1, T, T).masked_fill(later, float("-inf"))
    positions = model.get_submodule("rotary_emb")(x, torch.arange(T)[None])
    expected = theirs(hidden_states=x, position_embeddings=positions, attention_mask=mask)[0]
    output, cache = gqa(x)
    assert close(output, expected, atol=1e-5)

    first, half_way = gqa(x[:, :4])
    second, full = gqa(x[:, 4:], half_way)
    assert close(torch.cat([first, second], dim=1), expected, atol=1e-5)
    assert full["k"].shape == cache["k"].shape == (B, G, T, K)
    assert torch.equal(ours.repeat_kv(cache["k"], 3), repeat_kv(cache["k"], 3))

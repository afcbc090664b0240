"""The reference of causal_mask against torch's own masks, gradients, and Hugging Face's BERT and GPT-2.

Hugging Face's are compared where `transformers` is installed. It is no dependency of the course.
"""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch.nn.attention.bias import causal_lower_right

from tests.course_content.references.solutions import NO_TRANSFORMERS, close, reference


@pytest.mark.parametrize("size", [1, 2, 7])
def test_additive_causal_mask_is_that_of_nn_transformer(size: int) -> None:
    ours = reference("causal_mask")
    mask = ours.additive_mask(ours.causal_mask(size))
    assert torch.equal(mask, torch.nn.Transformer.generate_square_subsequent_mask(size))


@pytest.mark.parametrize(("queries", "keys"), [(1, 1), (1, 5), (3, 5), (4, 4)])
@pytest.mark.parametrize("additive", [False, True], ids=["bool", "additive"])
def test_causal_mask_attends_like_causal_lower_right(
    queries: int, keys: int, additive: bool, generator: torch.Generator
) -> None:
    ours = reference("causal_mask")
    q = torch.randn(2, 3, queries, 8, generator=generator)
    k, v = torch.randn(2, 2, 3, keys, 8, generator=generator)
    mask = ours.causal_mask(queries, keys)
    mask = ours.additive_mask(mask) if additive else mask
    attended = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    expected = F.scaled_dot_product_attention(q, k, v, attn_mask=causal_lower_right(queries, keys))
    assert close(attended, expected, atol=1e-6)  # float32, sums of at most 8 terms


@pytest.mark.parametrize(("queries", "keys"), [(4, 4), (2, 6)])
def test_leaks_future_agrees_with_the_influence_of_values(queries: int, keys: int, generator: torch.Generator) -> None:
    """Attention leaks if and only if some output has a gradient with respect to a later value."""
    ours = reference("causal_mask")
    scores = torch.randn(queries, keys, generator=generator)
    for masked in (True, False):
        mask = torch.tensor(np.tri(queries, keys, keys - queries)) > 0 if masked else torch.ones(queries, keys) > 0
        weights = scores.masked_fill(~mask, float("-inf")).softmax(-1)
        values = torch.randn(keys, generator=generator).requires_grad_()
        reached = [torch.autograd.grad((weights @ values)[i], values)[0] for i in range(queries)]
        leaks = any(row[i + keys - queries + 1 :].any() for i, row in enumerate(reached))
        assert ours.leaks_future(weights) is leaks


def test_bert_leaks_the_future_and_gpt2_does_not() -> None:
    transformers = pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    sizes = {"vocab_size": 50, "attn_implementation": "eager"}
    bert = transformers.BertModel(
        transformers.BertConfig(
            hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32, **sizes
        )
    )
    gpt2 = transformers.GPT2Model(transformers.GPT2Config(n_embd=16, n_layer=1, n_head=2, **sizes))
    tokens = torch.arange(7)[None]
    leaks = reference("causal_mask").leaks_future
    with torch.no_grad():
        assert leaks(bert.eval()(tokens, output_attentions=True).attentions[0])
        assert not leaks(gpt2.eval()(tokens, output_attentions=True).attentions[0])

"""The reference of scaled_dot_product against torch's own attention, and finite differences."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from tests.course_content.references.solutions import close, reference


@pytest.mark.parametrize("form", ["none", "bool", "float"])
def test_attention_is_torchs(form: str, generator: torch.Generator) -> None:
    q = torch.randn(2, 3, 5, 8, generator=generator)
    k, v = torch.randn(2, 3, 7, 8, generator=generator), torch.randn(2, 3, 7, 4, generator=generator)
    keep = torch.rand(5, 7, generator=generator) < 0.6
    keep[:, 0] = True
    masks = {"none": None, "bool": keep, "float": torch.randn(2, 1, 5, 7, generator=generator)}
    out, weights = reference("scaled_dot_product").attention(q, k, v, masks[form])
    assert close(out, F.scaled_dot_product_attention(q, k, v, attn_mask=masks[form]), atol=1e-6)  # float32
    assert close(weights @ v, out, atol=1e-6)


def test_heads_and_attention_are_nn_multihead_attention(generator: torch.Generator) -> None:
    B, T, D, H = 2, 5, 12, 3
    ours = reference("scaled_dot_product")
    mha = nn.MultiheadAttention(D, H, batch_first=True, dtype=torch.float64)
    x = torch.randn(B, T, D, generator=generator, dtype=torch.float64)
    causal = torch.tensor(np.tri(T, dtype=bool))
    q, k, v = (ours.split_heads(part, H) for part in F.linear(x, mha.in_proj_weight, mha.in_proj_bias).chunk(3, -1))
    out, weights = ours.attention(q, k, v, causal)
    expected, expected_weights = mha(x, x, x, attn_mask=~causal, average_attn_weights=False)
    assert close(mha.out_proj(ours.merge_heads(out)), expected, atol=1e-12)
    assert close(weights, expected_weights, atol=1e-12)


def test_masked_softmax_has_the_gradient_of_finite_differences(generator: torch.Generator) -> None:
    scores = torch.randn(3, 5, generator=generator, dtype=torch.float64).requires_grad_()
    keep = torch.tensor(np.tri(3, 5, -1, dtype=bool))  # the first row is empty
    added = torch.zeros(3, 5, dtype=torch.float64).masked_fill(~keep, float("-inf"))
    ours = reference("scaled_dot_product")
    for mask in (keep, added):
        assert torch.autograd.gradcheck(lambda s, mask=mask: ours.masked_softmax(s, mask), (scores,))

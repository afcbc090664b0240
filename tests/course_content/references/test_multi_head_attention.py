"""The reference of multi_head_attention against torch's own."""

from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from tests.course_content.references import solutions
from tests.course_content.references.solutions import randomised, reference

close = partial(solutions.close, atol=1e-6)  # float32 numbers of size 1, sums of a few dozen terms


@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
@pytest.mark.parametrize("H", [1, 2, 4, 8])
def test_multi_head_attention_is_that_of_torch(H: int, bias: bool, generator: torch.Generator) -> None:
    B, T, S, D = 2, 3, 5, 8
    ours = reference("multi_head_attention")
    theirs = randomised(nn.MultiheadAttention(D, H, bias=bias, batch_first=True), generator)
    mha = ours.MultiHeadAttention(D, H, bias=bias).requires_grad_(False)
    mha.load_state_dict(ours.unpack_in_proj(dict(theirs.named_parameters())))
    query, (key, value) = torch.randn(B, T, D, generator=generator), torch.randn(2, B, S, D, generator=generator)
    mask = torch.rand(B, H, T, S, generator=generator) < 0.5
    mask[..., 0] = True
    for keep in (None, mask):
        blocked = None if keep is None else ~keep.flatten(0, 1)
        expected = theirs(query, key, value, attn_mask=blocked, average_attn_weights=False)
        for actual, other in zip(mha(query, key, value, keep), expected, strict=True):
            assert close(actual, other)


def test_a_head_contributes_what_the_output_loses_without_its_columns(generator: torch.Generator) -> None:
    H, D = 3, 12
    mha = randomised(reference("multi_head_attention").MultiHeadAttention(D, H), generator)
    x = torch.randn(2, 5, D, generator=generator)
    output, _ = mha(x, x, x)
    contributions = mha.head_contributions(x, x, x)
    weight = mha.out_proj.weight.clone()
    for h in range(H):
        mha.out_proj.weight.copy_(weight)
        mha.out_proj.weight[:, h * 4 : h * 4 + 4] = 0.0
        assert close(output - mha(x, x, x)[0], contributions[:, h])


def test_pruned_heads_are_those_that_torch_was_left_with(generator: torch.Generator) -> None:
    """A head whose columns of W_O are zero says nothing, and neither does one that is not there."""
    H, K, D, keep = 4, 3, 12, [3, 1]
    ours = reference("multi_head_attention")
    mha = randomised(ours.MultiHeadAttention(D, H), generator)
    pruned = ours.prune_heads(mha.state_dict(), H, keep)
    x = torch.randn(2, 5, D, generator=generator)
    owner = torch.arange(D) // K
    mha.out_proj.weight *= torch.isin(owner, torch.tensor(keep))
    q, k, v = (
        F.linear(x, pruned[f"{name}_proj.weight"], pruned[f"{name}_proj.bias"]).unflatten(-1, (2, K)).transpose(1, 2)
        for name in "qkv"
    )
    merged = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
    assert close(F.linear(merged, pruned["out_proj.weight"], pruned["out_proj.bias"]), mha(x, x, x)[0])

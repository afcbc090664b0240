"""The references of lesson 6 against implementations that are not ours: torch's own and Hugging Face's Llama.

Hugging Face's are compared where `transformers` is installed. It is no dependency of the course.
"""

import inspect
from functools import partial

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from tests import references
from tests.references import NO_TRANSFORMERS, randomised, reference

close = partial(references.close, atol=1e-6)  # float32 numbers of size 1, sums of a few dozen terms


# multi_head_attention


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


# grouped_query_attention


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


@pytest.mark.parametrize("config", [(24, 4, 2, None), (20, 6, 3, 8)], ids=str)
def test_attention_parameters_counts_those_of_the_module(config: tuple[int, int, int, int | None]) -> None:
    ours = reference("grouped_query_attention")
    module = ours.GroupedQueryAttention(*config)
    assert ours.attention_parameters(*config) == sum(p.numel() for p in module.parameters())


def llama(D: int, H: int, G: int, K: int, theta: float, generator: torch.Generator) -> nn.Module:
    """A whole model of one layer, so that Hugging Face makes positions and mask itself."""
    from transformers import LlamaConfig, LlamaModel

    config = LlamaConfig(
        vocab_size=30,
        hidden_size=D,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=H,
        num_key_value_heads=G,
        head_dim=K,
        rope_parameters={"rope_type": "default", "rope_theta": theta},
        attn_implementation="eager",
    )
    return randomised(LlamaModel(config), generator)


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


# mha_to_gqa


@pytest.mark.parametrize(("H", "G"), [(4, 2), (6, 3), (6, 1), (4, 4)])
def test_pool_and_expand_are_those_of_numpy(H: int, G: int, generator: torch.Generator) -> None:
    K, D = 3, 5
    ours = reference("mha_to_gqa")
    t = torch.randn(H * K, D, generator=generator, dtype=torch.float64)
    blocks = np.stack(np.split(t.numpy(), H))  # (H, K, D)
    means = np.add.reduceat(blocks, np.arange(0, H, H // G)) * G / H
    assert np.allclose(ours.pool_heads(t, H, G).numpy(), np.concatenate(means), rtol=0.0, atol=1e-12)
    assert np.array_equal(ours.pool_heads(t, H, G, "first").numpy(), np.concatenate(blocks[:: H // G]))
    few = t[: G * K]
    repeated = np.repeat(np.stack(np.split(few.numpy(), G)), H // G, axis=0)
    assert np.array_equal(ours.expand_heads(few, H, G).numpy(), np.concatenate(repeated))


def test_llama_with_expanded_heads_is_the_same_model(generator: torch.Generator) -> None:
    pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    D, H, G, K = 20, 4, 2, 10
    ours = reference("mha_to_gqa")
    grouped, full = (llama(D, H, heads, K, 10000.0, generator) for heads in (G, H))
    state = grouped.state_dict()
    shared = [name for name in state if name.split(".")[-2] in ("k_proj", "v_proj")]
    assert len(shared) == 2
    full.load_state_dict(state | {name: ours.expand_heads(state[name], H, G) for name in shared})
    tokens = torch.arange(12).view(2, 6)
    assert close(full(tokens).last_hidden_state, grouped(tokens).last_hidden_state, atol=1e-5)

    converted = ours.convert_state(full.state_dict(), H, G)
    assert converted.keys() == state.keys()
    assert all(close(converted[name], state[name]) for name in state)

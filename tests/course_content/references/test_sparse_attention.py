"""The reference of sparse_attention against DeepSeek-V3.2 in Hugging Face transformers, torch and NumPy.

DeepSeek's is compared where `transformers` has it. It is no dependency of the course.
"""

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from tests.course_content.references.llamas import additive
from tests.course_content.references.solutions import NO_TRANSFORMERS, close, randomised, reference

B, S, D, H, Q, LATENT, N, R, V = 2, 11, 24, 3, 10, 8, 4, 6, 7  # the latent is C in latent_attention
J, C = 8, 9


def deepseek(count: int, generator: torch.Generator) -> tuple[Any, Any, Any]:
    """Return the module of DeepSeek-V3.2 in transformers, a config and an attention of these sizes."""
    modeling = pytest.importorskip("transformers.models.deepseek_v32.modeling_deepseek_v32", reason=NO_TRANSFORMERS)
    from transformers import DeepseekV32Config

    config = DeepseekV32Config(
        hidden_size=D,
        num_hidden_layers=1,
        num_attention_heads=H,
        num_key_value_heads=H,
        q_lora_rank=Q,
        kv_lora_rank=LATENT,
        qk_nope_head_dim=N,
        qk_rope_head_dim=R,
        v_head_dim=V,
        index_n_heads=J,
        index_head_dim=C,
        index_topk=count,
        rope_parameters={"rope_type": "default", "rope_theta": 500.0},
        attn_implementation="eager",
    )
    return modeling, config, randomised(modeling.DeepseekV32Attention(config, layer_idx=0), generator)


def indexer_inputs(modeling: Any, theirs: Any, x: Tensor, angles: tuple[Tensor, Tensor]) -> tuple[Tensor, ...]:
    """Return queries (B, J, S, C), turned, weights (B, J, S) and keys (B, S, C), turned, of DeepSeek's indexer."""
    indexer = theirs.indexer
    q = indexer.wq_b(theirs.q_a_layernorm(theirs.q_a_proj(x))).unflatten(-1, (J, C)).transpose(1, 2)
    k = indexer.k_norm(indexer.wk(x))[:, None]
    q_turned, k_turned = modeling.apply_rotary_pos_emb(q[..., :R], k[..., :R], *angles)
    q, k = torch.cat([q_turned, q[..., R:]], dim=-1), torch.cat([k_turned, k[..., R:]], dim=-1)
    return q, indexer.weights_proj(x).mT, k[:, 0]


def absorbed_inputs(modeling: Any, theirs: Any, x: Tensor, angles: tuple[Tensor, Tensor]) -> tuple[Tensor, ...]:
    """Return queries (B, H, S, LATENT + R) and keys (B, S, LATENT + R), in which all heads are queries of one key."""
    q = theirs.q_b_proj(theirs.q_a_layernorm(theirs.q_a_proj(x))).unflatten(-1, (H, N + R)).transpose(1, 2)
    latent, k_turned = theirs.kv_a_proj_with_mqa(x).split([LATENT, R], dim=-1)
    q_turned, k_turned = modeling.apply_rotary_pos_emb_interleave(q[..., N:], k_turned[:, None], *angles)
    w_k = theirs.kv_b_proj.weight.unflatten(0, (H, N + V))[:, :N]
    query = torch.cat([q[..., :N] @ w_k, q_turned], dim=-1)
    query = query * ((LATENT + R) / (N + R)) ** 0.5  # DeepSeek divides by the root of the width before absorbing
    return query, torch.cat([theirs.kv_a_layernorm(latent), k_turned[:, 0]], dim=-1)


@pytest.mark.parametrize("count", [1, 4, 20])
@pytest.mark.parametrize("pieces", [[S], [1] * S, [4, 1, 6]], ids=str)
def test_choice_and_attention_are_those_of_deepseek(pieces: list[int], count: int, generator: torch.Generator) -> None:
    modeling, config, theirs = deepseek(count, generator)
    from transformers import DynamicCache

    chosen: list[Tensor] = []
    theirs.indexer.register_forward_hook(lambda _, args, output: chosen.append(output))
    x, cache, done = torch.randn(B, S, D, generator=generator), DynamicCache(config=config), 0
    rotary = modeling.DeepseekV32RotaryEmbedding(config)
    q_small, weights, k_small = indexer_inputs(modeling, theirs, x, rotary(x, torch.arange(S)[None]))
    q, k = absorbed_inputs(modeling, theirs, x, rotary(x, torch.arange(S)[None]))
    w_v = theirs.kv_b_proj.weight.unflatten(0, (H, N + V))[:, N:]
    ours = reference("sparse_attention")
    for T in pieces:
        new, done = slice(done, done + T), done + T
        mask = additive(torch.ones(T, done, dtype=torch.bool).tril(done - T))
        expected, _ = theirs(x[:, new], rotary(x, torch.arange(new.start, done)[None]), mask, cache)

        scores = ours.index_scores(q_small[:, :, new], weights[:, :, new], k_small[:, :done])
        positions = ours.top_keys(scores, count)
        for b in range(B):
            for i in range(T):
                seen = range(done - T + i + 1)  # they fill rows up with tokens that their mask hides
                read = {int(position) for position in chosen[-1][b, i] if int(position) in seen}
                assert set(positions[b, i].tolist()) - {-1} == read
        latents = ours.attend_keys(q[:, :, new], k[:, :done], k[:, :done, :LATENT], positions)
        found = theirs.o_proj((latents @ w_v.mT).transpose(1, 2).flatten(2))
        assert close(found, expected, atol=1e-5)  # float32


def test_ties_go_to_the_earlier_token(generator: torch.Generator) -> None:
    scores = torch.randint(-1, 2, (3, 4, 200), generator=generator).double()
    scores[:, :, 7] = -torch.inf
    order = np.lexsort((np.broadcast_to(np.arange(200), scores.shape), -scores.numpy()), axis=-1)
    found = reference("sparse_attention").top_keys(scores, 90)
    assert np.array_equal(np.sort(found.numpy()), np.sort(order[..., :90]))
    found = reference("sparse_attention").top_keys(scores, 200)
    assert (found == -1).sum(dim=-1).eq(1).all()
    assert not (found == 7).any()


@pytest.mark.parametrize(("T", "block", "count"), [(S, 2, 2), (S, 3, 3), (4, 2, 3), (1, 4, 2), (S, 1, 4), (5, 20, 1)])
def test_blocks_are_those_of_whole_matrices(T: int, block: int, count: int, generator: torch.Generator) -> None:
    """In NumPy, with a matrix that makes means and one that spreads blocks over tokens; compared as masks."""
    K = 5
    q = torch.randn(B, H, T, K, generator=generator, dtype=torch.float64)
    k = torch.randn(B, S, K, generator=generator, dtype=torch.float64)
    member = np.arange(S)[None] // block == np.arange(-(-S // block))[:, None]  # (blocks, S)
    m = np.arange(S - T, S)
    before = np.arange(len(member)) < (m // block)[:, None]
    scores = np.einsum("bhtk,ns,bsk->bhtn", q.numpy(), member / block, k.numpy()) / np.sqrt(K)
    mass = np.exp(scores) * before
    importance = (mass / np.maximum(mass.sum(-1, keepdims=True), 1e-300)).sum(1)
    rank = (importance[..., None, :] > importance[..., :, None]).sum(-1)
    read = (before & (rank < count - 1)) | (np.arange(len(member)) == (m // block)[:, None])
    expected = (read[..., None] & member).any(-2) & (np.arange(S) <= m[:, None])  # (B, T, S)

    positions = reference("sparse_attention").top_blocks(q, k, block, count)
    times = F.one_hot(positions + 1, S + 1).sum(dim=2)[..., 1:]
    assert np.array_equal(times.numpy(), expected.astype(int))


def test_attention_is_that_of_torch_with_a_mask(generator: torch.Generator) -> None:
    T, K, width, places = 5, 6, 4, 7
    q, k, v = (
        torch.randn(*shape, generator=generator, dtype=torch.float64, requires_grad=True)
        for shape in ((B, H, T, K), (B, S, K), (B, S, width))
    )
    positions = torch.stack([torch.randperm(S, generator=generator)[:places] for _ in range(B * T)]).view(B, T, places)
    positions[:, :, 2] = positions[0, 1, 4] = -1
    mask = torch.zeros(B, T, S + 1, dtype=torch.bool).scatter(-1, positions + 1, True)[:, None, :, 1:]
    keys, values = (x[:, None].expand(-1, H, -1, -1) for x in (k, v))
    expected = F.scaled_dot_product_attention(q, keys, values, attn_mask=mask)
    found = reference("sparse_attention").attend_keys(q, k, v, positions)
    assert close(found, expected, atol=1e-12)
    g = torch.randn(found.shape, generator=generator, dtype=torch.float64)
    gradients = (torch.autograd.grad((out * g).sum(), (q, k, v)) for out in (found, expected))
    for ours, theirs in zip(*gradients, strict=True):
        assert close(ours, theirs, atol=1e-12)


def test_figures_of_the_statement() -> None:
    """Multiplications per query and token of DeepSeek-V3.2, and at 131,072 tokens."""
    dense, indexer, tokens = 128 * (576 + 512), 64 * 128, 131_072
    assert (dense, indexer, dense / indexer) == (139_264, 8192, 17)
    sparse = indexer * tokens + dense * 2048
    assert (round(dense * tokens / 1e9, 2), round(indexer * tokens / 1e9, 2)) == (18.25, 1.07)
    assert (round(dense * 2048 / 1e9, 2), round(sparse / 1e9, 2), dense * tokens // sparse) == (0.29, 1.36, 13)

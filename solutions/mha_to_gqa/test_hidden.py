"""Pooling and expanding row by row, and what they do to an attention."""

import math

import pytest
import test_public
import torch

from grader.testing import assert_close, assert_equal, needs, points


def heads_and_groups(rng):
    """(H, G) with H > G > 1"""
    pairs = [(4, 2), (6, 2), (6, 3), (8, 2), (8, 4), (9, 3)]
    return pairs[int(rng.randint(0, len(pairs), (1,)))]


def pooled(t, H, G, method):
    """Row r of group g from the rows r of its heads, one row after another."""
    K, n = len(t) // H, H // G
    rows = []
    for g in range(G):
        for r in range(K):
            members = [t[h * K + r] for h in range(g * n, (g + 1) * n)]
            rows.append(members[0] if method == "first" else sum(members) / n)
    return torch.stack(rows)


def expanded(t, H, G):
    K = len(t) // G
    return torch.stack([t[(h * G // H) * K + r] for h in range(H) for r in range(K)])


def attention(x, state, H, G):
    """Self-attention (T, D) with G heads of keys and values, one query head after another."""
    heads = []
    K = len(state["q_proj.weight"]) // H
    q, k, v = (x @ state[f"{name}_proj.weight"].T + state[f"{name}_proj.bias"] for name in "qkv")
    for h in range(H):
        g = h * G // H
        own, shared = slice(h * K, (h + 1) * K), slice(g * K, (g + 1) * K)
        e = torch.exp(q[:, own] @ k[:, shared].T / math.sqrt(K))
        heads.append(e / e.sum(-1, keepdim=True) @ v[:, shared])
    return torch.cat(heads, dim=-1) @ state["o_proj.weight"].T


def random_state(rng, D, H, G, K):
    state = {"o_proj.weight": rng.randn(D, H * K) / math.sqrt(H * K)}
    for name, n in (("q", H), ("k", G), ("v", G)):
        state |= {f"{name}_proj.weight": rng.randn(n * K, D) / math.sqrt(D), f"{name}_proj.bias": rng.randn(n * K)}
    return state


@points(6)
@needs(test_public.test_example_pool)
def test_pool(submission, rng):
    """weights and biases, mean and first"""
    H, G = heads_and_groups(rng)
    D, K = (size + 9 for size in rng.sizes(2, low=1, high=5))
    # In most models D = H K: a weight is square, and heads could be cut out of either axis.
    for t in (rng.randn(H * K, H * K), rng.randn(H * K, D), rng.randn(H * K)):
        for method in ("mean", "first"):
            assert_close(submission.pool_heads(t, H, G, method), pooled(t, H, G, method))


@points(4)
@needs(test_public.test_example_pool)
def test_pool_extremes(submission, rng):
    """G = H changes nothing, G = 1 merges all"""
    H, D, K = rng.sizes(3)
    t = rng.randn(H * K, D)
    for method in ("mean", "first"):
        assert_close(submission.pool_heads(t, H, H, method), t)
    assert_close(submission.pool_heads(t, H, 1), t.view(H, K, D).mean(0))
    assert_close(submission.pool_heads(t, H, 1, "first"), t[:K])


@points(2)
@needs(test_public.test_example_pool)
def test_dtype(submission, rng):
    """a bfloat16 checkpoint stays one"""
    H, G, K, D = 8, 2, 3, 5
    t = (1 + rng.rand(H * K, D)).bfloat16()
    # Up to 4 roundings to 8 significant bits, each a relative error of at most 2^-8; nothing cancels in 1 < t < 2.
    assert_close(submission.pool_heads(t, H, G), pooled(t.double(), H, G, "mean").bfloat16(), rtol=2**-6, atol=0.0)
    assert_equal(submission.pool_heads(t, H, G, "first"), pooled(t, H, G, "first"))


@points(4)
@needs(test_public.test_example_pool)
def test_nearest(submission, rng):
    """no shared head is nearer than the mean"""
    H, G = heads_and_groups(rng)
    K, D = 10, 11
    t = rng.randn(H * K, D)

    def distance(shared):
        return ((t.view(G, H // G, K, D) - shared.view(G, 1, K, D)) ** 2).sum()

    shared = submission.pool_heads(t, H, G)
    assert_equal(shared.shape, (G * K, D), name="shape of the pooled weight")
    for _ in range(5):
        step = 0.1 * rng.randn(G * K, D)
        further = distance(shared + step) - distance(shared)
        # A sum of squares has its minimum at the mean and grows from there by its count times the step squared.
        assert_close(further, H // G * (step**2).sum(), rtol=1e-7, name="growth")


@points(4)
@needs(test_public.test_example_pool)
def test_errors(submission, rng):
    """ValueError for sizes and methods that are none"""
    H, K, D = 6, 4, 5
    t = rng.randn(H * K, D)
    assert_close(submission.pool_heads(t, H, 3, "mean"), pooled(t, H, 3, "mean"))
    for heads, groups, method in [(H, 4, "mean"), (H, 12, "mean"), (9, 3, "mean"), (H, 3, "median"), (H, 3, "")]:
        with pytest.raises(ValueError):  # noqa: PT011 - the wording is the student's
            submission.pool_heads(t, heads, groups, method)


@points(2)
@needs(test_errors, test_public.test_example_state)
def test_errors_of_state(submission, rng):
    """ValueError from convert_state, too"""
    H, K, D = 6, 4, 5
    state = {"q_proj.weight": rng.randn(H * K, D), "k_proj.weight": rng.randn(H * K, D)}
    shared = pooled(state["k_proj.weight"], H, 3, "mean")
    assert_close(submission.convert_state(state, H, 3), state | {"k_proj.weight": shared})
    for heads, groups, method in [(H, 4, "mean"), (9, 3, "mean"), (H, 3, "median")]:
        with pytest.raises(ValueError):  # noqa: PT011 - the wording is the student's
            submission.convert_state(state, heads, groups, method)


@points(6)
@needs(test_public.test_example_state, test_pool)
def test_names(submission, rng):
    """modules named k_proj and v_proj, no others"""
    H, G, D, K = 6, 2, 5, 4
    rows = H * K
    weights = [
        "model.layers.0.self_attn.k_proj.weight",
        "model.layers.11.self_attn.v_proj.weight",
        "k_proj.weight",
        "v_proj.bias",
        "encoder.k_proj.bias",
    ]
    others = [
        "model.layers.0.self_attn.q_proj.weight",
        "model.layers.0.self_attn.o_proj.weight",
        "model.layers.0.self_attn.q_proj.bias",
        "old_k_proj.weight",
        "model.v_proj_2.weight",
        "k_proj.norm.weight",
        "v_proj.adapter.q_proj.weight",
        "embed.weight",
        "scale",
        "v_proj",
        "model.layers.0.k_proj",
    ]
    state = {
        name: rng.randn(rows) if name.endswith(("bias", "scale")) else rng.randn(rows, D) for name in weights + others
    }
    for method in ("mean", "first"):
        converted = submission.convert_state(state, H, G, method)
        assert_equal(sorted(converted), sorted(state), name="names of the parameters")
        for name in weights:
            assert_close(converted[name], pooled(state[name], H, G, method), name=name)
        for name in others:
            assert_equal(converted[name], state[name], name=name)


@points(6)
@needs(test_public.test_example_expand)
def test_expand(submission, rng):
    """head h is head ⌊h G / H⌋, row by row"""
    D, K = (size + 9 for size in rng.sizes(2, low=1, high=5))
    for H, G in (heads_and_groups(rng), (12, 4)):  # a head is shared by more than G, or by fewer
        for t in (rng.randn(G * K, G * K), rng.randn(G * K, D), rng.randn(G * K)):
            assert_equal(submission.expand_heads(t, H, G), expanded(t, H, G))
            assert_equal(submission.expand_heads(t, G, G), t)
    head = rng.randn(K, D)
    assert_equal(submission.expand_heads(head, H, 1), expanded(head, H, 1))
    checkpoint = rng.randn(G * K, D).bfloat16()
    assert_equal(submission.expand_heads(checkpoint, H, G), expanded(checkpoint, H, G))


@points(6)
@needs(test_public.test_example_expand, test_pool)
def test_round_trip(submission, rng):
    """pooling what was expanded gives it back"""
    H, G = heads_and_groups(rng)
    D, K = (size + 9 for size in rng.sizes(2, low=1, high=5))
    for t in (rng.randn(G * K, D), rng.randn(G * K)):
        wide = submission.expand_heads(t, H, G)
        for method in ("mean", "first"):
            assert_close(submission.pool_heads(wide, H, G, method), t, name="round trip")


@points(6)
@needs(test_public.test_example_expand, test_public.test_example_state)
def test_attention(submission, rng):
    """expanded heads compute what shared ones do"""
    T, D, K = 5, 7, 10
    H, G = heads_and_groups(rng)
    x = rng.randn(T, D)
    grouped = random_state(rng, D, H, G, K)
    full = {name: submission.expand_heads(t, H, G) if name[0] in "kv" else t for name, t in grouped.items()}
    assert_equal(full["k_proj.weight"].shape, (H * K, D), name="shape of the expanded k_proj.weight")
    expected = attention(x, grouped, H, G)
    assert_close(attention(x, full, H, H), expected, name="output")
    converted = submission.convert_state(full, H, G)
    assert_equal(converted["k_proj.weight"].shape, (G * K, D), name="shape of the converted k_proj.weight")
    assert_close(attention(x, converted, H, G), expected, name="output")

"""Grouped attention head by head, with rotations as complex numbers."""

import cmath
import math

import test_public
import torch

from grader.testing import assert_close, assert_equal, needs, points


def by_head(q, k, v, mask=None):
    """(B, H, T, K), one query head after another."""
    (B, H, T, K), G, S = q.shape, k.shape[1], k.shape[2]
    mask = torch.ones(B, H, T, S, dtype=torch.bool) if mask is None else mask.expand(B, H, T, S)
    heads = []
    for h in range(H):
        g = math.floor(h * G / H)
        e = torch.exp(torch.einsum("btk,bsk->bts", q[:, h], k[:, g]) / K**0.5) * mask[:, h]
        heads.append(torch.einsum("bts,bsk->btk", e / e.sum(-1, keepdim=True), v[:, g]))
    return torch.stack(heads, dim=1)


def random_mask(rng, *shape):
    """bool, at least one True in every row"""
    mask = rng.rand(*shape) < 0.5
    return mask.scatter(-1, rng.randint(0, shape[-1], (*shape[:-1], 1)), True)


def random_state(rng, D, H, G, K):
    """Parameters for which scores and outputs have size 1."""
    rows = {"q_proj": H * K, "k_proj": G * K, "v_proj": G * K}
    state = {f"{name}.weight": rng.randn(n, D) / math.sqrt(D) for name, n in rows.items()}
    return state | {"o_proj.weight": rng.randn(D, H * K) / math.sqrt(H * K)}


def module(submission, state, *config, **options):
    """The student's module, float64, with these parameters; buffers of its own stay as they are."""
    gqa = submission.GroupedQueryAttention(*config, **options).double()
    gqa.load_state_dict(dict(gqa.state_dict()) | state)
    return gqa


def rotated(x, theta):
    """Pairs (i, i + K/2) of x (B, n, T, K) as complex numbers, times e^(i angle); positions from 0."""
    T, K = x.shape[2:]
    pairs = torch.complex(x[..., : K // 2], x[..., K // 2 :])
    turns = [[cmath.exp(1j * t * theta ** (-2 * i / K)) for i in range(K // 2)] for t in range(T)]
    turned = pairs * torch.tensor(turns, dtype=torch.complex128)
    return torch.cat([turned.real, turned.imag], dim=-1)


def layer(state, H, G, K, x, theta=10000.0):
    """The output (B, T, D) for a whole text, its rotated keys and its values (B, G, T, K)."""
    T = x.shape[1]

    def heads(name, n):
        rows = state[f"{name}.weight"].view(n, K, -1)
        return torch.einsum("btd,nkd->bntk", x, rows)

    q, k, v = rotated(heads("q_proj", H), theta), rotated(heads("k_proj", G), theta), heads("v_proj", G)
    past = torch.tensor([[s <= t for s in range(T)] for t in range(T)])
    W_o = state["o_proj.weight"].view(-1, H, K)
    return torch.einsum("bhtk,dhk->btd", by_head(q, k, v, past), W_o), k, v


@points(3)
@needs(test_public.test_example_repeat)
def test_repeat(submission, rng):
    """head h is head h // n_rep of x, its gradient a sum"""
    B, G, S, K, n_rep = rng.sizes(5, high=6)
    x = rng.randn(B, G, S, K)
    repeated = torch.stack([x[:, h // n_rep] for h in range(G * n_rep)], dim=1)
    assert_equal(submission.repeat_kv(x, n_rep), repeated)
    assert_equal(submission.repeat_kv(x, 1), x)
    leaf, g = x.clone().requires_grad_(), rng.randn(B, G * n_rep, S, K)
    repeated = submission.repeat_kv(leaf, n_rep)
    assert repeated.requires_grad, "No gradient leads from the repeated heads to x: something was detached."
    (repeated * g).sum().backward()
    assert_close(leaf.grad, g.view(B, G, n_rep, S, K).sum(2), name="gradient of x")


@points(3)
def test_groups(submission, rng):
    """any G that divides H, T queries on S keys"""
    B, T, S, K = 5, 7, 9, 10
    for H, G in [(6, 2), (8, 4), (6, 3)]:
        q, k, v = rng.randn(B, H, T, K), rng.randn(B, G, S, K), rng.randn(B, G, S, K)
        assert_close(submission.grouped_attention(q, k, v), by_head(q, k, v))


@points(2)
def test_mask(submission, rng):
    """True may attend, in all shapes of a mask"""
    H, G = 6, 3
    B, T, S, K = (size + 6 for size in rng.sizes(4, low=1, high=6))
    q, k, v = rng.randn(B, H, T, K), rng.randn(B, G, S, K), rng.randn(B, G, S, K)
    for shape in [(T, S), (H, T, S), (B, 1, 1, S), (B, H, T, S)]:
        mask = random_mask(rng, *shape)
        assert_close(submission.grouped_attention(q, k, v, mask), by_head(q, k, v, mask))


@points(2)
def test_extremes(submission, rng):
    """G = H: each its own; G = 1: all the same"""
    B, H, T, S, K = rng.sizes(5, low=3, high=8)
    q, k, v = rng.randn(B, H, T, K), rng.randn(B, H, S, K), rng.randn(B, H, S, K)
    for keys, values in [(k, v), (k[:, :1], v[:, :1])]:
        weights = torch.softmax(torch.einsum("bhtk,bhsk->bhts", q, keys.expand(B, H, S, K)) / K**0.5, dim=-1)
        expected = torch.einsum("bhts,bhsk->bhtk", weights, values.expand(B, H, S, K))
        assert_close(submission.grouped_attention(q, keys, values), expected)


@points(4)
def test_who_reads_whom(submission, rng):
    """another kv head g changes its own group only"""
    B, T, S, K = 2, 3, 5, 7
    H, G = 8, 4
    q, k, v = rng.randn(B, H, T, K), rng.randn(B, G, S, K), rng.randn(B, G, S, K)
    before = submission.grouped_attention(q, k, v)
    for g in range(G):
        other = v.clone()
        other[:, g] += 1.0
        moved = submission.grouped_attention(q, k, other) - before
        readers = [h for h in range(H) if h * G // H == g]
        expected = torch.zeros(B, H, T, K, dtype=torch.float64)
        expected[:, readers] = 1.0  # the weights of a query sum to 1
        assert_close(moved, expected, name="change")


@points(2)
def test_gradients(submission, rng):
    """those of k and v are sums over their group"""
    B, T, S, K, H, G = 2, 3, 5, 7, 8, 4
    inputs = [rng.randn(B, n, length, K).requires_grad_() for n, length in ((H, T), (G, S), (G, S))]
    output = submission.grouped_attention(*inputs)
    assert output.requires_grad, "No gradient leads from the output to q, k and v: something was detached."
    g = rng.randn(B, H, T, K)
    (output * g).sum().backward()
    leaves = [x.detach().clone().requires_grad_() for x in inputs]
    (by_head(*leaves) * g).sum().backward()
    for name, mine, theirs in zip("qkv", inputs, leaves, strict=True):
        assert_close(mine.grad, theirs.grad, name=f"gradient of {name}")


@points(3)
def test_counts(submission):
    """Llama 2 and 3, SmolLM, Qwen3, Gemma"""
    published = {
        (7, 5, 1, 4): 336,  # tells apart what the others do not
        (4096, 32, 32): 67_108_864,  # Llama 2 7B
        (4096, 32, 8): 41_943_040,  # Llama 3 8B
        (8192, 64, 8): 150_994_944,  # Llama 3 70B
        (576, 9, 3): 884_736,  # SmolLM2-135M
        (1024, 16, 8, 128): 6_291_456,  # Qwen3-0.6B
        (2048, 8, 1, 256): 9_437_184,  # Gemma 2B
    }
    for config, count in published.items():
        assert_equal(submission.attention_parameters(*config), count)


@points(4)
@needs(test_public.test_shapes)
def test_module(submission, rng):
    """a whole text: causal, rotated, any G and K; float32"""
    B, T = 2, 5
    for D, H, G, K in [(24, 4, 2, None), (12, 6, 1, None), (12, 3, 3, None), (20, 2, 1, 16)]:
        x, width = rng.randn(B, T, D), D // H if K is None else K
        state = random_state(rng, D, H, G, width)
        output, _ = module(submission, state, D, H, G, K)(x)
        assert_close(output, layer(state, H, G, width, x)[0], name="output")
    output, _ = module(submission, state, D, H, G, K, rope_theta=500.0)(x)
    assert_close(output, layer(state, H, G, K, x, theta=500.0)[0], name="output")
    output, cache = module(submission, state, D, H, G, K).float()(x.float())
    expected, k, _ = layer(state, H, G, K, x)
    # float32: four sums of up to 32 products of size 1
    bounds = {"rtol": 1e-5, "atol": 2e-5}
    assert_close(output, expected.float(), **bounds, name="output in float32")
    assert_close(cache["k"], k.float(), **bounds, name='cache["k"] in float32')


@points(4)
@needs(test_public.test_shapes)
def test_cache(submission, rng):
    """rotated keys and values of G heads, no more"""
    B, T, D, H, G, K = 2, 5, 18, 6, 3, 4
    x = rng.randn(B, T, D)
    state = random_state(rng, D, H, G, K)
    _, cache = module(submission, state, D, H, G, K)(x)
    _, k, v = layer(state, H, G, K, x)
    assert_equal(sorted(cache), ["k", "v"], name="names in the cache")
    assert_close(cache["k"], k, name='cache["k"]')
    assert_close(cache["v"], v, name='cache["v"]')


@points(4)
@needs(test_module)
def test_pieces(submission, rng):
    """a text in pieces gives what it gives at once"""
    B, T, D, H, G, K = 3, 7, 24, 6, 2, 8
    x = rng.randn(B, T, D)
    state = random_state(rng, D, H, G, K)
    gqa = module(submission, state, D, H, G, K)
    whole, k, v = layer(state, H, G, K, x)
    for lengths in [(4, 3), (1, 1, 3, 2)]:
        P, cache = 0, None
        for T in lengths:
            output, cache = gqa(x[:, P : P + T], cache)
            assert_close(output, whole[:, P : P + T], name="output")
            P += T
            assert_close(cache["k"], k[:, :, :P], name='cache["k"]')
            assert_close(cache["v"], v[:, :, :P], name='cache["v"]')

"""Cached attention against a slow pass over the whole text, query by query and with complex numbers."""

import math

import test_public
import torch

from grader.testing import assert_close, assert_equal, needs, points


def turned(x, positions, theta):
    """x (..., T, K) as complex numbers (x_i + i x_{i+K/2}), times e^(i angle)."""
    K = x.shape[-1]
    frequency = torch.tensor([theta ** (-2 * i / K) for i in range(K // 2)], dtype=torch.float64)
    angle = torch.outer(positions.double(), frequency)
    pairs = torch.complex(x[..., : K // 2], x[..., K // 2 :]) * torch.polar(torch.ones_like(angle), angle)
    return torch.cat([pairs.real, pairs.imag], dim=-1)


def whole(x, state, H, theta=10000.0, window=None, start=0):
    """Output (B, T, D), turned keys and values (B, H, T, K) of one pass over the whole text."""
    B, T, D = x.shape
    K = D // H
    q, k, v = (torch.einsum("hkd,btd->bhtk", state[f"{name}_proj.weight"].view(H, K, D), x) for name in "qkv")
    q, k = (turned(y, start + torch.arange(T), theta) for y in (q, k))
    rows = []
    for t in range(T):
        first = 0 if window is None else max(0, t - window + 1)
        seen = slice(first, t + 1)
        weights = torch.softmax(torch.einsum("bhk,bhsk->bhs", q[:, :, t], k[:, :, seen]) / math.sqrt(K), -1)
        rows.append(torch.einsum("bhs,bhsk->bhk", weights, v[:, :, seen]).reshape(B, D))
    return torch.einsum("ed,btd->bte", state["o_proj.weight"], torch.stack(rows, dim=1)), k, v


def draw(rng, D):
    """Random weights, float64, whose products with a vector of size 1 have size 1."""
    return {f"{name}_proj.weight": rng.randn(D, D) / math.sqrt(D) for name in "qkvo"}


def built(submission, state, H, *options):
    """The student's layer with these weights."""
    layer = submission.CachedAttention(len(state["q_proj.weight"]), H, *options)
    if state["q_proj.weight"].dtype != torch.float32:  # a new layer is float32, and to() would round its buffers
        layer = layer.to(state["q_proj.weight"].dtype)
    layer.load_state_dict(state)
    return layer


def in_pieces(layer, x, pieces, expected=None, name="output"):
    """The caches after each piece. Each output is compared before the next call, so that a failure shows its own."""
    caches, cache, begin = [], None, 0
    for length in pieces:
        end = begin + length
        y, cache = layer(x[:, begin:end], cache)
        if expected is not None:
            assert_close(y, expected[:, begin:end], name=name)
        caches.append(cache)
        begin = end
    return caches


@points(5)
@needs(test_public.test_example_append)
def test_append(submission, rng):
    """old entries first; the newest W remain"""
    B, H, S, T, K = rng.sizes(5)
    k, v = rng.randn(B, H, S + T, K), rng.randn(B, H, S + T, K)
    old = {"k": k[:, :, :S], "v": v[:, :, :S], "length": S}
    new = k[:, :, S:], v[:, :, S:]
    assert_equal(submission.append_kv(old, *new), {"k": k, "v": v, "length": S + T})
    for window in (1, T - 1, T, S + T - 1, S + T, S + T + 5):
        last = {"k": k[:, :, -window:], "v": v[:, :, -window:], "length": S + T}
        assert_equal(submission.append_kv(old, *new, window=window), last)
    first = {"k": new[0][:, :, -1:], "v": new[1][:, :, -1:], "length": T}
    assert_equal(submission.append_kv(None, *new, window=1), first)
    long = submission.append_kv({**old, "length": 1000}, *new, window=2)  # more tokens than entries
    assert_equal(long, {"k": k[:, :, -2:], "v": v[:, :, -2:], "length": 1000 + T})


@points(7)
@needs(test_public.test_example_layer, test_public.test_parameters)
def test_prefill(submission, rng):
    """a whole text: causal attention, RoPE, 1-3 heads"""
    B, T, D = 2, 5, 12
    state = draw(rng, D)
    x = rng.randn(B, T, D)
    for H in (1, 2, 3):
        y, _ = built(submission, state, H)(x)
        assert_close(y, whole(x, state, H)[0], name="output")
    H = 3
    single = built(submission, {name: weight.float() for name, weight in state.items()}, H)
    y, _ = single(x.float())
    # float32: some dozen products of size 1, each rounded to 6e-8 of it
    assert_close(y, whole(x, state, H)[0].float(), rtol=1e-5, atol=2e-5, name="output")


@points(6)
@needs(test_prefill)
def test_one_by_one(submission, rng):
    """token by token, as all at once"""
    B, T, D, H = 7, 6, 16, 4
    state = draw(rng, D)
    x = rng.randn(B, T, D)
    expected, _, _ = whole(x, state, H)
    caches = in_pieces(built(submission, state, H), x, [1] * T, expected)
    lengths = [cache["length"] for cache in caches]
    assert_equal(lengths, [1, 2, 3, 4, 5, 6], name="lengths")


@points(6)
@needs(test_prefill)
def test_pieces(submission, rng):
    """6 tokens as 3+3, 2+1+3, 5+1, 1+5"""
    B, T, D, H = 7, 6, 16, 4
    state = draw(rng, D)
    x = rng.randn(B, T, D)
    expected, _, _ = whole(x, state, H)
    layer = built(submission, state, H)
    for pieces in ([3, 3], [2, 1, 3], [5, 1], [1, 5]):
        in_pieces(layer, x, pieces, expected, "output, " + "+".join(map(str, pieces)))


@points(7)
@needs(test_prefill)
def test_window(submission, rng):
    """any pieces, W = 1, 3, 4 and 50"""
    B, T, D, H = 5, 8, 12, 2
    state = draw(rng, D)
    x = rng.randn(B, T, D)
    for window in (1, 3, 4, 50):
        expected, _, _ = whole(x, state, H, window=window)
        layer = built(submission, state, H, 10000.0, window)
        for pieces in ([8], [4, 4], [3, 1, 1, 3], [1, 7], [1] * 8):
            caches = in_pieces(layer, x, pieces, expected, f"output, W = {window}")
            kept, seen = [cache["k"].shape[2] for cache in caches], torch.tensor(pieces).cumsum(0).tolist()
            assert_equal(kept, [min(window, length) for length in seen], name="entries in the caches")
            assert_equal([cache["length"] for cache in caches], seen, name="lengths")


@points(5)
@needs(test_prefill)
def test_entries(submission, rng):
    """keys turned by their position, values not"""
    B, T, D, H = 7, 6, 16, 4
    state = draw(rng, D)
    x = rng.randn(B, T, D)
    _, k, v = whole(x, state, H)
    for pieces in ([6], [2, 1, 3]):
        caches = in_pieces(built(submission, state, H), x, pieces)
        assert_close(caches[-1]["v"], v, name='cache["v"]')
        assert_close(caches[-1]["k"], k, name='cache["k"]')
        caches = in_pieces(built(submission, state, H, 10000.0, 2), x, pieces)
        assert_close(caches[-1]["k"], k[:, :, -2:], name='cache["k"] with window 2')


@points(4)
@needs(test_pieces)
def test_branches(submission, rng):
    """two continuations of one cache"""
    B, T, D, H = 5, 4, 12, 6
    state = draw(rng, D)
    begin, one, other = rng.randn(B, T, D), rng.randn(B, 2, D), rng.randn(B, 3, D)
    layer = built(submission, state, H)
    _, cache = layer(begin)
    for continuation in (one, other, one):
        y, _ = layer(continuation, cache)
        expected, _, _ = whole(torch.cat([begin, continuation], dim=1), state, H)
        assert_close(y, expected[:, T:], name="output of a continuation")
        y, _ = layer(continuation)  # another text, without the cache
        assert_close(y, whole(continuation, state, H)[0], name="output of a new text")


@points(3)
@needs(test_entries)
def test_length_counts(submission, rng):
    """position 1000 and a million, with 3 entries in the cache"""
    B, S, T, D, H = 5, 3, 4, 12, 2
    state = draw(rng, D)
    x = rng.randn(B, S + T, D)
    expected, k, v = whole(x, state, H, start=1000 - S)
    cache = {"k": k[:, :, :S], "v": v[:, :, :S], "length": 1000}
    y, cache = built(submission, state, H)(x[:, S:], cache)
    assert_close(y, expected[:, S:], name="output")
    assert_close(cache["k"], k, name='cache["k"]')
    assert_equal(cache["length"], 1000 + T, name='cache["length"]')

    far = 1_000_003  # float32 counts in steps of 1/16 there, and an angle needs more
    state, x = {name: weight.float() for name, weight in state.items()}, x.float()
    wide = {name: weight.double() for name, weight in state.items()}
    expected, k, v = whole(x.double(), wide, H, start=far - S)
    cache = {"k": k[:, :, :S].float(), "v": v[:, :, :S].float(), "length": far}
    y, cache = built(submission, state, H)(x[:, S:], cache)
    # float32: some dozen products of size 1, each rounded to 6e-8 of it
    assert_close(cache["k"], k.float(), rtol=1e-5, atol=2e-5, name='cache["k"] in float32')
    assert_close(y, expected[:, S:].float(), rtol=1e-5, atol=2e-5, name="output in float32")


@points(1)
@needs(test_prefill)
def test_theta(submission, rng):
    """rope_theta is used, also with a cache"""
    B, T, D, H = 2, 5, 16, 2
    state = draw(rng, D)
    x = rng.randn(B, T, D)
    expected, _, _ = whole(x, state, H, theta=500000.0)
    in_pieces(built(submission, state, H, 500000.0), x, [3, 2], expected)


@points(1)
@needs(test_pieces)
def test_gradients(submission, rng):
    """flow through the cache to the first piece"""
    B, T, D, H = 2, 5, 12, 3
    state = draw(rng, D)
    layer = built(submission, state, H)
    x, g = rng.randn(B, T, D).requires_grad_(), rng.randn(B, 2, D)
    _, cache = layer(x[:, :3])
    y, _ = layer(x[:, 3:], cache)
    assert y.requires_grad, "No gradient leads from the output to the tokens: something was detached."
    (y * g).sum().backward()

    names = sorted(state)
    leaves = [state[name].requires_grad_() for name in names]
    expected = torch.autograd.grad((whole(x, state, H)[0][:, 3:] * g).sum(), [x, *leaves])
    found = [x.grad, *(layer.get_parameter(name).grad for name in names)]
    assert cache["k"].requires_grad, "No gradient leads from the cache to the tokens: something was detached."
    for name, mine, right in zip(["x", *names], found, expected, strict=True):
        assert mine is not None, f"No gradient reaches {name}."
        assert_close(mine, right, name=f"gradient of {name}")

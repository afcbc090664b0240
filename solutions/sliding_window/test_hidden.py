"""Windows, sinks and rings against loops over queries, keys and tokens."""

import math

import test_public
import torch

from grader.testing import assert_close, assert_equal, needs, points

LOCAL, FULL = "sliding_attention", "full_attention"


def by_loops(q, k, v, query_positions, key_positions, window=None, sinks=None):
    """(B, H, T, K) in float64: each head and query on the keys that it sees, and no others."""
    (B, H, T, K), G = q.shape, k.shape[1]
    rows = []
    for h in range(H):
        g = h * G // H
        for i, m in enumerate(query_positions.tolist()):
            seen = [
                j for j, n in enumerate(key_positions.tolist()) if 0 <= n <= m and (window is None or m - n < window)
            ]
            scores = torch.einsum("bk,bsk->bs", q[:, h, i].double(), k[:, g, seen].double()) / math.sqrt(K)
            top = scores.amax(-1, keepdim=True)
            if sinks is not None:
                top = torch.maximum(top, sinks[h].double())
            e = torch.exp(scores - top)
            below = e.sum(-1, keepdim=True)
            if sinks is not None:
                below = below + torch.exp(sinks[h].double() - top)
            rows.append(torch.einsum("bs,bsk->bk", e / below, v[:, g, seen].double()))
    return torch.stack(rows, dim=1).view(B, H, T, K)


def draw(rng, B, H, G, T, S, K):
    """q (B, H, T, K), k and v (B, G, S, K)."""
    return rng.randn(B, T, H, K).transpose(1, 2), rng.randn(B, G, S, K), rng.randn(B, G, K, S).mT


def expected_ring(k, v, window):
    """The ring after all tokens of k and v, slot by slot."""
    B, G, T, K = k.shape
    ring = {name: torch.zeros(B, G, window, K, dtype=k.dtype) for name in "kv"}
    positions = [-1] * window
    for m in range(T):
        ring["k"][:, :, m % window], ring["v"][:, :, m % window] = k[:, :, m], v[:, :, m]
        positions[m % window] = m
    return ring | {"positions": torch.tensor(positions)}


def some_cuts(T):
    """Some ways to cut T tokens into pieces, one piece and single tokens among them."""
    for marks in range(0, 2 ** (T - 1), 93):  # 93 divides 1023
        pieces, length = [], 0
        for t in range(T):
            length += 1
            if t == T - 1 or marks >> t & 1:
                pieces.append(length)
                length = 0
        yield pieces


@points(4)
@needs(test_public.test_example_types)
def test_types(submission):
    """Gemma 3, gpt-oss, period 1, period = L, period > L"""
    for L, period in ((6, 6), (26, 6), (62, 6), (24, 2), (36, 2), (5, 1), (7, 7), (4, 5), (1, 3), (1, 1)):
        found = submission.layer_types(L, period)
        full = set(range(period - 1, L, period))
        assert_equal(list(found), [FULL if i in full else LOCAL for i in range(L)], name=f"layers, period {period}")


@points(4)
@needs(test_public.test_example_cost)
def test_cost(submission):
    """Mistral, Gemma 3, gpt-oss, short texts, large numbers"""
    gemma = [FULL if i % 6 == 5 else LOCAL for i in range(62)]
    table = [
        ([LOCAL] * 32, 4096, 200_000, 131_072, 131_041),  # Mistral 7B
        ([LOCAL] * 32, 4096, 32_768, 131_072, 32_768),
        (gemma, 1024, 131_072, 1_363_968, 131_072),
        ([LOCAL, FULL] * 12, 128, 131_072, 1_574_400, 131_072),  # gpt-oss-20b
        ([FULL, LOCAL, LOCAL], 5, 50, 60, 50),  # the full layer first
        ([LOCAL, LOCAL, FULL], 9, 4, 12, 4),  # a text shorter than the window
        ([LOCAL] * 3, 9, 4, 12, 4),
        ([LOCAL] * 3, 1, 50, 3, 1),  # each token sees itself and nothing else
        ([FULL] * 3, 7, 50, 150, 50),
        ([LOCAL], 7, 50, 7, 7),
        ([LOCAL] * 7, 2**60 + 1, 2**70, 7 * (2**60 + 1), 7 * 2**60 + 1),
        ([LOCAL, FULL] * 3, 2**60 + 1, 2**70 + 1, 3 * (2**60 + 1) + 3 * (2**70 + 1), 2**70 + 1),
    ]
    for types, window, S, cached, field in table:
        found = submission.layout_cost(types, window, S)
        assert_equal(dict(found), {"cached_tokens": cached, "receptive_field": field})


@points(4)
def test_attention(submission, rng):
    """windows and groups, from any position"""
    B, T, S, K = 2, 5, 9, 8
    for (H, G), window, start in (
        ((3, 3), None, 0),
        ((6, 2), 1, 17),
        ((6, 1), 3, 2),
        ((4, 2), 4, 1000),
        ((6, 3), 50, 3),
        ((6, 2), None, 100),
    ):
        q, k, v = draw(rng, B, H, G, T, S, K)
        keys = torch.arange(start, start + S)
        for queries in (keys[-T:], keys[:T]):
            found = submission.window_attention(q, k, v, queries, keys, window)
            assert_close(found, by_loops(q, k, v, queries, keys, window), name=f"output, W = {window}")
    found = submission.window_attention(q.float(), k.float(), v.float(), queries, keys, 3)
    # float32: means of three numbers of size 1
    expected = by_loops(q, k, v, queries, keys, 3).float()
    assert_close(found, expected, rtol=1e-5, atol=1e-5, name="output in float32")


@points(4)
@needs(test_attention)
def test_order(submission, rng):
    """keys and queries in any order; empty slots"""
    B, H, G, T, S, K = 2, 4, 2, 3, 8, 5
    q, k, v = draw(rng, B, H, G, T, S, K)
    keys, queries = 20 + torch.arange(S), torch.tensor([27, 24, 26])
    for window in (None, 3, 4):
        expected = by_loops(q, k, v, queries, keys, window)
        order = rng.randperm(S)
        found = submission.window_attention(q, k[:, :, order], v[:, :, order], queries, keys[order], window)
        assert_close(found, expected, name=f"output, keys at {keys[order].tolist()}")
        holes = torch.tensor([True, False, False, True, False, False, False, False])  # the first two are not needed
        slots = torch.where(holes, -1, keys)
        k_dirty, v_dirty = (x.masked_fill(holes[:, None], 500.0) for x in (k, v))
        found = submission.window_attention(q, k_dirty, v_dirty, queries, slots, window)
        rest = ~holes
        expected = by_loops(q, k[:, :, rest], v[:, :, rest], queries, keys[rest], window)
        assert_close(found, expected, name=f"output, slots {slots.tolist()}")
    young = torch.tensor([0, -1, -1, -1, 1, -1, -1, -1])  # the first tokens of a text, in a ring that is nearly empty
    found = submission.window_attention(q[:, :, :2], k, v, torch.tensor([1, 0]), young, 4)
    assert_close(found, by_loops(q[:, :, :2], k, v, torch.tensor([1, 0]), young, 4), name="output at positions 1, 0")


@points(4)
@needs(test_attention)
def test_sinks(submission, rng):
    """one for each head; as they are; +-1000"""
    B, H, G, T, S, K = 2, 6, 3, 4, 9, 8
    q, k, v = draw(rng, B, H, G, T, S, K)
    keys = torch.arange(S)
    queries, sinks = keys[-T:], 0.5 + rng.rand(H)
    for window in (None, 3):
        for z in (sinks, -2 * sinks):
            found = submission.window_attention(q, k, v, queries, keys, window, z)
            assert_close(found, by_loops(q, k, v, queries, keys, window, z), name=f"output, W = {window}")
    ones = torch.ones_like(v)
    found = submission.window_attention(q, k, ones, queries, keys, 3, sinks)
    assert_close(found, by_loops(q, k, ones, queries, keys, 3, sinks), name="sums of the weights")

    gone = torch.full((H,), -1000.0, dtype=torch.float64)
    plain = by_loops(q, k, v, queries, keys, 3)
    assert_close(submission.window_attention(q, k, v, queries, keys, 3, gone), plain, name="output, sinks of -1000")
    found = submission.window_attention(q, k, v, queries, keys, 3, -gone)
    assert_close(found, torch.zeros_like(plain), name="output, sinks of 1000")
    for size in (1000.0, -1000.0):
        large = torch.full_like(k, size) + k  # scores near +-1000, each query's all together
        q_one = torch.ones_like(q) * K**0.5 / K
        for z in (None, sinks, gone, -gone):
            found = submission.window_attention(q_one, large, v, queries, keys, 3, z)
            assert_close(found, by_loops(q_one, large, v, queries, keys, 3, z), name=f"output, scores of {size:.0f}")


@points(2)
@needs(test_sinks)
def test_gradients(submission, rng):
    """reach q, k, v and the sinks; sinks of +-1000"""
    B, H, G, T, S, K = 2, 4, 2, 3, 7, 5
    leaves = [x.requires_grad_() for x in (*draw(rng, B, H, G, T, S, K), rng.randn(H))]
    q, k, v, sinks = leaves
    keys = torch.arange(S)
    g = rng.randn(B, H, T, K)
    found = submission.window_attention(q, k, v, keys[-T:], keys, 3, sinks)
    assert found.requires_grad, "No gradient leads from the output to the arguments: something was detached."
    mine = torch.autograd.grad((found * g).sum(), leaves, allow_unused=True)
    right = torch.autograd.grad((by_loops(q, k, v, keys[-T:], keys, 3, sinks) * g).sum(), leaves)
    for name, one, other in zip(("q", "k", "v", "sinks"), mine, right, strict=True):
        assert one is not None, f"No gradient reaches {name}."
        assert_close(one, other, name=f"gradient of {name}")
    plain = torch.autograd.grad((by_loops(q, k, v, keys[-T:], keys, 3) * g).sum(), leaves[:3])
    for size in (-1000.0, 1000.0):  # a sink that takes nothing, and one that takes everything
        far = torch.full((H,), size, dtype=torch.float64, requires_grad=True)
        found = submission.window_attention(q, k, v, keys[-T:], keys, 3, far)
        mine = torch.autograd.grad((found * g).sum(), [*leaves[:3], far])
        right = [each if size < 0 else torch.zeros_like(each) for each in plain] + [torch.zeros_like(far)]
        for name, one, other in zip(("q", "k", "v", "sinks"), mine, right, strict=True):
            assert_close(one, other, name=f"gradient of {name}, sinks of {size:.0f}")


@points(4)
@needs(test_attention, test_cost)
def test_reach(submission, rng):
    """the receptive field is where the gradient of a stack ends"""
    T, K = 12, 5
    positions = torch.arange(T)
    for types, window in (([LOCAL] * 3, 3), ([LOCAL] * 4, 2), ([LOCAL, FULL], 3), ([FULL, LOCAL], 2), ([LOCAL] * 2, 7)):
        x = rng.randn(1, 1, T, K).requires_grad_()
        y = x
        for kind in types:
            y = y + submission.window_attention(y, y, y, positions, positions, window if kind == LOCAL else None)
        (y[0, 0, -1] * rng.randn(K)).sum().backward()
        assert x.grad is not None, "No gradient leads from the last layer to the first."
        reached = int((x.grad.abs().sum(-1) > 0).sum())
        found = submission.layout_cost(types, window, T)
        assert_equal(found["receptive_field"], reached, name=f"receptive field of {types}, W = {window}")


@points(4)
@needs(test_public.test_example_ring)
def test_ring(submission, rng):
    """11 tokens in many cuts, W = 1, 3, 4, 20"""
    B, G, T, K = 2, 3, 11, 5
    k, v = rng.randn(B, G, T, K), rng.randn(B, G, K, T).mT
    for window in (1, 3, 4, 20):
        for pieces in some_cuts(T):
            cache, done = None, 0
            for length in pieces:
                new = slice(done, done + length)
                cache = submission.ring_append(cache, k[:, :, new], v[:, :, new], window)
                done += length
            assert_equal(cache, expected_ring(k, v, window), name="cache, " + "+".join(map(str, pieces)))
    single = submission.ring_append(None, k[:, :, :2].float(), v[:, :, :2].float(), 3)
    assert_equal(single, expected_ring(k[:, :, :2].float(), v[:, :, :2].float(), 3), name="cache in float32")


@points(2)
@needs(test_ring, test_order)
def test_decoding(submission, rng):
    """pieces on ring and own keys; one token on the ring alone"""
    B, H, G, T, K, window = 2, 4, 2, 11, 5, 4
    q, k, v = draw(rng, B, H, G, T, T, K)
    positions, sinks = torch.arange(T), rng.randn(H)
    expected = by_loops(q, k, v, positions, positions, window, sinks)
    for pieces in ([3, 1, 5, 2], [1] * T, [6, 5]):
        cache, outputs, done = None, [], 0
        for length in pieces:
            new = slice(done, done + length)
            done += length
            old, cache = cache, submission.ring_append(cache, k[:, :, new], v[:, :, new], window)
            keys, values, slots = cache["k"], cache["v"], cache["positions"]
            if length > 1:
                keys, values, slots = k[:, :, new], v[:, :, new], positions[new]
                if old is not None:
                    keys, values = torch.cat([old["k"], keys], dim=2), torch.cat([old["v"], values], dim=2)
                    slots = torch.cat([old["positions"], slots])
            outputs.append(
                submission.window_attention(q[:, :, new], keys, values, positions[new], slots, window, sinks)
            )
        assert_close(torch.cat(outputs, dim=2), expected, name="outputs, " + "+".join(map(str, pieces)))

"""Tiled attention against the whole matrix, its autograd, and the same sums in another order."""

import itertools
import math

import test_public
import torch

from grader.testing import assert_close, needs, points

INF = float("inf")
BLOCKS = ((2, 3), (3, 2), (1, 1), (4, 1), (20, 30))


def draw(rng, B, H, T, S, K, V):
    """q, k, v; k and v are not contiguous."""
    return rng.randn(B, H, T, K), rng.randn(B, S, H, K).transpose(1, 2), rng.randn(B, H, V, S).mT


def plain(q, k, v, causal=False):
    """Output (B, H, T, V) and log-sum-exp (B, H, T), with the whole matrix."""
    T, S = q.shape[2], k.shape[2]
    scores = torch.einsum("bhtk,bhsk->bhts", q, k) / math.sqrt(q.shape[-1])
    if causal:
        future = torch.tensor([[j > S - T + i for j in range(S)] for i in range(T)])
        scores = scores.masked_fill(future, -INF)
    top = scores.detach().amax(-1, keepdim=True)
    e = torch.exp(scores - top)
    mass = e.sum(-1, keepdim=True)
    return torch.einsum("bhts,bhsv->bhtv", e / mass, v), (top + torch.log(mass))[..., 0]


def gradients(q, k, v, d_out, causal=False):
    """Those of q, k and v by autograd."""
    leaves = [x.detach().clone().requires_grad_() for x in (q, k, v)]
    return torch.autograd.grad((plain(*leaves, causal)[0] * d_out).sum(), leaves)


def spread(rng, B, H, T, S, K, V, place):
    """q, k, v whose rows have scores near 10000, -10000, 0 and in between, beside one another.

    Of the scores near 10000 that of the key at `place` is the largest by 100; of those near -10000 it is the smallest.
    """
    q, k, v = draw(rng, B, H, T, S, K, V)
    size = torch.tensor([1e4, -1e4, 0.0, 100.0, -3e3])[torch.arange(T) % 5].double()
    q[..., 0], k = size.expand(B, H, T) * math.sqrt(K), k.clone()
    k[..., 0] = 1.0
    k[:, :, place, 0] = 1.01
    return q, k, v


@points(10)
@needs(test_public.test_example_forward)
def test_forward(submission, rng):
    """any tiles; T = S, T < S, T > S; V is not K"""
    B, H, K, V = 2, 3, 6, 4
    for (T, S), (block_q, block_k) in itertools.product(((5, 5), (5, 8), (7, 5)), BLOCKS):
        q, k, v = draw(rng, B, H, T, S, K, V)
        out, lse = submission.flash_forward(q, k, v, block_q, block_k)
        tiles = f"T = {T}, S = {S}, tiles {block_q} x {block_k}"
        expected = plain(q, k, v)
        assert_close(out, expected[0], name=f"out, {tiles}")
        assert_close(lse, expected[1], name=f"lse, {tiles}")


@points(7)
@needs(test_forward)
def test_causal(submission, rng):
    """query i sees the keys 0 to S - T + i"""
    B, H, K, V = 2, 3, 4, 6
    for (T, S), (block_q, block_k) in itertools.product(((5, 5), (5, 8), (1, 7)), BLOCKS):
        q, k, v = draw(rng, B, H, T, S, K, V)
        out, lse = submission.flash_forward(q, k, v, block_q, block_k, causal=True)
        tiles = f"T = {T}, S = {S}, tiles {block_q} x {block_k}"
        expected = plain(q, k, v, causal=True)
        assert_close(out, expected[0], name=f"out, {tiles}")
        assert_close(lse, expected[1], name=f"lse, {tiles}")


@points(3)
@needs(test_causal)
def test_large_scores(submission, rng):
    """+-10000 in one tile; the largest key first, last, in between"""
    B, H, T, S, K, V = 2, 3, 5, 8, 4, 6
    for causal, place, block in itertools.product((False, True), (0, S - 1, 3), (3, 1, 8)):
        q, k, v = spread(rng, B, H, T, S, K, V, place)
        out, lse = submission.flash_forward(q, k, v, 2, block, causal)
        expected = plain(q, k, v, causal)
        tiles = f"causal={causal}, tiles 2 x {block}"
        assert_close(out, expected[0], name=f"out, {tiles}")
        assert_close(lse, expected[1], name=f"lse, {tiles}")


@points(7)
@needs(test_forward, test_public.test_example_backward)
def test_backward(submission, rng):
    """as autograd has it, with any tiles"""
    B, H, K, V = 2, 3, 6, 4
    for (T, S), (block_q, block_k) in itertools.product(((5, 5), (5, 8), (7, 5)), BLOCKS):
        q, k, v = draw(rng, B, H, T, S, K, V)
        d_out = rng.randn(B, H, V, T).mT
        found = submission.flash_backward(q, k, v, *plain(q, k, v), d_out, block_q, block_k)
        for name, mine, right in zip(("dq", "dk", "dv"), found, gradients(q, k, v, d_out), strict=True):
            assert_close(mine, right, name=f"{name}, T = {T}, S = {S}, tiles {block_q} x {block_k}")


@points(5)
@needs(test_causal, test_backward)
def test_backward_causal(submission, rng):
    """no gradient to keys of the future"""
    B, H, K, V = 2, 3, 4, 6
    for (T, S), (block_q, block_k) in itertools.product(((5, 5), (5, 8), (1, 7)), BLOCKS):
        q, k, v = draw(rng, B, H, T, S, K, V)
        d_out = rng.randn(B, H, T, V)
        arguments = (*plain(q, k, v, True), d_out, block_q, block_k)
        found = submission.flash_backward(q, k, v, *arguments, causal=True)
        for name, mine, right in zip(("dq", "dk", "dv"), found, gradients(q, k, v, d_out, True), strict=True):
            assert_close(mine, right, name=f"{name}, T = {T}, S = {S}, tiles {block_q} x {block_k}")


@points(2)
@needs(test_backward_causal)
def test_large_scores_backward(submission, rng):
    """+-10000 in one tile"""
    B, H, T, S, K, V = 2, 3, 5, 8, 4, 6
    for causal, place in ((False, 0), (True, 3)):
        q, k, v = spread(rng, B, H, T, S, K, V, place)
        d_out = rng.randn(B, H, T, V)
        found = submission.flash_backward(q, k, v, *plain(q, k, v, causal), d_out, 2, 3, causal)
        for name, mine, right in zip(("dq", "dk", "dv"), found, gradients(q, k, v, d_out, causal), strict=True):
            # A score of 10000 is rounded to 2e-12, and its weight with it; in dk that is multiplied by 10000 again.
            assert_close(mine, right, rtol=1e-9, atol=1e-7, name=f"{name}, causal={causal}")


@points(2)
@needs(test_backward)
def test_float32(submission, rng):
    """float32 stays float32, in all three functions"""
    B, H, T, S, K, V = 2, 3, 5, 7, 6, 4
    q, k, v = draw(rng, B, H, T, S, K, V)
    d_out = rng.randn(B, H, T, V)
    right = (*plain(q, k, v), *gradients(q, k, v, d_out))
    q, k, v, d_out, *right = (x.float() for x in (q, k, v, d_out, *right))
    out, lse = right[:2]
    # float32: sums of at most a dozen terms of size 1
    rounding = {"rtol": 1e-5, "atol": 2e-5}
    found = submission.flash_forward(q, k, v, 2, 3)
    assert_close(tuple(found), (out, lse), **rounding, name="out, lse")
    found = submission.flash_backward(q, k, v, out, lse, d_out, 2, 3)
    assert_close(tuple(found), tuple(right[2:]), **rounding, name="dq, dk, dv")
    found = submission.merge(out, lse, -out, lse - 1)
    share = 1 / (1 + math.exp(-1))
    expected = ((2 * share - 1) * out, lse - math.log(share))
    assert_close(tuple(found), expected, **rounding, name="merged")


@points(5)
@needs(test_public.test_example_merge)
def test_merge(submission, rng):
    """two and three sets, in any order; +-10000; no keys"""
    B, H, T, S, K, V = 2, 3, 4, 9, 6, 5
    q, k, v = draw(rng, B, H, T, S, K, V)
    parts = [plain(q, k[:, :, keys], v[:, :, keys]) for keys in (slice(0, 2), slice(2, 3), slice(3, 9))]
    expected = plain(q, k, v)
    for one, two, three in itertools.permutations(parts):
        merged = submission.merge(*one, *two)
        merged = submission.merge(*merged, *three) if one is not parts[1] else submission.merge(*three, *merged)
        assert_close(tuple(merged), expected, name="three sets")

    out_a, out_b = rng.randn(4, V), rng.randn(4, V)
    lse_a, lse_b = torch.tensor([1e4, -1e4, 1e4, -1e4]).double(), torch.tensor([1e4 - 1, -1e4 - 1, -1e4, 1e4]).double()
    share = torch.tensor([1 / (1 + math.exp(-1)), 1 / (1 + math.exp(-1)), 1.0, 0.0], dtype=torch.float64)
    both = share[:, None] * out_a + (1 - share[:, None]) * out_b
    lse = (
        torch.tensor([1e4, -1e4, 1e4, 1e4]).double() + torch.tensor([math.log1p(math.exp(-1))] * 2 + [0.0] * 2).double()
    )
    assert_close(tuple(submission.merge(out_a, lse_a, out_b, lse_b)), (both, lse), name="far out")
    none = torch.zeros(B, H, T, V, dtype=torch.float64), torch.full((B, H, T), -INF, dtype=torch.float64)
    assert_close(tuple(submission.merge(*expected, *none)), expected, name="a set and one without keys")
    assert_close(tuple(submission.merge(*none, *expected)), expected, name="a set without keys and one with")
    assert_close(tuple(submission.merge(*none, *none)), none, name="two sets without keys")
    some = lse_a.clone()
    some[1:3] = -INF  # in some rows of a tensor, not in others
    out_a[1:3] = 0.0
    both[1:3], lse[1:3] = out_b[1:3], lse_b[1:3]
    assert_close(tuple(submission.merge(out_a, some, out_b, lse_b)), (both, lse), name="some rows without keys")


def large(rng, T, S, K, V):
    """q, k, v, float32, of which q has eight different rows, in any order; the rows; and which of them each is."""
    rows, which = rng.randn(8, K, dtype=torch.float32), rng.randint(0, 8, (T,))
    k, v = rng.randn(1, 1, S, K, dtype=torch.float32), rng.randn(1, 1, S, V, dtype=torch.float32)
    return rows[which].view(1, 1, T, K), k, v, rows.view(1, 1, 8, K), which


def check_forward(submission, rng, block_q, block_k):
    T, S, K, V = 5000, 8200, 16, 12
    q, k, v, rows, which = large(rng, T, S, K, V)
    out, lse = submission.flash_forward(q, k, v, block_q, block_k)
    few_out, few_lse = plain(rows, k, v)
    # float32: means over 8200 keys
    assert_close(out, few_out[:, :, which], rtol=1e-5, atol=1e-5, name="out")
    assert_close(lse, few_lse[:, :, which], rtol=1e-5, atol=1e-5, name="lse")


@points(2)
@needs(test_large_scores)
def test_memory_of_flat_tiles(submission, rng):
    """5000 queries, 8200 keys, tiles of 64 x 8200, in 128 MiB"""
    check_forward(submission, rng, 64, 8200)


@points(2)
@needs(test_large_scores)
def test_memory_of_tall_tiles(submission, rng):
    """5000 queries, 8200 keys, tiles of 5000 x 64, in 128 MiB"""
    check_forward(submission, rng, 5000, 64)


@points(2)
@needs(test_large_scores_backward)
def test_memory_backward(submission, rng):
    """gradients of 3600 queries and 6000 keys, both kinds of tiles"""
    T, S, K, V = 3600, 6000, 16, 12
    q, k, v, rows, which = large(rng, T, S, K, V)
    few_out, few_lse = plain(rows, k, v)
    d_out = rng.randn(1, 1, T, V, dtype=torch.float32)
    # Gradients are linear in d_out, so those of equal queries add up; the first 8 queries are compared one by one.
    each, k_wide, v_wide, d_wide = (x.double() for x in (rows, k, v, d_out))
    added = torch.zeros(1, 1, 8, V, dtype=torch.float64).index_add(2, which, d_wide)
    _, right_dk, right_dv = gradients(each, k_wide, v_wide, added)
    right_dq, _, _ = gradients(each[:, :, which[:8]], k_wide, v_wide, d_wide[:, :, :8])
    for block_q, block_k in ((60, S), (T, 60)):
        forward = few_out[:, :, which], few_lse[:, :, which]
        dq, dk, dv = submission.flash_backward(q, k, v, *forward, d_out, block_q, block_k)
        # float32: sums over 6000 keys or 3600 queries, which cancel
        assert_close(dq[:, :, :8], right_dq.float(), rtol=1e-4, atol=1e-5, name="dq of the first 8 queries")
        assert_close(dk, right_dk.float(), rtol=1e-4, atol=1e-5, name="dk")
        assert_close(dv, right_dv.float(), rtol=1e-4, atol=1e-5, name="dv")

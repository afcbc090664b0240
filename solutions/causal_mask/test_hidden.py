"""The causal mask against its definition in plain loops."""

import pytest
import torch

from grader.testing import assert_equal, needs, points

INF = float("inf")


def allowed(T, S):
    """keep[i, j] = (j <= i + S - T), entry by entry."""
    return torch.tensor([[j <= i + S - T for j in range(S)] for i in range(T)])


def attention(rng, *shape, keep=True):
    """Softmax weights (*shape) of random scores, over the keys that are kept."""
    return torch.where(torch.as_tensor(keep), rng.randn(*shape), -INF).softmax(dim=-1)


@points(2)
def test_square(submission, rng):
    """T queries on T keys: row i sees keys 0 to i"""
    for T in rng.sizes(3, low=2, high=12):
        assert_equal(submission.causal_mask(T), allowed(T, T))


@points(3)
def test_last_queries(submission, rng):
    """the T queries are the last T of S positions"""
    for _ in range(4):
        T, S = sorted(rng.sizes(2, low=2, high=12))
        assert_equal(submission.causal_mask(T, S), allowed(T, S))


@points(2)
def test_one_new_token(submission, rng):
    """a single query sees every key"""
    for S in (1, *rng.sizes(2, low=2, high=12)):
        assert_equal(submission.causal_mask(1, S), torch.ones(1, S, dtype=torch.bool))


@points(1)
def test_too_many_queries(submission, rng):
    """T = S works; ValueError for T > S"""
    (T,) = rng.sizes(1)
    assert_equal(submission.causal_mask(T, T), allowed(T, T))
    for keys in (T - 1, 1, 0):
        with pytest.raises(ValueError):  # noqa: PT011 - the wording is the student's
            submission.causal_mask(T, keys)


@points(3)
def test_additive(submission, rng):
    """exactly 0 and -inf, any shape and dtype"""
    B, T, S = rng.sizes(3)
    keep = rng.rand(B, 1, T, S) < 0.5
    keep[0, 0, 0, :2] = torch.tensor([True, False])  # both kinds, whatever the draw
    cells = keep.flatten().tolist()
    expected = torch.tensor([0.0 if kept else -INF for kept in cells], dtype=torch.float64).view(B, 1, T, S)
    for dtype in (torch.float64, torch.float32, torch.bfloat16):
        assert_equal(submission.additive_mask(keep, dtype), expected.to(dtype))
    assert_equal(submission.additive_mask(keep[0, 0].T.contiguous()), expected[0, 0].T.float())
    assert_equal(submission.additive_mask(keep[0, 0, 0]), expected[0, 0, 0].float())


@points(1)
@needs(test_last_queries)
def test_leak_in_one_head(submission, rng):
    """finds a leak in one head, and only there"""
    B, H, T, S = rng.sizes(4, low=3)
    T, S = min(T, S), max(T, S)
    keep = submission.causal_mask(T, S)
    weights = attention(rng, B, H, T, S, keep=keep)
    assert_equal(submission.leaks_future(weights), False)
    assert_equal(submission.leaks_future(attention(rng, B, H, 1, S)), False)

    head = int(rng.randint(1, H, (1,)))
    for b, h in ((0, 0), (B - 1, head)):
        leaking = weights.clone()
        leaking[b, h, 0] = torch.softmax(rng.randn(S), dim=-1)
        assert_equal(submission.leaks_future(leaking), True)


@points(2)
@needs(test_last_queries)
def test_tiny_leak(submission, rng):
    """a weight of 1e-12 on a future key is a leak"""
    T, S = sorted(rng.sizes(2, low=3))
    keep = submission.causal_mask(T, S)
    weights = attention(rng, T, S, keep=keep)
    assert_equal(submission.leaks_future(weights), False)

    query = int(rng.randint(0, T - 1, (1,)))
    key = int(rng.randint(query + S - T + 1, S, (1,)))
    far = weights.clone()
    far[0, S - 1] = 0.1
    near = weights.clone()
    near[0, S - T + 1] = 0.1
    added = weights.clone()
    added[query, key] = 0.1  # to a row that sums to 1 without it
    for leaking in (far / far.sum(-1, keepdim=True), near / near.sum(-1, keepdim=True), added):
        assert_equal(submission.leaks_future(leaking), True)
    for leak in (1e-12, 1e-30, 1e-60):
        tiny = weights.clone()
        tiny[query, key] = leak
        assert_equal(submission.leaks_future(tiny), True)

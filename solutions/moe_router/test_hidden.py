"""The router against sorting and exponentials of plain Python numbers."""

import math

import pytest
import test_public
import torch

from grader.testing import assert_close, assert_equal, needs, points

INF = float("inf")


def distinct_logits(rng, *shape):
    """Logits (*shape), those of a token at least 0.1 apart, so that rounding cannot change the choice."""
    place = rng.rand(*shape).argsort(-1)  # a permutation of 0 .. E-1 for every token
    spread = 1 + rng.rand(*shape[:-1], 1)
    return spread * (0.4 * (place - shape[-1] / 2) + 0.3 * rng.rand(*shape)) + rng.randn(*shape[:-1], 1)


def best(logits, k):
    """Indices (T, k) of the k largest logits of each row of (T, E), best first."""
    rows = logits.tolist()
    return torch.tensor([sorted(range(len(row)), key=row.__getitem__, reverse=True)[:k] for row in rows])


def softmax_of_best(logits, k):
    """Their softmax, float64 (T, k), from plain numbers."""

    def softmax(chosen):
        exponentials = [math.exp(value - chosen[0]) for value in chosen]  # chosen[0] is the largest
        return [e / sum(exponentials) for e in exponentials]

    return torch.tensor([softmax(sorted(row, reverse=True)[:k]) for row in logits.tolist()], dtype=torch.float64)


def in_columns(weights, indices, E):
    """Rows (*, E), each weight in its expert's column and 0 elsewhere, from plain numbers."""

    def row(given, chosen):
        of_expert = dict(zip(chosen, given, strict=True))
        return [of_expert.get(expert, 0.0) for expert in range(E)]

    rows = map(row, weights.flatten(0, -2).tolist(), indices.flatten(0, -2).tolist())
    return torch.tensor(list(rows), dtype=torch.float64).view(*weights.shape[:-1], E)


@points(2)
@needs(test_public.test_shape)
def test_choice(submission, rng):
    """the k largest logits, best first"""
    T, E, k = rng.sizes(3, low=4)
    k, E = min(k, E), max(k, E)
    logits = distinct_logits(rng, T, E)
    _, indices = submission.route(logits, k)
    assert_equal(indices, best(logits, k), name="indices")


@points(2)
@needs(test_public.test_shape)
def test_weights(submission, rng):
    """softmax of the k chosen logits, of any size"""
    T, E, k = rng.sizes(3)
    k, E = min(k, E), max(k, E)
    logits = distinct_logits(rng, T, E)
    expected = softmax_of_best(logits, k), best(logits, k)
    assert_close(submission.route(logits, k), expected)
    assert_close(submission.route(logits - 10, k), expected)  # all negative
    shift = 1e4 * (2 * (torch.arange(T)[:, None] % 2) - 1)  # -10000 or 10000 on all logits of a token
    assert_close(submission.route(logits + shift, k), expected)


@points(2)
@needs(test_public.test_shape)
def test_leading_dimensions(submission, rng):
    """(B, T, E), (E,) and zero tokens, as (T, E)"""
    B, T, E, k = rng.sizes(4)
    k, E = min(k, E), max(k, E)
    logits = distinct_logits(rng, B, T, E)
    flat = logits.flatten(0, 1)
    weights, indices = softmax_of_best(flat, k), best(flat, k)
    assert_close(submission.route(logits, k), (weights.view(B, T, k), indices.view(B, T, k)))
    assert_close(submission.route(logits[0, 0], k), (weights[0], indices[0]))
    assert_close(submission.route(flat[:0], k), (weights[:0], indices[:0]))


@points(2)
@needs(test_public.test_shape)
def test_half_precision(submission, rng):
    """bfloat16 and float16 in and out, rounded once"""
    T, E, k = 40, 9, 4
    for dtype, bits in ((torch.bfloat16, 8), (torch.float16, 11)):
        logits = distinct_logits(rng, T, E).to(dtype)
        weights, indices = submission.route(logits, k)
        assert_equal(indices, best(logits, k), name="indices")
        assert_equal(weights.dtype, dtype, name="dtype of weights")
        # Rounding to 8 significant bits: a relative error of at most 2^-8; float32 before it adds less than 1e-6.
        assert_close(weights.double(), softmax_of_best(logits, k), rtol=2**-bits + 1e-6, atol=0.0, name="weights")


@points(2)
@needs(test_public.test_shape)
def test_gradient(submission, rng):
    """reaches the chosen experts' logits only"""
    T, E, k = 5, 7, 3
    logits = distinct_logits(rng, T, E).requires_grad_()
    weights, _ = submission.route(logits, k)
    assert weights.requires_grad, "No gradient leads from the weights to the logits: something was detached."
    g = rng.randn(T, k)
    (weights * g).sum().backward()

    w, chosen = softmax_of_best(logits.detach(), k), best(logits.detach(), k)
    expected = torch.zeros(T, E, dtype=torch.float64)
    for token in range(T):  # dL/dl_i = w_i (g_i - sum_j w_j g_j)
        expected[token, chosen[token]] = w[token] * (g[token] - (w[token] * g[token]).sum())
    assert_close(logits.grad, expected, name="gradient of logits")


@points(2)
@needs(test_public.test_shape)
def test_every_k(submission, rng):
    """k from 1 to E, ValueError for all others"""
    T, E = rng.sizes(2, low=3)
    logits = distinct_logits(rng, T, E)
    for k in (1, E):
        assert_close(submission.route(logits, k), (softmax_of_best(logits, k), best(logits, k)))
    for k in (E + 1, 0, -1):
        with pytest.raises(ValueError):  # noqa: PT011 - the wording is the student's
            submission.route(logits, k)


@points(2)
@needs(test_public.test_shape)
def test_switched_off(submission, rng):
    """an expert with logit -inf is never chosen"""
    T, E, k = 5, 7, 3
    logits = distinct_logits(rng, T, E)
    off = rng.rand(T, E).argsort(-1)[:, : E - k]  # all but k experts of each token
    logits.scatter_(-1, off, -INF)
    assert_close(submission.route(logits, k), (softmax_of_best(logits, k), best(logits, k)))


@points(2)
def test_combine_matrix(submission, rng):
    """each weight in its expert's column"""
    B, T, E, k = rng.sizes(4)
    k, E = min(k, E), max(k, E)
    indices = rng.rand(B, T, E).argsort(-1)[..., :k]
    weights = rng.randn(B, T, k).requires_grad_()
    expected = in_columns(weights.detach(), indices, E)
    rows = submission.combine_matrix(weights, indices, E)
    assert_equal(rows, expected)
    assert_equal(submission.combine_matrix(weights.detach()[0, 0], indices[0, 0], E), expected[0, 0])
    assert_equal(submission.combine_matrix(weights.detach()[:, :0], indices[:, :0], E), expected[:, :0])
    for dtype in (torch.float32, torch.float16):
        assert_equal(submission.combine_matrix(weights.detach().to(dtype), indices, E), expected.to(dtype))

    assert rows.requires_grad, "No gradient leads from the matrix to the weights: something was detached."
    g = rng.randn(B, T, E)
    (rows * g).sum().backward()
    assert_close(weights.grad, g.gather(-1, indices), name="gradient of weights")

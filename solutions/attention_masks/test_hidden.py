"""The masks against their definitions in plain loops."""

import pytest
import test_public
import torch

from grader.testing import assert_equal, needs, points


def pattern(T, S, sees):
    """bool (T, S) from the sentence sees(p, j) about the position p = i + S - T of a query and that of a key."""
    return torch.tensor([[sees(i + S - T, j) for j in range(S)] for i in range(T)])


def causal(p, j):
    return j <= p


def everything(p, j):
    return True


def padded(mask, tokens):
    """bool (B, 1, T, S): the cells of the (T, S) mask whose key is a token, one by one."""
    return torch.tensor(
        [[[[bool(kept and t) for kept, t in zip(row, text, strict=True)] for row in mask.tolist()]]
         for text in tokens.tolist()]
    )  # fmt: skip


def draw_tokens(rng, B, S):
    """int64 (B, S) of 1 and 0: text 0 is padded on the left, text 1 on the right, by different numbers."""
    tokens = torch.ones(B, S, dtype=torch.int64)
    left, right = rng.sizes(2, low=1, high=S - 1)
    tokens[0, :left] = 0
    tokens[1, S - right :] = 0
    return tokens


@points(1)
def test_bidirectional(submission, rng):
    """all True, more keys or more queries"""
    T, S = rng.sizes(2)
    for queries, keys in [(T, S), (S, T), (1, T)]:
        assert_equal(submission.bidirectional_mask(queries, keys), pattern(queries, keys, everything), name="mask")
    assert_equal(submission.bidirectional_mask(T), pattern(T, T, everything), name="mask")


@points(1)
def test_prefix_ends(submission, rng):
    """prefix 0 is causal, prefix T sees everything"""
    for T in (1, *rng.sizes(2)):
        assert_equal(submission.prefix_lm_mask(T, 0), pattern(T, T, causal), name="mask")
        assert_equal(submission.prefix_lm_mask(T, T), pattern(T, T, everything), name="mask")


@points(1)
def test_prefix(submission, rng):
    """a prefix of any length in between"""
    T = 7
    for prefix in range(1, T):
        expected = pattern(T, T, lambda p, j, prefix=prefix: j <= p or j < prefix)
        assert_equal(submission.prefix_lm_mask(T, prefix), expected, name="mask")


@points(1)
def test_window_ends(submission, rng):
    """window 1 sees itself, a wide one is causal"""
    (T,) = rng.sizes(1, low=3)
    assert_equal(submission.sliding_window_mask(T, 1), pattern(T, T, lambda p, j: p == j), name="mask")
    for window in (T, T + 5, 4096):
        assert_equal(submission.sliding_window_mask(T, window), pattern(T, T, causal), name="mask")


@points(3)
def test_window(submission, rng):
    """W keys back from each query, also cached ones"""
    for _ in range(3):
        W, T, S = sorted(rng.sizes(3, low=2, high=11))
        for queries in (T, S, 1):
            expected = pattern(queries, S, lambda p, j, W=W: p - W < j <= p)
            assert_equal(submission.sliding_window_mask(queries, W, S), expected, name="mask")


@points(3)
@needs(test_public.test_example_padding)
def test_padding(submission, rng):
    """hides keys from all queries, any pattern"""
    B, T, S = rng.sizes(3, low=3)
    tokens, mask = draw_tokens(rng, B, S), rng.rand(T, S) < 0.7
    expected = padded(mask, tokens)
    for dtype in (torch.int64, torch.bool, torch.uint8, torch.int32):
        assert_equal(submission.with_padding(mask, tokens.to(dtype)), expected, name="mask")
    everywhere = torch.ones(T, S, dtype=torch.bool)
    assert_equal(submission.with_padding(everywhere, tokens), padded(everywhere, tokens), name="mask")


@points(1)
@needs(test_public.test_example_padding)
def test_one_text(submission, rng):
    """encoder-only, decoder-only and prefix-lm"""
    B, S, prefix = rng.sizes(3, low=3)
    S, prefix = max(S, prefix), min(S, prefix)
    tokens = draw_tokens(rng, B, S)
    for variant, sees in [
        ("encoder-only", everything),
        ("decoder-only", causal),
        ("prefix-lm", lambda p, j: j <= p or j < prefix),
    ]:
        masks = submission.variant_masks(variant, tokens, prefix_len=prefix if variant == "prefix-lm" else None)
        assert_equal(masks, {"self": padded(pattern(S, S, sees), tokens)}, name=variant)


@points(3)
@needs(test_public.test_example_variant)
def test_encoder_decoder(submission, rng):
    """each mask has its own padding and shape"""
    B, S, T = rng.sizes(3, low=3)
    for s, t in [(S, T), (T, S)]:
        source, target = draw_tokens(rng, B, s), draw_tokens(rng, B, t)
        masks = submission.variant_masks("encoder-decoder", source, target)
        assert_equal(masks["encoder"], padded(pattern(s, s, everything), source), name="encoder")
        assert_equal(masks["decoder"], padded(pattern(t, t, causal), target), name="decoder")
        assert_equal(masks["cross"], padded(torch.ones(t, s, dtype=torch.bool), source), name="cross")


@points(1)
@needs(test_public.test_example_padding)
def test_bad_variants(submission, rng):
    """ValueError for unknown and incomplete ones"""
    B, S = rng.sizes(2, low=3)
    tokens = draw_tokens(rng, B, S)
    masks = submission.variant_masks("prefix-lm", tokens, prefix_len=0)
    assert_equal(masks, {"self": padded(pattern(S, S, causal), tokens)}, name="prefix-lm")
    for variant in ("prefix-lm", "encoder-decoder", "retrieval-only"):
        with pytest.raises(ValueError):  # noqa: PT011 - the wording is the student's
            submission.variant_masks(variant, tokens)
    with pytest.raises(ValueError):  # noqa: PT011 - the wording is the student's
        submission.variant_masks("encoder_decoder", tokens, tokens)  # misspelt, and all that the right name needs

"""Batches with fixed places, and the shapes of a model."""

import torch

from grader.testing import assert_equal, points


@points(5)
def test_fixed_places(submission):
    """data first, then blanks, then go-tokens"""
    B, L, N, V = 7, 5, 2, 4
    tokens, data = submission.make_batch(B, length=L, n_data=N, vocab=V, seed=3, spacing="fixed")
    assert_equal(tokens.shape, (B, L + N), name="shape of tokens")
    assert_equal(data.shape, (B, N), name="shape of data")
    assert_equal(data.dtype, torch.int64, name="dtype of data")
    assert bool(((data >= 0) & (data < V)).all()), "The data tokens are 0 to vocab - 1."
    blanks, go = torch.full((B, L - N), V), torch.full((B, N), V + 1)
    assert_equal(tokens, torch.cat([data, blanks, go], dim=1), name="tokens")


@points(5)
def test_shape(submission):
    """logits for every go-token; mix keeps its shape"""
    B, L, N, V, D = 3, 7, 2, 5, 8
    for mixer in ("lti", "selective"):
        model = submission.CopyModel(mixer, length=L, n_data=N, vocab=V, d_model=D, d_state=4)
        tokens, _ = submission.make_batch(B, length=L, n_data=N, vocab=V, seed=1)
        assert_equal(model(tokens).shape, (B, N, V), name=f"shape of the logits, {mixer}")
        assert_equal(model.mix(torch.randn(B, L + N, D)).shape, (B, L + N, D), name=f"shape of mix(x), {mixer}")

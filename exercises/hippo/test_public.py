"""The shapes, and the examples of the docstrings."""

import torch

from grader.testing import assert_close, assert_equal, needs, points


@points(2)
def test_shapes(submission, rng):
    """(N, N) and (N,), (..., T, N), (..., S)"""
    N, T, S = 4, 6, 5
    result = submission.hippo_legs(N)
    assert isinstance(result, tuple | list), "hippo_legs returns a pair: A, then B."
    assert len(result) == 2, "hippo_legs returns a pair: A, then B."
    A, B = result
    assert_equal(A.shape, (N, N), name="shape of A")
    assert_equal(B.shape, (N,), name="shape of B")
    c = submission.legs_coefficients(rng.randn(2, 3, T), N)
    assert_equal(c.shape, (2, 3, T, N), name="shape of the coefficients")
    f = submission.reconstruct(rng.randn(2, 3, N), rng.rand(S))
    assert_equal(f.shape, (2, 3, S), name="shape of the reconstruction")
    share = submission.recall(-torch.eye(N, dtype=torch.float64), rng.randn(N), 0.1, rng.randn(T), 2)
    assert isinstance(share, float), "recall returns a Python float."


@points(2)
def test_examples(submission):
    """the examples of the docstrings"""
    # All with the four digits that are printed there.
    A, B = submission.hippo_legs(3)
    expected = torch.tensor([[-1.0, 0.0, 0.0], [-1.7321, -2.0, 0.0], [-2.2361, -3.8730, -3.0]], dtype=torch.float64)
    assert_close(A, expected, atol=1e-4, name="A")
    assert_close(B, torch.tensor([1.0, 1.7321, 2.2361], dtype=torch.float64), atol=1e-4, name="B")

    c = submission.legs_coefficients(torch.ones(3), n=2)
    assert_close(c, torch.tensor([[0.6667, 0.5774], [0.8, 0.3464], [0.8571, 0.2474]]), atol=1e-4)

    f = submission.reconstruct(torch.tensor([2.0, 1.0, 0.0]), torch.tensor([0.0, 0.5, 1.0]))
    assert_close(f, torch.tensor([0.2679, 2.0, 3.7321]), atol=1e-4)

    A, B = torch.tensor([[-2.0]], dtype=torch.float64), torch.ones(1, dtype=torch.float64)
    f = torch.tensor([1.0, 2.0, 3.0, 4.0], dtype=torch.float64)
    for lag, share in ((0, 1.0), (1, 0.9852)):
        assert_close(submission.recall(A, B, 1.0, f, lag=lag), share, atol=1e-4, name=f"recall, lag = {lag}")

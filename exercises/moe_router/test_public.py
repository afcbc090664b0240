"""The shapes of a routing, and the examples of the docstrings."""

import torch

from grader.testing import assert_close, assert_equal, needs, points


@points(2)
def test_shape(submission, rng):
    """weights and indices are [T, k]"""
    T, E, k = 5, 7, 3
    result = submission.route(rng.randn(T, E), k)
    assert isinstance(result, tuple | list), "route returns a pair: the weights, then the indices."
    assert len(result) == 2, "route returns a pair: the weights, then the indices."
    weights, indices = result
    assert_equal(weights.shape, (T, k), name="shape of weights")
    assert_equal(indices.shape, (T, k), name="shape of indices")
    assert_equal(weights.dtype, torch.float64, name="dtype of weights")
    assert_equal(indices.dtype, torch.int64, name="dtype of indices")


@points(2)
@needs(test_shape)
def test_example(submission):
    """three tokens choose 2 of 4 experts each"""
    T, E, k = 3, 4, 2
    logits = torch.tensor([1.0, 3.0, 0.0, 2.0, 4.0, 1.0, 0.0, 2.0, 0.0, 1.0, 4.0, 2.5]).view(T, E)
    weights = torch.tensor([0.7311, 0.2689, 0.8808, 0.1192, 0.8176, 0.1824]).view(T, k)
    indices = torch.tensor([[1, 3], [0, 3], [2, 3]])
    assert_close(submission.route(logits, k), (weights, indices), atol=1e-4)  # the example has four digits
    rows = torch.tensor([[0.0, 0.7311, 0.0, 0.2689], [0.8808, 0.0, 0.0, 0.1192], [0.0, 0.0, 0.8176, 0.1824]])
    assert_close(submission.combine_matrix(weights, indices, E), rows)

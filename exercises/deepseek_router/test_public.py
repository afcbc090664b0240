"""The shapes of a routing, and the examples of the docstrings."""

import torch

from grader.testing import assert_close, assert_equal, needs, points


@points(3)
def test_shape(submission, rng):
    """weights and indices are [T, k]"""
    T, E, k = 5, 12, 3
    result = submission.deepseek_route(rng.randn(T, E), rng.randn(E), k, 4, 2)
    assert isinstance(result, tuple | list), "deepseek_route returns a pair: the weights, then the indices."
    assert len(result) == 2, "deepseek_route returns a pair: the weights, then the indices."
    weights, indices = result
    assert_equal(weights.shape, (T, k), name="shape of weights")
    assert_equal(indices.shape, (T, k), name="shape of indices")
    assert_equal(weights.dtype, torch.float64, name="dtype of weights")
    assert_equal(indices.dtype, torch.int64, name="dtype of indices")


@points(3)
@needs(test_shape)
def test_example(submission):
    """one token, two groups of two experts"""
    E, k = 4, 2
    logits = torch.tensor([[2.0, 0.0, 1.0, 1.5]])
    # The order within a row is free: here it is by the number of the expert.
    for b, right in ((0.0, [[2, 3], [0.4721, 0.5279]]), (0.3, [[0, 1], [0.6379, 0.3621]])):
        bias = torch.zeros(E)
        bias[0] = b
        weights, indices = submission.deepseek_route(logits, bias, k, 2, 1)
        order = indices.argsort(-1)
        assert_equal(indices.gather(-1, order), torch.tensor(right[:1]), name="indices, sorted")
        # the example has four digits
        assert_close(weights.gather(-1, order), torch.tensor(right[1:]), atol=1e-4, name="weights of these experts")


@points(3)
def test_update_example(submission):
    """loads 4, 2, 1 and 1, of which the mean is 2"""
    indices = torch.tensor([[0, 1], [0, 1], [0, 2], [0, 3]])
    expected = torch.tensor([-0.001, 0.0, 0.001, 0.001])
    assert_close(submission.update_bias(torch.zeros(4), indices, 0.001), expected, atol=1e-9)

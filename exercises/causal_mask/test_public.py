"""The examples of the docstrings."""

import torch

from grader.testing import assert_equal, points

INF = float("inf")


@points(2)
def test_example_mask(submission):
    """3 queries on 3 keys, and 2 queries on 5 keys"""
    square = [[True, False, False], [True, True, False], [True, True, True]]
    assert_equal(submission.causal_mask(3), torch.tensor(square))
    cached = [[True, True, True, True, False], [True, True, True, True, True]]
    assert_equal(submission.causal_mask(2, 5), torch.tensor(cached))


@points(2)
def test_example_additive(submission):
    """0 where keep is True, -inf where it is False"""
    keep = torch.tensor([[True, False], [True, True]])
    assert_equal(submission.additive_mask(keep), torch.tensor([[0.0, -INF], [0.0, 0.0]]))


@points(2)
def test_example_leak(submission):
    """a future key leaks, looking back does not"""
    assert_equal(submission.leaks_future(torch.tensor([[1.0, 0.0], [0.5, 0.5]])), False)
    assert_equal(submission.leaks_future(torch.tensor([[0.9, 0.1], [0.5, 0.5]])), True)
    assert_equal(submission.leaks_future(torch.tensor([[0.2, 0.8]])), False)

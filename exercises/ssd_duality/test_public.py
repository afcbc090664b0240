"""The examples of the docstrings."""

import math

import torch

from grader.testing import assert_close, needs, points

INF = float("inf")


@points(5)
def test_example_segsum(submission):
    """three numbers, six segments"""
    expected = torch.tensor([[0.0, -INF, -INF], [-2.0, 0.0, -INF], [-5.0, -3.0, 0.0]])
    assert_close(submission.segsum(torch.tensor([-1.0, -2.0, -3.0])), expected)


@points(5)
@needs(test_example_segsum)
def test_example(submission):
    """each step halves the state"""
    T = 4
    x = torch.tensor([8.0, 2.0, 4.0, 1.0]).view(1, T, 1, 1)
    a, B = torch.full((1, T, 1), -math.log(2)), torch.ones(1, T, 1, 1)
    expected = torch.tensor([8.0, 6.0, 7.0, 4.5]).view(1, T, 1, 1)
    assert_close(submission.ssd_quadratic(x, a, B, B), expected)
    result = submission.ssd_chunked(x, a, B, B, chunk=2)
    assert isinstance(result, tuple | list), "ssd_chunked returns a pair: y, then the last state."
    assert len(result) == 2, "ssd_chunked returns a pair: y, then the last state."
    y, h = result
    assert_close(y, expected, name="y")
    assert_close(h, torch.full((1, 1, 1, 1), 4.5), name="h")

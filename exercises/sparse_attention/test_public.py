"""The examples of the docstrings, and one more call of three functions."""

import math

import torch

from grader.testing import assert_close, assert_equal, points

INF = float("inf")


def read(positions):
    """What each query of the first text reads, in the order of the text and without -1."""
    return [sorted(p for p in row if p != -1) for row in positions[0].tolist()]


@points(3)
def test_example_scores(submission):
    """two small heads and three tokens"""
    q, weights = torch.tensor([[[[1.0]], [[-1.0]]]]), torch.tensor([[[2.0], [3.0]]])
    scores = submission.index_scores(q, weights, torch.tensor([[[5.0], [-1.0], [0.0]]]))
    assert_close(scores, torch.tensor([[[10.0, 3.0, 0.0]]]))


@points(3)
def test_example_keys(submission):
    """scores of both signs; one token in sight; two equal"""
    positions = submission.top_keys(torch.tensor([[[4.0, -9.0, 2.0, 3.0, 0.0]]]), count=3)
    assert_equal(read(positions), [[0, 2, 3]], name="what the query reads")
    positions = submission.top_keys(torch.tensor([[[3.0, -INF, -INF], [0.0, 0.0, 5.0]]]), count=2)
    assert_equal(read(positions), [[0], [0, 2]], name="what the two queries read")


@points(3)
def test_example_blocks(submission):
    """blocks of 2: a query at 10, and two at 5 and 6"""
    k = torch.tensor([2.0, 2.0, 1.0, 1.0, 0.0, 10.0, 1.0, 7.0, 9.0, -9.0, 3.0])  # means 2, 1, 5, 4 and 0
    positions = submission.top_blocks(torch.ones(1, 1, 1, 1), k.view(1, 11, 1), block=2, count=3)
    assert_equal(read(positions), [[4, 5, 6, 7, 10]], name="what the query reads")
    k = torch.tensor([[[4.0], [4.0], [0.0], [0.0], [1.0], [9.0], [9.0]]])
    positions = submission.top_blocks(torch.ones(1, 1, 2, 1), k, block=2, count=2)
    assert_equal(read(positions), [[0, 1, 4, 5], [4, 5, 6]], name="what the two queries read")


@points(3)
def test_example_attend(submission):
    """the values 4 and 2, with weights 3/4 and 1/4, and equal ones"""
    v = torch.tensor([[[1.0], [2.0], [30.0], [4.0]]])
    k = torch.tensor([[[1.0], [0.0], [5.0], [math.log(3)]]])
    out = submission.attend_keys(torch.ones(1, 1, 1, 1), k, v, torch.tensor([[[3, -1, 1]]]))
    assert_close(out, torch.tensor([[[[3.5]]]]))
    q, k = torch.zeros(1, 1, 1, 2), torch.zeros(1, 4, 2)
    assert_close(submission.attend_keys(q, k, v, torch.tensor([[[3, -1, 1]]])), torch.tensor([[[[3.0]]]]))

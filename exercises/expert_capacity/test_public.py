"""The examples of the docstrings."""

import torch

from grader.testing import assert_close, assert_equal, needs, points

CHOICES = torch.tensor([[2, 0], [2, 1]])
SLOTS = torch.tensor([[0, 1], [-1, 0]])


@points(5)
def test_example_capacity(submission):
    """10 tokens for 8 experts, 4 for 4, 2 choices each"""
    assert_equal(submission.expert_capacity(10, 8, 2, 1.25), 4, name="capacity")
    assert_equal(submission.expert_capacity(4, 4, 2, 1), 2, name="capacity")


@points(5)
def test_example_slots(submission):
    """four tokens choose 2 of 4 experts with 2 slots"""
    indices = torch.tensor([[0, 1], [0, 1], [1, 3], [1, 0]])
    slots = submission.assign_slots(indices, 4, 2)
    assert_equal(slots, torch.tensor([[0, -1], [1, -1], [0, 0], [1, -1]]), name="slots")


@points(5)
def test_example_buffers(submission):
    """two tokens into three buffers, and back"""
    T, k, E, C = 2, 2, 3, 2
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    buffers = torch.tensor([[[0.0, 0.0], [1.0, 2.0]], [[3.0, 4.0], [0.0, 0.0]], [[1.0, 2.0], [0.0, 0.0]]])
    assert_close(submission.dispatch(x, CHOICES, SLOTS, E, C), buffers, name="buffers")
    filled = torch.arange(1.0, 7.0).view(E, C, 1)
    weights = torch.tensor([[0.75, 0.25], [0.5, 0.5]]).view(T, k)
    y = submission.combine(filled, CHOICES, SLOTS, weights)
    assert_close(y, torch.tensor([[4.25], [1.5]]), name="y")

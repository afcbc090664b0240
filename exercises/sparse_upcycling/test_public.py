"""The examples of the docstrings."""

import torch

from grader.testing import assert_equal, points


@points(3)
def test_example_upcycle(submission):
    """three copies of an FFN with one hidden unit"""
    D, E = 2, 3
    w1, w2, w3 = torch.tensor([[1.0, 2.0]]), torch.tensor([[5.0], [6.0]]), torch.tensor([[3.0, 4.0]])
    layer = submission.upcycle(w1, w2, w3, E, seed=0)
    assert_equal(layer["gate"].shape, (E, D), name="shape of gate")
    assert_equal(layer["w1"], torch.stack([w1, w1, w1]), name="w1")
    assert_equal(layer["w2"], torch.stack([w2, w2, w2]), name="w2")
    assert_equal(layer["w3"], torch.stack([w3, w3, w3]), name="w3")


@points(3)
def test_example_split(submission):
    """two hidden units, two slices"""
    w1, w2, w3 = torch.tensor([[1.0], [2.0]]), torch.tensor([[5.0, 6.0]]), torch.tensor([[3.0], [4.0]])
    slices = submission.split_expert(w1, w2, w3, 2)
    assert_equal(slices["w1"], torch.tensor([[[1.0]], [[2.0]]]), name="w1")
    assert_equal(slices["w2"], torch.tensor([[[5.0]], [[6.0]]]), name="w2")
    assert_equal(slices["w3"], torch.tensor([[[3.0]], [[4.0]]]), name="w3")


@points(3)
def test_example_combinations(submission):
    """2 of 16, and 8 of 64 quarters"""
    assert_equal(submission.combinations(16, 2), 120)
    assert_equal(submission.combinations(16, 2, m=4), 4426165368)

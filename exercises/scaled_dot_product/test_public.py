"""The examples of the docstrings."""

import torch

from grader.testing import assert_close, assert_equal, points


@points(2)
def test_example_heads(submission):
    """six columns into three heads and back"""
    columns = torch.tensor([[[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]]])
    heads = torch.tensor([[[[0, 1], [6, 7]], [[2, 3], [8, 9]], [[4, 5], [10, 11]]]])
    assert_equal(submission.split_heads(columns, 3), heads, name="heads")
    assert_equal(submission.merge_heads(heads), columns, name="merged")


@points(3)
def test_example_softmax(submission):
    """two of three allowed, then none"""
    scores = torch.tensor([[1.0, 2.0, 9.0], [1.0, 2.0, 9.0]])
    mask = torch.tensor([[True, True, False], [False, False, False]])
    expected = torch.tensor([[0.2689, 0.7311, 0.0], [0.0, 0.0, 0.0]])
    weights = submission.masked_softmax(scores, mask)
    assert_close(weights, expected, atol=1e-4, name="weights")  # the example has four digits


@points(3)
def test_example(submission):
    """one query, two keys: weights 0.73 and 0.27"""
    T, S, K, V = 1, 2, 4, 3
    q = torch.tensor([1.0, 0.0, 0.0, 0.0]).view(T, K)
    k = torch.tensor([[2.0, 0.0, 0.0, 0.0], [0.0, 2.0, 0.0, 0.0]]).view(S, K)
    v = torch.tensor([[1.0, 0.0, 3.0], [0.0, 2.0, 5.0]]).view(S, V)
    result = submission.attention(q, k, v)
    assert isinstance(result, tuple | list), "attention returns a pair: the output, then the weights."
    assert len(result) == 2, "attention returns a pair: the output, then the weights."
    expected = torch.tensor([[0.7311, 0.5379, 3.5379]]), torch.tensor([[0.7311, 0.2689]])
    assert_close(result, expected, atol=1e-4)  # the example has four digits

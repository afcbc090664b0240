"""The examples of the docstrings."""

import torch

from grader.testing import assert_close, assert_equal, points


@points(3)
def test_example_positions(submission):
    """the last 2 of 4 positions ask"""
    expected = torch.tensor([[-2, -1, 0, 1], [-3, -2, -1, 0]])
    assert_equal(submission.relative_positions(2, 4), expected, name="positions")


@points(3)
def test_example_buckets(submission):
    """the table of the statement, both directions and one"""
    r = torch.tensor([-91, -90, -20, -8, -7, -1, 0, 1, 7, 20])
    both = torch.tensor([15, 14, 10, 8, 7, 1, 0, 17, 23, 26])
    assert_equal(submission.relative_position_bucket(r), both, name="buckets")
    one = torch.tensor([29, 29, 17, 8, 7, 1, 0, 0, 0, 0])
    assert_equal(submission.relative_position_bucket(r, bidirectional=False), one, name="buckets")


@points(3)
def test_example_bias(submission):
    """one head, bucket b has the number b"""
    H, T, S = 1, 2, 3
    bias = submission.T5RelativeBias(H)
    bias.load_state_dict({"relative_attention_bias.weight": torch.arange(32.0)[:, None]})
    expected = torch.tensor([[1.0, 0.0, 17.0], [2.0, 1.0, 0.0]]).view(1, H, T, S)
    assert_equal(bias(T, S).detach(), expected, name="bias")


@points(3)
def test_example_attention(submission):
    """scores 2 - 1 and 0 + 1 weigh the same"""
    q, k = torch.tensor([[[[1.0, 0.0]]]]), torch.tensor([[[[2.0, 0.0], [0.0, 2.0]]]])
    v, bias = torch.tensor([[[[4.0, 0.0, 2.0], [0.0, 2.0, 8.0]]]]), torch.tensor([[[[-1.0, 1.0]]]])
    assert_close(submission.t5_attention(q, k, v, bias), torch.tensor([[[[2.0, 1.0, 5.0]]]]), name="out")

"""The examples of the docstrings."""

import torch

from grader.testing import assert_close, points


def float64(*numbers):
    return torch.tensor(numbers, dtype=torch.float64)


@points(1)
def test_example_linear(submission):
    """both angles of K = 4, over 4"""
    theta, attention = submission.linear_scaling(4, base=10000.0, factor=4.0)
    assert_close(theta, float64(0.25, 0.0025), name="angles")
    assert_close(attention, 1.0, name="attention factor")


@points(2)
def test_example_base(submission):
    """K = 4: the first stays, the last is over 4"""
    theta, attention = submission.ntk_scaling(4, base=10000.0, factor=4.0)
    assert_close(theta, float64(1.0, 0.0025), name="angles")
    assert_close(attention, 1.0, name="attention factor")


@points(2)
def test_example_yarn(submission):
    """K = 8: a ramp of 0, 0, 1/2, 1"""
    theta, _ = submission.yarn_scaling(8, base=10000.0, factor=4.0, old_len=4096)
    assert_close(theta, float64(1.0, 0.1, 0.00625, 0.00025), name="angles")


@points(1)
def test_example_attention(submission):
    """YaRN's attention factor for s = 4"""
    _, attention = submission.yarn_scaling(8, base=10000.0, factor=4.0, old_len=4096)
    assert_close(attention, 1.138629, name="attention factor")


@points(2)
def test_example_llama3(submission):
    """K = 8: 238.7, 23.9, 2.4 and 0.2 turns"""
    theta, attention = submission.llama3_scaling(8, base=10000.0, factor=8.0, old_len=1500)
    assert_close(theta, float64(1.0, 0.1, 0.005296, 0.000125), atol=5e-7, name="angles")  # six places
    assert_close(attention, 1.0, name="attention factor")

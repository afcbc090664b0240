"""The examples of the docstrings."""

import torch

from grader.testing import assert_close, assert_equal, points


@points(3)
def test_example_theta(submission):
    """K = 8: 1, 0.1, 0.01, 0.001"""
    expected = torch.tensor([1.0, 0.1, 0.01, 0.001], dtype=torch.float64)
    assert_close(submission.rope_frequencies(8), expected)


@points(2)
def test_example_half(submission):
    """[1 2 3 4 5 6] becomes [-4 -5 -6 1 2 3]"""
    x = torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    assert_equal(submission.rotate_half(x), torch.tensor([-4.0, -5.0, -6.0, 1.0, 2.0, 3.0]))


@points(3)
def test_example_rope(submission):
    """[1 2 3 4] at position 1"""
    B, H, T, K = 1, 1, 1, 4
    x = torch.tensor([1.0, 2.0, 3.0, 4.0]).view(B, H, T, K)
    expected = torch.tensor([-1.9841, 1.9599, 2.4624, 4.0198]).view(B, H, T, K)
    assert_close(submission.apply_rope(x, torch.tensor([1])), expected, atol=1e-4)  # four digits


@points(2)
def test_example_rows(submission):
    """12 rows of two heads"""
    expected = torch.tensor([0, 2, 4, 1, 3, 5, 6, 8, 10, 7, 9, 11])
    assert_equal(submission.interleaved_to_half(torch.arange(12), 2), expected)

"""The examples of the docstrings."""

import torch

from grader.testing import assert_close, points


@points(2)
def test_example(submission):
    """A = -0.5, B = 1 and a step of 2, by three rules"""
    A, B = torch.tensor([[-0.5]]), torch.tensor([[1.0]])
    result = submission.discretize(A, B, 2.0)
    assert isinstance(result, tuple | list), "discretize returns a pair: A_bar, then B_bar."
    assert len(result) == 2, "discretize returns a pair: A_bar, then B_bar."
    for method, decay, write in (("zoh", 0.3679, 1.2642), ("bilinear", 0.3333, 1.3333), ("euler", 0.0, 2.0)):
        expected = torch.tensor([[decay]]), torch.tensor([[write]])
        assert_close(submission.discretize(A, B, 2.0, method), expected, atol=1e-4)  # the example has four digits


@points(2)
def test_example_diagonal(submission):
    """the same A, and 0, on a diagonal"""
    A, B = torch.tensor([-0.5, 0.0]), torch.tensor([1.0, 1.0])
    result = submission.discretize_diag(A, B, 2.0)
    assert isinstance(result, tuple | list), "discretize_diag returns a pair: A_bar, then B_bar."
    assert len(result) == 2, "discretize_diag returns a pair: A_bar, then B_bar."
    expected = torch.tensor([0.3679, 1.0]), torch.tensor([1.2642, 2.0])
    assert_close(result, expected, atol=1e-4)  # the example has four digits

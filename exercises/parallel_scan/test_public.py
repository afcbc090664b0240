"""The shapes, and the examples of the docstrings."""

import torch

from grader.testing import assert_close, assert_equal, needs, points


@points(5)
def test_shape(submission, rng):
    """h is [Bt, Ch, T] as b is, one step a pair"""
    Bt, Ch, T = 2, 3, 5
    a, b = rng.rand(Bt, Ch, T), rng.randn(Bt, Ch, T)
    h = submission.parallel_scan(a, b)
    assert_equal(h.shape, (Bt, Ch, T), name="shape of h")
    assert_equal(h.dtype, torch.float64, name="dtype of h")
    step = submission.combine((a, b), (b, a))
    assert isinstance(step, tuple | list), "combine returns a pair: a, then b."
    assert len(step) == 2, "combine returns a pair: a, then b."


@points(5)
@needs(test_shape)
def test_example(submission):
    """four steps that halve, from 0 and from 16"""
    first, second = (torch.tensor([0.5]), torch.tensor([8.0])), (torch.tensor([0.25]), torch.tensor([3.0]))
    assert_close(submission.combine(first, second), (torch.tensor([0.125]), torch.tensor([5.0])))
    a, b = torch.full((4,), 0.5), torch.tensor([8.0, 4.0, 2.0, 1.0])
    assert_close(submission.parallel_scan(a, b), torch.tensor([8.0, 8.0, 6.0, 4.0]))
    assert_close(submission.parallel_scan(a, b, h0=torch.tensor(16.0)), torch.tensor([16.0, 12.0, 8.0, 5.0]))

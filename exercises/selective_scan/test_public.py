"""The shapes of a scan, and the example of the docstring."""

import math

import torch

from grader.testing import assert_close, assert_equal, needs, points


@points(3)
def test_shape(submission, rng):
    """y is [Bt, Ch, T], the last state [Bt, Ch, N]"""
    Bt, Ch, N, T = 2, 3, 4, 5
    u, delta, A = rng.randn(Bt, Ch, T), rng.rand(Bt, Ch, T), -rng.rand(Ch, N)
    result = submission.selective_scan(u, delta, A, rng.randn(Bt, N, T), rng.randn(Bt, N, T))
    assert isinstance(result, tuple | list), "selective_scan returns a pair: y, then the last state."
    assert len(result) == 2, "selective_scan returns a pair: y, then the last state."
    y, h = result
    assert_equal(y.shape, (Bt, Ch, T), name="shape of y")
    assert_equal(h.shape, (Bt, Ch, N), name="shape of the last state")
    assert_equal(y.dtype, torch.float64, name="dtype of y")
    assert_equal(h.dtype, torch.float64, name="dtype of the last state")


@points(3)
@needs(test_shape)
def test_example(submission):
    """one channel: y is 4 and 9, h_last 3"""
    u, delta, A = torch.tensor([[[4.0, 2.0]]]), torch.tensor([[[1.0, 2.0]]]), torch.tensor([[-math.log(2)]])
    B, C = torch.tensor([[[1.0, 0.5]]]), torch.tensor([[[1.0, 3.0]]])
    assert_close(submission.selective_scan(u, delta, A, B, C), (torch.tensor([[[4.0, 9.0]]]), torch.tensor([[[3.0]]])))

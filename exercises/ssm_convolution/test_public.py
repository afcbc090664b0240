"""The shapes of both forms, and the examples of the docstrings."""

import torch

from grader.testing import assert_close, assert_equal, needs, points


@points(4)
def test_shape(submission, rng):
    """y [Bt, Ch, T], state [Bt, Ch, N], kernel [Ch, T]"""
    Bt, Ch, N, T = 2, 3, 4, 5
    A, B, C, x = rng.rand(Ch, N), rng.randn(Ch, N), rng.randn(Ch, N), rng.randn(Bt, Ch, T)
    result = submission.ssm_recurrence(A, B, C, x)
    assert isinstance(result, tuple | list), "ssm_recurrence returns a pair: y, then the last state."
    assert len(result) == 2, "ssm_recurrence returns a pair: y, then the last state."
    y, h = result
    assert_equal(y.shape, (Bt, Ch, T), name="shape of y")
    assert_equal(h.shape, (Bt, Ch, N), name="shape of the last state")
    assert_equal(y.dtype, torch.float64, name="dtype of y")
    assert_equal(h.dtype, torch.float64, name="dtype of the last state")

    kernel = submission.ssm_kernel(A, B, C, T)
    assert_equal(kernel.shape, (Ch, T), name="shape of the kernel")
    assert_equal(kernel.dtype, torch.float64, name="dtype of the kernel")

    y = submission.causal_conv(x, rng.randn(Ch, T))
    assert_equal(y.shape, (Bt, Ch, T), name="shape of y")
    assert_equal(y.dtype, torch.float64, name="dtype of y")


@points(4)
@needs(test_shape)
def test_example(submission):
    """x = 1, 0, 3 gives y = 2, 1, 6.5 in both forms"""
    T = 3
    A, B, C = torch.tensor([[0.5]]), torch.tensor([[1.0]]), torch.tensor([[2.0]])
    x, kernel = torch.tensor([1.0, 0.0, 3.0]).view(1, 1, T), torch.tensor([2.0, 1.0, 0.5]).view(1, T)
    y = torch.tensor([2.0, 1.0, 6.5]).view(1, 1, T)
    assert_close(submission.ssm_recurrence(A, B, C, x), (y, torch.tensor([3.25]).view(1, 1, 1)))
    assert_close(submission.ssm_kernel(A, B, C, length=T), kernel)
    assert_close(submission.causal_conv(x, kernel), y, atol=1e-5)  # a float32 FFT rounds off a few 1e-7

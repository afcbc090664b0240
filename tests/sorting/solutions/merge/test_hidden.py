"""Tests that students do not see."""

import numpy as np

from grader.testing import assert_close, assert_equal, points


@points(1)
def test_empty(submission):
    """one of them empty"""
    assert_equal(submission.merge(np.array([], dtype=np.int64), np.array([3, 4])), np.array([3, 4]))


@points(2)
def test_values(submission, reference, rng):
    """equals the reference on random numbers"""
    for _ in range(3):
        N, M = rng.sizes(2, low=3)
        a, b = (np.sort(rng.randn(size).numpy()) for size in (N, M))
        assert_close(submission.merge(a, b), reference.merge(a, b))

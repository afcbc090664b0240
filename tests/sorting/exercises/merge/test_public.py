"""Tests that students may read."""

import numpy as np

from grader.testing import assert_equal, points


@points(1)
def test_example(submission):
    """2, 5, 9 and 3, 4"""
    merged = submission.merge(np.array([2, 5, 9]), np.array([3, 4]))
    assert_equal(merged, np.array([2, 3, 4, 5, 9]))

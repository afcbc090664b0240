"""Tests that students may read."""

from grader.testing import assert_equal, points


@points(1)
def test_example(submission):
    """5, 2, 4, 1, 4 by 4"""
    assert_equal(submission.partition([5, 2, 4, 1, 4], 4), ([2, 1], [4, 4], [5]))

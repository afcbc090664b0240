"""Tests that students do not see."""

from grader.testing import assert_equal, points


@points(2)
def test_values(submission, reference, rng):
    """equals the reference on random numbers, the pivot among them several times or never"""
    for pivot in (3, 7):
        numbers = [*rng.randint(0, 7, (12,)).tolist(), 3]
        assert_equal(submission.partition(numbers, pivot), reference.partition(numbers, pivot))

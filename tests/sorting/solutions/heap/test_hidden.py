"""Tests that students do not see."""

import pytest

from grader.testing import assert_equal, points


@points(2)
def test_order(submission, rng):
    """pops and pushes in turn: always the smallest that is left"""
    heap, kept = submission.Heap(), []
    for number in rng.randint(0, 50, (12,)).tolist():
        heap.push(number)
        kept.append(number)
        if number % 3 == 0:
            kept.remove(smallest := min(kept))
            assert_equal(heap.pop(), smallest)
    for smallest in sorted(kept):
        assert_equal(heap.pop(), smallest)


@points(1)
def test_nothing_there(submission):
    """IndexError where there is none"""
    with pytest.raises(IndexError):
        submission.Heap().pop()

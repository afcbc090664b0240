"""Tests that students may read."""

from grader.testing import assert_equal, points


@points(1)
def test_smallest(submission):
    """of 3, 1 and 2 the smallest comes first"""
    heap = submission.Heap()
    for number in (3, 1, 2):
        heap.push(number)
    assert_equal(heap.pop(), 1)


@points(1)
def test_length(submission):
    """how many there are"""
    heap = submission.Heap()
    heap.push(7)
    heap.push(7)
    assert_equal(len(heap), 2)
    heap.pop()
    assert_equal(len(heap), 1)

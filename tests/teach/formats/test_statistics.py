"""Compute the statistics of a class."""

from grader.teach.formats.statistics import summarize
from tests.teach.formats import books
from tests.teach.formats.class_of import class_of


def test_a_fault_of_the_grader_is_not_a_wrong_answer() -> None:
    ended = books.grade(books.ADA, books.MOE, None, error="The judge ended.")
    again = books.grade(books.BOB, books.MOE, books.passed(books.MOE), error="The judge ended.")
    found = summarize(books.book(ended, again))
    assert [fault.has_earlier_points for fault in found.faults] == [False, True]
    assert [total.is_known for total in found.totals] == [False, True]
    assert list(found.items[0].shares) == [1.0]


def test_times_are_of_submissions_that_ran() -> None:
    found = summarize(class_of(200))
    for each in found.items:
        if each.item.kind == "exercise":
            ordered = sorted(each.seconds)
            assert each.p95_seconds is not None
            share = sum(seconds <= each.p95_seconds for seconds in ordered) / len(ordered)
            assert 0.94 < share <= 0.96
            assert ordered[0] > 0
    seconds = [slow.seconds for slow in found.slowest]
    assert seconds == sorted(seconds, reverse=True)
    assert seconds[0] == max(max(each.seconds) for each in found.items if each.seconds)

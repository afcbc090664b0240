"""Plots of a report: how shares are counted for a histogram."""

from grader.export.plots import tenths


def test_tenths() -> None:
    assert tenths([0, 0.05, 0.1, 0.3, 0.7, 0.999, 1, 1.2, -0.1]) == [3, 1, 0, 1, 0, 0, 0, 1, 0, 3]
    assert tenths([i / 10 for i in range(10)]) == [1] * 10

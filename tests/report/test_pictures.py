"""Figures of a lab as pictures."""

import pytest

from grader.picture import Heatmap
from grader.report.figures import drawn
from grader.report.pictures import png
from tests.report.curves import CURVES


def test_one_picture_for_each_figure() -> None:
    pytest.importorskip("matplotlib", reason="pictures need matplotlib, which is not installed")
    assert png(CURVES).startswith(b"\x89PNG")
    same = Heatmap("same", "All the same", ("a",), ("b",), [[2.0]])
    assert png(same).startswith(b"\x89PNG")
    assert drawn(same, unicode=False)

"""Tests of the progress of a long run, without a terminal."""

import time

import pytest

from grader.cli import progress_bar as bar


def test_a_line_shows_the_rate_or_what_the_run_waits_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    with bar.progress_bar("grades") as show:
        for second, waiting in ((1, None), (10, None), (20, "rope of \x1b[1mada"), (21, "rope of ada")):
            now[0] = float(second)
            show(20, 40, waiting)
    assert capsys.readouterr().err == (
        "  20 of 40 grades, 2 per second, about 10 s left\n  20 of 40 grades, waiting for rope of \\x1b[1mada\n"
    )

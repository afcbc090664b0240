"""Failures in the code of lessons and pictures are reported with a line."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from grader.base.errors import UsageError
from grader.engine.judge.messages import LessonFailure, PartResult, PartScript, PicturesDrawn, RunLessons
from grader.engine.pool.client import Judges
from grader.engine.pool.single_runs import run_lessons

ENDS = {
    "import time\nprint(1)\ntime.sleep(1e6)\n": (3, "it was stopped after 2 s."),
    "import os\nos._exit(3)\n": (0, "The process ended itself with exit code 3."),
    "x = [0]\nwhile True:\n    x = x + x\n": (3, "MemoryError."),
    "raise ValueError('a sentence.')": (1, "ValueError: a sentence."),
}


def run(
    parts: Sequence[PartScript], pictures: Sequence[str] = (), seconds: float = 5.0
) -> list[PartResult | PicturesDrawn]:
    with Judges() as judges:
        return list(run_lessons(judges, RunLessons(tuple(parts), tuple(pictures), seconds, 256 << 20), forbidden=[]))


def test_reports_line_and_message_of_code_that_fails() -> None:
    parts = [PartScript((code,), {}) for code in ENDS]
    for (line, what), ran in zip(ENDS.values(), run(parts, seconds=2.0), strict=True):
        assert isinstance(ran, PartResult)
        assert [each.failure for each in ran.runs] == [LessonFailure(line, what)]


def test_a_second_run_follows_only_a_successful_first() -> None:
    once, twice = run([PartScript(("1 / 0", "print(1)"), {}), PartScript(("print(1)", "print(2)"), {})])
    assert isinstance(once, PartResult)
    assert isinstance(twice, PartResult)
    assert len(once.runs) == 1
    assert [each.printed and each.printed.text for each in twice.runs] == ["1\n", "2\n"]


@pytest.mark.parametrize(
    ("code", "line", "what"),
    [
        ("import nothing_of_this_name\n", 1, "ModuleNotFoundError: No module named 'nothing_of_this_name'."),
        ("x = 1\ndef f(:\n", 2, "SyntaxError: invalid syntax"),
        ("def f():\n    raise SystemExit\n", 2, "SystemExit."),
        ("def f():\n    while True: pass\n", 2, "f was stopped after 1 s of CPU."),
        ("\nwhile True: pass\n", 2, "the file was stopped after 1 s of CPU."),
    ],
)
def test_reports_line_and_message_of_pictures_that_fail(tmp_path: Path, code: str, line: int, what: str) -> None:
    path = tmp_path / "pictures.py"
    path.write_text(code)
    (painted,) = run([], [str(path)], seconds=1.0)
    assert isinstance(painted, PicturesDrawn)
    (stopped,) = painted.failures
    assert stopped.line == line
    assert stopped.what.startswith(what)


def test_a_function_that_catches_everything_is_stopped_and_the_next_one_runs(tmp_path: Path) -> None:
    loop = "    while True:\n        try:\n            sum(range(9))\n        except Exception:\n            pass\n"
    path = tmp_path / "pictures.py"
    path.write_text(f"def f():\n{loop}\ndef g():\n    1 / 0\n")
    (painted,) = run([], [str(path)], seconds=1.0)
    assert isinstance(painted, PicturesDrawn)
    first, second = painted.failures
    assert first.line in range(2, 5)
    assert first.what == "f was stopped after 1 s of CPU."
    assert second.what == "ZeroDivisionError: division by zero."


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("def f():\n    return sum(range(10**15))\n", "f took more than 2 s of CPU, and was stopped."),
        ("import time\ndef f():\n    time.sleep(1e6)\n", "f did nothing for 2 s, and was stopped."),
    ],
    ids=["cannot be interrupted", "waits"],
)
def test_stops_pictures_that_do_not_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, what: str) -> None:
    monkeypatch.setattr("grader.engine.pool.liveness.MAX_STALLED_CHECKS", 2)
    path = tmp_path / "pictures.py"
    path.write_text(code)
    with pytest.raises(UsageError) as error:
        run([], [str(path)], seconds=1.0)
    assert str(error.value) == f"{path}: {what}"

"""Code of a part that never ends, or ends its process, is a sentence with a line; so are pictures with a fault."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from grader.judge.messages import Painted, PartRan, PartScript, RunLessons, Stopped
from grader.warm.client import Judges

ENDS = {
    "import time\nprint(1)\ntime.sleep(1e6)\n": (3, "it was stopped after 10 s."),
    "import os\nos._exit(3)\n": (0, "The process ended itself with exit code 3."),
    "x = [0]\nwhile True:\n    x = x + x\n": (3, "MemoryError."),
    "raise ValueError('a sentence.')": (1, "ValueError: a sentence."),
}


def run(parts: Sequence[PartScript], pictures: Sequence[str] = ()) -> list[PartRan | Painted]:
    with Judges() as judges:
        return list(judges.run_lessons(RunLessons(tuple(parts), tuple(pictures), 5.0, 256 << 20), forbidden=[]))


def test_how_code_ends() -> None:
    for (line, what), ran in zip(ENDS.values(), run([PartScript((code,)) for code in ENDS]), strict=True):
        assert isinstance(ran, PartRan)
        assert [each.stopped for each in ran.runs] == [Stopped(line, what)]


def test_a_second_run_follows_one_that_came_to_its_end() -> None:
    once, twice = run([PartScript(("1 / 0", "print(1)")), PartScript(("print(1)", "print(2)"))])
    assert isinstance(once, PartRan)
    assert isinstance(twice, PartRan)
    assert len(once.runs) == 1
    assert [each.printed and each.printed.text for each in twice.runs] == ["1\n", "2\n"]


@pytest.mark.parametrize(
    ("code", "line", "what"),
    [
        ("import nothing_of_this_name\n", 1, "ModuleNotFoundError: No module named 'nothing_of_this_name'."),
        ("x = 1\ndef f(:\n", 2, "SyntaxError: invalid syntax"),
        ("def f():\n    raise SystemExit\n", 2, "SystemExit."),
    ],
)
def test_pictures_that_cannot_be_had(tmp_path: Path, code: str, line: int, what: str) -> None:
    path = tmp_path / "pictures.py"
    path.write_text(code)
    (painted,) = run([], [str(path)])
    assert isinstance(painted, Painted)
    (stopped,) = painted.wrong
    assert stopped.line == line
    assert stopped.what.startswith(what)

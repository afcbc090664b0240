"""Notebooks are graded like files, and their lines are named by cell."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import v3, v4

from grader.base.errors import UsageError
from grader.base.result import Frame, Isolation, Outcome, Raised, Result, SourceLine, Versions
from grader.engine.judge.messages import Job
from grader.engine.submission import examine, locate_in_cells, read_submission, submission_of
from grader.engine.submission.unrun import result_without_running
from tests.engine.submission.notebooks import notebook, read


def refused(data: bytes) -> str:
    with pytest.raises(UsageError) as error:
        submission_of(data, "mine.ipynb", "one")
    return str(error.value)


def test_code_cells_are_joined(tmp_path: Path) -> None:
    path = tmp_path / "mine.IPYNB"
    path.write_bytes(notebook("x = 1", "", "def f():\n    return x\n"))
    submission = read_submission(path, "one")
    assert submission.text == "x = 1\n\n\n\ndef f():\n    return x\n\n"
    assert submission.cells is not None
    assert [submission.cells.place(line) for line in (1, 3, 5, 6)] == [(1, 1), (2, 1), (3, 1), (3, 2)]
    assert submission.notes == ()


def test_reads_older_versions_of_the_format() -> None:
    text = v3.new_text_cell("markdown", source="text")
    cells = [v3.new_code_cell(input="x = 1"), text, v3.new_code_cell(input="y = 2")]
    old = v3.writes_json(v3.new_notebook(worksheets=[v3.new_worksheet(cells=cells)])).encode()
    assert submission_of(old, "a.ipynb", "one").text == "x = 1\n\ny = 2\n"
    by_lines = json.loads(notebook("x = 1\ny = 2"))
    by_lines["cells"][1]["source"] = ["x = 1\n", "y = 2"]
    by_lines["cells"][1]["id"] = by_lines["cells"][0]["id"]  # which Jupyter repairs
    by_lines["nbformat_minor"] = 2
    assert submission_of(json.dumps(by_lines).encode(), "a.ipynb", "one").text == "x = 1\ny = 2\n"


def _broken(**changes: Any) -> bytes:
    return json.dumps({**json.loads(notebook("x = 1")), **changes}).encode()


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "is not a notebook: it is not JSON"),
        (b"x = 1\n", "is not a notebook: it is not JSON"),
        (notebook("x = 1")[:-30], "is not a notebook: it is not JSON"),
        (b"{}", "mine.ipynb "),
        (b"[]", "is JSON but not a notebook"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a": ' + b"9" * 5000 + b"}", "is not a notebook: it is not JSON"),
        (b'{\n"\xff"}', "mine.ipynb:2: this line is not UTF-8"),
        (_broken(nbformat=99), "Unsupported nbformat version 99"),
        (_broken(nbformat="4"), "mine.ipynb "),
        (_broken(cells=3), "is JSON but not a notebook"),
        (_broken(cells=[3]), "is JSON but not a notebook"),
        (_broken(cells=[{"cell_type": "code", "metadata": {}, "source": 3}]), "the source of a cell is not text"),
        (notebook(), "has no code in it"),
        (notebook("", "  "), "has no code in it"),
        (notebook("x = 1", "y = 2\nz = '\0'"), "mine.ipynb, cell 2, line 2: a null byte"),
        (notebook("#" * (1 << 20)), "The code in mine.ipynb is larger than 1 MiB"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_what_is_not_a_notebook_is_refused_in_one_sentence(
    data: bytes, sentence: str, capfd: pytest.CaptureFixture[str]
) -> None:
    message = refused(data)
    assert sentence in message
    assert message.isprintable()
    assert capfd.readouterr() == ("", "")


def test_a_notebook_may_be_larger_than_a_file(tmp_path: Path) -> None:
    made = v4.new_notebook(cells=[v4.new_code_cell("x = 1", outputs=[v4.new_output("stream", text="x" * (3 << 20))])])
    (tmp_path / "a.ipynb").write_text(nbformat.writes(made))
    assert read_submission(tmp_path / "a.ipynb", "one").text == "x = 1\n"
    (tmp_path / "b.ipynb").write_bytes(b" " * (16 << 20) + b"{}")
    with pytest.raises(UsageError, match="is larger than 16 MiB"):
        read_submission(tmp_path / "b.ipynb", "one")


def test_nbformat_is_imported_for_notebooks_only() -> None:
    code = (
        "import sys, grader.engine.submission, grader.teach.handins.find\n"
        "grader.engine.submission.submission_of(b'x = 1', 'x.py', 'x')\n"
        "print({'nbformat', 'torch', 'jsonschema'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def frame_of(result: Result) -> tuple[str, int, list[tuple[int, str]]]:
    assert result.exception is not None
    frame = result.exception.frames[-1]
    return frame.file, frame.line, [(each.number, each.text) for each in frame.source]


def graded(grade: Any, *cells: str) -> Result:
    submission = read(*cells)
    assert submission.cells is not None
    finding = examine(submission.text, submission.name).finding
    if finding is not None:
        return locate_in_cells(result_without_running(finding, submission, grade.exercise), submission.cells)
    job = Job(0, "toolbox", submission.file, submission.text, submission.sha256, seed=0, seconds=0.5)
    result = grade.graded(job)
    moved = locate_in_cells(result, submission.cells)
    grade.assert_rendered(moved)
    return moved


def test_a_correct_notebook_gets_full_marks(grade: Any) -> None:
    half = grade.reference.index("def pick")
    result = graded(grade, "%matplotlib inline", grade.reference[:half], grade.reference[half:])
    assert result.passed
    assert result.file == "work/mine.ipynb"


def test_a_crash_is_in_a_cell_and_shows_only_that_cell(grade: Any) -> None:
    helper = "def helper(x):\n    y = x\n    return y / 0"
    result = graded(grade, "!ls", grade.reference, helper, "def pick(items, place):\n    return helper(place)")
    failure = next(test.failure for test in result.tests if test.id == "test_pick")
    assert failure is not None
    assert failure.exception is not None
    outer, inner = failure.exception.frames
    assert (outer.file, outer.line, outer.function) == ("work/mine.ipynb, cell 4", 2, "pick")
    assert (inner.file, inner.line, inner.function) == ("work/mine.ipynb, cell 3", 3, "helper")
    expected = [SourceLine(i, line) for i, line in enumerate(helper.split("\n"), start=1)]
    assert list(inner.source) == expected
    assert [line.number for line in outer.source] == [1, 2]


def test_an_exception_while_loading_names_its_cell(grade: Any) -> None:
    result = graded(grade, "x = 1", "\nraise ValueError('in line 7')")
    assert result.outcome is Outcome.IMPORT_ERROR
    assert frame_of(result)[:2] == ("work/mine.ipynb, cell 2", 2)
    assert result.exception is not None
    assert result.exception.message == "in line 7"  # the student's own words


@pytest.mark.slow
def test_a_timeout_while_loading_names_its_cell(grade: Any) -> None:
    result = graded(grade, "x = 1", grade.reference, "import torch\nwhile True:\n    x = x + 1")
    assert result.outcome is Outcome.TIMEOUT
    assert result.message is not None
    assert re.fullmatch(r"Stopped after 10 s while it was loaded, in cell 3, line [23]", result.message)


def test_a_timeout_in_a_call_names_its_cell(grade: Any) -> None:
    result = graded(grade, "x = 1", grade.reference, "def pick(items, place):\n    while True:\n        pass")
    failure = next(test.failure for test in result.tests if test.id == "test_pick")
    assert failure is not None
    assert failure.samples is not None
    assert failure.samples.frame is not None
    assert failure.samples.frame.file == "work/mine.ipynb, cell 3"
    assert failure.samples.frame.line in (2, 3)
    assert [line.number for line in failure.samples.frame.source] == [1, 2, 3]


@pytest.mark.parametrize(
    ("cells", "message", "place"),
    [
        (("x = 1", "import os\ndef f(:\n  pass"), "invalid syntax", ("work/mine.ipynb, cell 2", 2)),
        (
            ("x = 1\ny = 2", "a = 1\nb = '''x", "c = 3"),
            "unterminated triple-quoted string literal (detected in cell 3, line 1)",
            ("work/mine.ipynb, cell 2", 2),
        ),
        (
            ("x = 1", "a = (1,\n  2]"),
            "closing parenthesis ']' does not match opening parenthesis '(' in cell 2, line 1",
            ("work/mine.ipynb, cell 2", 2),
        ),
    ],
)
def test_a_syntax_error_names_its_cell(
    grade: Any, cells: tuple[str, ...], message: str, place: tuple[str, int]
) -> None:
    result = graded(grade, *cells)
    assert result.outcome is Outcome.SYNTAX_ERROR
    assert frame_of(result)[:2] == place
    assert result.exception is not None
    assert result.exception.message.startswith(message)
    assert result.message == result.exception.message


def test_frames_of_other_files_are_not_changed() -> None:
    submission = read("x = 1", "y = 2")
    finding = Result(
        exercise="toolbox",
        file="work/mine.ipynb",
        sha256=None,
        outcome=Outcome.IMPORT_ERROR,
        score=0,
        max_score=1,
        exception=Raised("E", "", (Frame("rope.py", 3, "f", ()), Frame("work/mine.ipynb", 3, "g", ()))),
        hidden_tests=True,
        isolation=Isolation("none"),
        versions=Versions("", ""),
        seed=0,
        seconds=0,
    )
    assert submission.cells is not None
    moved = locate_in_cells(finding, submission.cells).exception
    assert moved is not None
    assert [(frame.file, frame.line) for frame in moved.frames] == [("rope.py", 3), ("work/mine.ipynb, cell 2", 1)]

"""Tests of `grade shell`."""

import subprocess
import sys
from pathlib import Path

import msgspec
import nbformat
import pytest

from grader.study import failing_calls
from grader.study.failing_calls import FailingCall
from tests.classes import REFERENCE, make_course

pytestmark = pytest.mark.usefixtures("left_behind")  # none is about the start of a warm process

WRONG = REFERENCE + "\n\ndef scale(x, factor):\n    raise KeyError(f'wrong by {factor}')\n"


def grade(course: Path, *words: str | Path, typed: str = "") -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "grader.cli", "--course", str(course), *map(str, words)],
        capture_output=True, text=True, check=False, input=typed, cwd=course,
    )  # fmt: skip


@pytest.fixture
def course(tmp_path: Path) -> Path:
    return make_course(tmp_path)


def as_notebook(text: str) -> str:
    cells = [nbformat.v4.new_markdown_cell("# Mine"), nbformat.v4.new_code_cell(f"%matplotlib inline\n{text}")]
    return str(nbformat.writes(nbformat.v4.new_notebook(cells=cells)))


@pytest.mark.parametrize("name", ["mine.py", "mine.ipynb"])
def test_repeats_the_failing_call(course: Path, name: str) -> None:
    (course / name).write_text(as_notebook(WRONG) if name.endswith("ipynb") else WRONG, "utf-8")
    failed = grade(course, "exercise", "toolbox", "--file", name)
    assert failed.returncode == 1, failed.stderr
    assert "KeyError" in failed.stdout

    printed = grade(course, "shell", "toolbox", "--print")
    assert printed.returncode == 0
    assert f"# toolbox is {name}" in printed.stdout
    assert "toolbox.scale(" in printed.stdout

    call = printed.stdout.strip().splitlines()[-1]
    typed = grade(course, "shell", "toolbox", typed=f"print(toolbox.REPEATED)\n{call}\n")
    assert typed.returncode == 0
    assert "has no attribute 'REPEATED'" in typed.stderr  # it is the student's module
    assert "KeyError: 'wrong by " in typed.stderr
    assert "raise KeyError(f'wrong by {factor}')" in typed.stderr  # the traceback shows the student's line


def test_opens_the_call_that_the_screen_explains(course: Path) -> None:
    (course / "mine.py").write_text(
        f"{REFERENCE}\n\ndef scale(x, factor): raise NotImplementedError\n\n\ndef mix(scores, values): return values\n"
    )
    failed = grade(course, "exercise", "toolbox", "--file", "mine.py")
    assert failed.returncode == 1, failed.stderr
    assert "called     mix(" in failed.stdout
    assert "NotImplementedError" not in failed.stdout
    assert "toolbox.mix(" in grade(course, "shell", "toolbox", "--print").stdout.strip().splitlines()[-1]


def test_reports_a_deleted_file(course: Path) -> None:
    (course / "mine.py").write_text(WRONG, "utf-8")
    assert grade(course, "exercise", "toolbox", "--file", "mine.py").returncode == 1
    (course / "mine.py").unlink()
    gone = grade(course, "shell", "toolbox")
    assert gone.returncode == 2
    assert gone.stderr == "error: mine.py no longer exists; run grade exercise toolbox again.\n"


def test_says_that_there_is_no_failing_call(course: Path) -> None:
    nothing = grade(course, "shell", "toolbox")
    assert nothing.returncode == 2
    assert "run grade exercise toolbox first" in nothing.stderr


def test_the_prompt_has_the_names_of_the_file_and_reloads_it(course: Path) -> None:
    (course / "mine.py").write_text(WRONG)
    grade(course, "exercise", "toolbox", "--file", "mine.py")
    path = course / "mine.py"
    rewrite = f"import pathlib; _ = pathlib.Path({str(path)!r}).write_text('def scale(x, factor): return 42')"
    typed = grade(course, "shell", "toolbox", typed=f"{rewrite}\nreload()\nscale(1, 2)\n")
    (names,) = (line for line in typed.stdout.splitlines() if line.startswith("    names "))
    assert {"scale", "mix", "toolbox"} <= set(names.replace(",", " ").split())
    assert "42" in typed.stdout + typed.stderr


def keep(course: Path, code: str, call: str) -> None:
    """Store a failing call of a file with this code, as `grade exercise` does."""
    (course / "mine.py").write_text(code)
    path = course / failing_calls.FOLDER / "toolbox.json"
    path.parent.mkdir(parents=True)
    text = f"import torch\nimport toolbox\n\ntorch.manual_seed(0)\n{call}\n"
    path.write_bytes(msgspec.json.encode(FailingCall(str(course / "mine.py"), text)))


def test_a_function_with_the_name_of_its_file_is_called(course: Path) -> None:
    keep(course, "def toolbox(x): return f'got {x}'\n", "toolbox.toolbox(2)")
    typed = grade(course, "shell", "toolbox", typed="toolbox(5)\nreload()\ntoolbox(6)\n")
    assert "    call    toolbox(2)" in typed.stdout.splitlines()
    assert "'got 5'" in typed.stdout
    assert "'got 6'" in typed.stdout


@pytest.mark.parametrize(
    ("call", "head", "shown"),
    [
        ("toolbox.scale(1, 2)", "the call that failed", "scale(1, 2)"),
        ("x = 1\ntoolbox.scale(x, 2)", "the call that failed: its arguments are set", "scale(x, 2)"),
        ("scale = 1\ntoolbox.scale(1, 2)", "the call that failed: its arguments are set", "toolbox.scale(1, 2)"),
    ],
)
def test_the_banner_shows_what_can_be_typed(course: Path, call: str, head: str, shown: str) -> None:
    keep(course, "def scale(x, factor): return f'{x} times {factor}'\n", call)
    typed = grade(course, "shell", "toolbox", typed=f"{shown}\n")
    assert f"  toolbox   {head}" in typed.stdout.splitlines()
    assert f"    call    {shown}" in typed.stdout.splitlines()
    assert "'1 times 2'" in typed.stdout


def test_without_an_id_it_opens_the_exercise_graded_last(course: Path) -> None:
    keep(course, "def scale(x, factor): return 'mine'\n", "toolbox.scale(1, 2)")
    assert "'mine'" in grade(course, "shell", typed="scale(1, 2)\n").stdout

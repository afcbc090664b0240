"""Tests of `grade watch` in a terminal."""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from grader.course.progress import Graded, HintShown, Progress
from tests.cli.terminals import InShell, InTerminal
from tests.command_line import error
from tests.paths import copy_toolbox

if sys.platform == "win32":
    pytest.skip("there is no grader on Windows", allow_module_level=True)

pytestmark = pytest.mark.usefixtures("left_behind")  # none is about the start of a warm process

KEYS = "h hint   t next test   n next exercise   l lesson   q quit"
STARTED = "not started   exercises/toolbox/toolbox.py"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Create a course of two identical exercises, and change to its folder."""
    root = copy_toolbox(tmp_path / "course")
    for folder in ("exercises", "solutions"):
        shutil.copytree(root / folder / "toolbox", root / folder / "spare")
        (root / folder / "spare" / "toolbox.py").rename(root / folder / "spare" / "spare.py")
    monkeypatch.chdir(root)
    return root


@pytest.fixture
def own(root: Path) -> Path:
    """Return the path of the student's file."""
    return root / "exercises/toolbox/toolbox.py"


@pytest.fixture
def reference(root: Path) -> str:
    return (root / "solutions/toolbox/toolbox.py").read_text()


@contextmanager
def watching(*words: str) -> Iterator[InTerminal]:
    """Run `grade watch` in a terminal, and quit at the end."""
    terminal = InTerminal("watch", *words)
    terminal.until(STARTED)
    terminal.until(KEYS)
    yield terminal
    terminal.types("q")
    assert terminal.ends() == 0


def scores(root: Path) -> list[float]:
    """Return the recorded scores."""
    return [event.score for event in Progress.load(root).events if isinstance(event, Graded)]


def test_grades_on_every_save(root: Path, own: Path, reference: str) -> None:
    with watching("toolbox") as terminal:
        own.write_text(reference.replace("x * factor", "x + factor"))
        shown = terminal.until(KEYS)
        assert "30 of 31 points" in shown
        assert "scale" in shown
        own.write_text(reference)
        assert "31 of 31 points" in terminal.until(KEYS)
    assert scores(root) == [30, 31]


def test_confirms_the_repair_of_a_mistake_that_was_named(root: Path, own: Path, reference: str) -> None:
    with watching("toolbox") as terminal:
        own.write_text(reference.replace("x * factor", "x * factor * factor"))
        assert "That was it" not in terminal.until(KEYS)
        own.write_text(reference)
        assert "That was it: scale passes now." in terminal.until(KEYS)


def test_grades_a_file_that_an_editor_replaces(root: Path, own: Path, reference: str) -> None:
    with watching("toolbox") as terminal:
        other = own.with_name("toolbox.py.new~")
        other.write_text(reference)
        os.replace(other, own)
        assert "31 of 31 points" in terminal.until(KEYS)
    assert scores(root) == [31]


def test_grades_the_last_of_many_saves(root: Path, own: Path, reference: str) -> None:
    with watching("toolbox") as terminal:
        for number in range(20):
            own.write_text(reference.replace("x * factor", f"x + {number}"))
        own.write_text(reference)
        terminal.until("31 of 31 points")
        terminal.until(KEYS)
    assert scores(root)[-1] == 31
    assert len(scores(root)) <= 2  # the first may have been seen before the others were written


def test_does_not_show_the_error_of_a_file_saved_in_part(root: Path, own: Path, reference: str) -> None:
    with watching("toolbox") as terminal:
        own.write_text(f"{reference}\ndef more(:\n")
        own.write_text(reference)
        shown = terminal.until("31 of 31 points") + terminal.until(KEYS)
        assert "syntax error" not in shown.lower()
        own.write_text(f"{reference}\ndef more(:\n")
        assert "syntax error" in terminal.until(KEYS).lower()


def test_reports_a_deleted_file_and_grades_it_when_restored(root: Path, own: Path, reference: str) -> None:
    with watching("toolbox") as terminal:
        own.unlink()
        assert "toolbox.py" in terminal.until(KEYS)
        own.write_text(reference)
        assert "31 of 31 points" in terminal.until(KEYS)


def test_reports_a_deleted_course(root: Path) -> None:
    with watching("toolbox") as terminal:
        shutil.rmtree(root)
        said = " ".join(terminal.until(KEYS).split())
        assert "does not exist" in said or "is missing" in said  # whichever file was looked for first


def test_does_not_grade_an_unchanged_file(root: Path, own: Path, reference: str) -> None:
    with watching("toolbox") as terminal:
        own.write_text(reference)
        terminal.until("31 of 31 points")
        own.write_text(reference)
        own.write_text(reference.replace("x * factor", "x + factor"))
        terminal.until("30 of 31 points")
    assert scores(root) == [31, 30]


def test_switches_to_the_exercise_that_is_saved(root: Path, own: Path) -> None:
    with watching("toolbox") as terminal:
        other = root / "exercises/spare/spare.py"
        other.write_text(other.read_text() + "\n# mine\n")
        assert "exercises/spare/spare.py" in terminal.until(KEYS)


def test_a_new_save_replaces_a_run_that_hangs(root: Path, own: Path, reference: str) -> None:
    with watching("toolbox") as terminal:
        own.write_text("import time\ntime.sleep(1000)\n")
        terminal.until("starting")
        own.write_text(reference)
        terminal.until("31 of 31 points")
    assert scores(root) == [31]


def test_grades_again_after_a_test_changes(root: Path, own: Path, reference: str) -> None:
    with watching("toolbox") as terminal:
        own.write_text(reference)
        terminal.until("31 of 31 points")
        tests = root / "exercises/toolbox/test_public.py"
        tests.write_text(tests.read_text().replace("x * 3.0", "x * 3.0 + 1.0"))
        terminal.until("30 of 31 points")


def test_keys_show_tests_hints_and_the_next_exercise(root: Path, own: Path, reference: str) -> None:
    with watching() as terminal:
        own.write_text(reference.replace("x * factor", "x + factor").replace("return items[place]", "return 1"))
        shown = terminal.until(KEYS)
        assert "scale ───" in shown
        assert "pick ───" not in shown
        terminal.types("t")
        assert "scale ───" in terminal.until(KEYS)
        terminal.types("t")
        assert "pick ───" in terminal.until(KEYS)
        terminal.types("h")
        assert "There is none." in terminal.until("back to the verdict")
        terminal.types("\n")
        assert "pick ───" not in terminal.until(KEYS)
        terminal.types("n")
        assert "exercises/spare/spare.py" in terminal.until(KEYS)
    assert any(isinstance(event, HintShown) for event in Progress.load(root).events)


def test_a_key_opens_the_lesson(root: Path) -> None:
    with watching("toolbox") as terminal:
        terminal.types("l")
        terminal.until("Tools")
        terminal.types("q")
        terminal.until(KEYS)


def test_a_stopped_watch_goes_on(root: Path, own: Path, reference: str) -> None:
    terminal = InShell("watch", "toolbox")
    terminal.until(STARTED)
    terminal.until(KEYS)
    terminal.stops()
    terminal.goes_on()
    terminal.until(STARTED)
    terminal.until(KEYS)
    own.write_text(reference)
    terminal.until("31 of 31 points")
    terminal.until(KEYS)
    terminal.types("q")
    terminal.leaves_shell()


def test_a_resized_screen_is_laid_out_again(root: Path) -> None:
    with watching("toolbox") as terminal:
        terminal.resize(24, 40)
        terminal.until("q quit")
        terminal.resize(24, 80)
        terminal.until(KEYS)


def test_needs_a_terminal(root: Path) -> None:
    assert error("watch") == "grade watch needs a terminal; use grade exercise to grade once."

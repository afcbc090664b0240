"""Tests of `grade demo`, and of the screen after the last part of a lesson."""

from pathlib import Path

import pytest

from grader.course.progress import Graded, Progress
from grader.engine.submission import read_submission
from tests.cli.terminals import InTerminal
from tests.command_line import error, run
from tests.three_exercises import BASE, REFERENCES, three_exercises

pytestmark = pytest.mark.usefixtures("left_behind")  # none is about the start of a warm process

DEMO = '''
"""What {name} makes of a number."""

from grader.pictures import Table


def run(submission, rng):
    yield Table("Yours", ("result",), [("of 3", [submission.{name}(3)])])
'''
FAILS = '''
"""A demo that stops."""

def run(submission, rng):
    submission.octuple("a").missing
    yield
'''


@pytest.fixture
def mine(workspace: Path) -> Path:
    """Return a workspace whose lesson shows the functions of `base` and `top`."""
    folder = workspace / "lessons" / "01-three" / "demos"
    folder.mkdir()
    (folder / "base.py").write_text(DEMO.format(name="double"))
    (folder / "top.py").write_text(DEMO.format(name="quadruple"))
    return workspace


def passes(course: Path, name: str, text: str | None = None) -> None:
    """Write a solution into the student's file, and record that it passed."""
    file = course / "exercises" / name / f"{name}.py"
    file.write_text(text or REFERENCES[name])
    digest = read_submission(file, name).sha256
    Progress.load(course).record(Graded(exercise=name, score=4, max_score=4, passed=True, sha256=digest))


def test_runs_what_has_passed_and_names_the_rest(mine: Path) -> None:
    passes(mine, "base")
    screen = run("demo", "1").stdout
    assert "what you can do now   Three, 1 of 2" in screen
    assert [line.split() for line in screen.splitlines() if "of 3" in line] == [["of", "3", "6.000"]]
    assert screen.splitlines()[-1].split(maxsplit=3) == [
        "grade",
        "exercise",
        "top",
        "for what quadruple makes of a number",
    ]


def test_runs_the_students_own_code_with_what_it_imports(mine: Path) -> None:
    passes(mine, "base", BASE + "\n# my own\n")
    passes(mine, "top")
    screen = run("demo").stdout
    assert [line.split()[-1] for line in screen.splitlines() if "of 3" in line] == ["6.000", "12.000"]
    assert "grade exercise" not in screen


def test_what_changed_after_it_passed_is_not_shown(mine: Path) -> None:
    passes(mine, "base")
    (mine / "exercises" / "base" / "base.py").write_text("def double(x):\n    return 7\n")
    screen = run("demo", "1").stdout
    assert "0 of 2" in screen
    assert "grade exercise base" in screen


def test_a_demo_that_stops_says_why_and_the_others_run(mine: Path) -> None:
    (mine / "lessons" / "01-three" / "demos" / "high.py").write_text(FAILS)
    for name in ("base", "high", "top"):
        passes(mine, name)
    screen = run("demo", "1").stdout
    assert "high stopped:" in screen
    assert "grade     grade exercise high" in screen
    assert [line.split()[-1] for line in screen.splitlines() if line.startswith("    of 3")] == ["6.000", "12.000"]


def test_a_lesson_without_demos_says_so(workspace: Path) -> None:
    assert error("demo", "1") == "Lesson 1 has no demos."


def test_a_demo_of_no_exercise_is_a_fault_of_the_course(mine: Path) -> None:
    (mine / "lessons" / "01-three" / "demos" / "bas.py").write_text(DEMO)
    assert "but lesson 1 has none that is called bas. Did you mean 'base'?" in error("demo", "1")


def test_the_screen_follows_the_last_part(tmp_path: Path) -> None:
    course = three_exercises(tmp_path / "course")
    folder = course / "lessons" / "01-three"
    (folder / "demos").mkdir(parents=True)
    for part in ("1-one.md", "2-two.md"):
        (folder / part).write_text("---\ntitle: Three\n---\n")
    (folder / "demos" / "base.py").write_text(DEMO.format(name="double"))
    passes(course, "base")
    for part, shown in (("1.1", False), ("1.2", True)):
        terminal = InTerminal("--course", str(course), "lesson", part, "--plain")
        screen = terminal.until("next ")
        assert terminal.ends() == 0
        assert ("what you can do now" in screen) is shown
        assert ("of 3" in screen) is shown

"""The commands that need no torch, through the real command, on small courses."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from grader.cli import grade
from grader.course import load_course
from grader.course.stub import disagreements
from grader.course.variations import load_variations
from grader.errors import UsageError
from grader.progress import FILE, Graded, HintShown, Progress
from grader.submission import examine

COURSE = """\
title: Small course
lessons:
  - {number: 1, slug: first-things, title: First things, short: first}
  - {number: 2, slug: second-things, title: Second things, short: second}
  - {number: 3, slug: third-things, title: Third things, short: third}
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A course of three exercises made by `grade new`, and the working directory in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NO_COLOR", raising=False)
    (tmp_path / "course.yaml").write_text(COURSE)
    for exercise_id, lesson in (("alpha", 1), ("beta", 1), ("gamma", 2)):
        assert run("new", exercise_id, "--lesson", str(lesson)).exit_code == 0
    return tmp_path


def run(*args: str, **options: Any) -> Result:
    return CliRunner().invoke(grade, list(args), prog_name="grade", **options)


def error(*args: str) -> str:
    """The one line that a command with bad input writes."""
    result = run(*args)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    return result.stderr.removeprefix("error: ").rstrip("\n")


def record(root: Path, exercise: str, score: float) -> None:
    event = Graded(exercise=exercise, score=score, max_score=4, passed=score == 4, sha256=None)
    Progress.load(root).record(event)


# The group


def test_help_lists_all_commands() -> None:
    result = run("--help")
    assert result.exit_code == 0
    for name in ("list", "exercise", "hint", "shell", "diff", "new", "check"):
        assert f"\n  {name} " in result.stdout
    assert all(len(line) <= 80 for line in result.stdout.splitlines())


@pytest.mark.parametrize("args", [["--help"], ["list"], [], ["hint", "alpha"], ["--version"]], ids=" ".join)
def test_light_commands_import_nothing_heavy(root: Path, args: list[str]) -> None:
    heavy = {"torch", "pytest", "numpy", "sqlite3", "rich", "pygments"}
    code = (
        "import atexit, sys\n"
        f"atexit.register(lambda: print(sorted({heavy} & sys.modules.keys()), file=sys.stderr))\n"
        "from grader.cli import grade\n"
        f"grade.main({args}, prog_name='grade')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONPATH": path()}
    )
    assert done.stdout
    assert done.stderr == "[]\n"


def path() -> str:
    return str(Path(__file__).parent.parent)


def test_unknown_command_and_option(root: Path) -> None:
    assert error("lst") == "No command 'lst'. Did you mean 'list'?"
    assert error("xyzzy") == "No command 'xyzzy'. grade --help lists the commands."
    assert "--nothing" in error("list", "--nothing")
    assert "Missing" in error("hint")


def test_course_option_and_no_course(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(elsewhere)
        assert "course.yaml" in error("list")
        assert "grade exercise alpha" in run("--course", str(root), "list").stdout


def test_interrupt_is_quiet(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(path: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("grader.cli.list.load_course", interrupted)
    result = run("list")
    assert (result.exit_code, result.stderr.strip()) == (130, "")


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_closed_pipe_is_quiet(root: Path, unbuffered: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "grader.cli", "list"],
        stdout=writer,
        stderr=subprocess.PIPE,
        env={"PYTHONPATH": path(), "PYTHONUNBUFFERED": unbuffered},
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (130, b"")


# list


def test_list_of_a_new_course(root: Path) -> None:
    result = run("list")
    assert result.stdout == run().stdout
    lines = result.stdout.splitlines()
    assert lines[1].split() == ["Small", "course", "0", "of", "3", "0%"]
    assert "  ▸  1 first             ○○" in result.stdout
    assert "no exercises yet in lesson 3" in result.stdout
    assert "    ○ alpha   alpha" in result.stdout
    assert lines[-1].split("   ")[-1] == "grade exercise alpha"
    assert all(len(line) <= 77 for line in lines)


def test_list_shows_what_passed_and_failed(root: Path) -> None:
    record(root, "alpha", 4)
    record(root, "alpha", 1)  # later, and passed is what was ever passed
    record(root, "beta", 2)
    result = run("list")
    assert "●✗" in result.stdout
    assert "6/8" in result.stdout
    assert "1 of 3    33%" in result.stdout
    assert result.stdout.splitlines()[-1].endswith("grade exercise beta")
    record(root, "beta", 4)
    assert run("list").stdout.splitlines()[-1].endswith("grade exercise gamma")
    record(root, "gamma", 4)
    assert run("list").stdout.splitlines()[-1].endswith("grade diff gamma")


def test_list_without_unicode(root: Path) -> None:
    record(root, "alpha", 4)
    done = subprocess.run(
        [sys.executable, "-m", "grader.cli", "list"],
        capture_output=True,
        check=True,
        env={"PYTHONPATH": path(), "PYTHONIOENCODING": "ascii"},
    )
    assert b"*o" in done.stdout
    assert done.stdout.isascii()


def test_colour_only_on_request(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record(root, "alpha", 4)
    assert "\x1b[" not in run("list").stdout
    assert "\x1b[32m●" in run("list", color=True).stdout
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in run("list", color=True).stdout


def test_list_of_a_course_without_exercises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "course.yaml").write_text(COURSE)
    assert "no exercises yet" in run("list").stdout


def test_list_names_the_file_that_is_wrong(root: Path) -> None:
    with (root / "exercises" / "beta" / "exercise.yaml").open("a") as file:
        file.write("minuts: 3\n")
    assert error("list").endswith("unknown key 'minuts'. Did you mean 'minutes'?")


# hint


def test_hints_come_one_by_one_and_are_recorded(root: Path) -> None:
    first, second, third = (run("hint", "alpha").stdout for _ in range(3))
    assert "hint 1 of 2" in first
    assert "grade hint alpha" in first
    assert "hint 2 of 2" in second
    assert "This is the last hint." in second
    assert third == second
    assert Progress.load(root).hints_shown("alpha") == 2
    assert len(Progress.load(root).events) == 2
    assert "hint 1 of 2" in run("hint", "beta").stdout


def test_hint_does_not_read_other_exercises(root: Path) -> None:
    (root / "exercises" / "beta" / "exercise.yaml").write_text("broken: [")
    assert run("hint", "alpha").exit_code == 0


def test_hint_of_an_unknown_exercise(root: Path) -> None:
    assert error("hint", "alpa") == "No exercise 'alpa' in this course. Did you mean 'alpha'?"


def test_an_exercise_without_hints(root: Path) -> None:
    file = root / "exercises" / "alpha" / "exercise.yaml"
    text = file.read_text()
    file.write_text(text[: text.index("hints:")])
    assert "has no hints" in run("hint", "alpha").stdout


# diff


def test_diff_only_after_a_pass(root: Path) -> None:
    assert "after a pass" in error("diff", "alpha")
    record(root, "alpha", 3)
    assert "after a pass" in error("diff", "alpha")


@pytest.mark.parametrize("columns", ["80", "140"])
def test_diff_shows_what_differs(root: Path, monkeypatch: pytest.MonkeyPatch, columns: str) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    record(root, "alpha", 4)
    mine = root / "exercises" / "alpha" / "alpha.py"
    mine.write_text("def same(x):\n    'mine'\n    return x\n\n\ndef double(x):\n    return x + x\n")
    reference = root / "solutions" / "alpha" / "alpha.py"
    reference.write_text(
        'def same(x):\n    """theirs"""\n    return  x\n\n\n' + reference.read_text().split("\n\n", 2)[2]
    )
    lines = run("diff", "alpha").stdout.splitlines()
    assert "  double" in lines
    assert "  same" not in lines
    if columns == "80":
        assert "  -     return x + x" in lines
        assert "  +     return 2 * x" in lines
    else:
        (row,) = (line for line in lines if "return x + x" in line)
        assert row.index("return x + x") < row.index("│") < row.index("return 2 * x")
    assert not any("Twice x." in line for line in lines)  # docstrings are left out


def test_diff_of_the_same_code(root: Path) -> None:
    record(root, "alpha", 4)
    (root / "exercises" / "alpha" / "alpha.py").write_text(
        "def double(x: Tensor) -> Tensor: return 2*x  # mine\n"
    )
    assert "are the same" in run("diff", "alpha").stdout


# new


def test_new_exercise_is_complete(root: Path) -> None:
    result = run("new", "delta", "--lesson", "3", "--title", 'a "quoted" \\ title: "×"')
    assert "   grade check delta   " in result.stdout.splitlines()[-1]
    exercise = load_course(root).exercise("delta")
    assert (exercise.title, exercise.lesson) == ('a "quoted" \\ title: "×"', 3)
    stub, reference = exercise.stub.read_text("utf-8"), exercise.reference.read_text("utf-8")
    assert disagreements(stub, reference) == ()
    finding = examine(stub, "delta.py")
    assert finding is not None
    assert finding.outcome == "not_started"
    for file in (exercise.mistakes, exercise.variants):
        assert len(load_variations(file, reference, "delta")) == 3
    tests = exercise.public_tests.read_text() + exercise.hidden_tests.read_text()
    assert tests.count("@points(1)\n") == exercise.points
    assert exercise.statement.is_file()


def test_new_overwrites_nothing(root: Path) -> None:
    assert "exists already" in error("new", "alpha", "--lesson", "1")
    (root / "solutions" / "epsilon").mkdir()
    assert "exists already" in error("new", "epsilon", "--lesson", "1")
    assert not (root / "exercises" / "epsilon").exists()


def test_new_checks_its_input(root: Path) -> None:
    assert "cannot be the name" in error("new", "Moe-Router", "--lesson", "1")
    assert "cannot be the name" in error("new", "../up", "--lesson", "1")
    assert "cannot be the name" in error("new", "torch", "--lesson", "1")
    assert "no lesson 9" in error("new", "epsilon", "--lesson", "9")
    assert "one line" in error("new", "epsilon", "--lesson", "1", "--title", "a\nb")


# Progress


def test_progress_survives_a_torn_line_and_other_versions(tmp_path: Path) -> None:
    record(tmp_path, "alpha", 2)
    file = tmp_path / FILE
    with file.open("ab") as raw:
        raw.write(b'{"event":"quiz_taken","quiz":"moe"}\n\xff\n[]\n{"event":"graded","exer')
    record(tmp_path, "alpha", 3)
    progress = Progress.load(tmp_path)
    assert [e.score for e in progress.events if isinstance(e, Graded)] == [2, 3]
    assert (progress.best("alpha"), progress.state("alpha"), progress.state("beta")) == (
        3,
        "failed",
        "not started",
    )
    assert file.read_bytes().count(b"quiz_taken") == 1


def test_progress_that_cannot_be_written_is_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / FILE.parent).touch()  # a file where the folder should be: root could write into any folder
    progress = Progress.load(tmp_path)
    progress.record(HintShown(exercise="alpha", number=1))
    progress.record(HintShown(exercise="alpha", number=2))
    assert progress.hints_shown("alpha") == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("warning: progress is not ")
    assert captured.err.count("\n") == 1


def test_next_exercise_waits_for_what_it_needs(root: Path) -> None:
    file = root / "exercises" / "beta" / "exercise.yaml"
    file.write_text(file.read_text().replace("needs: []", "needs: [gamma]"))
    record(root, "alpha", 4)
    course = load_course(root)
    following = Progress.load(root).next_exercise(course)
    assert following is not None
    assert following.id == "gamma"


def test_usage_error_has_an_exit_code() -> None:
    assert UsageError("x").exit_code == 2

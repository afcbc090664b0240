"""Tests of `grade check`, with one run on many exercises that each have a different problem."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.command_line import run
from tests.quiz.every_type import FILE

COURSE = """\
title: Broken on purpose
lessons:
  - {number: 1, slug: only, title: Only, short: only}
"""


def grade(course: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the real command."""
    command = [sys.executable, "-m", "grader.cli", "--course", str(course), *words]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)


def new(course: Path, name: str) -> None:
    """Create an exercise with `grade new`."""
    made = run("--course", str(course), "new", name, "--lesson", "1")
    assert made.exit_code == 0, made.output


def edit(file: str, old: str, new: str) -> Callable[[Path, str], None]:
    """Return a change of one file of an exercise that replaces `old` with `new` everywhere."""

    def change(root: Path, name: str) -> None:
        path = root / file.format(id=name)
        text = path.read_text("utf-8")
        assert old in text, (file, old)
        path.write_text(text.replace(old, new), "utf-8")

    return change


def add(file: str, text: str) -> Callable[[Path, str], None]:
    """Return a change that appends text to a file of an exercise."""

    def change(root: Path, name: str) -> None:
        path = root / file.format(id=name)
        path.write_text(path.read_text("utf-8") + text, "utf-8")

    return change


def empty(file: str) -> Callable[[Path, str], None]:
    """Return a change that empties a file of an exercise."""

    def change(root: Path, name: str) -> None:
        (root / file.format(id=name)).write_text("")

    return change


STUB = "exercises/{id}/{id}.py"
YAML = "exercises/{id}/exercise.yaml"
PUBLIC = "exercises/{id}/test_public.py"
HIDDEN = "solutions/{id}/test_hidden.py"
REFERENCE = "solutions/{id}/{id}.py"
MISTAKES = "solutions/{id}/mistakes.py"
VARIANTS = "solutions/{id}/variants.py"

MOODY = """    from pathlib import Path

    with Path(__file__).with_name("runs").open("a") as runs:  # of all judges
        runs.write(".")
        assert runs.tell() < 8, "late"
    for _ in range(5):"""

SLOW = """    import time

    end = time.process_time() + 0.3
    while time.process_time() < end:
        pass
    for _ in range(5):"""

SLOW_AT_FIRST = SLOW.replace("+ 0.3", '+ (0.0 if hasattr(test_values, "ran") else 0.3)').replace(
    "    for _", "    test_values.ran = True\n    for _"
)

ENDLESS = """

@replaces("double", ends="timeout")
def endless(x):
    \"\"\"It never ends.\"\"\"
    while True:
        pass
"""

UNKNOWN_NEED = """from grader.testing import needs, points


@points(1)
@needs(test_y)
def test_x(submission):
    '''a line'''
"""

BROKEN: dict[str, tuple[Callable[[Path, str], None], str]] = {
    # name: a change of the new exercise, the expected message
    "wrong_points": (edit(YAML, "points: 4", "points: 5"), "says 5 points, but the tests' points add up to 4"),
    "harmless_mistake": (edit(MISTAKES, "return x * x", "return x + x"), "mistake squared: passes every test"),
    "wrong_variant": (edit(VARIANTS, "return ", "return 1.0 + "), "is right, but fails: test_"),
    "unnamed_mistake": (
        edit(MISTAKES, "return x * x", "return x + float(int.from_bytes(__import__('os').urandom(4), 'big'))"),
        "mistake squared: fails, but the diagnosis does not name it",
    ),
    "cheap_mistake": (
        edit(MISTAKES, '@replaces("double")\ndef squared', '@replaces("double", ends="memory")\ndef squared'),
        "mistake squared: should fail with memory only: test_",
    ),
    "started_stub": (edit(STUB, "raise NotImplementedError", "return x"), "the stub: is graded with"),
    "other_signature": (
        edit(REFERENCE, "def double(x: Tensor)", "def double(x: Tensor, y: int = 0)"),
        "in the stub (line",
    ),
    "unknown_hint": (
        add(YAML, "hints_for: {doubel: [Twice what?]}\n"),
        "hints_for has 'doubel', which is no function, class or test. Did you mean 'double'?",
    ),
    "no_statement": (empty("exercises/{id}/README.md"), "the statement is missing"),
    "moody_score": (
        # passes at first and fails later: the runs that are repeated come last
        edit(HIDDEN, "    for _ in range(5):", MOODY),
        "the reference: scores differently from run to run",
    ),
    "slow_reference": (edit(HIDDEN, "    for _ in range(5):", SLOW), "takes longer than its limit of 0.2 s"),
    "broken_test": (
        edit(HIDDEN, "x = rng.randn(T, D)\n        assert", "x = rng.rendn(T, D)\n        assert"),
        "fails on the reference too",
    ),
}


SOUND = ("sound", "slow_at_first", "known_cost")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the output of one run on valid exercises and all broken ones."""
    root = tmp_path_factory.mktemp("course")
    (root / "course.yaml").write_text(COURSE)
    for name in (*SOUND, *BROKEN):
        new(root, name)
    for name, (change, _) in BROKEN.items():
        change(root, name)
    edit(HIDDEN, "    for _ in range(5):", SLOW_AT_FIRST)(root, "slow_at_first")
    add(MISTAKES, ENDLESS)(root, "known_cost")
    for name in ("slow_reference", "slow_at_first", "known_cost"):
        edit(YAML, "seconds: 2", "seconds: 0.2")(root, name)
    done = grade(root, "check", "--seeds", "3")
    assert done.returncode == 1, done.stderr
    assert f"{len(SOUND)} of {len(SOUND) + len(BROKEN)} exercises pass on 3 seeds." in done.stdout
    return done.stdout


def of(report: str, name: str) -> str:
    """Return the lines about one exercise, with whitespace collapsed."""
    lines = report.splitlines()
    first = next(i for i, line in enumerate(lines) if line[4:].startswith(f"{name} "))
    rest = lines[first + 1 :]
    end = next((i for i, line in enumerate(rest) if not line.startswith("    ")), len(rest))
    return " ".join(" ".join([lines[first], *rest[:end]]).split())


def test_a_new_exercise_passes(report: str) -> None:
    assert of(report, "sound").startswith("✓ sound 4 points 3 mistakes 3 variants")


def test_a_test_that_was_slow_only_once_passes(report: str) -> None:
    assert of(report, "slow_at_first").startswith("✓ slow_at_first ")


def test_a_mistake_may_fail_by_timeout(report: str) -> None:
    assert of(report, "known_cost").startswith("✓ known_cost 4 points 4 mistakes ")


@pytest.mark.parametrize("name", BROKEN)
def test_reports_each_problem(report: str, name: str) -> None:
    text = of(report, name)
    assert text.startswith(f"✗ {name} ")
    assert BROKEN[name][1] in text


@pytest.mark.parametrize(
    ("file", "text", "sentence"),
    [
        (HIDDEN, "import torch\nimport nothing_of_this_name\n", "test_hidden.py:2: the test file cannot be loaded"),
        (HIDDEN, "def test_x(:\n", "test_hidden.py:1: the test file cannot be loaded"),
        (HIDDEN, 'def test_x(submission):\n    """a line"""\n', "test_hidden.py:1: test_x has no points"),
        (
            HIDDEN,
            "from grader.testing import points\n\n\n@points(1)\ndef test_x(submission):\n    pass\n",
            "test_hidden.py:4: test_x has no docstring",
        ),
        (
            HIDDEN,
            UNKNOWN_NEED,
            "test_hidden.py:5: the test file cannot be loaded: NameError: name 'test_y' is not defined",
        ),
        (MISTAKES, "", "mistakes.py:1: nothing here is decorated"),
        (REFERENCE, "def double(x:\n", "double"),
    ],
    ids=["import", "syntax", "no points", "no docstring", "unknown need", "no mistakes", "broken reference"],
)
def test_reports_an_invalid_file_in_one_sentence(tmp_path: Path, file: str, text: str, sentence: str) -> None:
    (tmp_path / "course.yaml").write_text(COURSE)
    new(tmp_path, "double")
    (tmp_path / file.format(id="double")).write_text(text)
    done = grade(tmp_path, "check")
    assert done.returncode == 2
    assert sentence in done.stderr
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stdout + done.stderr


def test_sections_of_a_quiz_may_be_in_any_part_of_its_lesson(tmp_path: Path) -> None:
    folder = tmp_path / "lessons" / "01-only"
    folder.mkdir(parents=True)
    (tmp_path / "course.yaml").write_text(COURSE, "utf-8")
    (folder / "1-first.md").write_text("---\ntitle: First\n---\n\n## Routing\n", "utf-8")
    (folder / "2-second.md").write_text("---\ntitle: Second\n---\n\n## Counting\n", "utf-8")
    (folder / "quiz.yaml").write_bytes(FILE.read_bytes())
    assert "has no section" not in grade(tmp_path, "check", "1").stdout
    (folder / "2-second.md").write_text("---\ntitle: Second\n---\n\n## Counted\n", "utf-8")
    done = grade(tmp_path, "check", "1")
    assert done.returncode == 1
    assert "the lesson has no section 'Counting'" in " ".join(done.stdout.split())


def test_shows_a_table_of_mutants_and_the_survivors(tmp_path: Path) -> None:
    (tmp_path / "course.yaml").write_text(COURSE)
    new(tmp_path, "double")
    done = grade(tmp_path, "check", "--mutants", "double")
    assert done.returncode == 0, done.stdout
    assert done.stdout.split()[:5] == ["exercise", "mutants", "killed", "equivalent", "open"]
    hidden = tmp_path / HIDDEN.format(id="double")
    public = tmp_path / PUBLIC.format(id="double")
    for path in (hidden, public):
        path.write_text(
            'from grader.testing import points\n\n\n@points(1)\ndef test_runs(submission):\n    """runs"""\n'
            "    submission.double\n"
        )
    done = grade(tmp_path, "check", "--mutants", "double")
    assert done.returncode == 1
    assert "- double" in done.stdout
    assert "becomes" in done.stdout


def test_rejects_mutants_of_lessons_and_with_update(tmp_path: Path) -> None:
    (tmp_path / "course.yaml").write_text(COURSE)
    (tmp_path / "lessons" / "01-only").mkdir(parents=True)
    (tmp_path / "lessons" / "01-only" / "1-first.md").write_text("---\ntitle: First\n---\n\n## Routing\n", "utf-8")
    new(tmp_path, "double")
    for words in (["lesson", "1"], ["double", "--update"]):
        done = grade(tmp_path, "check", "--mutants", *words)
        assert done.returncode == 2
        assert done.stdout == ""
        assert done.stderr.startswith("error: --mutants checks")


def test_one_right_and_one_wrong_version_are_enough_unless_strict(tmp_path: Path) -> None:
    (tmp_path / "course.yaml").write_text(COURSE)
    new(tmp_path, "small")
    mistakes = tmp_path / MISTAKES.format(id="small")
    mistakes.write_text(mistakes.read_text().partition('\n\n@replaces("double")\ndef plus_two')[0])
    (tmp_path / VARIANTS.format(id="small")).unlink()
    done = grade(tmp_path, "check", "small", "--seeds", "2")
    assert (done.returncode, done.stderr) == (0, "")
    assert "✓ small" in done.stdout
    assert "warning: mistakes.py: 1 found; a good exercise has at least 3." in done.stdout
    assert "warning: variants.py: 0 found; a good exercise has at least 3." in done.stdout
    strict = grade(tmp_path, "check", "small", "--seeds", "2", "--strict")
    assert strict.returncode == 1
    assert "✗ small" in strict.stdout

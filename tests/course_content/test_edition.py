"""The student's edition of this course holds the public files and nothing of the solutions."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from grader.course import Course, load_course
from grader.teach.release.edition import edition_files, select_edition
from tests.paths import ROOT

RUN = 3  # lines in a row; single lines of code are the same in many places
QUOTING = "exercises/attention_heads/README.md"  # its script reads the attention of a real model as a hidden test does


@pytest.fixture(scope="module")
def course() -> Course:
    return load_course(ROOT)


@pytest.fixture(scope="module")
def edition(course: Course) -> Mapping[str, bytes]:
    return edition_files(course, select_edition(course), seed="exam")


def test_an_edition_holds_exactly_the_public_paths(course: Course, edition: Mapping[str, bytes]) -> None:
    lessons, exercises = ROOT / "lessons", ROOT / "exercises"
    public = [*lessons.glob("*.yaml"), *lessons.glob("**/*.md"), *lessons.glob("**/*.json"), *lessons.glob("*/*.js")]
    public += lessons.glob("*/quiz.yaml")
    public += (path for path in (ROOT / "labs").glob("*/*") if path.is_file())
    for each in course.exercises:
        names = ("exercise.yaml", "README.md", f"{each.id}.py", "test_public.py", "lab.py")
        public += (path for name in names if (path := exercises / each.id / name).is_file())
    expected = {"README.md", "course.yaml", *(path.relative_to(ROOT).as_posix() for path in public)}
    assert set(edition) == expected


def test_an_edition_holds_no_lines_of_solutions_except_those_of_stubs(
    course: Course, edition: Mapping[str, bytes]
) -> None:
    public = {run for each in course.exercises for path in (each.stub, each.public_tests) for run in runs(path)}
    secret = {run for path in (ROOT / "solutions").rglob("*.py") for run in runs(path)} - public
    assert len(secret) > 40_000
    texts = {name: data.decode() for name, data in edition.items() if name != QUOTING}
    assert {name: found for name, text in texts.items() if (found := runs_of(text) & secret)} == {}


def runs(path: Path) -> set[tuple[str, ...]]:
    return runs_of(path.read_text("utf-8"))


def runs_of(text: str) -> set[tuple[str, ...]]:
    """Return each RUN lines of code in a row, however they are indented. Imports are not counted as code."""
    lines = [line for each in text.splitlines() if (line := each.strip()) and not line.startswith(("import ", "from "))]
    return {tuple(lines[i : i + RUN]) for i in range(len(lines) - RUN + 1)}

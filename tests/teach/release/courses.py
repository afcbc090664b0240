"""Courses to release: the small course with a quiz, and one whose exercises build on each other."""

from pathlib import Path

from tests import three_exercises
from tests.paths import copy_toolbox
from tests.quiz.every_type import FILE

QUIZ = "lessons/01-tools/quiz.yaml"
LESSONS = """\
title: Three lessons
lessons:
  - {number: 1, slug: three, title: Three, short: three}
  - {number: 2, slug: more, title: More, short: more, names: [further]}
  - {number: 4, slug: last, title: Last, short: last}
"""


def with_quiz(folder: Path) -> Path:
    """Return the small course of the tests, with a quiz that has one question of each type."""
    root = copy_toolbox(folder / "course")
    (root / QUIZ).write_bytes(FILE.read_bytes())
    return root


def building_on(folder: Path) -> Path:
    """Return a course of three exercises: `top` in lesson 2 builds on `base` in lesson 1; `high` is in lesson 4."""
    root = three_exercises.three_exercises(folder / "course")
    (root / "course.yaml").write_text(LESSONS)
    for exercise, lesson in (("base", 1), ("top", 2), ("high", 4)):
        path = root / "exercises" / exercise / "exercise.yaml"
        path.write_text(path.read_text().replace("lesson: 1", f"lesson: {lesson}"))
        (root / "exercises" / exercise / "README.md").write_text(f"# {exercise}\n\nWrite it.\n")
    return root

"""Small courses for commands that grade nothing."""

from pathlib import Path

from tests.command_line import run
from tests.quiz.every_type import FILE

THREE_LESSONS = """\
title: Small course
lessons:
  - {number: 1, slug: first-things, title: First things, short: first}
  - {number: 2, slug: second-things, title: Second things, short: second}
  - {number: 3, slug: third-things, title: Third things, short: third}
"""
TWO_LESSONS = """\
title: Small course
lessons:
  - {number: 1, slug: all-things, title: All things, short: all}
  - {number: 2, slug: other-things, title: Other things, short: other}
"""
LESSON = "---\ntitle: All things\n---\n\n## Routing\n\ntext\n\n## Counting\n\ntext\n"


def three_exercises(root: Path) -> None:
    """Create a course of three exercises with `grade new`, in the working directory."""
    (root / "course.yaml").write_text(THREE_LESSONS)
    for exercise_id, lesson in (("alpha", 1), ("beta", 1), ("gamma", 2)):
        assert run("new", exercise_id, "--lesson", str(lesson)).exit_code == 0


def one_quiz(root: Path) -> None:
    """Create a course of two lessons, the first with a quiz."""
    folder = root / "lessons" / "01-all-things"
    folder.mkdir(parents=True)
    (root / "course.yaml").write_text(TWO_LESSONS)
    (folder / "1-all.md").write_text(LESSON)
    (folder / "quiz.yaml").write_bytes(FILE.read_bytes())

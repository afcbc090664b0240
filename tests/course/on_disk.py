"""A small course on disk, to which exercises are added."""

from pathlib import Path
from typing import Any

import pytest

from grader.base.errors import UsageError
from grader.course import load_course

COURSE = """\
title: Small course
lessons:
  - {number: 1, slug: first-things, title: First things, short: first}
  - {number: 2, slug: second-things, title: Second things, short: second}
"""
EXERCISE = """\
title: a title
lesson: 1
level: 1
minutes: 10
points: 3
passed: A sentence.
"""


def add(root: Path, exercise_id: str, extra: str = "", **changes: Any) -> Path:
    """Add an exercise. Keys of its YAML can be changed and lines added."""
    folder = root / "exercises" / exercise_id
    folder.mkdir(parents=True)
    lines = EXERCISE.splitlines()
    for key, value in changes.items():
        lines = [f"{key}: {value}" if line.startswith(f"{key}:") else line for line in lines]
    (folder / "exercise.yaml").write_text("\n".join([*lines, extra]) + "\n")
    (folder / f"{exercise_id}.py").write_text("def f(): raise NotImplementedError\n")
    return folder / "exercise.yaml"


def complaint(root: Path) -> str:
    with pytest.raises(UsageError) as error:
        load_course(root)
    return str(error.value)

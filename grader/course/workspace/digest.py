"""Digests of a course: which statements, stubs and tests it has."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from grader.course.workspace.marker import COURSE_FILE

_LENGTH = 16  # hexadecimal digits: 64 bits tell the versions of a course apart


def exercise_digest(course: Path, exercise: str) -> str:
    """Return a digest of what an exercise asks and how it is scored: description, statement, stub and tests."""
    public, secret = course / "exercises" / exercise, course / "solutions" / exercise
    names = ("exercise.yaml", "README.md", f"{exercise}.py", "test_public.py")
    return _digest(*(public / name for name in names), secret / "test_hidden.py")


def exercise_digests(course: Path) -> dict[str, str]:
    """Return the digest of every exercise of a course, by id."""
    found = sorted(path.parent.name for path in course.glob("exercises/*/exercise.yaml"))
    return {exercise: exercise_digest(course, exercise) for exercise in found}


def course_digest(course: Path, exercises: Mapping[str, str]) -> str:
    """Return a digest of a course, of which `exercises` are the digests of its exercises."""
    lines = (f"{exercise} {digest}\n" for exercise, digest in sorted(exercises.items()))
    return hashlib.sha256("".join((_digest(course / COURSE_FILE), "\n", *lines)).encode()).hexdigest()[:_LENGTH]


def _digest(*paths: Path) -> str:
    """Return a digest of the names and bytes of files. A missing file differs from an empty one."""
    digest = hashlib.sha256()
    for path in paths:
        if path.is_file():
            data = path.read_bytes()
            digest.update(f"{path.name}\0{len(data)}\0".encode() + data)
    return digest.hexdigest()[:_LENGTH]

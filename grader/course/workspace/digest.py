"""Digests of a course: which statements, stubs and tests it has."""

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
    return _sha256("".join((_digest(course / COURSE_FILE), "\n", *lines)).encode())


def _digest(*paths: Path) -> str:
    """Return a digest of the names and bytes of files. A missing file differs from an empty one."""
    found = [(path.name, path.read_bytes()) for path in paths if path.is_file()]
    return _sha256(b"".join(f"{name}\0{len(data)}\0".encode() + data for name, data in found))


def _sha256(data: bytes) -> str:
    from hashlib import sha256  # takes 4 ms, and a command that only reads need not digest anything

    return sha256(data).hexdigest()[:_LENGTH]

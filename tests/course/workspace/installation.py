"""A course in the place of the installed one, and workspaces of it."""

from pathlib import Path

import pytest

from tests.three_exercises import three_exercises

USERS = ("filling", "installed", "reset")  # modules that ask where the installed course is


def install(folder: Path, patch: pytest.MonkeyPatch) -> Path:
    """Makes a course of three exercises and a lesson, which counts as installed; the user's data goes beside it."""
    course = three_exercises(folder / "installed")
    lesson = course / "lessons" / "01-three"
    lesson.mkdir(parents=True)
    (lesson / "1-three.md").write_text("---\ntitle: Three\n---\n")
    for name in ("base", "top", "high"):
        (course / "exercises" / name / "README.md").write_text(f"# {name}\n\nWhat to write.\n")
    for module in USERS:
        patch.setattr(f"grader.course.workspace.{module}.installed_course", lambda: course)
    patch.setenv("XDG_DATA_HOME", str(folder / "data"))
    return course


def release(course: Path, version: str, patch: pytest.MonkeyPatch) -> None:
    """Lets the installed course be that of another version of archgrade."""
    for module in ("filling", "installed"):
        patch.setattr(f"grader.course.workspace.{module}.__version__", version)

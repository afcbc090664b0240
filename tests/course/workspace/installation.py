"""A course that replaces the installed one, and workspaces of it."""

from pathlib import Path

import pytest

from tests.three_exercises import three_exercises

USERS = ("filling", "installed", "reset")  # modules that use the installed course


def install(folder: Path, patch: pytest.MonkeyPatch) -> Path:
    """Make a course of three exercises and a lesson the installed one, with the user's data folder beside it."""
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
    """Change the version of the installed archgrade."""
    for module in ("filling", "installed"):
        patch.setattr(f"grader.course.workspace.{module}.__version__", version)

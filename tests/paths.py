"""Paths of this repository and of the small courses of the tests."""

import shutil
from pathlib import Path

ROOT = Path(__file__).parents[1]  # the repository, which is the real course
TOOLBOX = Path(__file__).parent / "toolbox"  # a course of one small exercise, `toolbox`
SORTING = Path(__file__).parent / "sorting"  # a course on something else than models, of three exercises


def copy_toolbox(to: Path) -> Path:
    """Copy the small course, so that a test may change it."""
    return copy_course(TOOLBOX, to)


def copy_course(course: Path, to: Path) -> Path:
    """Copy one of the courses of the tests, so that a test may change it."""
    return Path(shutil.copytree(course, to, ignore=shutil.ignore_patterns("__pycache__", "conftest.py")))

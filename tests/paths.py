"""Where things lie: this repository, and the small course of the tests."""

import shutil
from pathlib import Path

ROOT = Path(__file__).parents[1]  # the repository, which is the real course
TOOLBOX = Path(__file__).parent / "toolbox"  # a course of one small exercise, `toolbox`


def copy_toolbox(to: Path) -> Path:
    """A copy of the small course, which tests may change."""
    return Path(shutil.copytree(TOOLBOX, to, ignore=shutil.ignore_patterns("__pycache__", "conftest.py")))

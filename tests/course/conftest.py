"""A small course for the tests of this folder."""

from pathlib import Path

import pytest

from tests.course.on_disk import COURSE, add


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a course with the exercise `one`, and change to it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "course.yaml").write_text(COURSE)
    add(tmp_path, "one")
    return tmp_path

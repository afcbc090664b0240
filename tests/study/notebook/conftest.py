"""A small course with a lesson, and temporary folders for kernels."""

from pathlib import Path

import pytest

from tests.study.notebook.courses import with_a_lesson


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a course whose lesson 1 has one part."""
    for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR"):
        (tmp_path / name).mkdir()
        monkeypatch.setenv(name, str(tmp_path / name))
    return with_a_lesson(tmp_path / "course")

"""Fixtures for the tests of workspaces."""

from pathlib import Path

import pytest

from tests.course.workspace.installation import install


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Install a course of three exercises."""
    return install(tmp_path, monkeypatch)

"""What the tests of workspaces share: an installed course."""

from pathlib import Path

import pytest

from tests.course.workspace.installation import install


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The installed course, of three exercises."""
    return install(tmp_path, monkeypatch)

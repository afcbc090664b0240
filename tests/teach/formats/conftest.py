"""What the tests of several formats share."""

from pathlib import Path

import pytest

from tests.classes import make_course


@pytest.fixture(autouse=True)
def no_job(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests run in CI too, and must not write into its own summary."""
    for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT", "CLASSROOM", "ASSIGNMENT", "USERNAME", "OWNER"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def course(tmp_path: Path) -> Path:
    return make_course(tmp_path)

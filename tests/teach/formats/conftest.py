"""Fixtures for the tests of the formats."""

from pathlib import Path

import pytest

from tests.classes import make_course


@pytest.fixture(autouse=True)
def no_job(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep tests that run in CI from writing into the summary of their own job."""
    for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT", "CLASSROOM", "ASSIGNMENT", "USERNAME", "OWNER"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def course(tmp_path: Path) -> Path:
    return make_course(tmp_path)

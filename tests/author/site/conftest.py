"""Fixtures for the tests of the site: a small course and this repository's course, as sites."""

from pathlib import Path

import pytest

from grader.author.site.build import write_site
from grader.course import load_course
from tests.author.site.courses import make_course
from tests.paths import ROOT


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """Write a small course that a test may change."""
    return make_course(tmp_path / "course")


@pytest.fixture(scope="session")
def small_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the site of the small course."""
    folder = tmp_path_factory.mktemp("small")
    write_site(load_course(make_course(folder / "course")), folder / "site")
    return folder / "site"


@pytest.fixture(scope="session")
def our_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the site of this repository's course."""
    folder = tmp_path_factory.mktemp("ours")
    write_site(load_course(ROOT), folder)
    return folder

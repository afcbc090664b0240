"""Finding the installed course of a clone and of a wheel."""

from pathlib import Path

import pytest

from grader.base.errors import UsageError
from grader.course.workspace.installed import DATA, installed_course
from tests.paths import ROOT


def test_a_clone_is_its_own_course() -> None:
    assert installed_course() == ROOT


@pytest.mark.parametrize("packages", ["lib/python3.11/site-packages", "Lib/site-packages", ""])
def test_finds_the_course_of_a_wheel_in_the_data_of_the_environment(tmp_path: Path, packages: str) -> None:
    course = tmp_path / DATA
    (course / "solutions").mkdir(parents=True)
    (course / "course.yaml").touch()
    assert installed_course(tmp_path / packages / "grader") == course


def test_an_installation_without_a_course_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has no course; run pip install"):
        installed_course(tmp_path / "grader")

"""The files of parts, and what is read from them without a parser."""

from pathlib import Path

import pytest

from grader.base.errors import UsageError
from grader.course import load_lessons
from grader.course.lesson.files import all_files, due_in, part_files, part_title
from tests.paths import copy_toolbox


def test_all_files_yields_the_parts_of_a_course(tmp_path: Path) -> None:
    root = copy_toolbox(tmp_path / "course")
    course = load_lessons(root)
    first, second = all_files(course)
    assert (first.name, first.slug, part_title(first)) == ("1.1", "averages", "The average of the past")
    assert (due_in(first), due_in(second)) == (["toolbox"], [])


def test_parts_are_numbered_without_gaps(tmp_path: Path) -> None:
    root = copy_toolbox(tmp_path / "course")
    folder = root / "lessons" / "01-tools"
    (folder / "2-leaks.md").rename(folder / "3-leaks.md")
    with pytest.raises(UsageError, match=r"parts are numbered from 1 without gaps; call this one 2-leaks\.md\."):
        part_files(load_lessons(root), load_lessons(root).lessons[0])

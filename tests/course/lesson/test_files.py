"""The files of parts, and what is read from them without a parser."""

from collections.abc import Callable
from pathlib import Path

import pytest

from grader.base.errors import UsageError
from grader.course import load_lessons
from grader.course.document import Document
from grader.course.lesson.files import FrontMatter, all_files, due_in, front_matter, part_files, part_title
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


@pytest.mark.parametrize("title", ["On √d, and why ", "nul", "a#b", "a #b", "'q'", "[a", "- b", "1.50", "a\tb"])
def test_titles_are_those_of_yaml(title: str) -> None:
    def found(read: Callable[[], FrontMatter]) -> str:
        try:
            return read().title
        except UsageError as error:
            return str(error)

    path = Path("part.md")
    by_yaml = found(lambda: Document(path, data=f"\ntitle: {title}\n".encode()).convert(FrontMatter))
    assert found(lambda: front_matter(path, f"---\ntitle: {title}\n---\n")[0]) == by_yaml


@pytest.mark.parametrize("title", ["null", "a: b", "a\x07", "a\u2028b", "", "~"])
def test_what_is_no_title_is_an_error(title: str) -> None:
    with pytest.raises(UsageError, match=r"^part\.md:"):
        front_matter(Path("part.md"), f"---\ntitle: {title}\n---\n")

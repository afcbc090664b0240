"""What holds for every format: how it is chosen, what it writes where, and that it needs little memory."""

import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from grader.base.errors import UsageError
from grader.base.result import Failure, Outcome, Output
from grader.teach.formats import FORMATS, Chosen, chosen, write
from grader.teach.gradebook.model import Book
from grader.teach.handins.handin import Student
from tests.teach.formats.books import MOE, book, case, grade, passed, result, run, sample_book
from tests.teach.formats.written import BYTES, table


def test_a_format_that_does_not_exist_is_explained(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"There is no format 'juint'. Did you mean 'junit'\?"):
        write("juint", sample_book(), tmp_path)
    with pytest.raises(UsageError, match="fills in the worksheet that Moodle gave you; name it: --format moodle=FILE"):
        write("moodle", sample_book(), tmp_path)
    with pytest.raises(UsageError, match="The format junit fills in no file"):
        write("junit", sample_book(), tmp_path, tmp_path / "x.csv")
    with pytest.raises(UsageError, match=r"no exercise or quiz 'moe_ruter'. Did you mean 'moe_router'\?"):
        write("csv:moe_ruter", sample_book(), tmp_path)


def test_a_format_is_chosen_by_name_item_and_file(tmp_path: Path) -> None:
    (file := tmp_path / "a=b.csv").touch()
    assert chosen("json") == Chosen(FORMATS["json"])
    assert chosen(f"moodle:rope={file}") == Chosen(FORMATS["moodle"], "rope", file)
    assert chosen(f"canvas={file}").template == file
    with pytest.raises(UsageError, match="does not exist"):
        chosen("canvas=none.csv")
    with pytest.raises(UsageError, match="name it: --format moodle:rope=FILE"):
        chosen("moodle:rope")


def test_one_item_alone_goes_into_a_folder_of_its_name(tmp_path: Path) -> None:
    paths = write("csv:rope", sample_book(), tmp_path)
    assert paths == [tmp_path / "rope" / name for name in ("grades.csv", "grades-long.csv", "not-graded.csv")]
    header, *rows = table(paths[0])
    assert header == ["student", "name", "email", "login", "rope", "total", "max"]
    assert [row[4:] for row in rows if row[0] in ("ada", "gone")] == [["2.7", "2.7", "3"], ["", "0", "3"]]


OURS = [name for name in FORMATS if name not in ("moodle", "moodle-feedback", "feedback", "html")]


@pytest.mark.parametrize("name", OURS)
def test_the_same_book_gives_the_same_files_and_nothing_else(name: str, tmp_path: Path) -> None:
    first = write(name, sample_book(), tmp_path / "a")
    second = write(name, sample_book(), tmp_path / "b" / "deep")
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert sorted(first) == sorted(path for path in (tmp_path / "a").rglob("*") if path.is_file())


@pytest.mark.parametrize("name", OURS)
def test_an_empty_book_and_bytes_for_a_name_can_be_written(name: str, tmp_path: Path) -> None:
    write(name, book(), tmp_path / "empty")
    for path in write(name, book(grade(BYTES, MOE, passed(MOE))), tmp_path / "bytes"):
        path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", OURS)
def test_what_cannot_be_written_is_one_sentence(name: str, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(UsageError, match=r"out/.* cannot be written: .*\.$"):
        write(name, sample_book(), tmp_path / "out")


class Large:
    """A book of 60 students who printed 4 MB, made one at a time."""

    course, run, items = "Large", run(), (MOE,)
    students = tuple(Student(id=f"s{number:04}") for number in range(60))
    graded = frozenset(student.id for student in students)
    ignored = ()

    def grades(self) -> Iterator[Any]:
        for student in self.students:
            output = Output(f"{student.id}\n" * 10_000)
            failure = Failure("No.")
            test = case("test_values", Outcome.FAILED, 4.0, failure=failure, output=output)
            yield grade(student, MOE, result(MOE, test))


@pytest.mark.parametrize("name", ["json", "csv", "canvas", "junit", "github"])
def test_a_class_may_be_larger_than_memory(name: str, tmp_path: Path) -> None:
    large: Book = Large()
    tracemalloc.start()
    try:
        write(name, large, tmp_path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2_000_000

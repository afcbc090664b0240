"""Requirements on every format: selection, files, determinism, errors and memory."""

import tracemalloc
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from grader.base.errors import UsageError
from grader.base.result import Failure, Outcome, Output
from grader.teach.formats import FORMATS, FormatChoice, parse_format, write
from grader.teach.gradebook.model import Book, Grade, GradedFile
from grader.teach.handins.handin import Student
from tests.teach.formats.books import MOE, book, case, grade, passed, result, run, sample_book
from tests.teach.formats.written import BYTES, table


def test_an_unknown_format_or_unusable_template_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"There is no format 'juint'. Did you mean 'junit'\?"):
        write("juint", sample_book(), tmp_path)
    with pytest.raises(UsageError, match="fills in the worksheet that Moodle gave you; name it: --format moodle=FILE"):
        write("moodle", sample_book(), tmp_path)
    with pytest.raises(UsageError, match="The format junit takes no file to fill in"):
        write("junit", sample_book(), tmp_path, tmp_path / "x.csv")
    with pytest.raises(UsageError, match=r"no exercise or quiz 'moe_ruter'. Did you mean 'moe_router'\?"):
        write("csv:moe_ruter", sample_book(), tmp_path)


def test_parses_name_item_and_file_of_a_format(tmp_path: Path) -> None:
    (file := tmp_path / "a=b.csv").touch()
    assert parse_format("json") == FormatChoice(FORMATS["json"])
    assert parse_format(f"moodle:rope={file}") == FormatChoice(FORMATS["moodle"], "rope", file)
    assert parse_format(f"canvas={file}").template == file
    with pytest.raises(UsageError, match="there is no such file"):
        parse_format("canvas=none.csv")
    with pytest.raises(UsageError, match="name it: --format moodle:rope=FILE"):
        parse_format("moodle:rope")


def test_a_single_item_is_written_into_a_folder_of_its_name(tmp_path: Path) -> None:
    paths = write("csv:rope", sample_book(), tmp_path)
    assert paths == [tmp_path / "rope" / name for name in ("grades.csv", "grades-long.csv", "not-graded.csv")]
    header, *rows = table(paths[0])
    assert header == ["student", "name", "email", "login", "rope", "total", "max"]
    assert [row[4:] for row in rows if row[0] in ("ada", "gone")] == [["2.7", "2.7", "3"], ["", "0", "3"]]


WITHOUT_TEMPLATE = [name for name in FORMATS if name not in ("moodle", "moodle-feedback", "feedback", "html")]


@pytest.mark.parametrize("name", WITHOUT_TEMPLATE)
def test_the_same_book_gives_the_same_files(name: str, tmp_path: Path) -> None:
    first = write(name, sample_book(), tmp_path / "a")
    second = write(name, sample_book(), tmp_path / "b" / "deep")
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert sorted(first) == sorted(path for path in (tmp_path / "a").rglob("*") if path.is_file())


@pytest.mark.parametrize("name", WITHOUT_TEMPLATE)
def test_writes_an_empty_book_and_names_that_are_not_unicode(name: str, tmp_path: Path) -> None:
    write(name, book(), tmp_path / "empty")
    for path in write(name, book(grade(BYTES, MOE, passed(MOE))), tmp_path / "bytes"):
        path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", WITHOUT_TEMPLATE)
def test_an_unwritable_folder_is_a_usage_error(name: str, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(UsageError, match=r"out/.* cannot be written: .*\.$"):
        write(name, sample_book(), tmp_path / "out")


class Large:
    """A gradebook of 60 students with 4 MB of output, which generates one grade at a time."""

    course, run, items = "Large", run(), (MOE,)
    students = tuple(Student(id=f"s{number:04}") for number in range(60))
    graded = frozenset(student.id for student in students)
    ignored = ()

    def work(self, handed: GradedFile) -> None:
        return None

    def given(self, item: str) -> Sequence[str]:
        return ()

    def grades(self) -> Iterator[Grade]:
        for student in self.students:
            output = Output(f"{student.id}\n" * 10_000)
            failure = Failure("No.")
            test = case("test_values", Outcome.FAILED, 4.0, failure=failure, output=output)
            yield grade(student, MOE, result(MOE, test))


@pytest.mark.parametrize("name", ["json", "csv", "canvas", "junit", "github"])
def test_only_one_student_is_in_memory_at_a_time(name: str, tmp_path: Path) -> None:
    large: Book = Large()
    write(name, sample_book(), tmp_path)  # imports what it needs, which takes memory of its own
    tracemalloc.start()
    try:
        write(name, large, tmp_path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2_000_000

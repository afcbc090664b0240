"""Write moodle-feedback.zip with the names by which Moodle finds the participants."""

import re
import zipfile
from pathlib import Path

import pytest

from grader.base.errors import UsageError
from grader.teach.formats import write
from grader.teach.gradebook.model import Book
from grader.teach.handins.handin import Student
from tests.parsed import Parsed
from tests.teach.formats.books import ADA, MOE, book, grade, passed, run, sample_book
from tests.teach.formats.test_moodle import ENGLISH


def pages(of: Book, folder: Path, template: Path | None = None) -> dict[str, str]:
    """Return the files in the zip."""
    (path,) = write("moodle-feedback", of, folder, template)
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name).decode() for name in archive.namelist()}


def participant(name: str) -> list[str]:
    """Split a name as Moodle 4 does: at four underscores, before the name of the file."""
    return name.split("_", 4)


def test_uses_the_ids_of_students_from_moodle(tmp_path: Path) -> None:
    students = [Student(id="657", name="Ada_Ann / Lovelace"), Student(id="658"), Student(id="x", name="Nobody")]
    of = book(*(grade(each, MOE, passed(MOE)) for each in students), run=run(layout="moodle"))
    found = pages(of, tmp_path)
    assert [participant(name) for name in found] == [
        ["Ada Ann Lovelace", "657", "assignsubmission", "file", "feedback.html"],
        ["Participant", "658", "assignsubmission", "file", "feedback.html"],
    ]
    first, second = map(Parsed, found.values())
    assert "Feedback for Ada_Ann / Lovelace" in first.text
    assert "Ada" not in second.text


def test_finds_numbers_of_other_students_in_the_worksheet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "sheet.csv").write_text(ENGLISH, encoding="utf-8")
    found = pages(sample_book(), tmp_path, tmp_path / "sheet.csv")
    assert sorted(re.findall(r"_(\d+)_", " ".join(found))) == ["657", "658"]
    assert "Feedback for Ada Lovelace" in Parsed(found["Ada Lovelace_657_assignsubmission_file_feedback.html"]).text
    assert "5 students are left out because their number in Moodle is unknown" in capsys.readouterr().err


def test_unknown_numbers_are_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--format moodle-feedback=FILE\.csv"):
        write("moodle-feedback", book(grade(ADA, MOE, passed(MOE))), tmp_path)


def test_the_same_book_gives_the_same_bytes(tmp_path: Path) -> None:
    of = book(grade(Student(id="657", name="Ada"), MOE, passed(MOE)), run=run(layout="moodle"))
    one, two = (write("moodle-feedback", of, tmp_path / name)[0].read_bytes() for name in "ab")
    assert one == two

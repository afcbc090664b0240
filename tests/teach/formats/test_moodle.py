"""Fill in Moodle's worksheet and leave everything else unchanged."""

import csv
import io
from pathlib import Path

import pytest

from grader.base.errors import UsageError
from grader.base.result import Outcome
from grader.teach.formats import write
from grader.teach.gradebook.model import Book
from grader.teach.handins.handin import Ignored, IgnoredKind, Student
from tests.teach.formats.books import ADA, HOSTILE, ROPE, book, grade, passed, result, run, sample_book

ENGLISH = (
    "\ufeffIdentifier,Full name,Email address,Status,Grade,Maximum Grade,Grade can be changed,"
    "Last modified (submission),Last modified (grade),Feedback comments\r\n"
    '"Participant 657","Ada ""Countess"" Lovelace",ada@example.edu,"Submitted, graded",,100.00,Yes,'
    '"Monday, 2 November 2026, 9:30 AM",-,""\r\n'
    "Participant 658,Bob,BOB@example.edu,Submitted,12.00,100.00,Yes,-,-,<p>See me.</p>\r\n"
    "Participant 659,Carl,carl@example.edu,No submission,,100.00,Yes,-,-,\r\n"
)
GERMAN = (
    "ID,Vollständiger Name,E-Mail-Adresse,Status,Bewertung,Bestwertung,Bewertung kann geändert werden,"
    "Zuletzt geändert (Abgabe),Zuletzt geändert (Bewertung),Feedback als Kommentar\n"
    'Teilnehmer/in657,Ada Lovelace,ada@example.edu,Abgegeben,,"100,00",Ja,-,-,\n'
    'Teilnehmer/in658,Bob,bob@example.edu,Abgegeben,"12,00","100,00",Ja,-,-,'
)


def moodle(tmp_path: Path, content: str, of: Book | None = None, name: str = "moodle") -> str:
    template = tmp_path / "worksheet.csv"
    template.write_bytes(content.encode())
    (path,) = write(name, of or sample_book(), tmp_path / "out", template)
    return path.read_bytes().decode()


def test_fills_in_a_worksheet_and_keeps_all_other_bytes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    filled = moodle(tmp_path, ENGLISH)
    feedback = (
        "Top-k routing: 4 of 4 points.<br>Quiz: Mixture of Experts: 2.5 of 3 points.<br>Rotary positions: 2.7 of 3 "
        "points. Measured 3, -0.3 for lateness. 1 day late: 10 % of 3 points."
    )
    expected = ENGLISH.replace('graded",,', 'graded",92.00,').replace('-,""', f'-,"{feedback}"')
    assert filled == expected.replace(",12.00,", ",15.00,")
    said = capsys.readouterr().err
    assert "1 feedback comments" in said
    assert "5 students of the gradebook are not in" in said


def test_finds_columns_of_another_language_by_their_values(tmp_path: Path) -> None:
    assert moodle(tmp_path, GERMAN) == GERMAN.replace("Abgegeben,,", 'Abgegeben,"92,00",').replace("12,00", "15,00")


def test_finds_participants_by_number_if_they_came_from_moodle(tmp_path: Path) -> None:
    ada = Student(id="657", name="Ada")
    grades = [grade(ada, ROPE, passed(ROPE), adjustment=5.0)]
    from_moodle = book(*grades, run=run(layout="moodle"), items=[ROPE])
    assert ",100.00,100.00,Yes," in moodle(tmp_path, ENGLISH, from_moodle)  # never more than the maximum
    from_elsewhere = book(*grades, items=[ROPE])
    assert moodle(tmp_path, ENGLISH, from_elsewhere) == ENGLISH


def test_a_name_that_is_an_address_does_not_match(tmp_path: Path) -> None:
    content = ENGLISH.replace("Bob,", "ada@example.edu,").replace(',"Ada ""Countess"" Lovelace",ada@', ",Ada,other@")
    assert moodle(tmp_path, content, book(grade(ADA, ROPE, passed(ROPE)), items=[ROPE])) == content


def test_fills_in_a_worksheet_of_one_exercise(tmp_path: Path) -> None:
    filled = moodle(tmp_path, ENGLISH, name="moodle:rope")
    assert 'graded",90.00,100.00' in filled
    assert (tmp_path / "out" / "rope" / "moodle.csv").exists()


def test_hostile_text_is_only_text(tmp_path: Path) -> None:
    evil = Student(id="x", email="ada@example.edu")
    of = book(grade(evil, ROPE, passed(ROPE), reasons=(HOSTILE,)), items=[ROPE])
    rows = list(csv.reader(io.StringIO(moodle(tmp_path, ENGLISH, of))))
    assert rows[1][9].startswith("Rotary positions: 3 of 3 points. =cmd()")
    assert "<script>" not in rows[1][9]
    assert "&lt;script&gt;" in rows[1][9]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("Identifier,Grade\r\n", "worksheet.csv:1: the worksheet has no students"),
        ("a,b\nAda,1\n", "worksheet.csv:2: the first cell must be Moodle's identifier"),
        (ENGLISH.replace(",", ";"), "worksheet.csv:1: cells are separated by semicolons; .* with commas"),
        (ENGLISH.replace("100.00", "A\nB"), "not CSV|cells where|scales"),
        (ENGLISH.replace(",100.00,", ",Good,"), "worksheet.csv:2: the maximum grade is not a number; scales"),
        (
            GERMAN.replace("Abgegeben,,", ",5,").replace('Abgegeben,"12,00"', ",5"),
            "worksheet.csv:1: it is unclear which column holds the grades; set your language",
        ),
        (ENGLISH.replace("Bob,", 'B"ob,'), "worksheet.csv:3: not CSV: a quotation mark is out of place"),
        (ENGLISH.replace("657", "658"), None),
        (ENGLISH.replace("carl@", "ada@"), "worksheet.csv: lines 2 and 4 match the same student, Ada Lovelace"),
    ],
    ids=["empty", "other", "semicolons", "broken", "scale", "ambiguous", "quotes", "same number", "two rows"],
)
def test_an_unusable_worksheet_is_a_usage_error(content: str, problem: str | None, tmp_path: Path) -> None:
    if problem is None:  # numbers are ignored unless they came from Moodle
        moodle(tmp_path, content)
        return
    with pytest.raises(UsageError, match=problem):
        moodle(tmp_path, content)


def test_comments_explain_files_that_cannot_be_read(tmp_path: Path) -> None:
    unreadable = result(ROPE, outcome=Outcome.UNREADABLE, message="rope.py:1: this line is not UTF-8.")
    carl = Student(id="659", email="carl@example.edu")
    lost = Ignored(file="x/work.7z", why="an archive of a kind that is not read", kind=IgnoredKind.UNREAD, student=carl)
    of = book(grade(ADA, ROPE, unreadable), items=(ROPE,), students=[carl], ignored=[lost])
    rows = {row[0]: (row[4], row[9]) for row in csv.reader(io.StringIO(moodle(tmp_path, ENGLISH, of)))}
    assert rows["Participant 657"] == (
        "0.00",
        "Rotary positions: 0 of 3 points. rope.py:1: this line is not UTF-8.",
    )
    assert rows["Participant 659"] == ("", "Not graded: work.7z: an archive of a kind that is not read.")

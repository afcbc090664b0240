"""The formats in which a gradebook leaves, each read back by a reader of that format where there is one."""

import csv
import io
import json
import os
import re
import tracemalloc
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import junitparser
import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from grader.clean import clean, clean_line
from grader.errors import UsageError
from grader.export import FORMATS, Chosen, chosen, results_json, write
from grader.export.files import remark
from grader.export.github import ANNOTATIONS, annotations, markdown, summary
from grader.export.names import folder_name
from grader.export.table import cell
from grader.gradebook.model import Book
from grader.result import Failure, Outcome, Output, Samples
from grader.submission.handin import Student
from tests.export.books import (
    ADA,
    BOB,
    EVIL,
    HANS,
    HOSTILE,
    ITEMS,
    MOE,
    QUIZ,
    ROPE,
    MemoryBook,
    book,
    case,
    frame,
    grade,
    passed,
    quiz,
    result,
    run,
    sample_book,
)

DOCS = Path(__file__).parent.parent / "docs"
BYTES = Student(id="caf\udce9", name="x\ud800\ufffe")  # a folder whose name is not UTF-8


@pytest.fixture(autouse=True)
def no_job(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests run in CI too, and must not write into its own summary."""
    for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT", "CLASSROOM", "ASSIGNMENT", "USERNAME", "OWNER"):
        monkeypatch.delenv(name, raising=False)


def table(path: Path) -> list[list[str]]:
    text = path.read_text(encoding="utf-8")
    rows = list(csv.reader(io.StringIO(text), delimiter=delimiter(text)))
    assert len({len(row) for row in rows}) == 1
    return rows


def delimiter(text: str) -> str:
    """What Canvas takes for it: of `;` and `,` the one that gives its first three lines the same number of cells."""
    cells = {}
    for mark in ";,":
        counts = {len(next(csv.reader([line], delimiter=mark))) for line in text.splitlines()[:3]}
        cells[mark] = counts.pop() if len(counts) == 1 else 0
    return ";" if cells[";"] > cells[","] else ","


def student_file(out: Path, name: str, student: Student, file: str) -> Any:
    return json.loads((out / name / folder_name(student.id) / file).read_text(encoding="utf-8"))


# Names of folders


@given(st.text(max_size=80), st.text(max_size=80))
@example("Ada", "ada")
@example("é", "e\u0301")
@example("ß", "ss")
@example("..", ".")
@example("a" * 300, "a" * 301)
@example("\udce9", "\ud800")
@example("", "student")
@example("con", "CON.txt")
@example("", "0-")
def test_different_students_have_different_folders_on_every_file_system(one: str, other: str) -> None:
    names = [folder_name(one), folder_name(other)]
    for name in names:
        assert len(name.encode()) <= 255
        assert not re.search(r'[\x00-\x1f/\\:*?"<>|\s]', name)
        assert name.strip(". -") == name != ""
        assert not re.fullmatch(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?", name)
    folded = {unicodedata.normalize("NFD", name.casefold()) for name in names}
    assert (len(folded) == 1) == (one == other)


@pytest.mark.parametrize("plain", ["ada", "12345", "s.k-1_2", "ada@example.edu"])
def test_a_plain_id_is_its_own_folder(plain: str) -> None:
    assert folder_name(plain) == plain


# All formats


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
    with pytest.raises(UsageError, match="there is no such file"):
        chosen("canvas=none.csv")
    with pytest.raises(UsageError, match="name it: --format moodle:rope=FILE"):
        chosen("moodle:rope")


def test_one_item_alone_goes_into_a_folder_of_its_name(tmp_path: Path) -> None:
    paths = write("csv:rope", sample_book(), tmp_path)
    assert paths == [tmp_path / "rope/grades.csv", tmp_path / "rope/grades-long.csv"]
    header, *rows = table(paths[0])
    assert header == ["student", "name", "email", "login", "rope", "total", "max"]
    assert [row[4:] for row in rows if row[0] in ("ada", "gone")] == [["2.7", "2.7", "3"], ["", "0", "3"]]


OURS = [name for name in FORMATS if name not in ("moodle", "feedback", "html")]


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


def test_a_file_is_there_whole_or_as_it_was(tmp_path: Path) -> None:
    class Broken(MemoryBook):
        def grades(self) -> Iterator[Any]:
            yield from list(super().grades())[:5]
            raise RuntimeError("in the middle")

    of = sample_book()
    (path,) = write("json", of, tmp_path)
    before = path.read_bytes()
    with pytest.raises(RuntimeError, match="in the middle"):
        write("json", Broken(of.course, of.run, of.items, of.students, of.all_grades), tmp_path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


class Large:
    """A book of 60 students who printed 4 MB, made one at a time."""

    course, run, items = "Large", run(), (MOE,)
    students = tuple(Student(id=f"s{number:04}") for number in range(60))

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


# results.json


def test_results_json_fits_its_schema_and_the_one_of_a_single_result(tmp_path: Path) -> None:
    (path,) = write("json", sample_book(), tmp_path)
    content = json.loads(path.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(json.loads((DOCS / "results.schema.json").read_text())).validate(content)
    single = jsonschema.Draft202012Validator(json.loads((DOCS / "result.schema.json").read_text()))
    results = [each["result"] for student in content["students"] for each in student["grades"] if each["result"]]
    assert len(results) == 10
    for each in results:
        single.validate(each)


def test_the_schema_in_docs_is_up_to_date() -> None:
    """If not: python -m grader.export.results_json > docs/results.schema.json"""
    assert (DOCS / "results.schema.json").read_text() == results_json.schema_text()


def test_results_json_is_the_book(tmp_path: Path) -> None:
    of = sample_book()
    (path,) = write("json", of, tmp_path)
    read = msgspec.json.decode(path.read_bytes(), type=results_json.Results)
    assert (read.course, read.run, read.items, read.max_total) == (of.course, of.run, of.items, 10.0)
    assert len(read.students) == 7
    grades = {(s.student.id, g.item): g for s in read.students for g in s.grades}
    for each in of.grades():
        there = grades.pop((each.student.id, each.item.id))
        assert (there.result or there.quiz) == each.result
        assert (there.handed, there.outcome, there.error) == (each.handed, each.outcome, each.error)
        assert each.student is EVIL or there.points == each.points
    assert grades == {}
    totals = {s.student.id: s.total for s in read.students}
    assert totals["ada"] == pytest.approx(9.2)
    assert totals["gone"] == 0
    assert totals["Олена Ковальчук"] is None  # one of two could not be graded


# Tables


def test_grades_csv_has_a_row_for_every_student(tmp_path: Path) -> None:
    wide, long = (table(path) for path in write("csv", sample_book(), tmp_path))
    by_id = {row[0]: row[4:] for row in wide}
    assert by_id["student"] == ["moe_router", "mixture-of-experts", "rope", "total", "max"]
    assert by_id["ada"] == ["4", "2.5", "2.7", "9.2", "10"]
    assert by_id["bob"] == ["1.5", "", "0", "1.5", "10"]
    assert by_id["gone"] == ["", "", "", "0", "10"]
    assert by_id["Олена Ковальчук"] == ["", "", "3", "", "10"]
    header, *rows = long
    assert len(rows) == len(list(sample_book().grades()))
    bob = dict(zip(header, next(row for row in rows if row[0] == "bob"), strict=True))
    assert bob["name"] == 'Bob "Bobby" Tables, Jr.'
    assert {key: bob[key] for key in ("measured", "late", "adjustment", "final", "max")} == {
        "measured": "1",
        "late": "0",
        "adjustment": "0.5",
        "final": "1.5",
        "max": "4",
    }
    assert (bob["diagnosis"], bob["outcome"]) == ("softmax_all", "graded")
    olena = next(dict(zip(header, row, strict=True)) for row in rows if row[0] == "Олена Ковальчук")
    assert (olena["final"], olena["outcome"], olena["error"]) == ("", "error", "The judge ended by signal 9.")


def test_numbers_have_no_noise(tmp_path: Path) -> None:
    noisy = grade(ADA, ROPE, passed(ROPE), late=-0.3)
    noisy = msgspec.structs.replace(noisy, points=msgspec.structs.replace(noisy.points, final=0.1 + 0.2))
    wide, _ = write("csv", book(noisy), tmp_path)
    assert table(wide)[1][4:] == ["", "", "0.3", "0.3", "10"]


@pytest.mark.parametrize("name", ["csv", "canvas"])
def test_no_cell_is_a_formula(name: str, tmp_path: Path) -> None:
    for path in write(name, sample_book(), tmp_path):
        for row in table(path):
            for text in row:
                assert not re.match(r"\s*[=+\-@]", text) or re.fullmatch(r"-?[0-9.]+", text)
                assert clean_line(text) == text or text == "    Points Possible"


@pytest.mark.parametrize("text", ["=1+1", "@SUM(A1)", "+cmd", "-2+3", "\t=1", "\r=1", " =1", "＝1"])
def test_a_formula_gets_an_apostrophe(text: str) -> None:
    assert cell(text).startswith(("'", r"\r"))


@pytest.mark.parametrize("text", ["x;=1", 'x;"=1', "x; @SUM(A1)", "a,b;-2+3"])
def test_a_formula_after_a_semicolon_gets_an_apostrophe_too(text: str) -> None:
    """Where the comma is for decimals, a spreadsheet breaks lines at semicolons, whatever is quoted."""
    (line,) = csv.reader([f"1,{cell(text)}"], delimiter=";")
    assert not any(re.match(r'[\s"]*[=+\-@]', each) for each in line)
    assert len(line) == 2


@pytest.mark.parametrize("text", ["-17", "+380501234567", "0042", "1.5", "ada-1", "a=b", ""])
def test_numbers_and_ids_stay_as_they_are(text: str) -> None:
    assert cell(text) == text


# Canvas

CANVAS = (
    "Student,ID,SIS User ID,SIS Login ID,Section,Essay (11),Top-K  Routing (12),rope (13),Final Score\n"
    ",,,,,Manual Posting,,,\n"
    "    Points Possible,,,,,5.00,4.00,10.00,(read only)\n"
    '"Lovelace, Ada",901,S1,ALovelace,"A, 1",4.00,1.00,,55.00\n'
    '"Tables, Bob",902,bob,xyz,B,,,,\n'
    "=cmd(),903,S3,nobody,B,3.00,2.00,1.00,10.00\n"
)


def test_canvas_from_nothing(tmp_path: Path) -> None:
    header, possible, *rows = table(write("canvas", sample_book(), tmp_path)[0])
    assert header[:2] == ["Student", "ID"]
    assert header[4] == "Section"
    assert header[5:] == ["Top-k routing", "Quiz: Mixture of Experts", "Rotary positions"]
    assert possible == ["    Points Possible", "", "", "", "", "4", "3", "3"]
    assert ["Ada Lovelace", "", "ada", "alovelace", "", "4", "2.5", "2.7"] in rows


def test_ids_from_canvas_are_canvas_ids(tmp_path: Path) -> None:
    ada = Student(id="901", name="Ada")
    of = book(grade(ada, MOE, passed(MOE)), run=run(layout="canvas"), items=[MOE])
    assert table(write("canvas", of, tmp_path)[0])[2] == ["Ada", "901", "", "", "", "4"]


def test_a_canvas_export_is_filled_in_for_our_assignments_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    template = tmp_path / "export.csv"
    template.write_text("\ufeff" + CANVAS, encoding="utf-8")
    rows = table(write("canvas", sample_book(), tmp_path, template)[0])
    assert rows == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Top-K  Routing (12)", "rope (13)"],
        ["", "", "", "", "", "", ""],
        ["    Points Possible", "", "", "", "", "4.00", "10.00"],
        ["Lovelace, Ada", "901", "S1", "ALovelace", "A, 1", "4", "2.7"],
        ["Tables, Bob", "902", "bob", "xyz", "B", "1.5", "0"],
        ["'=cmd()", "903", "S3", "nobody", "B", "", ""],
    ]
    said = capsys.readouterr().err.splitlines()
    assert [line.partition(" ")[0] for line in said] == ["note:"] * 3
    assert "'Quiz: Mixture of Experts' or 'mixture-of-experts'" in said[0]
    assert "rope has 3 points here and 10.00 in Canvas" in "".join(said)
    assert "5 students of the gradebook not in" in "".join(said)


def test_a_canvas_export_with_semicolons_keeps_them(tmp_path: Path) -> None:
    template = tmp_path / "export.csv"
    template.write_text("Student;ID;SIS Login ID;Section;rope (1)\nA;7;alovelace;B;\n")
    (path,) = write("canvas", sample_book(), tmp_path, template)
    assert path.read_text().splitlines()[1] == "A;7;alovelace;B;2.7"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("Name,Points\nAda,1\n", "export.csv:1: no export of Canvas's gradebook"),
        ("Student,ID,SIS Login ID,Section,Essay (1)\n", "export.csv:1: no column is called"),
        ("Student,ID,SIS Login ID,Section,rope (1),Rotary Positions (2)\n", "rope could be 'rope.*' and 'Rotary"),
        (
            "Student,ID,SIS User ID,SIS Login ID,Section,rope (1)\nA,1,ada,x,B,\nC,2,y,alovelace,B,\n",
            "export.csv: lines 2 and 3 could both be Ada Lovelace",
        ),
        (
            "Student,ID,SIS User ID,SIS Login ID,Section,rope (1)\nA,1,ada,btables,B,\n",
            "export.csv:2: could be Ada Lovelace or Bob",
        ),
        ('Student,ID,Section,rope (1)\nA,1,B,"' + "x" * 200_000, "export.csv:2: not CSV"),
    ],
    ids=["no export", "no column", "two columns", "two rows", "two students", "no CSV"],
)
def test_a_canvas_export_that_cannot_be_filled_in_is_explained(content: str, problem: str, tmp_path: Path) -> None:
    template = tmp_path / "export.csv"
    template.write_text(content)
    with pytest.raises(UsageError, match=problem):
        write("canvas", sample_book(), tmp_path, template)
    assert not (tmp_path / "canvas.csv").exists()


# Moodle

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


def test_a_worksheet_is_filled_in_and_stays_byte_for_byte(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    filled = moodle(tmp_path, ENGLISH)
    feedback = (
        "Top-k routing: 4 of 4 points.<br>Quiz: Mixture of Experts: 2.5 of 3 points.<br>Rotary positions: 2.7 of 3 "
        "points. Measured 3, -0.3 for lateness. 1 day late: 10 % of 3 points."
    )
    expected = ENGLISH.replace('graded",,', 'graded",92.00,').replace('-,""', f'-,"{feedback}"')
    assert filled == expected.replace(",12.00,", ",15.00,")
    said = capsys.readouterr().err
    assert "1 feedback comments" in said
    assert "5 students of the gradebook not in" in said


def test_a_worksheet_in_another_language_is_understood_by_its_values(tmp_path: Path) -> None:
    assert moodle(tmp_path, GERMAN) == GERMAN.replace("Abgegeben,,", 'Abgegeben,"92,00",').replace("12,00", "15,00")


def test_participants_of_moodle_are_found_by_their_number(tmp_path: Path) -> None:
    ada = Student(id="657", name="Ada")
    grades = [grade(ada, ROPE, passed(ROPE), adjustment=5.0)]
    from_moodle = book(*grades, run=run(layout="moodle"), items=[ROPE])
    assert ",100.00,100.00,Yes," in moodle(tmp_path, ENGLISH, from_moodle)  # and never beyond the maximum
    from_elsewhere = book(*grades, items=[ROPE])
    assert moodle(tmp_path, ENGLISH, from_elsewhere) == ENGLISH


def test_a_name_that_is_the_address_of_another_takes_no_grade(tmp_path: Path) -> None:
    content = ENGLISH.replace("Bob,", "ada@example.edu,").replace(',"Ada ""Countess"" Lovelace",ada@', ",Ada,other@")
    assert moodle(tmp_path, content, book(grade(ADA, ROPE, passed(ROPE)), items=[ROPE])) == content


def test_one_exercise_can_be_a_worksheet(tmp_path: Path) -> None:
    filled = moodle(tmp_path, ENGLISH, name="moodle:rope")
    assert 'graded",90.00,100.00' in filled
    assert (tmp_path / "out" / "rope" / "moodle.csv").exists()


def test_text_of_strangers_is_text_in_the_feedback(tmp_path: Path) -> None:
    evil = Student(id="x", email="ada@example.edu")
    of = book(grade(evil, ROPE, passed(ROPE), reasons=(HOSTILE,)), items=[ROPE])
    rows = list(csv.reader(io.StringIO(moodle(tmp_path, ENGLISH, of))))
    assert rows[1][9].startswith("Rotary positions: 3 of 3 points. =cmd()")
    assert "<script>" not in rows[1][9]
    assert "&lt;script&gt;" in rows[1][9]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("Identifier,Grade\r\n", "worksheet.csv:1: there is no student"),
        ("a,b\nAda,1\n", "worksheet.csv:2: the first cell must be Moodle's identifier"),
        (ENGLISH.replace(",", ";"), "worksheet.csv:1: semicolons .* only commas"),
        (ENGLISH.replace("100.00", "A\nB"), "not CSV|cells where|scales"),
        (ENGLISH.replace(",100.00,", ",Good,"), "worksheet.csv:2: the maximum grade is no number; scales"),
        (
            GERMAN.replace("Abgegeben,,", ",5,").replace('Abgegeben,"12,00"', ",5"),
            "worksheet.csv:1: it cannot be told which column holds the grades; set your language",
        ),
        (ENGLISH.replace("Bob,", 'B"ob,'), "worksheet.csv:3: not CSV: a quotation mark is out of place"),
        (ENGLISH.replace("657", "658"), None),
        (ENGLISH.replace("carl@", "ada@"), "worksheet.csv: lines 2 and 4 could both be Ada Lovelace"),
    ],
    ids=["empty", "other", "semicolons", "broken", "scale", "ambiguous", "quotes", "same number", "two rows"],
)
def test_a_worksheet_that_cannot_be_filled_in_is_explained(content: str, problem: str | None, tmp_path: Path) -> None:
    if problem is None:  # numbers count only where they came from Moodle
        moodle(tmp_path, content)
        return
    with pytest.raises(UsageError, match=problem):
        moodle(tmp_path, content)


def test_a_template_that_cannot_be_read_is_explained(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.csv: there is no such file"):
        write("moodle", sample_book(), tmp_path, tmp_path / "none.csv")
    (tmp_path / "latin.csv").write_bytes("Identifier\nMüller".encode("latin-1"))
    with pytest.raises(UsageError, match=r"latin\.csv:2: not UTF-8"):
        write("canvas", sample_book(), tmp_path, tmp_path / "latin.csv")


# JUnit

XUNIT1 = {  # attributes that pytest writes with junit_family=xunit1
    "testsuite": {"name", "tests", "failures", "errors", "skipped", "time", "timestamp", "hostname"},
    "testcase": {"classname", "name", "file", "line", "time"},
    "failure": {"type", "message"},
    "error": {"type", "message"},
    "skipped": {"type", "message"},
    "property": {"name", "value"},
    "properties": set(),
    "testsuites": set(),
}


def test_junit_is_xunit1_and_says_what_failed(tmp_path: Path) -> None:
    (path,) = write("junit", sample_book(), tmp_path)
    root = ElementTree.parse(path).getroot()
    for element in root.iter():
        assert set(element.attrib) <= XUNIT1[element.tag]
    found = {
        f"{each.get('classname')}.{each.get('name')}": [(child.tag, child.get("type")) for child in each]
        for each in root.iter("testcase")
    }
    assert len(found) == len(list(root.iter("testcase")))  # GitLab drops what has another's name
    assert found["ada.moe_router.test_values"] == []
    assert found["bob.moe_router.test_values"] == [("failure", "wrong_values")]
    assert found["bob.moe_router.test_gradient"] == [("skipped", "skipped")]
    assert found["bob.rope.test_values"] == [("error", "crashed")]
    assert found["42.moe_router.test_values"] == [("error", "timeout")]
    assert found["42.rope.submission"] == [("error", "syntax_error")]
    assert found["hans.moe_router.submission"] == [("failure", "not_started")]
    assert found["ada.mixture-of-experts.question-2"] == [("failure", "failed")]
    assert found[f"{folder_name('Олена Ковальчук')}.moe_router.submission"] == [("error", "error")]
    late = next(each for each in root.iter("testcase") if each.get("line") == "7")
    assert (late.get("file"), late.get("time")) == ("submissions/42/moe_router.py", "5.000")


def test_junitparser_counts_the_same(tmp_path: Path) -> None:
    (path,) = write("junit", sample_book(), tmp_path)
    read = junitparser.JUnitXml.fromfile(str(path))
    for suite in read:
        counts = (suite.tests, suite.failures, suite.errors, suite.skipped)
        suite.update_statistics()
        assert counts == (suite.tests, suite.failures, suite.errors, suite.skipped)
    read.update_statistics()
    assert (len(list(read)), read.tests, read.failures, read.errors, read.skipped) == (6, 24, 7, 4, 1)


def test_no_text_of_a_student_is_illegal_in_xml_or_hidden(tmp_path: Path) -> None:
    (path,) = write("junit", book(*sample_book().all_grades, grade(BYTES, QUIZ, quiz(0.0, 1.0, 0.0))), tmp_path)
    text = path.read_text(encoding="utf-8")
    assert clean(text) == text
    assert "\ufffe" not in text
    assert r"\x1b[31m" in text
    assert len(ElementTree.fromstring(text)) == 7


# Autograders


def test_gradescope_scores_are_the_final_ones(tmp_path: Path) -> None:
    write("gradescope", sample_book(), tmp_path)
    ada = student_file(tmp_path, "gradescope", ADA, "results.json")
    assert ada["score"] == 9.2
    assert isinstance(ada["execution_time"], float)
    assert [test["number"] for test in ada["tests"]] == ["1.1", "1.2", "2.1", "2.2", "2.3", "3.1", "3.2"]
    assert {test["visibility"] for test in ada["tests"]} == {"visible", "after_published"}
    assert "-0.3 for lateness" in ada["output"]
    bob = student_file(tmp_path, "gradescope", BOB, "results.json")
    wrong = next(test for test in bob["tests"] if test["name"] == "moe_router: values")
    assert (wrong["score"], wrong["max_score"], wrong["status"]) == (0, 2, "failed")
    assert "weights           yours          expected" in wrong["output"]
    assert "The softmax ran over all E experts" in wrong["output"]
    assert not (tmp_path / "gradescope" / "gone").exists()


def test_a_fault_of_the_grader_is_no_wrong_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    olena = Student(id="Олена Ковальчук")
    for name in ("gradescope", "classroom50", "prairielearn"):
        write(name, sample_book(), tmp_path)
    said = capsys.readouterr().err
    gradescope = student_file(tmp_path, "gradescope", olena, "results.json")
    assert "score" not in gradescope
    assert gradescope["output"].startswith("Top-k routing could not be graded. This is a fault of the grader")
    assert "status" not in gradescope["tests"][0]
    assert [test.get("status") for test in gradescope["tests"][1:]] == ["passed", "passed"]
    assert not any({"score", "max_score"} & set(test) for test in gradescope["tests"])  # nor a sum of them
    assert f"so these students have no score: {olena.id}." in said
    prairielearn = student_file(tmp_path, "prairielearn", olena, "results.json")
    assert (prairielearn["succeeded"], prairielearn["gradable"]) == (False, False)
    assert "score" not in prairielearn
    assert len(prairielearn["format_errors"]) == 1
    assert not (tmp_path / "classroom50" / folder_name(olena.id)).exists()
    assert f"these students have no result.json: {olena.id}." in said
    hans = student_file(tmp_path, "gradescope", Student(id="hans"), "results.json")
    assert hans["score"] == 3  # the former score
    assert "these are the points from before" in hans["output"]


@pytest.mark.parametrize("name", ["gradescope", "prairielearn", "junit"])
def test_identical_files_do_not_name_each_other(name: str, tmp_path: Path) -> None:
    """The same bytes are graded once: the result names the file of whoever was first."""
    path = "submissions/bob/moe_router.py"
    failure = Failure(f"{path} did not end.", samples=Samples(5.0, 40, frame(path, 7, "    while True: pass")))
    of_bob = result(MOE, case("test_values", Outcome.TIMEOUT, 4.0, failure=failure), file=path)
    for written in write(name, book(grade(ADA, MOE, of_bob)), tmp_path):
        text = written.read_text(encoding="utf-8")
        assert "bob" not in text
        assert "moe_router.py, line 7" in text


def test_classroom50_counts_in_whole_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CLASSROOM", "ASSIGNMENT", "SUBMISSION_TAG", "COMMIT_URL", "RELEASE_URL", "REVIEW_URL", "USERNAME"):
        monkeypatch.setenv(name, name.lower())
    write("classroom50", sample_book(), tmp_path)
    ada = student_file(tmp_path, "classroom50", ADA, "result.json")
    tests = ada.pop("tests")
    assert ada == {
        "schema": "classroom50/result/v1",
        "classroom": "classroom",
        "assignment": "assignment",
        "usernames": ["username"],
        "submission": "submission_tag",
        "commit": "commit_url",
        "release": "release_url",
        "review": "review_url",
        "datetime": "2026-11-02T09:30:00Z",
        "score": 920,
        "max-score": 1000,
    }
    assert sum(test["score"] for test in tests) == 950  # as measured
    assert all(type(test[key]) is int for test in tests for key in ("score", "max-score"))


def test_prairielearn_scores_are_shares_and_the_file_is_bounded(tmp_path: Path) -> None:
    failure = Failure("No. " * 10)
    tests = [
        case(f"test_{number}", Outcome.FAILED, 0.05, failure=failure, output=Output(f"{number} " * 90_000))
        for number in range(20)
    ]
    frames = [msgspec.structs.replace(each, failure=Failure("word " * 40_000)) for each in tests]
    of = book(grade(ADA, MOE, result(MOE, *frames)), grade(BOB, MOE, passed(MOE)), items=[MOE])
    small, large = sorted(write("prairielearn", of, tmp_path), key=os.path.getsize)
    assert json.loads(small.read_bytes())["score"] == 1.0
    assert large.stat().st_size <= 1_000_000
    content = json.loads(large.read_bytes())
    assert len(content["tests"]) == 20
    assert "The outputs are cut after 5000 characters" in content["message"]
    assert all({"points", "max_points"} <= set(test) for test in content["tests"])


# GitHub

COMMAND = re.compile(r"::error (?P<properties>[^\n]*?)::(?P<data>.*)")


def unescaped(text: str) -> str:
    for code, char in {"%0D": "\r", "%0A": "\n", "%3A": ":", "%2C": ",", "%25": "%"}.items():
        text = text.replace(code, char)
    return text


def test_annotations_cannot_be_forged(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    write("github", book(*[each for each in sample_book().all_grades if each.student is EVIL]), tmp_path)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4  # one for each failing test, and nothing that the student added
    found = COMMAND.fullmatch(lines[0])
    assert found is not None
    properties = dict(each.split("=", 1) for each in found["properties"].split(","))
    assert set(properties) == {"file", "title"}
    assert unescaped(properties["title"]) == f"{clean_line(HOSTILE)}: moe_router, values"
    assert unescaped(found["data"]) == clean_line(" ".join(HOSTILE.split()))
    assert "%0A" not in lines[0]  # "%0A" in the student's words is %250A


def test_the_worst_are_annotated_and_the_rest_counted() -> None:
    lines = annotations(sample_book())
    assert len(lines) == ANNOTATIONS + 1
    assert [line.count("The grader is at fault.") for line in lines[:3]] == [1, 1, 0]
    assert "file=submissions/42/moe_router.py,line=7,title=" in "".join(lines)
    assert lines[-1] == "::error title=archgrade::and 3 more; the summary has every student"
    assert annotations(book(grade(ADA, MOE, passed(MOE)))) == []


@pytest.mark.parametrize(
    "text", [HOSTILE, "a|b", "`x`", "</table>", "[x](http://x)", "![x](y)", "*a* _b_ ~c~ #d &lt; \\"]
)
def test_markdown_of_strangers_is_text(text: str) -> None:
    html = MarkdownIt("commonmark").enable("table").render(f"| a |\n|---|\n| {markdown(text)} |\n")
    cells = re.findall(r"<td>(.*?)</td>", html, re.DOTALL)
    unquoted = cells[0].replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"').replace("&amp;", "&")
    assert unquoted == clean_line(text)
    assert len(cells) == 1
    assert "<" not in cells[0]


def test_the_summary_is_appended_and_outputs_are_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target, output = tmp_path / "summary", tmp_path / "output"
    target.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(target))
    monkeypatch.setenv("GITHUB_OUTPUT", str(output))
    of = book(grade(ADA, MOE, passed(MOE)), grade(ADA, ROPE, passed(ROPE), late=-0.3))
    (path,) = write("github", of, tmp_path / "out")
    assert target.read_text() == "before\n" + path.read_text()
    assert "| Ada Lovelace | 4 | – | 2.7 | 6.7 |" in path.read_text()
    assert output.read_text() == "score=6.7\nmax-score=10\n"


def test_the_mean_leaves_out_who_has_no_score(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = tmp_path / "output"
    monkeypatch.setenv("GITHUB_OUTPUT", str(output))
    unknown = grade(BOB, MOE, None, error="The judge ended.")
    write("github", book(grade(ADA, ROPE, passed(ROPE)), unknown, students=[HANS]), tmp_path / "out")
    write("github", book(unknown), tmp_path / "out")
    assert output.read_text() == "score=3\nmax-score=10\nscore=\nmax-score=10\n"


def test_a_note_is_no_command(capsys: pytest.CaptureFixture[str]) -> None:
    """GitHub obeys `::command::` at the beginning of a line, and `##[command]` wherever it stands in one."""
    remark("not in the file: ##[add-mask]a\n::add-mask::a")
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("note: ")
    assert "##[" not in line


def test_a_summary_is_never_longer_than_github_takes() -> None:
    students = [Student(id=str(number), name=f"{number} " + "x" * 1000) for number in range(1500)]
    of = book(students=students, items=ITEMS)
    text = summary(of, 1024 * 1024)
    assert 900_000 < len(text.encode()) <= 1024 * 1024
    rows = text.count("\n| ") - 2  # without the heads
    assert f"{1500 - rows} more students are left out" in text
    assert summary(of, 10) == ""

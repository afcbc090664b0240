"""Write canvas.csv: a new table, or Canvas's own export filled in."""

from pathlib import Path

import pytest

from grader.base.errors import UsageError
from grader.teach.formats import write
from grader.teach.handins.handin import Student
from tests.teach.formats.books import MOE, book, grade, passed, run, sample_book
from tests.teach.formats.written import table

CANVAS = (
    "Student,ID,SIS User ID,SIS Login ID,Section,Essay (11),Top-K  Routing (12),rope (13),Final Score\n"
    ",,,,,Manual Posting,,,\n"
    "    Points Possible,,,,,5.00,4.00,10.00,(read only)\n"
    '"Lovelace, Ada",901,S1,ALovelace,"A, 1",4.00,1.00,,55.00\n'
    '"Tables, Bob",902,bob,xyz,B,,,,\n'
    "=cmd(),903,S3,nobody,B,3.00,2.00,1.00,10.00\n"
)


def test_writes_a_new_table_without_a_template(tmp_path: Path) -> None:
    header, possible, *rows = table(write("canvas", sample_book(), tmp_path)[0])
    assert header[:2] == ["Student", "ID"]
    assert header[4] == "Section"
    assert header[5:] == ["Top-k routing", "Quiz: Mixture of Experts", "Rotary positions"]
    assert possible == ["    Points Possible", "", "", "", "", "4", "3", "3"]
    assert ["Ada Lovelace", "", "ada", "alovelace", "", "4", "2.5", "2.7"] in rows


def test_ids_from_canvas_are_in_the_column_id(tmp_path: Path) -> None:
    ada = Student(id="901", name="Ada")
    of = book(grade(ada, MOE, passed(MOE)), run=run(layout="canvas"), items=[MOE])
    assert table(write("canvas", of, tmp_path)[0])[2] == ["Ada", "901", "", "", "", "4"]


def test_fills_in_only_graded_assignments_of_an_export(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
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
    assert "5 students of the gradebook are not in" in "".join(said)


def test_keeps_the_semicolons_of_an_export(tmp_path: Path) -> None:
    template = tmp_path / "export.csv"
    template.write_text("Student;ID;SIS Login ID;Section;rope (1)\nA;7;alovelace;B;\n")
    (path,) = write("canvas", sample_book(), tmp_path, template)
    assert path.read_text().splitlines()[1] == "A;7;alovelace;B;2.7"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("Name,Points\nAda,1\n", "export.csv:1: not an export of Canvas's gradebook"),
        ("Student,ID,SIS Login ID,Section,Essay (1)\n", "export.csv:1: no column is named"),
        ("Student,ID,SIS Login ID,Section,rope (1),Rotary Positions (2)\n", "rope could be 'rope.*' and 'Rotary"),
        (
            "Student,ID,SIS User ID,SIS Login ID,Section,rope (1)\nA,1,ada,x,B,\nC,2,y,alovelace,B,\n",
            "export.csv: lines 2 and 3 match the same student, Ada Lovelace",
        ),
        (
            "Student,ID,SIS User ID,SIS Login ID,Section,rope (1)\nA,1,ada,btables,B,\n",
            "export.csv:2: matches both Ada Lovelace and Bob",
        ),
        ('Student,ID,Section,rope (1)\nA,1,B,"' + "x" * 200_000, "export.csv:2: not CSV"),
    ],
    ids=["not an export", "no column", "two columns", "two rows", "two students", "not CSV"],
)
def test_an_unusable_export_is_a_usage_error(content: str, problem: str, tmp_path: Path) -> None:
    template = tmp_path / "export.csv"
    template.write_text(content)
    with pytest.raises(UsageError, match=problem):
        write("canvas", sample_book(), tmp_path, template)
    assert not (tmp_path / "canvas.csv").exists()

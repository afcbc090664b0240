"""Tests of the roster: reading exports of platforms, and matching students."""

from pathlib import Path

import pytest

from grader.base.errors import UsageError
from grader.teach.handins.handin import Found, Handin, Student
from grader.teach.handins.roster import match_roster, read_roster
from tests.teach.handins.handed_in import CODE


def handed(*students: Student) -> Found:
    return Found("x", [Handin((each,), "rope", "exercise", f"{each.id}.py", lambda: CODE) for each in students])


def roster(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_text(text, encoding=encoding)
    return path


CANVAS_GRADEBOOK = (
    "Student,ID,SIS User ID,SIS Login ID,Section,Homework (12)\n"
    "    Points Possible,,,,,10\n"
    '"Lovelace, Ada",1001,0042,ada@uni,A,\n'
    '"van Rossum, Guido",1002,0043,guido@uni,A,\n'
    '"Student, Test",1099,,b5e7c1,A,\n'
)


def test_reads_and_matches_a_canvas_gradebook(tmp_path: Path) -> None:
    students = read_roster(roster(tmp_path / "r.csv", CANVAS_GRADEBOOK))
    ada = Student(id="1001", name="Ada Lovelace", login="ada@uni")
    assert [each.student for each in students] == [ada, Student(id="1002", name="Guido van Rossum", login="guido@uni")]
    for key in ("1001", "0042", "ADA@UNI", "lovelaceada", "Ada LOVELACE"):
        found = match_roster(handed(Student(id=key)), students)
        assert found.handins[0].students == (ada,), key
        assert [each.id for each in found.missing] == ["1002"]
        assert found.unmatched == []
    by_name = match_roster(handed(Student(id="77", name="vanrossumguido"), Student(id="anon_1")), students)
    assert [each.students[0].id for each in by_name.handins] == ["1002", "anon_1"]
    assert [each.id for each in by_name.unmatched] == ["anon_1"]
    assert [each.id for each in by_name.missing] == ["1001"]


@pytest.mark.parametrize(
    ("text", "encoding", "expected"),
    [
        ("ID;Name;E-Mail\n7;Ada;x\n", "utf-8-sig", Student(id="7", name="Ada")),
        (
            "Identifier,Full name,Email address\nTeilnehmer/in657693,Ada L,a@x\n",
            "utf-8",
            Student(id="657693", name="Ada L", email="a@x"),
        ),
        (
            "First Name,Last Name,SID,Email\nAda,Lovelace,0042,a@x\n",
            "utf-8",
            Student(id="0042", name="Ada Lovelace", email="a@x"),
        ),
        ("ID,Name\ns017,Ada L\n", "utf-8", Student(id="s017", name="Ada L")),
        ("ID,Name\nParticipant 17,Ada L\n", "utf-8", Student(id="17", name="Ada L")),
        ("github_username\tname\nada-l\tAda\n", "utf-16", Student(id="ada-l", name="Ada", login="ada-l")),
        ("Surname,First name\nLovelace,Ada\n\n,\n", "utf-8", Student(id="Ada Lovelace", name="Ada Lovelace")),
    ],
    ids=["semicolons", "moodle", "gradescope", "a login", "moodle in English", "github", "names"],
)
def test_reads_the_headers_of_several_platforms(tmp_path: Path, text: str, encoding: str, expected: Student) -> None:
    assert [each.student for each in read_roster(roster(tmp_path / "r.csv", text, encoding))] == [expected]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "r.csv:1: no known column in the header; add at least one of id, name"),
        ("section\nA\n", "r.csv:1: no known column"),
        ("id\n", "r.csv:1: no students are listed."),
        ("id,name\n7,a\n8,b\n7,c\n", "r.csv:4: '7' is already in line 2; remove one."),
        ('id,name\n7,"a\n', "r.csv:2: not valid CSV: "),
        ("id\n\udcff\n", "r.csv:2: not UTF-8; "),
    ],
)
def test_reports_errors_in_a_roster_with_line(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "r.csv"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(UsageError) as error:
        read_roster(path)
    assert sentence in str(error.value)
    with pytest.raises(UsageError, match="does not exist"):
        read_roster(tmp_path / "missing.csv")


def test_does_not_match_equal_ids_of_different_names(tmp_path: Path) -> None:
    students = read_roster(roster(tmp_path / "r.csv", "sid,name\n1001,Bob Hope\n1002,Ada Lovelace\n"))
    found = match_roster(handed(Student(id="1001", name="lovelaceada")), students)
    assert found.handins[0].students[0].id == "1002"
    with pytest.raises(UsageError, match="'1001' is of one student on the roster and of turingalan"):
        match_roster(handed(Student(id="1001", name="turingalan")), students)


def test_matches_no_name_that_several_students_have(tmp_path: Path) -> None:
    students = read_roster(roster(tmp_path / "r.csv", "id,name\n1,Jo Doe\n2,Doe Jo\n3,Zoë Ähn\n"))
    found = match_roster(handed(Student(id="x", name="doejo"), Student(id="y", name="AHN zoe")), students)
    assert [each.students[0].id for each in found.handins] == ["x", "3"]
    assert [each.id for each in found.unmatched] == ["x"]


def test_merges_one_students_hand_ins_under_two_ids(tmp_path: Path) -> None:
    students = read_roster(roster(tmp_path / "r.csv", "id,name\n1,Ada Lovelace\n"))
    twice = handed(Student(id="55", name="Ada Lovelace"), Student(id="66", name="Ada Lovelace"))
    assert [each.students[0].id for each in match_roster(twice, students).handins] == ["1"]
    different = Found("x", [twice.handins[0], Handin(twice.handins[1].students, "rope", "exercise", "b", lambda: b"")])
    (handin,) = match_roster(different, students).handins
    assert [each.id for each in handin.students] == ["1"]
    with pytest.raises(UsageError, match="it is unclear which is newer"):
        handin.read()

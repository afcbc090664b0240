"""Tests of the file map, which overrides what names say."""

from pathlib import Path

import pytest

from grader.base.errors import UsageError
from grader.teach.handins.file_map import read_file_map
from grader.teach.handins.find import find_handins
from grader.teach.handins.handin import Found
from tests.teach.handins.handed_in import EXERCISES, QUIZZES, Files, code, folder, taken, why, zipped


def mapped(path: Path, rows: str) -> Found:
    """Find the hand-ins of a class with these rows in the map."""
    table = path.parent / "map.csv"
    table.write_text(f"file,student,exercise\n{rows}\n", encoding="utf-8")
    return find_handins([path], EXERCISES, QUIZZES, file_map=read_file_map(table, EXERCISES, QUIZZES))


def a_class(tmp_path: Path, more: Files) -> Path:
    return folder(tmp_path / "class", {**code("ada/moe_router.py", "bob/rope.py"), **more})


def test_assigns_a_file_with_an_unknown_name_by_the_map(tmp_path: Path) -> None:
    path = a_class(tmp_path, code("eve/moe-router.py", "eve/Copy of rope.ipynb.py"))
    found = mapped(path, "class/eve/moe-router.py,,moe_router\neve/Copy of rope.ipynb.py,,rope")
    assert taken(found) == [("ada", "moe_router"), ("bob", "rope"), ("eve", "moe_router"), ("eve", "rope")]
    assert found.ignored == []


def test_prefers_the_file_in_the_map_to_other_files(tmp_path: Path) -> None:
    path = a_class(tmp_path, code("ada/old/moe_router.py"))
    assert mapped(path, "ada/old/moe_router.py,,moe_router").handins[0].file.endswith("class/ada/old/moe_router.py")
    assert why(mapped(path, "ada/moe_router.py,,moe_router")) == {
        f"{path}/ada/old/moe_router.py": (
            f"not the same as {path}/ada/moe_router.py, which is graded because the map names it"
        )
    }


def test_assigns_a_file_outside_the_students_folders_by_the_map(tmp_path: Path) -> None:
    path = a_class(tmp_path, code("by mail/work.py", "fromeve.py"))
    found = mapped(path, "by mail/work.py,joe,rope\nfromeve.py,eve,moe_router")
    assert taken(found) == [("ada", "moe_router"), ("bob", "rope"), ("eve", "moe_router"), ("joe", "rope")]


def test_assigns_archives_and_their_members_by_the_map(tmp_path: Path) -> None:
    work = zipped(tmp_path / "work.zip", code("moe_router.py", "solution 2.py")).read_bytes()
    found = mapped(a_class(tmp_path, {"upload (2).zip": work}), "upload (2).zip,eve,\nsolution 2.py,,rope")
    assert [each for each in taken(found) if each[0] == "eve"] == [("eve", "moe_router"), ("eve", "rope")]
    assert all(each.read() for each in found.handins)


def test_finds_hand_ins_by_the_map_alone(tmp_path: Path) -> None:
    assert taken(mapped(folder(tmp_path / "class", code("x.py")), "x.py,eve,rope")) == [("eve", "rope")]


def test_lists_rows_that_match_no_file(tmp_path: Path) -> None:
    found = mapped(a_class(tmp_path, {}), "eve/moe-router.py,,moe_router\nada/moe_router.py,,moe_router")
    assert found.not_found == ["eve/moe-router.py"]


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ("a.py,,moe_ruter", "map.csv:2: there is no exercise or quiz 'moe_ruter'. Did you mean 'moe_router'?"),
        ("a.py,,", "map.csv:2: fill in student, exercise, or both."),
        (",eve,rope", "map.csv:2: the file is missing."),
        ("a.py,eve,rope\na.py,eve,rope", "map.csv:3: a.py is already in line 2; remove one."),
        ('a.py,eve,"rope', "map.csv:2: not valid CSV: unexpected end of data."),
        ("moe_router.py,,rope", "map.csv:2: matches "),
    ],
)
def test_reports_errors_in_a_map_with_line(tmp_path: Path, rows: str, sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        mapped(a_class(tmp_path, code("eve/moe_router.py")), rows)
    assert sentence in str(caught.value)


def test_requires_the_columns_of_a_map(tmp_path: Path) -> None:
    (tmp_path / "map.csv").write_text("file,who\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"map\.csv:1: the first row must be file,student,exercise"):
        read_file_map(tmp_path / "map.csv", EXERCISES, QUIZZES)

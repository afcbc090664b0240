"""Tests of the layout of Gradescope."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from grader.teach.handins.find import find_handins
from grader.teach.handins.handin import IgnoredKind, Student
from tests.teach.handins.handed_in import EXERCISES, code, folder, refused, why, zipped

GRADESCOPE = b"""\
---
submission_101:
  :submitters:
  - :name: Ada Lovelace
    :sid: '0042'
    :email: ada@example.org
  - :name: Bob
    :sid: 007
  :created_at: 2026-01-02 03:04:05.123456000 Z
  :score: 7.0
  :results:
    tests: []
submission_102:
  :submitters:
  - :name: Eve
    :sid:
    :email: eve@example.org
  :created_at: !ruby/object:Time 2026-01-02 05:04:05 +02:00
submission_103:
  :submitters:
  - :name: Gone
"""


def test_reads_a_gradescope_export(tmp_path: Path) -> None:
    export = "assignment_9_export/"
    files = {
        f"{export}submission_metadata.yml": GRADESCOPE,
        **code(f"{export}submission_101/moe_router.py", f"{export}submission_102/rope.py"),
        **code(f"{export}submission_999/rope.py", f"{export}submission_101/.DS_Store", "__MACOSX/x"),
    }
    found = find_handins([zipped(tmp_path / "export.zip", files)], EXERCISES)
    assert found.layout == "gradescope"
    group, eve = found.handins
    assert group.students == (
        Student(id="0042", name="Ada Lovelace", email="ada@example.org"),
        Student(id="007", name="Bob"),
    )
    assert group.time == datetime(2026, 1, 2, 3, 4, 5, 123456, UTC)
    assert (eve.students[0].id, eve.time) == ("eve@example.org", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    reasons = list(why(found).values())
    assert "listed in submission_metadata.yml, but there is no such folder" in reasons
    assert "not in a folder listed in submission_metadata.yml" in reasons


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"a: [\n", "submission_metadata.yml:"),
        (b"- a\n", "submission_metadata.yml:1: expected a key for each submission"),
        (b"[" * 100_000, "submission_metadata.yml:"),
    ],
    ids=["not YAML", "a list", "deep"],
)
def test_reports_invalid_metadata_with_line(tmp_path: Path, text: bytes, sentence: str) -> None:
    files = {"submission_metadata.yml": text, **code("submission_101/rope.py")}
    assert sentence in refused(folder(tmp_path / "export", files))


def test_reports_a_folder_without_submitters_and_grades_the_others(tmp_path: Path) -> None:
    nameless = b"submission_9:\n  :submitters:\n  - :name:\n  :score: 1\nsubmission_8: 1\n"
    files = {
        "submission_metadata.yml": GRADESCOPE + nameless,
        **code("submission_101/rope.py", "submission_8/rope.py", "submission_9/rope.py"),
    }
    found = find_handins([folder(tmp_path / "export", files)], EXERCISES)
    assert [[student.id for student in handin.students] for handin in found.handins] == [["0042", "007"]]
    lost = {Path(each.file).name: each for each in found.ignored if each.kind is IgnoredKind.UNREAD}
    assert "submission_metadata.yml:22 does not name every submitter" in lost["submission_9"].why
    assert "submission_metadata.yml:26 does not name every submitter" in lost["submission_8"].why


def test_includes_a_student_of_the_metadata_without_a_folder(tmp_path: Path) -> None:
    files = {"submission_metadata.yml": GRADESCOPE, **code("submission_101/rope.py")}
    found = find_handins([folder(tmp_path / "export", files)], EXERCISES)
    assert [student.id for student in found.students()] == ["eve@example.org", "Gone", "0042", "007"]


def test_gives_students_with_one_name_distinct_ids(tmp_path: Path) -> None:
    metadata = b"""
s1: {":submitters": [{":name": Wei Li}]}
s2: {":submitters": [{":name": Wei Li}]}
s3: {":submitters": [{":name": Wei Li, ":sid": 3}]}
s4: {":submitters": [{":name": Ada}]}
"""
    files = {"submission_metadata.yml": metadata, **code(*(f"s{number}/rope.py" for number in range(1, 5)))}
    found = find_handins([folder(tmp_path / "export", files)], EXERCISES)
    assert [handin.students[0].id for handin in found.handins] == ["3", "Ada", "Wei Li (s1)", "Wei Li (s2)"]

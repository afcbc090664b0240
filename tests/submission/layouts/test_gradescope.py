"""The export of Gradescope, with its metadata."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from grader.submission.handin import Student
from grader.submission.recognise import find
from tests.submission.handed_in import EXERCISES, code, folder, refused, why, zipped

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


def test_gradescope(tmp_path: Path) -> None:
    export = "assignment_9_export/"
    files = {
        f"{export}submission_metadata.yml": GRADESCOPE,
        **code(f"{export}submission_101/moe_router.py", f"{export}submission_102/rope.py"),
        **code(f"{export}submission_999/rope.py", f"{export}submission_101/.DS_Store", "__MACOSX/x"),
    }
    found = find([zipped(tmp_path / "export.zip", files)], EXERCISES)
    assert found.layout == "gradescope"
    group, eve = found.handins
    assert group.students == (
        Student(id="0042", name="Ada Lovelace", email="ada@example.org"),
        Student(id="007", name="Bob"),
    )
    assert group.time == datetime(2026, 1, 2, 3, 4, 5, 123456, UTC)
    assert (eve.students[0].id, eve.time) == ("eve@example.org", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    reasons = sorted(why(found).values())
    assert reasons[0] == "is in submission_metadata.yml, and there is no such folder"
    assert "lies in no folder that is in submission_metadata.yml" in reasons


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"a: [\n", "submission_metadata.yml:"),
        (b"- a\n", "submission_metadata.yml:1: expected a key for each submission"),
        (b"x: 1\n" + GRADESCOPE.removeprefix(b"---\n"), ":1: x has no"),
        (b"[" * 100_000, "submission_metadata.yml:"),
    ],
    ids=["not YAML", "a list", "no submitters", "deep"],
)
def test_gradescopes_metadata_is_broken(tmp_path: Path, text: bytes, sentence: str) -> None:
    files = {"submission_metadata.yml": text, **code("submission_101/rope.py")}
    assert sentence in refused(folder(tmp_path / "export", files))

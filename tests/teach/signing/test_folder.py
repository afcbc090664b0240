"""The exports of a folder are signed together, and what was signed before stays signed."""

import json
from pathlib import Path

import pytest

from grader.teach.signing.folder import NAME
from tests.teach.signing.keys import OTHER, signed_results


def names(folder: Path) -> list[str]:
    return [each["path"] for each in json.loads((folder / NAME).read_text())["statement"]["files"]]


CERTIFICATES = ["certificates/ada.json", "certificates/bob.json"]
TABLES = ["grades-long.csv", "grades.csv", "not-graded.csv"]


def test_all_that_was_written_is_signed(tmp_path: Path) -> None:
    folder = signed_results(tmp_path / "results", "csv", "gradescope", "feedback", "html")
    written = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    assert names(folder) == sorted(each for each in written if not each.startswith(("gradebook.sqlite", ".", NAME)))


def test_what_the_same_key_signed_before_stays_signed(tmp_path: Path) -> None:
    folder = signed_results(tmp_path / "results", "csv")
    signed_results(folder, "junit")
    assert names(folder) == sorted([*CERTIFICATES, *TABLES, "junit.xml"])


def test_what_another_key_signed_before_is_signed_no_more(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = signed_results(tmp_path / "results", "csv", key=OTHER)
    signed_results(folder, "junit")
    assert names(folder) == [*CERTIFICATES, "junit.xml"]
    assert "is signed with another key, SHA256:" in capsys.readouterr().err

"""Write result.json of each student for Classroom 50."""

from pathlib import Path

import pytest

from grader.teach.formats import write
from tests.teach.formats.books import ADA, sample_book
from tests.teach.formats.written import student_file


def test_points_are_hundredths_as_whole_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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

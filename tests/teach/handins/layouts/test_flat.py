"""Tests of the flat layout: file names contain the student and the exercise."""

from pathlib import Path

from grader.teach.handins.find import find_handins
from tests.teach.handins.handed_in import EXERCISES, code, folder, last


def test_splits_resubmission_numbers_off_flat_names(tmp_path: Path) -> None:
    names = ["ada_rope-1.py", "ada_rope.py", "rope-bob.py", "rope-bob-1.py", "rope-eve-2.py", "rope-17.py", "x (1).py"]
    found = find_handins([folder(tmp_path, code(*names))], EXERCISES)
    assert last(found) == [
        ("17", "rope-17.py"),
        ("ada", "ada_rope-1.py"),
        ("bob", "rope-bob-1.py"),
        ("eve-2", "rope-eve-2.py"),
    ]

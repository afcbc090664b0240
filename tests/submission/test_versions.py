"""Of several versions of a file the newest counts."""

import os
import re
from pathlib import Path

import pytest

from grader.errors import UsageError
from grader.submission.recognise import find
from tests.submission.handed_in import CODE, EXERCISES, code, folder, taken, why


@pytest.mark.parametrize("later", ["moe_router-1.py", "moe_router (2).py", "moe_router(10).py", "moe_router_3.py"])
def test_the_version_with_the_highest_number_counts(tmp_path: Path, later: str) -> None:
    found = find([folder(tmp_path, code("ada/moe_router.py", f"ada/{later}"))], EXERCISES)
    assert [Path(handin.file).name for handin in found.handins] == [later]
    assert why(found) == {f"{tmp_path}/ada/moe_router.py": f"an earlier version of {tmp_path}/ada/{later}"}


def test_the_version_that_was_changed_last_counts(tmp_path: Path) -> None:
    folder(tmp_path, code("ada/old/rope.py", "ada/new/rope.ipynb", "bob/x.py"))
    os.utime(tmp_path / "ada/new/rope.ipynb", (1_700_000_100, 1_700_000_100))
    assert [Path(h.file).name for h in find([tmp_path], EXERCISES).handins] == ["rope.ipynb"]


def test_two_versions_of_the_same_age(tmp_path: Path) -> None:
    folder(tmp_path, {"ada/a/rope.py": CODE, "ada/b/rope.py": CODE, "bob/x.py": CODE})
    assert taken(find([tmp_path], EXERCISES)) == [("ada", "rope")]  # the same content: it does not matter
    folder(tmp_path, {"ada/b/rope.py": b"y = 2\n", **code("bob/1/rope.py", "bob/2/rope.py")})
    folder(tmp_path, code("cy/rope.py"))
    found = find([tmp_path], EXERCISES)
    assert sorted(taken(found)) == [("ada", "rope"), ("bob", "rope"), ("cy", "rope")]
    by_student = {handin.students[0].id: handin for handin in found.handins}
    first, second = (f"{tmp_path}/ada/{each}/rope.py" for each in "ab")
    sentence = f"There are two files for rope, {first} and {second}, which differ"
    with pytest.raises(UsageError, match=re.escape(sentence)):
        by_student["ada"].read()
    assert by_student["cy"].read() == b"# cy/rope.py\n"


def test_what_lies_where_the_course_has_it_counts(tmp_path: Path) -> None:
    folder(tmp_path, code("ada/exercises/rope/rope.py", "ada/old/rope.py", "ada/rope.ipynb", "bob/rope.py"))
    found = find([tmp_path], EXERCISES)
    assert [handin.file.removeprefix(f"{tmp_path}/") for handin in found.handins] == [
        "ada/exercises/rope/rope.py",
        "bob/rope.py",
    ]


def test_of_a_group_only_who_has_two_files_goes_without(tmp_path: Path) -> None:
    metadata = b"""
s1: {":submitters": [{":sid": ada}, {":sid": bob}], ":created_at": 2026-01-01 00:00:00 Z}
s2: {":submitters": [{":sid": bob}], ":created_at": 2026-01-01 00:00:00 Z}
"""
    files = {"submission_metadata.yml": metadata, **code("s1/rope.py", "s2/rope.py")}
    ada, bob = find([folder(tmp_path, files)], EXERCISES).handins
    assert [student.id for student in (*ada.students, *bob.students)] == ["ada", "bob"]
    assert ada.read() == b"# s1/rope.py\n"
    with pytest.raises(UsageError, match="There are two files for rope"):
        bob.read()


def test_who_left_a_group_keeps_the_own_file(tmp_path: Path) -> None:
    metadata = b"""
s1: {":submitters": [{":sid": ada}, {":sid": bob}], ":created_at": 2026-01-01 00:00:00 Z}
s2: {":submitters": [{":sid": bob}], ":created_at": 2026-01-02 00:00:00 Z}
"""
    found = find(
        [folder(tmp_path, {"submission_metadata.yml": metadata, **code("s1/rope.py", "s2/rope.py")})], EXERCISES
    )
    assert [([s.id for s in h.students], Path(h.file).parent.name) for h in found.handins] == [
        (["ada"], "s1"),
        (["bob"], "s2"),
    ]

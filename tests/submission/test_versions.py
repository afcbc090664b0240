"""Of several versions of a file the newest counts."""

import os
from pathlib import Path

import pytest

from grader.submission.recognise import find
from tests.submission.handed_in import CODE, EXERCISES, code, folder, refused, taken, why


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
    sentence = refused(tmp_path)
    assert f"{tmp_path}/ada/a/rope.py and {tmp_path}/ada/b/rope.py, and nothing tells which is newer" in sentence
    assert "1 more times" in sentence


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

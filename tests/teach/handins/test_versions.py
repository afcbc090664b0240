"""Tests of the choice among a student's files: all versions, and one of the files handed in together."""

import os
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from grader.base.errors import UsageError
from grader.teach.handins.find import find_handins
from grader.teach.handins.handin import Found, IgnoredKind
from grader.teach.handins.versions import MOST
from tests.teach.handins.handed_in import CODE, EXERCISES, code, folder, gradescope, last, taken, why, zipped

RIGHT, WRONG = b"x = 1\n", b"x = 2\n"
STUB = b"def route(x):\n    raise NotImplementedError\n"


def graded(found: Found, root: Path) -> list[str]:
    """Return the graded files relative to a folder."""
    return [handin.file.removeprefix(f"{root}/") for handin in found.handins]


@pytest.mark.parametrize("later", ["moe_router-1.py", "moe_router (2).py", "moe_router(10).py", "moe_router_3.py"])
def test_orders_versions_by_their_numbers(tmp_path: Path, later: str) -> None:
    found = find_handins([folder(tmp_path, code("ada/moe_router.py", f"ada/{later}"))], EXERCISES)
    assert graded(found, tmp_path) == ["ada/moe_router.py", f"ada/{later}"]
    assert [(each.version, each.superseded) for each in found.handins] == [(1, True), (2, False)]
    assert found.ignored == []


GIT = {"ada/.git/HEAD": b"", "bob/.git/HEAD": b"", "bob/rope.py": CODE}
MOODLE = "Ada L_7_assignsubmission_file_"
METADATA = b'ada: {":submitters": [{":sid": ada}], ":created_at": 2026-01-01 00:00:00 Z}\n'


@pytest.mark.parametrize("layout", ["canvas", "moodle", "gradescope", "nbgrader", "git", "folder", "student"])
def test_prefers_the_file_nearer_to_the_top_in_every_layout(tmp_path: Path, layout: str) -> None:
    """Ignore modification times, which clones, copies and unpacked archives change."""
    pair = {"moe_router.py": RIGHT, "old/moe_router.py": WRONG}
    top = {"moodle": MOODLE, "nbgrader": "submitted/ada/ps1"}.get(layout, "ada")
    files = {f"{top}/{name}": data for name, data in pair.items()}
    if layout == "canvas":
        files = {"lovelaceada_1_55_work.zip": zipped(tmp_path / "w.zip", pair).read_bytes(), **code("bob_2_3_rope.py")}
    elif layout == "student":
        files = pair
    more = {"git": GIT, "gradescope": {"submission_metadata.yml": METADATA}, "folder": code("bob/rope.py")}
    root = folder(tmp_path / "class", {**files, **more.get(layout, {})})
    for path in root.rglob("old/*.py"):
        os.utime(path, (1_700_009_000, 1_700_009_000))
    found = find_handins([root], EXERCISES, layout=layout)
    assert [each.read() for each in found.handins if each.item == "moe_router"] == [RIGHT]
    (copy,) = [each for each in found.ignored if each.kind is IgnoredKind.COPY]
    assert copy.file.endswith("old/moe_router.py")
    assert re.fullmatch(r"not the same as .*/moe_router\.py, which is graded because it is nearer to the top", copy.why)


def test_prefers_the_file_in_the_courses_place(tmp_path: Path) -> None:
    folder(tmp_path, code("ada/exercises/rope/rope.py", "ada/old/rope.py", "ada/rope.ipynb", "bob/rope.py"))
    found = find_handins([tmp_path], EXERCISES)
    assert graded(found, tmp_path) == ["ada/exercises/rope/rope.py", "bob/rope.py"]
    assert why(found)[f"{tmp_path}/ada/rope.ipynb"].endswith("which is graded because it is where the course has it")


def test_skips_an_untouched_stub_in_the_courses_place(tmp_path: Path) -> None:
    files = {"ada/exercises/rope/rope.py": STUB, "ada/rope.py": WRONG, "bob/exercises/rope/rope.py": STUB}
    found = find_handins([folder(tmp_path, files)], EXERCISES)
    assert graded(found, tmp_path) == ["ada/rope.py", "bob/exercises/rope/rope.py"]
    assert why(found) == {
        f"{tmp_path}/ada/exercises/rope/rope.py": (
            f"not the same as {tmp_path}/ada/rope.py, which is graded because this file is an untouched stub"
        )
    }


@pytest.mark.parametrize(("seconds", "newest"), [(60.0, ["rope.ipynb"]), (59.9, ["rope.py"]), (0.007, ["rope.py"])])
def test_prefers_the_newer_file_if_times_differ_by_a_minute(tmp_path: Path, seconds: float, newest: list[str]) -> None:
    folder(tmp_path, code("ada/old/rope.py", "ada/new/rope.ipynb", "bob/x.py"))
    os.utime(tmp_path / "ada/old/rope.py", (1_700_000_000, 1_700_000_000))
    os.utime(tmp_path / "ada/new/rope.ipynb", (1_700_000_000 + seconds, 1_700_000_000 + seconds))
    found = find_handins([tmp_path], EXERCISES)
    (reason,) = [each.why for each in found.ignored if each.kind is IgnoredKind.COPY]
    if newest == ["rope.ipynb"]:
        assert [name for _, name in last(found)] == newest
        assert reason.endswith("ada/new/rope.ipynb, which is graded because it was changed last")
    else:
        assert reason == f"it is unclear whether this or {tmp_path}/ada/new/rope.ipynb counts; use --map to choose"
        with pytest.raises(UsageError, match="There are two files for rope"):
            found.handins[0].read()


def test_refuses_to_choose_between_files_that_differ(tmp_path: Path) -> None:
    folder(tmp_path, {"ada/a/rope.py": CODE, "ada/b/rope.py": CODE, "bob/x.py": CODE})
    same = find_handins([tmp_path], EXERCISES)
    assert taken(same) == [("ada", "rope")]  # the same content: it does not matter
    assert why(same)[f"{tmp_path}/ada/b/rope.py"] == f"the same as {tmp_path}/ada/a/rope.py, which is graded"
    folder(tmp_path, {"ada/b/rope.py": b"y = 2\n", **code("bob/1/rope.py", "bob/2/rope.py")})
    folder(tmp_path, code("cy/rope.py"))
    found = find_handins([tmp_path], EXERCISES)
    assert sorted(taken(found)) == [("ada", "rope"), ("bob", "rope"), ("cy", "rope")]
    by_student = {handin.students[0].id: handin for handin in found.handins}
    first, second = (f"{tmp_path}/ada/{each}/rope.py" for each in "ab")
    sentence = f"There are two files for rope, {first} and {second}, which differ"
    with pytest.raises(UsageError, match=re.escape(sentence)):
        by_student["ada"].read()
    assert by_student["cy"].read() == b"# cy/rope.py\n"


def test_does_not_compare_places_in_different_trees(tmp_path: Path) -> None:
    first = folder(tmp_path / "1", {"ada/moe_router.py": RIGHT, "bob/rope.py": CODE})
    second = folder(tmp_path / "2", {"ada/week/moe_router.py": WRONG, "bob/rope.py": CODE})
    found = find_handins([first, second], EXERCISES)
    with pytest.raises(UsageError, match="There are two files for moe_router"):
        found.handins[0].read()
    assert taken(found) == [("ada", "moe_router"), ("bob", "rope")]


def export(root: Path, *submissions: tuple[str, str, bytes]) -> Path:
    """Make an export from the hour, the student and the content of each submission, with an old file beside it."""
    old = {"old/rope.py": b"y = 0\n"}
    return gradescope(
        root,
        *(
            (f"2026-01-01 {hour}:00:00 Z", whose, {"rope.py": data} | ({} if data == STUB else old))
            for hour, whose, data in submissions
        ),
    )


def test_orders_versions_by_time(tmp_path: Path) -> None:
    root = export(tmp_path, ("12", "ada", b"x = 2"), ("10", "ada", b"x = 1"), ("13", "ada", b"x = 3"))
    found = find_handins([root], EXERCISES)
    assert [(each.version, each.superseded, each.read()) for each in found.handins] == [
        (1, True, b"x = 1"),
        (2, True, b"x = 2"),
        (3, False, b"x = 3"),
    ]
    assert sorted(Path(each.file).parent.parent.name for each in found.ignored) == ["s0", "s1", "s2"]


def test_keeps_the_first_time_of_an_unchanged_resubmission(tmp_path: Path) -> None:
    root = export(tmp_path, ("10", "ada", RIGHT), ("11", "ada", RIGHT), ("12", "ada", WRONG), ("13", "ada", RIGHT))
    found = find_handins([root], EXERCISES)
    assert [(each.time, Path(each.file).parent.name) for each in found.handins] == [
        (datetime(2026, 1, 1, 10, tzinfo=UTC), "s1"),
        (datetime(2026, 1, 1, 12, tzinfo=UTC), "s2"),
        (datetime(2026, 1, 1, 13, tzinfo=UTC), "s3"),
    ]
    assert why(found)[f"{tmp_path}/s0/rope.py"] == f"the same as {tmp_path}/s1/rope.py, which is graded"


def test_does_not_count_an_untouched_stub_as_a_version(tmp_path: Path) -> None:
    found = find_handins([export(tmp_path, ("10", "ada", STUB), ("12", "ada", RIGHT), ("13", "ada", STUB))], EXERCISES)
    assert [each.read() for each in found.handins] == [RIGHT]
    assert why(found)[f"{tmp_path}/s0/rope.py"] == f"an untouched stub; {tmp_path}/s1/rope.py is graded"


def test_limits_the_number_of_versions(tmp_path: Path) -> None:
    names = [f"ada/rope-{n}.py" for n in range(1, MOST + 3)]
    found = find_handins([folder(tmp_path, code(*names))], EXERCISES, layout="folder")
    assert graded(found, tmp_path) == names[2:]
    assert why(found) == {f"{tmp_path}/{each}": f"older than the last {MOST} versions" for each in names[:2]}


def test_refuses_only_the_member_of_a_group_with_two_files(tmp_path: Path) -> None:
    root = export(tmp_path, ("10", "ada bob", RIGHT), ("10", "bob", WRONG))
    ada, bob = find_handins([root], EXERCISES).handins
    assert [student.id for student in (*ada.students, *bob.students)] == ["ada", "bob"]
    assert ada.read() == RIGHT
    with pytest.raises(UsageError, match="There are two files for rope"):
        bob.read()


def test_numbers_versions_per_member_of_a_group(tmp_path: Path) -> None:
    root = export(tmp_path, ("10", "ada bob", RIGHT), ("12", "bob", WRONG), ("11", "cy", RIGHT))
    found = [
        ([student.id for student in each.students], Path(each.file).parent.name, each.version, each.superseded)
        for each in find_handins([root], EXERCISES).handins
    ]
    assert found == [
        (["ada"], "s0", 1, False),
        (["bob"], "s0", 1, True),
        (["bob"], "s1", 2, False),
        (["cy"], "s2", 1, False),
    ]

"""Tests of the layout with a git checkout for each student."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from grader.base.errors import UsageError
from grader.teach.handins.find import find_handins
from grader.teach.handins.handin import Found, IgnoredKind, Student
from tests.teach.handins.handed_in import EXERCISES, code, folder, zipped
from tests.teach.handins.repositories import commit, git


@pytest.fixture
def organisation(tmp_path: Path) -> Path:
    root = tmp_path / "org"
    commit(root / "week-3-ada", "2026-01-02T03:04:05+01:00", code("exercises/moe_router/moe_router.py"))
    commit(root / "week-3-bob", "2026-01-03T03:04:05Z", code("moe_router.py"))
    return root


def test_reads_git_checkouts(organisation: Path) -> None:
    git(organisation / "week-3-bob", "gc", "-q")  # packs commit and branch
    found = find_handins([organisation], EXERCISES)
    assert found.layout == "git"
    assert [(h.students[0], h.time) for h in found.handins] == [
        (Student(id="ada", login="ada"), datetime(2026, 1, 2, 2, 4, 5, tzinfo=UTC)),
        (Student(id="bob", login="bob"), datetime(2026, 1, 3, 3, 4, 5, tzinfo=UTC)),
    ]


def test_runs_no_program_from_a_repositorys_configuration(organisation: Path, tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    script = tmp_path / "script"
    script.write_text(f"#!/bin/sh\ntouch {trap}\n")
    script.chmod(0o755)
    clone = organisation / "week-3-ada" / ".git"
    with (clone / "config").open("a") as config:
        config.write(f"[core]\n\tfsmonitor = {script}\n\tpager = {script}\n\tsshCommand = {script}\n")
        config.write(f"[log]\n\tshowSignature = true\n[gpg]\n\tprogram = {script}\n[include]\n\tpath = {script}\n")
    (clone / "HEAD").write_text("ref: refs/../../../x\n")
    (organisation / "week-3-bob" / ".git" / "HEAD").unlink()
    (organisation / "week-3-bob" / ".git" / "HEAD").symlink_to(clone / "HEAD")
    found = find_handins([organisation], EXERCISES)
    assert [handin.time for handin in found.handins] == [None, None]
    assert not trap.exists()


def clones(root: Path, *names: str) -> Path:
    for name in names:
        folder(root, code(f"{name}/rope.py"))
        (root / name / ".git").mkdir()
    return root


@pytest.mark.parametrize("others", [[], ["week-3-anna-m"], ["week-3-anna-m", "week-3-bob"]])
@pytest.mark.parametrize("known", [{"prefix": "week-3-"}, {"logins": ["Anna-K", "anna-m", "bob", "k"]}])
def test_takes_a_students_id_independent_of_the_class(tmp_path: Path, others: list[str], known: dict[str, Any]) -> None:
    found = find_handins([clones(tmp_path / "org", "week-3-anna-k", *others)], EXERCISES, layout="git", **known)
    assert found.handins[0].students[0] == Student(id="anna-k", login="anna-k")


def test_assigns_an_archive_of_a_repository_to_its_student(tmp_path: Path) -> None:
    for name in ("week-3-ada-main", "week-3-bob-master"):
        zipped(tmp_path / f"{name}.zip", code(f"{name}/rope.py"))
    found = find_handins([tmp_path], EXERCISES, prefix="week-3-")
    assert [handin.students[0].id for handin in found.handins] == ["ada", "bob"]


def test_lists_an_empty_clone_as_a_student_with_nothing_graded(tmp_path: Path) -> None:
    root = clones(tmp_path / "org", "week-3-ada", "week-3-bob")
    (root / "week-3-bob" / "rope.py").unlink()
    found = find_handins([root], EXERCISES, layout="git")
    assert [student.id for student in found.students()] == ["bob", "ada"]
    assert [each.student and each.student.id for each in found.ignored if each.kind is not IgnoredKind.NOISE] == ["bob"]


STUB = b"def route(x):\n    raise NotImplementedError\n"
ROPE = "exercises/rope/rope.py"


def versions(found: Found) -> list[tuple[str, str, int, bytes]]:
    """Return the student, the item, the hour of the commit, and the content of each version."""
    hours = (each.time.hour if each.time else -1 for each in found.handins)
    return [(h.students[0].id, h.item, hour, h.read()) for h, hour in zip(found.handins, hours, strict=True)]


def at(hour: int) -> str:
    return f"2026-01-01T{hour:02}:00:00Z"


def test_takes_each_commit_that_changed_a_file_as_a_version(tmp_path: Path) -> None:
    ada, bob = tmp_path / "org/week-3-ada", tmp_path / "org/week-3-bob"
    commit(ada, at(1), {ROPE: STUB, "moe_router.py": b"m1", "README.md": b""})
    commit(ada, at(2), {ROPE: b"r2"})
    commit(ada, at(3), {"README.md": b"text", "old/rope.py": b"r0"})
    commit(ada, at(4), {ROPE: b"r4", "attention_masks.py": b"a4"})
    commit(ada, at(5), {"README.md": b"more", "attention_masks.py": None})
    commit(bob, at(1), {"rope.py": b"b1"})
    git(ada, "gc", "-q")
    (bob / "rope.py").write_bytes(b"not committed")
    found = find_handins([tmp_path / "org"], EXERCISES)
    assert versions(found) == [
        ("ada", "moe_router", 1, b"m1"),
        ("ada", "rope", 2, b"r2"),  # the stub was handed out
        ("ada", "rope", 4, b"r4"),
        ("bob", "rope", 1, b"not committed"),
    ]
    copies = [each.file.removeprefix(f"{tmp_path}/org/") for each in found.ignored if each.kind is IgnoredKind.COPY]
    assert copies == ["week-3-ada/old/rope.py"]


def test_dates_no_commit_later_than_its_descendant(tmp_path: Path) -> None:
    ada = tmp_path / "org/week-3-ada"
    for hour, data in ((9, b"r1"), (2, b"r2"), (2, b"r3"), (4, b"r4")):  # a clock that was wrong, then a script
        commit(ada, at(hour), {ROPE: data})
    assert versions(find_handins([tmp_path / "org"], EXERCISES, prefix="week-3-")) == [
        ("ada", "rope", 2, b"r3"),
        ("ada", "rope", 4, b"r4"),
    ]


def test_follows_first_parents_of_merges(tmp_path: Path) -> None:
    ada = tmp_path / "org/week-3-ada"
    commit(ada, at(1), {ROPE: b"r1"})
    git(ada, "checkout", "-qb", "try")
    commit(ada, at(2), {ROPE: b"r2"})
    git(ada, "checkout", "-q", "main")
    git(ada, "merge", "-q", "--no-ff", "-m", "merge", "try", time=at(5))
    assert versions(find_handins([tmp_path / "org"], EXERCISES, prefix="week-3-")) == [
        ("ada", "rope", 1, b"r1"),
        ("ada", "rope", 5, b"r2"),
    ]


def test_reads_a_shallow_clone_to_its_end(tmp_path: Path) -> None:
    ada = tmp_path / "ada"
    for hour in (1, 2, 3):
        commit(ada, at(hour), {ROPE: b"r%d" % hour})
    (tmp_path / "org").mkdir()
    git(tmp_path / "org", "clone", "-q", "--depth", "2", f"file://{ada}", "ada")
    assert versions(find_handins([tmp_path / "org"], EXERCISES, prefix="")) == [
        ("ada", "rope", 2, b"r2"),
        ("ada", "rope", 3, b"r3"),
    ]


@pytest.mark.parametrize("link", [".git", ".git/objects", ".git/refs", ".git/objects/pack", "alternates"])
def test_ignores_commits_that_links_lead_to_outside_the_clone(tmp_path: Path, link: str) -> None:
    ada, eve = tmp_path / "org/ada", tmp_path / "org/eve"
    commit(ada, at(1), {ROPE: b"secret"})
    commit(ada, at(2), {ROPE: b"more"})
    git(ada, "gc", "-q")
    commit(eve, at(1), {ROPE: b"mine"})
    theirs = ada / ".git" if link == "alternates" else ada / link
    if link == "alternates":
        (eve / ".git/objects/info/alternates").write_text(f"{theirs}/objects\n")
    else:
        (eve / link).rename(tmp_path / "away")
        (eve / link).symlink_to(theirs)
    if link != ".git":
        (eve / ".git/HEAD").write_text(git(ada, "rev-parse", "HEAD"))
    assert [each for each in versions(find_handins([tmp_path / "org"], EXERCISES, prefix="")) if each[0] == "eve"] == [
        ("eve", "rope", -1, b"mine")
    ]


def test_limits_the_size_of_a_hostile_history(tmp_path: Path) -> None:
    """Use a tree that contains itself many times, and a file larger than the limit."""
    ada, eve = tmp_path / "org/ada", tmp_path / "org/eve"
    commit(ada, at(1), {ROPE: b"#" * (2 << 20)})
    commit(ada, at(2), {ROPE: b"small"})
    commit(eve, at(1), {"rope.py": b"mine"})
    blob = git(eve, "hash-object", "-w", "rope.py")
    tree = git(eve, "mktree", data=f"100644 blob {blob}\trope.py\n".encode())
    for _ in range(12):
        tree = git(eve, "mktree", data="".join(f"040000 tree {tree}\t{n}\n" for n in range(10)).encode())
    first = git(eve, "commit-tree", tree, "-m", "x")
    git(eve, "update-ref", "HEAD", git(eve, "commit-tree", "HEAD^{tree}", "-p", first, "-m", "x", time=at(3)))
    found = find_handins([tmp_path / "org"], EXERCISES, prefix="")
    assert [(each.students[0].id, each.version) for each in found.handins] == [("ada", 1), ("ada", 2), ("eve", 1)]
    with pytest.raises(UsageError, match=r"rope\.py is larger than 1 MiB"):
        found.handins[0].read()
    assert found.handins[2].read() == b"mine"
    (unread,) = [each for each in found.ignored if each.kind is IgnoredKind.UNREAD]
    assert unread.why == "its commits cannot be read: more than 10,000 files in a commit"

"""A folder of git checkouts, one for each student."""

import os
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from grader.submission.handin import Kind, Student
from grader.submission.recognise import find
from tests.submission.handed_in import EXERCISES, code, folder, zipped


@pytest.fixture
def organisation(tmp_path: Path) -> Path:
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    root = folder(tmp_path / "org", code("week-3-ada/exercises/moe_router/moe_router.py", "week-3-bob/moe_router.py"))
    for name, time in (("week-3-ada", "2026-01-02T03:04:05+01:00"), ("week-3-bob", "2026-01-03T03:04:05Z")):
        me = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "init.defaultBranch=main"]
        environment = {**os.environ, "GIT_COMMITTER_DATE": time, "GIT_AUTHOR_DATE": "2001-01-01T00:00:00Z"}
        for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "committer x <x> 1 +0000"]):
            subprocess.run(["git", *me, *command], cwd=root / name, env=environment, check=True)
    return root


def test_git_checkouts(organisation: Path) -> None:
    subprocess.run(["git", "gc", "-q"], cwd=organisation / "week-3-bob", check=True)  # packs commit and branch
    found = find([organisation], EXERCISES)
    assert found.layout == "git"
    assert [(h.students[0], h.time) for h in found.handins] == [
        (Student(id="ada", login="ada"), datetime(2026, 1, 2, 2, 4, 5, tzinfo=UTC)),
        (Student(id="bob", login="bob"), datetime(2026, 1, 3, 3, 4, 5, tzinfo=UTC)),
    ]


def test_a_repositorys_configuration_runs_nothing(organisation: Path, tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    script = tmp_path / "script"
    script.write_text(f"#!/bin/sh\ntouch {trap}\n")
    script.chmod(0o755)
    git = organisation / "week-3-ada" / ".git"
    with (git / "config").open("a") as config:
        config.write(f"[core]\n\tfsmonitor = {script}\n\tpager = {script}\n\tsshCommand = {script}\n")
        config.write(f"[log]\n\tshowSignature = true\n[gpg]\n\tprogram = {script}\n[include]\n\tpath = {script}\n")
    (git / "HEAD").write_text("ref: refs/../../../x\n")
    (organisation / "week-3-bob" / ".git" / "HEAD").unlink()
    (organisation / "week-3-bob" / ".git" / "HEAD").symlink_to(git / "HEAD")
    found = find([organisation], EXERCISES)
    assert [handin.time for handin in found.handins] == [None, None]
    assert not trap.exists()


def clones(root: Path, *names: str) -> Path:
    for name in names:
        folder(root, code(f"{name}/rope.py"))
        (root / name / ".git").mkdir()
    return root


@pytest.mark.parametrize("others", [[], ["week-3-anna-m"], ["week-3-anna-m", "week-3-bob"]])
@pytest.mark.parametrize("known", [{"prefix": "week-3-"}, {"logins": ["Anna-K", "anna-m", "bob", "k"]}])
def test_an_id_does_not_depend_on_who_else_is_there(tmp_path: Path, others: list[str], known: dict[str, Any]) -> None:
    found = find([clones(tmp_path / "org", "week-3-anna-k", *others)], EXERCISES, layout="git", **known)
    assert found.handins[0].students[0] == Student(id="anna-k", login="anna-k")


def test_an_archive_of_a_repository_is_its_students(tmp_path: Path) -> None:
    for name in ("week-3-ada-main", "week-3-bob-master"):
        zipped(tmp_path / f"{name}.zip", code(f"{name}/rope.py"))
    found = find([tmp_path], EXERCISES, prefix="week-3-")
    assert [handin.students[0].id for handin in found.handins] == ["ada", "bob"]


def test_a_clone_of_nothing_is_a_student_of_whom_nothing_is_graded(tmp_path: Path) -> None:
    root = clones(tmp_path / "org", "week-3-ada", "week-3-bob")
    (root / "week-3-bob" / "rope.py").unlink()
    found = find([root], EXERCISES, layout="git")
    assert [student.id for student in found.students()] == ["bob", "ada"]
    assert [each.student and each.student.id for each in found.ignored if each.kind is not Kind.NOISE] == ["bob"]

"""Restore the original file of an exercise from the installed course, or from git."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from grader.base.errors import UsageError
from grader.course.workspace.filling import init
from grader.course.workspace.reset import reset
from grader.engine.submission.examine import is_untouched
from tests.three_exercises import STUB, three_exercises

GIVEN = STUB.format(name="double")
MINE = "def double(x):\n    return x\n"


def untouched(text: str) -> bool:
    return is_untouched(text, "rope")


def git(root: Path, *words: str, told: bytes | None = None) -> str:
    who = ("-c", "user.name=n", "-c", "user.email=e", "-c", "protocol.file.allow=always")
    done = subprocess.run(["git", "-C", str(root), *who, *words], check=True, capture_output=True, input=told)
    return done.stdout.decode().strip()


def cloned(folder: Path, texts: Sequence[str] = (GIVEN, MINE)) -> Path:
    """Make a course in git with a commit for each text of the stub."""
    root = three_exercises(folder / "clone")
    git(root, "init")
    for text in texts:
        (root / "exercises/base/base.py").write_text(text)
        git(root, "add", ".")
        git(root, "commit", "-m", "a text")
    return root


def test_reset_in_a_workspace_restores_the_file_of_the_installed_course(course: Path, tmp_path: Path) -> None:
    root = init(tmp_path / "mine").root
    stub = root / "exercises" / "base" / "base.py"
    stub.write_text(MINE)
    assert reset(root, stub, untouched) == stub.with_name("base.1.py")
    assert (stub.read_text(), stub.with_name("base.1.py").read_text()) == (GIVEN, MINE)
    assert reset(root, stub, untouched) is None  # the original already: nothing to back up
    stub.write_text("other")
    assert reset(root, stub, untouched) == stub.with_name("base.2.py")
    stub.unlink()
    assert reset(root, stub, untouched) is None
    assert stub.read_text() == GIVEN


def test_reset_in_a_clone_restores_the_newest_unimplemented_version(tmp_path: Path) -> None:
    root = cloned(tmp_path, texts=("# older\n" + GIVEN, GIVEN, MINE))
    stub = root / "exercises" / "base" / "base.py"
    assert reset(root, stub, untouched) == stub.with_name("base.1.py")
    assert (stub.read_text(), stub.with_name("base.1.py").read_text()) == (GIVEN, MINE)


def test_reset_without_an_original_changes_nothing(tmp_path: Path) -> None:
    root = three_exercises(tmp_path / "course")
    stub = root / "exercises" / "base" / "base.py"
    stub.write_text(MINE)
    with pytest.raises(UsageError, match=r"no original of exercises/base/base\.py"):
        reset(root, stub, untouched)
    assert stub.read_text() == MINE


@pytest.mark.parametrize("kind", ["below the top of a repository", "of a worktree", "of a shallow clone", "with packs"])
def test_reset_works_in_every_kind_of_checkout(tmp_path: Path, kind: str) -> None:
    if kind == "below the top of a repository":
        (tmp_path / "all").mkdir()
        root = three_exercises(tmp_path / "all" / ":(glob)*")
        git(tmp_path / "all", "init")
        git(root, "add", ".")
        git(root, "commit", "-m", "given")
    else:
        root = cloned(tmp_path)
        git(root, "checkout", "HEAD~")
        if kind == "of a worktree":
            git(root, "worktree", "add", str(tmp_path / "tree"))
            root = tmp_path / "tree"
        elif kind == "of a shallow clone":
            git(tmp_path, "clone", "--depth", "1", f"file://{root}", "shallow")
            root = tmp_path / "shallow"
        else:
            git(root, "gc")
    stub = root / "exercises/base/base.py"
    stub.write_text("mine")
    assert reset(root, stub, untouched) == stub.with_name("base.1.py")
    assert stub.read_text() == GIVEN


SIGNATURE = "-----BEGIN PGP SIGNATURE-----\n \n -----END PGP SIGNATURE-----"
PROGRAMS = {  # what the configuration of a repository has git run
    "signatures of commits": ["config gpg.program {program}", "config log.showSignature true"],
    "a remote that has what is missing": [
        "config extensions.partialClone origin",
        "config core.repositoryFormatVersion 1",
        "config remote.origin.promisor true",
        "config remote.origin.url ext::{program}",
        "config protocol.ext.allow always",
    ],
}


@pytest.mark.parametrize("kind", PROGRAMS)
def test_reset_runs_no_program_that_a_repository_names(tmp_path: Path, kind: str) -> None:
    root = cloned(tmp_path)
    program, ran = tmp_path / "program", tmp_path / "ran"
    program.write_text(f"#!/bin/sh\n: > {ran}\n")
    program.chmod(0o755)
    commit = git(root, "cat-file", "commit", "HEAD").replace("\n\n", f"\ngpgsig {SIGNATURE}\n\n", 1)
    signed = git(root, "hash-object", "-t", "commit", "-w", "--stdin", told=f"{commit}\n".encode())
    git(root, "update-ref", "HEAD", signed)
    missing = git(root, "rev-parse", "HEAD~:exercises/base/base.py")
    (root / ".git/objects" / missing[:2] / missing[2:]).unlink()
    for setting in ("core.fsmonitor", "core.pager", "core.sshCommand", "diff.external", "diff.x.textconv"):
        git(root, "config", setting, str(program))
    (root / ".git/info/attributes").write_text("* diff=x\n")
    for words in PROGRAMS[kind]:
        git(root, *words.format(program=program).split())
    ran.unlink(missing_ok=True)
    stub = root / "exercises/base/base.py"
    with pytest.raises(UsageError, match=r"no original of exercises/base/base\.py"):
        reset(root, stub, untouched)
    assert not ran.exists()
    assert stub.read_text() == MINE

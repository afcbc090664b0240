"""Helpers that make git repositories of students."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest


def git(repository: Path, *words: str, time: str = "2026-01-01T00:00:00Z", data: bytes | None = None) -> str:
    """Run git in a repository at a given time, and return its stdout."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    me = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "init.defaultBranch=main"]
    environment = {**os.environ, "GIT_COMMITTER_DATE": time, "GIT_AUTHOR_DATE": "2001-01-01T00:00:00Z"}
    done = subprocess.run(
        ["git", *me, *words], cwd=repository, env=environment, input=data, capture_output=True, check=True
    )
    return done.stdout.decode().strip()


def commit(repository: Path, time: str, files: Mapping[str, bytes | None]) -> None:
    """Commit files at a given time; None deletes one. The first commit creates the repository."""
    if not (repository / ".git").is_dir():
        repository.mkdir(parents=True, exist_ok=True)
        git(repository, "init", "-q")
    for name, data in files.items():
        path = repository / name
        if data is None:
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "committer x <x> 1 +0000", "--allow-empty", time=time)

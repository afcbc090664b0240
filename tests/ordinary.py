"""`grade` run in this process or, where the tests run as root, by an ordinary user in a fork of it."""

import json
import os
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import pytest

from tests.command_line import run

USERS = ("this user", "an ordinary user")
ORDINARY = 61234  # a user that no machine has
NEEDED = (  # what the commands import when they run: an ordinary user may not be able to read root's Python
    *(f"grader.cli.{name}" for name in ("init", "names", "progress", "release", "reset", "update")),
    "platformdirs",
)


@dataclass(frozen=True)
class Done:
    """What a command said."""

    exit_code: int
    stdout: str
    stderr: str


def run_by(user: str, folder: Path, words: Sequence[str]) -> Done:
    """Run `grade` as one of the USERS, to whom a folder is given first with all that is in it."""
    if user == USERS[0]:
        done = run(*words)
        return Done(done.exit_code, done.stdout, done.stderr)
    for name in NEEDED:
        import_module(name)
    for path in (folder, *folder.rglob("*")):
        os.chown(path, ORDINARY, ORDINARY, follow_symlinks=False)
    reader, writer = os.pipe()
    if (child := os.fork()) == 0:
        try:
            os.setgroups([])
            os.setresgid(ORDINARY, ORDINARY, ORDINARY)
            os.setresuid(ORDINARY, ORDINARY, ORDINARY)
            done = run(*words)
            os.write(writer, json.dumps([done.exit_code, done.stdout, done.stderr]).encode())
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    os.close(writer)
    with open(reader, "rb") as told:
        text = told.read()
    assert os.waitpid(child, 0)[1] == 0
    return Done(*json.loads(text))


def require(user: str) -> None:
    """Skip a test where this process cannot become one of the USERS."""
    if user != USERS[0] and os.geteuid() != 0:
        pytest.skip("only root can become another user")

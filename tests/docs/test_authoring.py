"""docs/authors: the tables name every key of the YAML files, and the tutorial makes the course that it shows."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from grader.course.model import Description, Lesson, Limits, Reading, Standards, Syllabus
from tests.docs.documents import read, rows

pytestmark = pytest.mark.usefixtures("left_behind")  # none is about the start of a warm process

BLOCK = re.compile(r"(?P<above>[^\n]*)\n\n(?P<fence>`{3,})(?P<kind>\w+)\n(?P<text>.*?)^(?P=fence)$", re.M | re.S)
COMMAND = re.compile(r"^\$ (?P<command>.*)\n(?P<shown>(?:(?!\$ ).*\n)*)", re.M)


@pytest.mark.parametrize(
    ("head", "struct"),
    [
        ("key of exercise.yaml", Description),
        ("key of limits", Limits),
        ("key of reading", Reading),
        ("key of course.yaml", Syllabus),
        ("key of a lesson", Lesson),
        ("key of standards", Standards),
    ],
)
def test_every_key_is_documented(head: str, struct: type[msgspec.Struct]) -> None:
    told = [(row[0].strip("`"), row[1] == "required") for row in rows(read("docs/authors/exercises.md"), head)]
    assert told == [(field.name, field.required) for field in msgspec.structs.fields(struct)]
    defaults = {row[0].strip("`"): row[1] for row in rows(read("docs/authors/exercises.md"), head)}
    for field in msgspec.structs.fields(struct):
        if isinstance(field.default, int | float):
            assert defaults[field.name] == f"{str(field.default).lower()}".removesuffix(".0")


@pytest.mark.slow
def test_the_tutorial(tmp_path: Path) -> None:
    """Write every file and run every command as the page says, and compare what it prints."""
    folder, files, commands = tmp_path, 0, 0
    for block in BLOCK.finditer(read("docs/authors/tutorial.md")):
        if block["kind"] == "console":
            for command in COMMAND.finditer(block["text"]):
                folder = _run(folder, command["command"], command["shown"])
                commands += 1
        else:
            named = re.search(r"`([^`]+)`[:,]$", block["above"])
            assert named, f"no file is named above {block['text'][:40]!r}"
            path = folder / named[1]
            path.parent.mkdir(exist_ok=True)
            before = path.read_text("utf-8") + "\n" if "At the end of" in block["above"] else ""
            path.write_text(before + block["text"], "utf-8")
            files += 1
    assert (files, commands) == (11, 11)


def _run(folder: Path, command: str, shown: str) -> Path:
    """Run a command of the page and compare its output. Return the folder in which the next one runs."""
    program, *words = shlex.split(command)
    if program == "cd":
        return folder / words[0]
    assert program == "grade"
    done = subprocess.run(
        [sys.executable, "-m", "grader.cli", *words], cwd=folder, capture_output=True, encoding="utf-8", check=False
    )
    expected = 1 if "wrong.py" in words else 0
    assert (done.returncode, done.stderr) == (expected, ""), f"{command}: {done.stdout}{done.stderr}"
    if shown.strip():
        assert _timeless(done.stdout) == _timeless(shown), command
    return folder


def _timeless(screen: str) -> str:
    return re.sub(r"(slowest test| tests in) +[\d.]+ s", r"\1", screen).strip()

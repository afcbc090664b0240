"""A class that hands in the exercise of the small course, and the command that grades it."""

import os
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import msgspec
import yaml

from grader.teach.gradebook import Gradebook
from grader.teach.gradebook.model import Grade
from tests.paths import TOOLBOX, copy_toolbox

REFERENCE = (TOOLBOX / "solutions/toolbox/toolbox.py").read_text("utf-8")
SECONDS = 1.0  # the limit of a test

FILES = {
    "ada": REFERENCE,
    "ben": f"{REFERENCE}\n\ndef scale(x, factor): return x - factor\n",
    "cleo": f"{REFERENCE}\n\ndef pick(items, place):\n    while True: pass\n",
    "dora": f"import os\n{REFERENCE}\n\ndef mix(scores, values): os._exit(0)\n",
    "eve": f"{REFERENCE}\n\ndef scale(x, factor:\n",
    "finn": (TOOLBOX / "exercises/toolbox/toolbox.py").read_text("utf-8"),
    "gus": f"import ctypes\n{REFERENCE}\n\ndef merge(parts): return ctypes.string_at(0)\n",
    "hal": f"{REFERENCE}\n\ndef scale(x, factor): return open('/etc/passwd').read()\n",
    "ida": "raise SystemExit('no')\n",
    "jon": f"{REFERENCE}\n\ndef mix(scores, values): return 'a' * (1 << 42)\n",
    "kim": REFERENCE,  # the same as ada's
}
SCORES = {
    **{"ada": 31, "ben": 30, "cleo": 27, "dora": 29, "eve": 0, "finn": 0},
    **{"gus": 23, "hal": 30, "ida": 0, "jon": 29, "kim": 31},
}  # fmt: skip

HOLES = {  # what a test of the course does over one submission: how that is called
    "__import__('os').abort()": "a judge crashed with signal 6 (Aborted)",
    "(os := __import__('os')).kill(os.getpid(), 9)": "a judge was killed, as the system does when memory runs out",
    "(os := __import__('os')).kill(os.getpid(), 15)": "a judge was ended by signal 15 (Terminated)",
    "__import__('os')._exit(1)": "a judge ended itself, with exit code 1",
    "raise type('Odd', (Exception,), {'__str__': lambda self: str(1 / 0)})": "ZeroDivisionError: division by zero",
}
CRASH, *_, RAISES = HOLES
NO_TEXT = "\0"  # handed in as code, it is graded without a judge
FALLS = "def pick(items, place): return 'the hole'\n"  # into it


WAITS = f"{REFERENCE}\n\n{FALLS}"  # until the gate is open


def make_course(folder: Path, gate: Path | None = None) -> Path:
    """Copy the course, with a limit of one second for each test. A submission that `WAITS` waits for the `gate`."""
    root = copy_toolbox(folder / "course")
    path = root / "exercises/toolbox/exercise.yaml"
    description = yaml.safe_load(path.read_text("utf-8"))
    description["limits"]["seconds"] = SECONDS
    path.write_text(yaml.safe_dump(description), "utf-8")
    if gate is not None:
        with_a_hole(root, f"while not __import__('os').path.exists({str(gate)!r}): __import__('time').sleep(0.01)")
    return root


def with_a_hole(course: Path, hole: str, *, for_all: bool = False, word: str = "the hole") -> None:
    """Has a hidden test do this over a submission that asks for it by this word, or over any."""
    tests = course / "solutions/toolbox/test_hidden.py"
    docstring = '    """the item, or IndexError"""\n'
    falls = f"{docstring}    if {for_all} or submission.pick([7], 0) == {word!r}:\n        {hole}\n"
    tests.write_text(tests.read_text("utf-8").replace(docstring, falls), "utf-8")


def hand_in(folder: Path, files: dict[str, str] = FILES) -> Path:
    """Write a folder for each student."""
    submissions = folder / "submissions"
    for student, text in files.items():
        (submissions / student).mkdir(parents=True)
        (submissions / student / "toolbox.py").write_text(text, "utf-8")
    return submissions


def command(course: Path, *words: str | Path) -> list[str]:
    """`grade batch` of a course."""
    return [sys.executable, "-m", "grader.cli", "--course", str(course), "batch", *map(str, words)]


def batch(course: Path, *words: str | Path) -> "subprocess.CompletedProcess[str]":
    """Run `grade batch` to its end."""
    environment = os.environ | {"COLUMNS": "100"}
    return subprocess.run(
        command(course, *words), capture_output=True, text=True, check=False, env=environment, cwd=course.parent
    )


def complaints(stderr: str) -> str:
    """Return what a batch wrote to stderr, without its lines of progress, whose number depends on the load."""
    return re.sub(r"^  \d+ of \d+ grades, .*\n", "", stderr, flags=re.MULTILINE)


def grades(out: Path) -> dict[str, Grade]:
    """Return the grade of each student, by id, for a class that handed in one exercise."""
    with Gradebook(out) as book:
        return {grade.student.id: grade for grade in book.book().grades()}


def scores(out: Path) -> dict[str, float | None]:
    """Return the points of each student."""
    return {student: grade.points.final if grade.points else None for student, grade in grades(out).items()}


def untimed(out: Path) -> dict[str, Any]:
    """All results, as data, apart from times."""
    return {student: _without_seconds(msgspec.to_builtins(grade.result)) for student, grade in grades(out).items()}


def _without_seconds(value: Any) -> Any:
    if isinstance(value, dict):  # where a call was that did not end is a matter of time as well
        return {key: _without_seconds(item) for key, item in value.items() if key not in ("seconds", "samples")}
    if isinstance(value, str):
        return re.sub(r"the reference takes [\d,]+ ms", "the reference takes some ms", value)
    return [_without_seconds(item) for item in value] if isinstance(value, list | tuple) else value


def children(parent: int) -> list[int]:
    """Return the running processes that a process started."""
    try:
        lists = [path.read_text() for path in Path(f"/proc/{parent}/task").glob("*/children")]
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [int(pid) for each in lists for pid in each.split()]


def entries(out: Path) -> int:
    """How many grades a gradebook has, also while it is written."""
    path = out / "gradebook.sqlite"
    if not path.is_file():
        return 0
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as book:
        try:
            (count,) = book.execute("SELECT count(*) FROM entries").fetchone()
        except sqlite3.OperationalError:  # the tables are not there yet, or this moment not readable
            return 0
    return int(count)


@contextmanager
def running(course: Path, *words: str | Path) -> Iterator["subprocess.Popen[str]"]:
    """Run a batch in the background, and end it when the block is left."""
    process = subprocess.Popen(
        command(course, *words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=course.parent
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_until(condition: Callable[[], bool], process: "subprocess.Popen[str]") -> None:
    """Return when the condition holds, or the process has ended."""
    while process.poll() is None and not condition():
        time.sleep(0.001)

"""Tests of the lock: one batch at a time, and no lock or partial result after a kill."""

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from grader.base.errors import UsageError
from grader.base.result import Result
from grader.teach.gradebook import Gradebook
from grader.teach.gradebook.database import FILE
from tests.paths import ROOT

WRITER = """
import sys
from pathlib import Path
from grader.teach.gradebook import Gradebook
from tests.teach.gradebook.builders import *
students = [Student(id=f"s{n}") for n in range(100_000)]
with Gradebook(Path(sys.argv[1]), create=True) as gradebook:
    gradebook.lock()
    run = begin(gradebook, students=students[:5000])
    print("begun", flush=True)
    for n, student in enumerate(students[:5000], start=1):
        record(gradebook, run, student, MOE, result(first=n % 5))
        print(n, flush=True)
"""


def writer(folder: Path) -> "subprocess.Popen[str]":
    """Start a process that records results one by one and prints their number."""
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(folder)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    return process


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
@pytest.mark.parametrize("after", [1, 40, 333])
def test_a_killed_writer_leaves_complete_results_and_no_lock(tmp_path: Path, after: int) -> None:
    process = writer(tmp_path)
    assert process.stdout is not None
    for _ in range(after):
        process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    told = after + len(process.stdout.read().splitlines(keepends=False))
    process.wait()
    process.stdout.close()
    with Gradebook(tmp_path) as gradebook:
        gradebook.lock()
        stored = [grade.result for grade in gradebook.book().grades()]
        assert told <= len(stored) <= told + 1
        assert all(isinstance(each, Result) and len(each.tests) == 2 for each in stored)
        assert gradebook.run().ended is None
    with sqlite3.connect(tmp_path / FILE) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        assert connection.execute("SELECT count(*) FROM results").fetchone() == (len(stored),)
    connection.close()


def test_refuses_a_second_batch_until_the_first_ends(tmp_path: Path) -> None:
    process = writer(tmp_path)
    with Gradebook(tmp_path) as gradebook:
        with pytest.raises(UsageError, match="is being written by another grade batch; wait until it ends"):
            gradebook.lock()
        process.kill()
        process.communicate()
        gradebook.lock()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="fork")
def test_a_forked_child_does_not_keep_the_lock(tmp_path: Path) -> None:
    code = (
        "import os, sys, time\nfrom pathlib import Path\nfrom grader.teach.gradebook import Gradebook\n"
        "gradebook = Gradebook(Path(sys.argv[1]), create=True)\ngradebook.lock()\n"
        "reader, writer = os.pipe()\n"
        "if os.fork() == 0:\n    os.close(writer)\n    sys.stdin.read()\n    os._exit(0)\n"
        "print('locked', flush=True)\nos._exit(0)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    assert process.stdout.readline() == "locked\n"
    process.wait()  # the parent has ended, the child waits for the end of its input
    with Gradebook(tmp_path) as gradebook:
        gradebook.lock()
    process.stdin.close()
    process.stdout.close()

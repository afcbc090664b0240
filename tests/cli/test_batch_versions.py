"""Tests of `grade batch` with several versions: all are graded, and the late policy chooses."""

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from grader.teach.gradebook import Gradebook
from grader.teach.gradebook.model import Grade
from tests.classes import REFERENCE, WAITS, batch, entries, grades, make_course, running, wait_until
from tests.teach.handins.handed_in import Files, folder, gradescope
from tests.teach.handins.repositories import commit
from tests.three_exercises import BASE, TOP, WRONG_BASE, three_exercises

RIGHT, WRONG, NOTHING = BASE.encode(), WRONG_BASE.encode(), b"def double(x):\n    return -1\n"  # 4, 1 and 0 points
LATE = "due: 2026-10-01T23:59+00:00\ngrace: 10 min\nper_day: 25%\n"  # a day costs a point
ON_TIME, DUE, GRACE, AFTER = (f"2026-10-{time}:00 Z" for time in ("01 20:00", "01 23:59", "02 00:09", "02 12:00"))


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return three_exercises(tmp_path_factory.mktemp("versions") / "course")


def of(out: Path, item: str = "base") -> dict[str, Grade]:
    with Gradebook(out) as book:
        return {grade.student.id: grade for grade in book.book().grades() if grade.item.id == item}


def final(out: Path, item: str = "base") -> dict[str, float | None]:
    return {student: grade.points.final if grade.points else None for student, grade in of(out, item).items()}


def gradebook(course: Path, out: Path, *words: str | Path) -> str:
    command = [sys.executable, "-m", "grader.cli", "--course", str(course), "gradebook", str(out), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def policy(course: Path, out: Path, text: str, extensions: str = "") -> dict[str, float | None]:
    """Return everybody's points under another policy, given after grading."""
    files = {"late.yaml": text, "extensions.csv": f"student,item,due,days\n{extensions}\n"}
    for name, content in files.items():
        (out / name).write_text(content, "utf-8")
    gradebook(course, out, "--late", out / "late.yaml", "--extensions", out / "extensions.csv")
    return final(out)


def test_applies_each_policy_without_grading_again(course: Path, tmp_path: Path) -> None:
    export = gradescope(
        tmp_path / "export",
        (ON_TIME, "ada", {"base.py": WRONG}),
        (DUE, "ada bob", {"base.py": RIGHT}),
        (AFTER, "ada", {"base.py": NOTHING}),
        (AFTER, "eve", {"base.py": WRONG}),
        ("2026-10-03 20:00:00 Z", "eve", {"base.py": RIGHT}),
        (GRACE, "joe", {"base.py": RIGHT}),
        (AFTER, "joe", {"base.py": WRONG}),
    )
    out = tmp_path / "out"
    run = batch(course, export, "--out", out)
    assert run.returncode == 0, run.stderr
    assert "  gradescope: 4 files of 4 students, and 4 earlier versions" in run.stdout.splitlines()
    assert "3 grades measured, 5 reused" in run.stdout
    assert final(out) == {"ada": 0, "bob": 4, "eve": 4, "joe": 1}
    assert policy(course, out, LATE) == {"ada": 4, "bob": 4, "eve": 2, "joe": 4}
    assert policy(course, out, f"counts: last\n{LATE}") == {"ada": 0, "bob": 4, "eve": 2, "joe": 0}
    assert policy(course, out, f"counts: best\n{LATE}") == {"ada": 4, "bob": 4, "eve": 2, "joe": 4}
    assert policy(course, out, LATE, "eve,,,1\nada,base,,1") == {"ada": 0, "bob": 4, "eve": 1, "joe": 4}
    reasons = [grade.points and grade.points.reasons for grade in of(out).values()]
    assert reasons == [
        ("Version of 2026-10-02 12:00+00:00, the last on time; 2 others.", "The due date was extended to "
         "2026-10-02 23:59+00:00."),
        (),
        ("Version of 2026-10-02 12:00+00:00, the last on time; 1 other.", "The due date was extended to "
         "2026-10-02 23:59+00:00."),
        ("Version of 2026-10-02 00:09+00:00, the last on time; 1 other.",),
    ]  # fmt: skip
    assert "0 grades measured, 8 reused" in batch(course, export, "--out", out).stdout


def test_grades_the_commits_of_repositories_as_versions(course: Path, tmp_path: Path) -> None:
    """Count the last commit before the due date, with its imports of that time."""
    ada, bob = tmp_path / "org/week-1-ada", tmp_path / "org/week-1-bob"
    stub = (course / "exercises/base/base.py").read_bytes()
    commit(ada, "2026-09-01T00:00:00Z", {"exercises/base/base.py": stub, "README.md": b""})
    commit(ada, "2026-10-01T20:00:00Z", {"exercises/base/base.py": RIGHT, "exercises/top/top.py": TOP.encode()})
    commit(ada, "2026-10-02T12:00:00Z", {"exercises/base/base.py": NOTHING})
    commit(ada, "2026-10-02T13:00:00Z", {"README.md": b"late, and no matter"})
    commit(bob, "2026-09-01T00:00:00Z", {"exercises/base/base.py": stub})
    commit(bob, "2026-10-02T12:00:00Z", {"exercises/base/base.py": RIGHT})
    out = tmp_path / "out"
    late = folder(tmp_path, {"late.yaml": LATE.encode()}) / "late.yaml"
    run = batch(course, tmp_path / "org", "--prefix", "week-1-", "--late", late, "--out", out)
    assert run.returncode == 0, run.stderr
    assert "  git: 3 files of 2 students, and 1 earlier version" in run.stdout.splitlines()
    assert (final(out), final(out, "top")) == ({"ada": 4, "bob": 3}, {"ada": 4})
    assert [grade.handed.versions for grade in (*of(out).values(), *of(out, "top").values())] == [2, 1, 2]
    policy(course, out, f"counts: last\n{LATE}")
    assert (final(out)["ada"], final(out, "top")["ada"]) == (0, 0)  # top builds on what is wrong since


def nbgrader(root: Path, time: str, data: bytes) -> Path:
    notebook = {"cells": [{"cell_type": "code", "metadata": {}, "outputs": [], "source": data.decode()}]}
    text = json.dumps(notebook | {"metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    return folder(
        root, {"submitted/ada/ps1/base.ipynb": text.encode(), "submitted/ada/ps1/timestamp.txt": time.encode()}
    )


def test_grades_two_nbgrader_collections_as_versions(course: Path, tmp_path: Path) -> None:
    monday = nbgrader(tmp_path / "monday", "2026-10-01 20:00:00 UTC", RIGHT)
    tuesday = nbgrader(tmp_path / "tuesday", "2026-10-02 20:00:00 UTC", WRONG)
    out = tmp_path / "out"
    assert "1 earlier version" in batch(course, monday, tuesday, "--out", out).stdout
    assert (final(out), policy(course, out, LATE)) == ({"ada": 1}, {"ada": 4})


@pytest.mark.parametrize("layout", ["canvas", "moodle", "folder", "flat"])
def test_grades_numbered_versions_without_times(course: Path, tmp_path: Path, layout: str) -> None:
    """Count the last version, or the best, or the last without the platform's LATE mark."""
    files: dict[str, Files] = {
        "canvas": {"lovelaceada_7_55_base.py": RIGHT, "lovelaceada_LATE_7_57_base-1.py": WRONG},
        "moodle": {f"Ada L_7_assignsubmission_file_/base{n}.py": data for n, data in (("", RIGHT), ("_1", WRONG))},
        "folder": {"7/base.py": RIGHT, "7/base (1).py": WRONG},
        "flat": {"7_base.py": RIGHT, "7_base-1.py": WRONG},
    }
    out = tmp_path / "out"
    run = batch(course, folder(tmp_path / "class", files[layout]), "--layout", layout, "--out", out)
    assert f"  {layout}: 1 file of 1 student, and 1 earlier version" in run.stdout.splitlines(), run.stderr
    assert final(out) == {"7": 1}
    assert policy(course, out, LATE) == {"7": 4 if layout == "canvas" else 1}
    assert policy(course, out, "counts: best") == {"7": 4}


def test_adds_no_remark_to_a_single_version(course: Path, tmp_path: Path) -> None:
    export = gradescope(tmp_path / "export", (AFTER, "ada", {"base.py": RIGHT}), (ON_TIME, "bob", {"base.py": RIGHT}))
    out = tmp_path / "out"
    assert "  gradescope: 2 files of 2 students" in batch(course, export, "--out", out).stdout.splitlines()
    for counts in ("last-on-time", "last", "best"):
        assert policy(course, out, f"counts: {counts}\n{LATE}") == {"ada": 3, "bob": 4}
    assert [grade.points and grade.points.reasons for grade in of(out).values()] == [
        ("Handed in 12 h 1 min late: 25 % of the maximum is taken away.",),
        (),
    ]


def test_says_which_of_two_files_is_graded(course: Path, tmp_path: Path) -> None:
    files = {"ada/base.py": RIGHT, "ada/old/base.py": WRONG, "bob/base.py": RIGHT, "bob/old/base.py": RIGHT}
    submissions, out = folder(tmp_path / "class", files), tmp_path / "out"
    os.utime(submissions / "ada/old/base.py", (1_700_009_000, 1_700_009_000))
    formats = [word for name in ("csv", "html", "github") for word in ("--format", name)]
    run = batch(course, submissions, "--out", out, *formats)
    screen = run.stdout.splitlines()
    first = screen.index("  1 file not graded, because another one for the same item is")
    why = f"not the same as {submissions}/ada/base.py, which is graded because it is nearer to the top"
    assert screen[first + 1] == f"    {submissions}/ada/old/base.py: {why}"
    assert screen[first + 2] == ""
    assert final(out) == {"ada": 4, "bob": 4}
    report = (out / "report.html").read_text("utf-8")
    assert "<h3>Files of students who handed in another file for the same exercise or quiz</h3>" in report
    assert why in report.replace("<wbr>", "")
    rows = (out / "not-graded.csv").read_text("utf-8").splitlines()[1:]
    assert [row.split(",")[-2] for row in rows] == ["copy", "earlier"]
    assert why.replace(" ", "") in "".join(gradebook(course, out, "--student", "ada").split())


def test_a_resumed_run_grades_the_remaining_versions(tmp_path: Path, closed: Path) -> None:
    course = make_course(tmp_path, closed)
    export = gradescope(
        tmp_path / "export",
        (ON_TIME, "ada", {"toolbox.py": WAITS.encode()}),
        (AFTER, "ada", {"toolbox.py": REFERENCE.encode()}),
        (ON_TIME, "bob", {"toolbox.py": REFERENCE.encode()}),
    )
    out, words = tmp_path / "out", (export, "--jobs", "2")
    with running(course, *words, "--out", out, "--quiet") as process:
        wait_until(lambda: entries(out) >= 2, process)
        process.kill()
        process.wait()
    assert sorted(grades(out)) == ["bob"]  # as long as a version is not graded, nobody knows what counts
    closed.touch()
    again = batch(course, *words, "--out", out)
    assert again.returncode == 0, again.stderr
    assert "1 grade measured, 2 from before the interruption" in again.stdout
    assert {student: grade.handed.versions for student, grade in grades(out).items()} == {"ada": 2, "bob": 1}


def test_does_not_count_a_version_removed_during_an_interruption(course: Path, tmp_path: Path) -> None:
    files = {"ada/base.py": RIGHT, "ada/base-1.py": WRONG, "bob/base.py": WRONG}
    submissions, out = folder(tmp_path / "class", files), tmp_path / "out"
    batch(course, submissions, "--out", out)
    with closing(sqlite3.connect(out / "gradebook.sqlite")) as book, book:
        book.execute("UPDATE runs SET ended = NULL")
    (submissions / "ada/base-1.py").unlink()
    again = batch(course, submissions, "--out", out)
    assert "Resuming the interrupted run." in again.stdout
    assert (final(out), of(out)["ada"].handed.versions) == ({"ada": 4, "bob": 1}, 1)

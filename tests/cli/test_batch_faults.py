"""Tests of `grade batch` after kills, signals and full disks: it resumes with the same results."""

import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from grader.base.result import Result
from tests.classes import (
    CRASH,
    FALLS,
    FILES,
    HOLES,
    RAISES,
    REFERENCE,
    WAITS,
    batch,
    children,
    command,
    complaints,
    entries,
    grades,
    hand_in,
    make_course,
    running,
    scores,
    untimed,
    wait_until,
    with_a_hole,
)
from tests.hostile import WAYS_TO_END_A_JUDGE

if sys.platform != "linux":
    pytest.skip("processes are found in /proc", allow_module_level=True)

CLASS = FILES | {"zoe": WAITS}


@pytest.fixture(scope="module")
def course(gate: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_course(tmp_path_factory.mktemp("faults"), gate)


@pytest.fixture(scope="module")
def submissions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hand_in(tmp_path_factory.mktemp("class"), CLASS)


@pytest.fixture(scope="module")
def undisturbed(course: Path, submissions: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    assert batch(course, submissions, "--out", out, "--quiet").returncode == 0
    return untimed(out)


SLOW = pytest.mark.slow


@pytest.mark.parametrize("kept", [4, *(pytest.param(kept, marks=SLOW) for kept in (0, 1, 7, 10))])
def test_resumes_after_a_kill_at_any_point(
    kept: int, course: Path, submissions: Path, undisturbed: dict[str, object], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with running(course, submissions, "--out", out, "--quiet") as process:
        wait_until(lambda: entries(out) >= kept, process)
        process.kill()
        process.wait()
    before = entries(out)
    assert before >= kept
    again = batch(course, submissions, "--out", out)
    assert again.returncode == 0, again.stderr
    assert entries(out) == len(CLASS)
    if before:
        assert f"{before} from before the interruption" in again.stdout or before == len(CLASS)
    assert untimed(out) == undisturbed
    with closing(sqlite3.connect(out / "gradebook.sqlite")) as book:
        (runs,), (keys, results) = (
            book.execute("SELECT count(*) FROM runs").fetchone(),
            book.execute("SELECT count(DISTINCT key), count(*) FROM results").fetchone(),
        )
    assert runs == (2 if before == len(CLASS) else 1)
    assert keys == results  # nothing was graded twice


def kill_worker(coordinator: int) -> bool:
    """Kill one worker, if there is one. Return whether there was."""
    for warm in children(coordinator):
        judges = [pid for pid in children(warm) if _is_of_kind(pid, "judge")]
        workers = [pid for pid in children(warm) if pid not in judges]
        if workers:
            return _kill(workers[0])
    return False


def kill_judge(coordinator: int) -> bool:
    """Kill one judge, if there is one. Return whether there was."""
    for warm in children(coordinator):
        judges = [pid for pid in children(warm) if _is_of_kind(pid, "judge")]
        if judges:
            return _kill(judges[0])
    return False


def kill_warm(coordinator: int) -> bool:
    """Kill the warm process, if it has judges. Return whether it had."""
    for warm in children(coordinator):
        if children(warm):
            return _kill(warm)
    return False


def _is_of_kind(pid: int, kind: str) -> bool:
    """Return whether a process below the warm one is of this kind: only workers are confined by seccomp."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    confined = "Seccomp:\t2" in status
    return confined != (kind == "judge")


def _kill(pid: int) -> bool:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("after", [4, pytest.param(0, marks=SLOW)])
@pytest.mark.parametrize("kill", [kill_worker, kill_judge, kill_warm])
def test_killed_processes_change_no_result(
    kill: Callable[[int], bool],
    after: int,
    course: Path,
    submissions: Path,
    closed: Path,
    undisturbed: dict[str, object],
    tmp_path: Path,
) -> None:
    out = tmp_path / "out"
    with running(course, submissions, "--out", out) as process:
        wait_until(lambda: entries(out) >= after and kill(process.pid), process)
        assert process.poll() is None
        closed.touch()
        _, complained = process.communicate()
    assert process.returncode == 0, complained
    assert untimed(out) == undisturbed


def test_no_submission_can_end_a_judge(tmp_path: Path) -> None:
    """Grade the rest of the class, with an exit code of 0."""
    course, out = make_course(tmp_path), tmp_path / "out"
    attacks = {f"eve{number}": code for number, (_, code) in enumerate(WAYS_TO_END_A_JUDGE.values())}
    files = {student: f"{REFERENCE}\n\n{code}" for student, code in ({"ada": ""} | attacks | {"zoe": "# zoe"}).items()}
    done = batch(course, hand_in(tmp_path, files), "--out", out, "--jobs", "1")
    assert done.returncode == 0, done.stderr
    found = untimed(out)
    assert {student: result["outcome"] for student, result in found.items()} == dict.fromkeys(files, "graded")
    assert [student for student, result in found.items() if result["score"] == 31] == ["ada", "zoe"]


def test_attributes_a_crash_of_the_judge_to_the_submission(tmp_path: Path) -> None:
    """Grade the others."""
    course, out = make_course(tmp_path), tmp_path / "out"
    with_a_hole(course, CRASH)
    files = {"ada": REFERENCE, "eve": f"{REFERENCE}\n\n{FALLS}", "ben": FILES["ben"]}
    done = batch(course, hand_in(tmp_path, files), "--out", out, "--jobs", "1")
    assert done.returncode == 0, done.stderr
    assert scores(out) == {"ada": 31, "eve": 0, "ben": 30}
    result = untimed(out)["eve"]
    assert (result["outcome"], result["score"], result["max_score"]) == ("tampered", 0, 31)
    assert HOLES[CRASH] in result["message"]
    assert grades(out)["eve"].error is None


def test_does_not_attribute_a_killed_or_failed_judge_to_the_submission(tmp_path: Path) -> None:
    """Let a judge be killed, exit, or fail; grade the others in any case."""
    course, out = make_course(tmp_path), tmp_path / "out"
    others = {f"eve{number}": hole for number, hole in enumerate(HOLES) if hole not in (CRASH, RAISES)}
    for student, hole in others.items():
        with_a_hole(course, hole, word=student)
    fallen = {student: f"{REFERENCE}\n\n{FALLS.replace('the hole', student)}" for student in others}
    submissions = hand_in(tmp_path, {"ada": REFERENCE, **fallen, "zoe": FILES["ben"]})
    done = batch(course, submissions, "--out", out, "--jobs", "1")
    assert done.returncode == 3
    assert scores(out) == {"ada": 31, "zoe": 30} | dict.fromkeys(others)
    for student, hole in others.items():
        grade = grades(out)[student]
        assert grade.result is None
        assert HOLES[hole] in (grade.error or "")
        (told,) = [line for line in done.stderr.splitlines() if line.startswith(f"error: {student}, ")]
        assert HOLES[hole] in told


def test_grades_a_submission_whose_exception_cannot_be_explained(tmp_path: Path) -> None:
    """Let the test raise for this submission only; the reference passes."""
    course, out = make_course(tmp_path), tmp_path / "out"
    with_a_hole(course, RAISES)
    done = batch(course, hand_in(tmp_path, {"eve": f"{REFERENCE}\n\n{FALLS}"}), "--out", out, "--jobs", "1")
    assert (done.returncode, scores(out)) == (0, {"eve": 27})
    result = grades(out)["eve"].result
    assert isinstance(result, Result)
    assert [HOLES[RAISES] in each for each in result.advice_errors] == [True]


def test_attributes_a_test_that_crashes_on_the_reference_to_the_course(tmp_path: Path) -> None:
    course, out = make_course(tmp_path), tmp_path / "out"
    with_a_hole(course, CRASH, for_all=True)
    done = batch(course, hand_in(tmp_path, {"ben": FILES["ben"]}), "--out", out, "--jobs", "1")
    assert done.returncode == 3
    assert scores(out) == {"ben": None}
    assert HOLES[CRASH] in (grades(out)["ben"].error or "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_says_how_to_resume_after_a_signal(
    number: int, course: Path, submissions: Path, closed: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with running(course, submissions, "--out", out) as process:
        wait_until(lambda: entries(out) >= 3, process)
        process.send_signal(number)
        _, complained = process.communicate()
    kept = entries(out)
    assert process.returncode == 130
    stopped = f"error: Stopped; {kept} of {len(CLASS)} grades are kept."
    assert complaints(complained) == f"{stopped} Run the same command again to resume.\n"
    closed.touch()
    assert batch(course, submissions, "--out", out).returncode == 0
    assert entries(out) == len(CLASS)


@pytest.mark.usefixtures("closed")
def test_ignores_further_signals(course: Path, submissions: Path, tmp_path: Path) -> None:
    with running(course, submissions, "--out", tmp_path / "out") as process:
        wait_until(lambda: entries(tmp_path / "out") >= 3, process)
        for _ in range(4):
            process.send_signal(signal.SIGINT)
        _, complained = process.communicate()
    assert process.returncode == 130
    assert re.fullmatch(r"error: Stopped; \d+ of \d+ grades are kept\..*\n", complaints(complained))


SIGNAL_IN_A_DESTRUCTOR = """
import signal
from grader.teach.batch import run
from grader.cli import main

class Destroyed:
    def __del__(self):
        signal.raise_signal(signal.SIGINT)

def submission_of(*read, of=run.submission_of):
    Destroyed()
    return of(*read)

run.submission_of = submission_of
main()
"""


@pytest.mark.usefixtures("closed")
def test_handles_a_signal_in_a_destructor(course: Path, submissions: Path, tmp_path: Path) -> None:
    """Send a signal where its exception would be lost."""
    words = command(course, submissions, "--out", tmp_path / "out", "--quiet")
    words[1:3] = ["-c", SIGNAL_IN_A_DESTRUCTOR]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 130
    stopped = f"error: Stopped; 0 of {len(CLASS)} grades are kept. Run the same command again to resume.\n"
    assert complaints(done.stderr) == stopped


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """Mount a small file system."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=200k", "small", str(folder)]
    mounted = subprocess.run(mount, capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_loses_no_grades_on_a_full_disk(
    course: Path, submissions: Path, small: Path, undisturbed: dict[str, object]
) -> None:
    out = small / "out"
    first = batch(course, submissions, "--out", out, "--quiet")
    assert first.returncode == 4
    assert first.stderr.startswith("error: ")
    assert first.stderr.count("\n") == 1
    kept = entries(out)
    subprocess.run(["mount", "-o", "remount,size=4m", small], check=True)
    again = batch(course, submissions, "--out", out)
    assert again.returncode == 0, again.stderr
    assert f"{kept} from before the interruption" in again.stdout
    assert untimed(out) == undisturbed


def test_reports_a_folder_that_cannot_be_written(course: Path, submissions: Path, small: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", small], check=True)
    run = batch(course, submissions, "--out", small / "out", "--quiet")
    assert run.returncode == 2
    assert run.stderr.startswith("error: ")
    assert run.stderr.count("\n") == 1
    assert "Traceback" not in run.stderr


def test_grades_the_others_beside_a_hanging_submission(course: Path, closed: Path, tmp_path: Path) -> None:
    files = {"a-hung": WAITS} | {f"s{number}": f"{REFERENCE}# {number}\n" for number in range(6)}
    submissions, out = hand_in(tmp_path, files), tmp_path / "out"
    with running(course, submissions, "--out", out, "--jobs", "2", "--quiet") as process:
        wait_until(lambda: entries(out) >= 6, process)
        assert "a-hung" not in grades(out)  # it is still at it, and the others are done
        closed.touch()
        process.communicate()
    assert process.returncode == 0
    assert len(grades(out)) == 7

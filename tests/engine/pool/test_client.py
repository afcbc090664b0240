"""Judges that are renewed or lost, and a warm process that outlives its command."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.course import load_course
from grader.engine.judge.materials import materials
from grader.engine.judge.messages import Job
from grader.engine.pool import client, liveness, resident
from grader.engine.pool.judge_client import JudgeCrashed, JudgeLost
from grader.engine.pool.resident import connect_to_all
from tests.classes import make_course, with_a_hole
from tests.paths import TOOLBOX, copy_toolbox

needs_fork = pytest.mark.skipif(not client.can_fork(), reason="there is no safe fork here")


@pytest.fixture(params=[True, False])
def forked(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a test with judges that a warm process forks, and with judges that are spawned."""
    if request.param and not client.can_fork():
        pytest.skip("there is no safe fork here")
    monkeypatch.setattr(client, "can_fork", lambda: request.param)


@pytest.mark.slow
@pytest.mark.usefixtures("forked")
def test_renewed_judges_can_be_prepared_again() -> None:
    course = load_course(TOOLBOX)
    exercise = course.exercise("toolbox")
    job = Job(0, exercise.id, "toolbox.py", exercise.reference.read_text("utf-8"), "", 0)
    with client.Judges() as judges:
        for _ in range(2):
            judges.prepare([materials(course, exercise)], forbidden=[TOOLBOX])
            assert [result.score for _, result in judges.grade([job])] == [31]
            judges.renew()


@needs_fork
def test_prestarted_workers_are_fresh_and_give_the_same_scores(tmp_path: Path) -> None:
    course = load_course(TOOLBOX)
    exercise = course.exercise("toolbox")
    reference = exercise.reference.read_text("utf-8")
    leaves = "if hasattr(torch, 'left'): raise OSError\ntorch.left = True"
    crashes = "import os\ndef scale(x, factor): os.abort()"
    with client.Judges() as judges:
        judges.prepare([materials(course, exercise)], forbidden=[TOOLBOX], prestart_workers=True)
        scores = []
        for code in ("", leaves, crashes, "", leaves):
            ((_, result),) = judges.grade([Job(0, exercise.id, "toolbox.py", f"{reference}\n{code}\n", "", 0)])
            scores.append(result.score)
    assert scores == [31, 31, 30, 31, 31]


LOSSES = {
    signal.SIGKILL: (JudgeLost, "a judge was killed, as the system does when memory runs out"),
    signal.SIGTERM: (JudgeLost, "a judge was ended by signal 15 (Terminated)"),
    signal.SIGBUS: (JudgeLost, "a judge was ended by signal 7 (Bus error)"),
    signal.SIGSEGV: (JudgeCrashed, "a judge crashed with signal 11 (Segmentation fault)"),
}


@pytest.mark.usefixtures("forked")
def test_the_wait_status_of_a_judge_decides_the_error() -> None:
    course = load_course(TOOLBOX)
    exercise = course.exercise("toolbox")
    job = Job(0, exercise.id, "toolbox.py", exercise.reference.read_text("utf-8"), "", 0)
    found = {}
    with client.Judges(0) as judges:
        judges.prepare([materials(course, exercise)], forbidden=[TOOLBOX])
        for number in LOSSES:
            judge = judges.add_judge()
            os.kill(judge.pid, number)
            with pytest.raises(JudgeLost) as lost:
                judges.ask(judge, job, 600.0)
            found[number] = type(lost.value), str(lost.value)
    assert found == LOSSES


# ------------------------------------------------------------ a resident warm process

REFERENCE = (TOOLBOX / "solutions/toolbox/toolbox.py").read_text("utf-8")


def graded(judges: client.Judges, testing: Callable[[str], None] = lambda test: None, root: Path = TOOLBOX) -> float:
    """Grade the reference and return its score."""
    course = load_course(root)
    exercise = course.exercise("toolbox")
    judges.prepare([materials(course, exercise)], forbidden=[root])
    job = Job(0, exercise.id, "toolbox.py", REFERENCE, "", 0, announce=True)
    ((_, result),) = judges.grade([job], testing=testing)
    return result.score


def leave_resident_process() -> int:
    """Run a command that leaves a warm process behind, and return its pid."""
    with client.Judges(resident=True) as judges:
        judges.prepare([], forbidden=[])
        assert judges.warm_pid is not None
        return judges.warm_pid


@needs_fork
def test_later_commands_use_the_process_that_the_first_left_behind(staying: Path) -> None:
    pid = leave_resident_process()
    for _ in range(2):
        with client.Judges(resident=True) as judges:
            assert judges.warm_pid == pid
            assert graded(judges) == 31


@needs_fork
def test_two_commands_at_once_have_separate_judges(staying: Path) -> None:
    pid = leave_resident_process()
    with client.Judges(resident=True) as first:
        assert graded(first) == 31
        with client.Judges(resident=True) as second:
            assert [first.warm_pid, second.warm_pid] == [pid, pid]
            assert graded(second) == 31
        (judge,) = first._judges
        os.kill(judge.pid, 0)  # raises unless it still runs


@needs_fork
def test_two_commands_that_start_at_once_leave_one_process_behind(staying: Path) -> None:
    with client.Judges(resident=True) as first, client.Judges(resident=True) as second:
        assert first.warm_pid != second.warm_pid
        assert [graded(first), graded(second)] == [31, 31]
    assert len(list(connect_to_all())) == 1


def kill(pid: int) -> None:
    """Kill a process, or do nothing if it is gone."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


@pytest.fixture
def waiting(tmp_path: Path) -> tuple[Path, Path]:
    """Make a course with a test that waits until a file exists, and return both."""
    gate = tmp_path / "gate"
    course = make_course(tmp_path)
    with_a_hole(course, f"while not __import__('os').path.exists({str(gate)!r}): pass", for_all=True)
    return course, gate


@needs_fork
def test_a_resident_process_that_is_killed_while_grading_is_replaced(staying: Path, waiting: tuple[Path, Path]) -> None:
    course, gate = waiting
    pid = leave_resident_process()
    found = []

    def work(judges: client.Judges) -> float:
        found.append(judges.warm_pid == pid)
        if not found[-1]:
            gate.touch()
        return graded(judges, lambda test: kill(pid) if found[-1] else None, course)

    assert client.with_judges(work) == 31
    assert found == [True, False]


@needs_fork
def test_a_new_resident_process_that_is_killed_while_grading_is_replaced(
    staying: Path, waiting: tuple[Path, Path]
) -> None:
    course, gate = waiting
    was_resident = []

    def work(judges: client.Judges) -> float:
        was_resident.append(judges.is_resident)
        pid = judges.warm_pid
        assert pid is not None
        if not judges.is_resident:
            gate.touch()
        return graded(judges, lambda test: kill(pid) if judges.is_resident else None, course)

    assert client.with_judges(work) == 31
    assert was_resident == [True, False]


@needs_fork
def test_a_stopped_resident_process_is_not_used(staying: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pid = leave_resident_process()
    os.kill(pid, signal.SIGSTOP)
    monkeypatch.setattr(resident, "RESPONSE_TIMEOUT", 0.2)
    assert client.with_judges(lambda judges: (judges.warm_pid == pid, graded(judges))) == (False, 31)


@needs_fork
def test_a_resident_process_that_stops_while_grading_is_replaced(
    staying: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid = leave_resident_process()
    monkeypatch.setattr(liveness, "MAX_STALLED_CHECKS", 2)

    def work(judges: client.Judges) -> tuple[bool, float]:
        found = judges.warm_pid == pid
        if found:
            os.kill(pid, signal.SIGSTOP)
        return found, graded(judges)

    assert client.with_judges(work) == (False, 31)


@needs_fork
def test_output_of_a_test_goes_to_the_command_that_grades(staying: Path, tmp_path: Path) -> None:
    leave_resident_process()
    course = tmp_path / "course"
    copy_toolbox(course)
    tests = course / "exercises/toolbox/test_public.py"
    tests.write_text(tests.read_text() + "\nprint('of this course', flush=True)\n")
    line = [sys.executable, "-m", "grader.cli", "exercise", "toolbox", "--file", "solutions/toolbox/toolbox.py"]
    done = subprocess.run(line, cwd=course, capture_output=True, text=True, check=False)
    assert "of this course" in done.stderr
    assert "31 of 31 points" in done.stdout
    assert len(list(connect_to_all())) == 1


@needs_fork
@pytest.mark.parametrize("many", [False, True])
def test_judges_that_are_not_resident_leave_nothing_behind(many: bool, staying: Path) -> None:
    with client.Judges(many=many) as judges:
        judges.prepare([], forbidden=[])
    assert list(connect_to_all()) == []

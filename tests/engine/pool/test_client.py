"""Judges that are given other exercises than before, and a warm process that outlives its command."""

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
from grader.engine.pool import client, liveness
from grader.engine.pool import resident as module
from grader.engine.pool.resident import running
from tests.paths import TOOLBOX, copy_toolbox

stays_here = pytest.mark.skipif(not client.can_fork(), reason="there is no safe fork here")


@pytest.fixture(params=[True, False])
def forked(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Judges are forked from a warm process, or each is started by itself."""
    if request.param and not client.can_fork():
        pytest.skip("there is no safe fork here")
    monkeypatch.setattr(client, "can_fork", lambda: request.param)


@pytest.mark.usefixtures("forked")
def test_renewed_judges_are_prepared_once_more() -> None:
    course = load_course(TOOLBOX)
    exercise = course.exercise("toolbox")
    job = Job(0, exercise.id, "toolbox.py", exercise.reference.read_text("utf-8"), "", 0)
    with client.Judges() as judges:
        for _ in range(2):
            judges.prepare([materials(course, exercise)], forbidden=[TOOLBOX])
            assert [result.score for _, result in judges.grade([job])] == [31]
            judges.renew()


@stays_here
def test_who_waits_for_each_verdict_is_given_the_same_and_a_fresh_worker(tmp_path: Path) -> None:
    """started before the text is there, and ended after the verdict"""
    course = load_course(TOOLBOX)
    exercise = course.exercise("toolbox")
    reference = exercise.reference.read_text("utf-8")
    leaves = "if hasattr(torch, 'left'): raise OSError\ntorch.left = True"
    crashes = "import os\ndef scale(x, factor): os.abort()"
    with client.Judges() as judges:
        judges.prepare([materials(course, exercise)], forbidden=[TOOLBOX], ahead=True)
        scores = []
        for code in ("", leaves, crashes, "", leaves):
            ((_, result),) = judges.grade([Job(0, exercise.id, "toolbox.py", f"{reference}\n{code}\n", "", 0)])
            scores.append(result.score)
    assert scores == [31, 31, 30, 31, 31]


ENDS = {
    signal.SIGKILL: (client.JudgeLost, "a judge was killed, as the system does where memory runs out"),
    signal.SIGTERM: (client.JudgeLost, "a judge was ended by signal 15 (Terminated)"),
    signal.SIGBUS: (client.JudgeLost, "a judge was ended by signal 7 (Bus error)"),
    signal.SIGSEGV: (client.JudgeFelled, "a judge crashed with signal 11 (Segmentation fault)"),
}


@pytest.mark.usefixtures("forked")
def test_how_a_judge_ended_is_told_by_its_wait_status() -> None:
    course = load_course(TOOLBOX)
    exercise = course.exercise("toolbox")
    job = Job(0, exercise.id, "toolbox.py", exercise.reference.read_text("utf-8"), "", 0)
    found = {}
    with client.Judges(0) as judges:
        judges.prepare([materials(course, exercise)], forbidden=[TOOLBOX])
        for number in ENDS:
            judge = judges.another()
            os.kill(judge.pid, number)
            with pytest.raises(client.JudgeLost) as lost:
                judges.ask(judge, job, 600.0)
            found[number] = type(lost.value), str(lost.value)
    assert found == ENDS


# ------------------------------------------------------------ a warm process that stays

REFERENCE = (TOOLBOX / "solutions/toolbox/toolbox.py").read_text("utf-8")


def graded(judges: client.Judges, testing: Callable[[str], None] = lambda test: None) -> float:
    """The score of the reference."""
    course = load_course(TOOLBOX)
    exercise = course.exercise("toolbox")
    judges.prepare([materials(course, exercise)], forbidden=[TOOLBOX])
    job = Job(0, exercise.id, "toolbox.py", REFERENCE, "", 0, announce=True)
    ((_, result),) = judges.grade([job], testing=testing)
    return result.score


def left_behind() -> int:
    """The pid of a warm process that a command left behind."""
    with client.Judges(stays=True) as judges:
        judges.prepare([], forbidden=[])
        assert judges.warm_pid is not None
        return judges.warm_pid


@stays_here
def test_later_commands_find_what_the_first_one_left_behind(staying: Path) -> None:
    pid = left_behind()
    for _ in range(2):
        with client.Judges(stays=True) as judges:
            assert judges.warm_pid == pid
            assert graded(judges) == 31


@stays_here
def test_two_commands_have_judges_of_their_own(staying: Path) -> None:
    pid = left_behind()
    with client.Judges(stays=True) as first:
        assert graded(first) == 31
        with client.Judges(stays=True) as second:
            assert [first.warm_pid, second.warm_pid] == [pid, pid]
            assert graded(second) == 31
        (judge,) = first._judges
        os.kill(judge.pid, 0)  # it is there


@stays_here
def test_two_that_start_at_once_leave_one_behind(staying: Path) -> None:
    with client.Judges(stays=True) as first, client.Judges(stays=True) as second:
        assert first.warm_pid != second.warm_pid
        assert [graded(first), graded(second)] == [31, 31]
    assert len(list(running())) == 1


@stays_here
def test_one_that_is_killed_meanwhile_is_replaced_and_the_verdict_is_right(staying: Path) -> None:
    pid = left_behind()
    found = []

    def work(judges: client.Judges) -> float:
        found.append(judges.warm_pid == pid)
        return graded(judges, testing=lambda test: os.kill(pid, signal.SIGKILL) if found[-1] else None)

    assert client.with_judges(work) == 31
    assert found == [True, False]


@stays_here
def test_the_first_one_may_be_ended_too(staying: Path) -> None:
    """by `grade warm --stop` while the first command grades, say"""
    stayed = []

    def work(judges: client.Judges) -> float:
        stayed.append(judges.stays)
        pid = judges.warm_pid
        assert pid is not None
        return graded(judges, testing=lambda test: os.kill(pid, signal.SIGKILL) if judges.stays else None)

    assert client.with_judges(work) == 31
    assert stayed == [True, False]


@stays_here
def test_one_that_is_stopped_is_not_waited_for(staying: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pid = left_behind()
    os.kill(pid, signal.SIGSTOP)
    monkeypatch.setattr(module, "PATIENCE", 0.2)
    assert client.with_judges(lambda judges: (judges.warm_pid == pid, graded(judges))) == (False, 31)


@stays_here
def test_one_that_is_stopped_while_it_is_needed_is_given_up(staying: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pid = left_behind()
    monkeypatch.setattr(liveness, "STILL", 2)

    def work(judges: client.Judges) -> tuple[bool, float]:
        found = judges.warm_pid == pid
        if found:
            os.kill(pid, signal.SIGSTOP)
        return found, graded(judges)

    assert client.with_judges(work) == (False, 31)


@stays_here
def test_what_a_test_prints_goes_to_the_command_that_grades(staying: Path, tmp_path: Path) -> None:
    left_behind()
    course = tmp_path / "course"
    copy_toolbox(course)
    tests = course / "exercises/toolbox/test_public.py"
    tests.write_text(tests.read_text() + "\nprint('of this course', flush=True)\n")
    line = [sys.executable, "-m", "grader.cli", "exercise", "toolbox", "--file", "solutions/toolbox/toolbox.py"]
    done = subprocess.run(line, cwd=course, capture_output=True, text=True, check=False)
    assert "of this course" in done.stderr
    assert "31 of 31 points" in done.stdout
    assert len(list(running())) == 1


@stays_here
@pytest.mark.parametrize("many", [False, True])
def test_others_leave_nothing_behind(many: bool, staying: Path) -> None:
    with client.Judges(many=many) as judges:
        judges.prepare([], forbidden=[])
    assert list(running()) == []

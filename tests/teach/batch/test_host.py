"""Tests of the host: it grades jobs within limits, and refuses to grade unconfined."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from grader.base.errors import UsageError
from grader.base.result import Outcome
from grader.course import load_course
from grader.engine.judge.materials import materials
from grader.engine.judge.messages import Job
from grader.engine.pool import client
from grader.teach.batch.host import Host
from tests.classes import REFERENCE, make_course


def test_stops_a_test_that_loops(tmp_path: Path) -> None:
    course = make_course(tmp_path)
    tests = course / "solutions/toolbox/test_hidden.py"
    looping = '    """the item, or IndexError"""\n    for _ in range(submission.pick([1 << 62], 0)):\n        pass\n'
    tests.write_text(tests.read_text("utf-8").replace('    """the item, or IndexError"""\n', looping), "utf-8")
    path = course / "exercises/toolbox/exercise.yaml"
    path.write_text(path.read_text("utf-8").replace("seconds: 1.0", "seconds: 0.1"), "utf-8")
    exercise = load_course(course).exercise("toolbox")
    host = Host([materials(load_course(course), exercise)], course, confined=True)
    try:
        result = host.grade(Job(0, "toolbox", "toolbox.py", REFERENCE, "", 0))
    finally:
        host.close()
    outcomes = {test.id: test.outcome for test in result.tests}
    assert outcomes["test_pick"] is Outcome.ERROR
    assert outcomes["test_gate"] is Outcome.PASSED
    assert result.is_faulty


def test_refuses_to_grade_unconfined_unless_told_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    course = make_course(tmp_path)
    monkeypatch.setattr(client, "can_fork", lambda: False)
    exercise = load_course(course).exercise("toolbox")
    given = [materials(load_course(course), exercise)]
    job = Job(0, "toolbox", "toolbox.py", REFERENCE, "", 0)
    refusing, willing = Host(given, course, confined=True), Host(given, course, confined=False)
    try:
        with pytest.raises(UsageError, match="--isolation process"):
            refusing.grade(job)
        result = willing.grade(job)
        assert result.passed
        assert result.isolation.kind == "process"
    finally:
        refusing.close()
        willing.close()


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    if not client.can_fork():
        pytest.skip("there is no warm process here")
    course = make_course(tmp_path)
    host = Host([materials(load_course(course), load_course(course).exercise("toolbox"))], course, confined=False)
    yield host
    host.close()


def kill_starts(monkeypatch: pytest.MonkeyPatch, count: int) -> list[int]:
    """Kill this many warm processes as soon as they start. Return the processes that are started."""
    started: list[int] = []
    start = client.Judges.start

    def killed(judges: client.Judges) -> None:
        start(judges)
        assert judges.warm_pid is not None
        started.append(judges.warm_pid)
        if len(started) <= count:
            os.kill(judges.warm_pid, signal.SIGKILL)

    monkeypatch.setattr(client.Judges, "start", killed)
    return started


JOB = Job(0, "toolbox", "toolbox.py", REFERENCE, "", 0)


def test_replaces_a_warm_process_that_is_killed_at_start(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    started = kill_starts(monkeypatch, 2)
    assert host.grade(JOB).passed
    assert len(started) == 3
    os.kill(started[-1], signal.SIGKILL)
    os.waitid(os.P_PID, started[-1], os.WEXITED | os.WNOWAIT)
    assert host.grade(JOB).passed
    assert len(started) == 4


def test_retries_a_job_exclusively_after_its_judge_is_killed(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """Retry a job after a crash of its judge beside others."""
    assert host.grade(JOB).passed
    turns: list[str] = []
    for name in ("exclusive", "shared"):
        turn = getattr(host._running, name)

        def record(name: str = name, turn: Callable[[], object] = turn) -> object:
            turns.append(name)
            return turn()

        monkeypatch.setattr(host._running, name, record)
    for number, again in (
        (signal.SIGKILL, "exclusive"), (signal.SIGTERM, "exclusive"), (signal.SIGSEGV, "shared")
    ):  # fmt: skip
        _, judge = host._judge()
        os.kill(judge.pid, number)
        assert host.grade(JOB).passed
        assert turns == ["shared", again]
        turns.clear()


@pytest.mark.slow
def test_attributes_excessive_cpu_time_of_two_judges_to_the_submission(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Use a test that Python cannot interrupt."""
    tests = Path(host._materials[0].tests[-1])
    adding = '    """the item, or IndexError"""\n    sum(range(submission.pick([0], 0)))\n'
    tests.write_text(tests.read_text("utf-8").replace('    """the item, or IndexError"""\n', adding), "utf-8")
    monkeypatch.setitem(host._patience, "toolbox", 3.0)
    result = host.grade(msgspec.structs.replace(JOB, source=f"{REFERENCE}\n\ndef pick(items, place): return 1 << 62\n"))
    assert (result.outcome, result.score, result.max_score) == (Outcome.TAMPERED, 0, 31)
    assert "a judge took more than 3 s of CPU" in (result.message or "")
    assert host.grade(JOB).passed


def test_a_crashing_known_mistake_costs_advice_but_no_points(host: Host) -> None:
    (given,) = host._materials
    crashing = (given.mistakes or "").replace("x * factor * factor", "__import__('os').abort()")
    assert crashing != given.mistakes
    host._materials = [msgspec.structs.replace(given, mistakes=crashing)]
    wrong = f"{REFERENCE}\n\ndef scale(x, factor): return x - factor\n"
    result = host.grade(msgspec.structs.replace(JOB, source=wrong))
    assert (result.outcome, result.score, result.diagnoses) == (Outcome.GRADED, 30, ())


def test_reports_that_no_warm_process_can_be_started(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    started = kill_starts(monkeypatch, 99)
    with pytest.raises(UsageError, match="ended 3 times while it started; is there enough memory"):
        host.grade(JOB)
    assert len(started) == 3

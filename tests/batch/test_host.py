"""A host grades jobs within bounds, and nothing where nothing confines."""

from pathlib import Path

import pytest

from grader.batch.host import Host
from grader.course import load_course
from grader.errors import UsageError
from grader.judge.materials import materials
from grader.judge.messages import Job
from grader.result import Outcome
from grader.warm import client
from tests.classes import REFERENCE, make_course


def test_a_test_that_loops_on_a_number_of_the_submission_is_stopped(tmp_path: Path) -> None:
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
    assert result.faulty


def test_nothing_is_graded_where_nothing_confines_unless_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
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

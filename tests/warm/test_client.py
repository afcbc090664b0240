"""Judges that are given other exercises than before."""

import pytest

from grader.course import load_course
from grader.judge.materials import materials
from grader.judge.messages import Job
from grader.warm import client
from tests.paths import TOOLBOX


@pytest.mark.parametrize("fork", [True, False])
def test_renewed_judges_are_prepared_once_more(fork: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if fork and not client.can_fork():
        pytest.skip("there is no safe fork here")
    monkeypatch.setattr(client, "can_fork", lambda: fork)
    course = load_course(TOOLBOX)
    exercise = course.exercise("toolbox")
    job = Job(0, exercise.id, "toolbox.py", exercise.reference.read_text("utf-8"), "", 0)
    with client.Judges() as judges:
        for _ in range(2):
            judges.prepare([materials(course, exercise)], forbidden=[TOOLBOX])
            assert [result.score for _, result in judges.grade([job])] == [31]
            judges.renew()

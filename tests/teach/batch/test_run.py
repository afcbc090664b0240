"""Tests of the progress of a run while no results arrive."""

from concurrent.futures import Future
from typing import Any

import pytest

from grader.base.result import Result
from grader.engine.pool.judge_client import JudgeLost
from grader.teach.batch import run
from grader.teach.batch.keys import ResultKey
from grader.teach.batch.run import Batch, Owner, Tally
from grader.teach.gradebook.model import GradedFile
from grader.teach.handins.handin import Student


class Nothing:
    """A gradebook that stores nothing."""

    def fail(self, *_: Any) -> None: ...


def test_names_the_oldest_job_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "_POLL", 0.0)
    book: Any = Nothing()
    unused: Any = None
    ada = Student(id="ada")
    batch = Batch(book, 1, (), unused, unused, unused, unused, regrade=False)
    slow, other = (
        run._Task(ResultKey({"item": each}), each, unused, None, [Owner(ada, GradedFile(file="x", sha256=""))], tries=9)
        for each in ("slow", "other")
    )
    batch._tasks = {each.key.hash: each for each in (slow, other)}
    said: list[str | None] = []

    def show(tally: Tally) -> None:
        said.append(tally.waiting)
        if len(said) == 15:
            lost: Future[Result] = Future()
            lost.set_exception(JudgeLost("gone"))
            batch._finished.put((slow, lost))

    batch._finish_next(show)
    assert said == [None] * 9 + ["slow of ada"] * 6 + [None]

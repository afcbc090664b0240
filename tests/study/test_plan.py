"""Plans of an evening, and where a student stopped."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from grader.course import load_course
from grader.course.model import Course
from grader.course.progress import (
    Answered,
    Event,
    Graded,
    HintShown,
    PartRead,
    PartStopped,
    Progress,
    QuizFinished,
    QuizStarted,
)
from grader.study.plan import Plan, plan_evening
from grader.study.reader.order import Step, steps
from grader.study.stopped import where_stopped
from tests.quiz.every_type import FILE
from tests.three_exercises import three_exercises

PART = """\
---
title: Doubling
---

## What `double` does

{words}

```question
id: why
ask: Why?
options: [one, two, three]
answer: one
because: It is.
```

## Why

{words}

```exercise base
```
"""
EARLIER = datetime(2020, 1, 1, tzinfo=UTC)
READ = PartRead(lesson="three", part=1, slug="one")


@pytest.fixture
def course(tmp_path: Path) -> Course:
    """Return a course of one part, three exercises of 5 minutes and a quiz."""
    root = three_exercises(tmp_path / "course")
    folder = root / "lessons" / "01-three"
    folder.mkdir(parents=True)
    (folder / "1-one.md").write_text(PART.format(words="word " * 700))
    (folder / "quiz.yaml").write_bytes(FILE.read_bytes())
    return load_course(root)


def plan(course: Course, minutes: int, *events: Event) -> Plan:
    return plan_evening(course, list(steps(course)), Progress(course.root / "progress.jsonl", list(events)), minutes)


def commands(found: Plan) -> list[str]:
    return [each.command for each in found.steps]


def passed(exercise: str) -> Graded:
    return Graded(exercise=exercise, score=4, max_score=4, passed=True, sha256=None)


def missed(question: str) -> Answered:
    return Answered(
        quiz="three", question=question, attempt=1, score=0, answer="x", seconds=30, due=EARLIER, time=EARLIER
    )


def test_a_plan_ends_at_the_first_step_that_does_not_fit(course: Course) -> None:
    short = plan(course, 12)
    assert commands(short) == ["lesson 1.1"]
    assert short.steps[0].about == "Doubling"
    assert short.following is not None
    assert (short.following.command, short.following.minutes) == ("exercise base", 5)
    nothing = plan(course, 5)
    assert commands(nothing) == []
    assert nothing.following is not None
    assert nothing.following.command == "lesson 1.1"


def test_a_quiz_comes_when_its_lesson_is_done(course: Course) -> None:
    whole = plan(course, 300)
    assert commands(whole) == ["lesson 1.1", "exercise base", "exercise high", "exercise top", "quiz three"]
    assert whole.following is None
    finished: list[Event] = [
        QuizStarted(quiz="three", attempt=1, questions=("q",)),
        QuizFinished(quiz="three", attempt=1, score=1, max_score=1),
    ]
    assert "quiz three" not in commands(plan(course, 300, *finished))


def test_a_plan_begins_where_the_student_is(course: Course) -> None:
    assert commands(plan(course, 12, READ, passed("high"))) == ["exercise base", "exercise top"]
    done: list[Event] = [
        READ,
        *map(passed, ("base", "top", "high")),
        QuizFinished(quiz="three", attempt=1, score=1, max_score=1),
    ]
    assert plan(course, 60, *done) == Plan((), None)


def test_a_part_that_was_left_takes_the_rest_of_its_time(course: Course) -> None:
    whole = plan(course, 300).steps[0].minutes
    rest = plan(course, 300, PartStopped(lesson="three", part=1, slug="one", block=2)).steps[0].minutes
    assert 0 < rest < whole


def test_what_is_due_comes_first_and_takes_half_of_the_time_at_most(course: Course) -> None:
    answers = [missed(str(number)) for number in range(30)]
    assert commands(plan(course, 120, *answers))[:2] == ["review", "lesson 1.1"]
    first = plan(course, 10, *answers).steps[0]
    assert (first.command, first.about, first.minutes) == ("review --n 10", "30 due", 5)


def stopped(course: Course, step: int, *events: Event) -> str:
    found: Step = list(steps(course))[step]
    return where_stopped(course.root, found, Progress(course.root / "progress.jsonl", list(events)))


def test_where_one_stopped_in_an_exercise(course: Course) -> None:
    def failed(test: str, place: int) -> Graded:
        return Graded(
            exercise="base",
            score=1,
            max_score=4,
            passed=False,
            sha256=None,
            failing_test=test,
            failing_place=place,
            test_count=9,
        )

    hints = [HintShown(exercise="base", number=1), HintShown(exercise="base", number=1, topic="many")]
    assert stopped(course, 1) == ""
    assert stopped(course, 1, failed("test_one", 1), failed("test_many_rows", 4)) == (
        "you were at many rows, test 4 of 9"
    )
    assert stopped(course, 1, hints[0], failed("test_one", 1)) == "you were at one, test 1 of 9, 1 hint used"
    assert stopped(course, 1, *hints, hints[0], failed("test_one", 1)).endswith("2 hints used")


@pytest.mark.parametrize(
    ("block", "heading"),
    [(0, ""), (1, "What double does"), (2, "Why"), (99, "Why")],
    ids=["top", "question", "heading", "shorter now"],
)
def test_where_one_stopped_in_a_part(course: Course, block: int, heading: str) -> None:
    event = PartStopped(lesson="three", part=1, slug="one", block=block)
    assert stopped(course, 0, event) == (f"you stopped under “{heading}”" if heading else "")
    assert stopped(course, 0, event, READ) == ""

"""The student's own pace, from the times of events."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from grader.course import load_course
from grader.course.model import Course
from grader.course.progress import (
    Answered,
    Event,
    Graded,
    HintShown,
    PartBegun,
    PartRead,
    PartStopped,
    Predicted,
    Progress,
)
from grader.study.pace import SECONDS, Pace, hours_left, own_pace
from grader.study.reader.order import steps
from tests.three_exercises import three_exercises

EVENING = datetime(2026, 12, 3, 19, tzinfo=UTC)
BEGUN = PartBegun(lesson="three", part=1, slug="one")
READ = PartRead(lesson="three", part=1, slug="one", minutes=10)
STOPPED = PartStopped(lesson="three", part=1, slug="one", block=3)
PREDICTED = Predicted(lesson="three", slug="one", question="why", answer="so", right=True)
HINT = HintShown(exercise="base", number=1)


def tried(exercise: str, passed: bool = False) -> Graded:
    return Graded(exercise=exercise, score=4.0 * passed, max_score=4, passed=passed, sha256=None)


def at(*events: tuple[float, Event]) -> list[Event]:
    """Return events, each with the minutes after the start of the evening."""
    return [msgspec.structs.replace(event, time=EVENING + timedelta(minutes=minutes)) for minutes, event in events]


def renamed(events: list[Event], slug: str) -> list[Event]:
    """Return the events with those of the part moved to another part."""
    return [event if isinstance(event, Graded) else msgspec.structs.replace(event, slug=slug) for event in events]


@pytest.fixture
def course(tmp_path: Path) -> Course:
    return load_course(three_exercises(tmp_path / "course"))


def pace_of(course: Course, *events: Event) -> Pace:
    return own_pace(course, Progress(course.root / "progress.jsonl", list(events)))


def reading(course: Course, events: list[Event]) -> float | None:
    """Return the pace of reading three parts whose events have these times."""
    return pace_of(course, *(event for slug in ("one", "two", "three") for event in renamed(events, slug))).reading


def test_stated_times_count_until_three_parts_are_timed(course: Course) -> None:
    two = [*at((0, BEGUN), (20, READ)), *renamed(at((20, BEGUN), (40, READ)), "two")]
    pace = pace_of(course, *two)
    assert pace == Pace(None, None, SECONDS)
    assert pace.of_part(10) == 10
    third = renamed(at((40, BEGUN), (55, READ)), "third")
    pace = pace_of(course, *two, *third)
    assert pace.reading == 2.0
    assert pace.of_part(10) == 20
    assert pace.of_exercise(10) == 10


@pytest.mark.parametrize(
    ("events", "ratio"),
    [
        (at((0, BEGUN), (4, PREDICTED), (12, READ)), 1.2),
        (at((0, BEGUN), (4, STOPPED), (30, PREDICTED), (34, READ)), 0.8),
        (at((0, BEGUN), (4, PREDICTED), (200, PREDICTED), (210, READ)), 1.4),
        (at((0, BEGUN), (4, tried("base")), (9, READ)), 0.5),
        (at((0, BEGUN), (9, READ), (10, BEGUN), (11, READ)), 0.9),
        (at((9, READ)), None),
        (at((0, BEGUN), (9, msgspec.structs.replace(READ, minutes=None))), None),
        (at((9, BEGUN), (0, READ)), None),
    ],
    ids=["questions", "stopped", "a break", "an exercise", "read twice", "not begun", "old", "the clock went back"],
)
def test_reading_is_timed_without_breaks(course: Course, events: list[Event], ratio: float | None) -> None:
    found = reading(course, events)
    assert found == (None if ratio is None else pytest.approx(ratio))


def test_exercises_are_timed_from_the_event_before_the_first_try(course: Course) -> None:
    minutes = {exercise.id: exercise.minutes for exercise in course.exercises}
    passes = at(
        (0, READ),
        (minutes["base"], HINT),
        (2 * minutes["base"], tried("base", passed=True)),
        (3 * minutes["base"], tried("base", passed=True)),
    )
    start = 3 * minutes["base"]
    for name in ("top", "high"):
        passes += at((start := start + 2 * minutes[name], tried(name, passed=True)))
    assert pace_of(course, *passes).exercises == pytest.approx(2.0)
    assert pace_of(course, *passes[1:]).exercises is None  # the beginning of the first is not known now


def test_answers_count_from_the_tenth_on(course: Course) -> None:
    answer = Answered(quiz="three", question="q", attempt=1, score=1, answer="1", seconds=12, due=EVENING)
    assert pace_of(course, *[answer] * 9).seconds == SECONDS
    skipped = msgspec.structs.replace(answer, answer=None, seconds=500)
    assert pace_of(course, *[skipped] * 9, *[answer] * 10).of_answers(5) == pytest.approx(1.0)


def test_hours_left_are_those_of_what_is_not_done(course: Course) -> None:
    order, progress = list(steps(course)), Progress(course.root / "progress.jsonl", [])
    minutes = {exercise.id: exercise.minutes for exercise in course.exercises}
    assert hours_left(course, order, progress) == pytest.approx(sum(minutes.values()) / 60)
    progress.events.append(tried("base", passed=True))
    assert hours_left(course, order, progress) == pytest.approx((minutes["top"] + minutes["high"]) / 60)

"""The student's own pace: how long parts, exercises and answers take, against the times that the course states."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import pairwise
from statistics import median

import msgspec

from grader.course.model import Course, Exercise
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
    Reviewed,
)
from grader.study.reader.order import Step, is_done

BREAK = timedelta(minutes=60)  # a longer time between two events is not work
FEWEST = 3  # timed parts, or exercises, from which the own pace counts
FEWEST_ANSWERS = 10  # the same for answers
SECONDS = 30.0  # of an answer, before there are as many

_Key = tuple[str, ...]  # an exercise's id, or the slugs of a lesson and a part


class Pace(msgspec.Struct, frozen=True):
    """How long things take a student. Ratios are medians of their own time to the stated time."""

    reading: float | None  # of parts; None: too few were timed, so the stated time counts
    exercises: float | None
    seconds: float  # of an answer in a quiz or a review

    def of_part(self, minutes: float) -> float:
        """Return the minutes that a part with these stated minutes takes this student."""
        return minutes * (self.reading or 1.0)

    def of_exercise(self, minutes: float) -> float:
        """Return the minutes that an exercise with these stated minutes takes this student."""
        return minutes * (self.exercises or 1.0)

    def of_answers(self, count: int) -> float:
        """Return the minutes that this many answers take this student."""
        return count * self.seconds / 60


def own_pace(course: Course, progress: Progress) -> Pace:
    """Return the pace of a student in a course.

    The time between two events belongs to the step of the second, unless it is a break. A part is timed from its
    beginning to its end, an exercise from the event before its first try or hint to the try that passes.
    """
    events, stated = progress.events, {exercise.id: exercise.minutes for exercise in course.exercises}
    answers = [e.seconds for e in events if isinstance(e, Answered | Reviewed) and e.answer is not None]
    return Pace(
        reading=_typical(_reading_ratios(events)),
        exercises=_typical(_exercise_ratios(events, stated)),
        seconds=median(answers) if len(answers) >= FEWEST_ANSWERS else SECONDS,
    )


def hours_left(course: Course, order: Sequence[Step], progress: Progress) -> float:
    """Return the hours that the parts to read and the exercises to pass take a student. `order` are all steps.

    A part counts with the middle of the times that the course allows: to read all of them here would take too long.
    """
    pace = own_pace(course, progress)
    left = [step for step in order if not is_done(step, progress)]
    exercises = sum(step.minutes for step in left if isinstance(step, Exercise))
    parts = sum(not isinstance(step, Exercise) for step in left) * sum(course.standards.minutes) / 2
    return (pace.of_part(parts) + pace.of_exercise(exercises)) / 60


def _reading_ratios(events: Sequence[Event]) -> Iterator[float]:
    """Yield the ratio of own to stated time for each part, the first time that it was read from its beginning."""
    spent: dict[_Key, timedelta] = {}  # of parts that were begun
    read: set[_Key] = set()
    for before, event in _with_event_before(events):
        match event:
            case PartBegun():
                spent[event.lesson, event.slug] = timedelta()
            case PartStopped() | PartRead() | Predicted():
                part = event.lesson, event.slug
                if part not in spent:
                    continue
                if not isinstance(before, PartStopped):  # it is not known when the reader came back
                    spent[part] += _work(before, event) or timedelta()
                if isinstance(event, PartRead):
                    own = spent.pop(part)
                    if event.minutes is not None and own and part not in read:
                        yield own / timedelta(minutes=event.minutes)
                    read.add(part)


def _exercise_ratios(events: Sequence[Event], stated: Mapping[str, int]) -> Iterator[float]:
    """Yield the ratio of own to stated time for each exercise that passed, if its beginning is known."""
    spent: dict[str, timedelta | None] = {}  # None: not timed
    for before, event in _with_event_before(events):
        if not isinstance(event, Graded | HintShown) or event.exercise not in stated:
            continue
        name, work = event.exercise, _work(before, event)
        if name not in spent:
            spent[name] = None if isinstance(before, PartStopped) else work
        elif (so_far := spent[name]) is not None:
            spent[name] = so_far + (work or timedelta())
        if isinstance(event, Graded) and (event.passed or event.public):
            own, spent[name] = spent[name], None
            if own:
                yield own / timedelta(minutes=stated[name])


def _with_event_before(events: Sequence[Event]) -> Iterator[tuple[Event | None, Event]]:
    yield from pairwise((None, *events))


def _work(before: Event | None, event: Event) -> timedelta | None:
    """Return the time between two events; None if it is a break, or if there is no first one."""
    if before is None or not timedelta() <= event.time - before.time <= BREAK:
        return None
    return event.time - before.time


def _typical(ratios: Iterable[float]) -> float | None:
    found = list(ratios)
    return median(found) if len(found) >= FEWEST else None

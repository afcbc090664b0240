"""The hints of an exercise for a student: first those about what failed first, then the general ones."""

from typing import NamedTuple

from grader.course.model import Exercise
from grader.course.progress import Progress


class Hints(NamedTuple):
    """The hints that a student may read now, in order."""

    topic: str  # the function, class or test that the first of them are about; "": all are general
    texts: tuple[str, ...]
    on_topic: int  # how many are about the topic


def current_hints(exercise: Exercise, progress: Progress) -> Hints:
    """Return the hints of an exercise for a student with this progress."""
    topic = _topic(exercise, progress)
    specific = exercise.hints_for.get(topic, ())
    return Hints(topic, (*specific, *exercise.hints), len(specific))


def _topic(exercise: Exercise, progress: Progress) -> str:
    """Return the key of `hints_for` for the test that failed first in the last try, or for what that test called."""
    tries = progress.attempts(exercise.id)
    last = tries[-1] if tries else None
    if last is None or last.failing_test is None:
        return ""
    call = last.failing_call or ""
    wanted = (last.failing_test, call, call.partition(".")[0])
    return next((each for each in wanted if each in exercise.hints_for), "")

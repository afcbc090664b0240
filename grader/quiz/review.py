"""When a question comes back: scheduled by FSRS from all the times it was asked, in days."""

from collections.abc import Iterable
from datetime import datetime
from functools import cache

import msgspec
from fsrs import Card, Rating, Scheduler

from grader.course.progress import Event
from grader.quiz.history import Key, asked, missed, still_missed

PARTLY = 0.5  # from this score on a question was hard, below it was forgotten


class Due(msgspec.Struct, frozen=True):
    """What can be reviewed at a moment, and when more can."""

    missed: tuple[Key, ...]  # the last answer was wrong, and it was not reviewed since
    due: tuple[Key, ...]  # their time has come
    later: dict[Key, datetime]  # when the others come back, the next first
    failed: frozenset[Key]  # of those, what was not known in the last review


def due_after(events: Iterable[Event], key: Key, score: float, moment: datetime) -> datetime:
    """When a question comes back that was answered at `moment` with this score, after all that was before."""
    card = Card(card_id=0, due=moment)
    for earlier in asked(events).get(key, []):
        card = _scheduler().review_card(card, _rating(earlier.score), earlier.time)[0]
    return _scheduler().review_card(card, _rating(score), moment)[0].due


def due_at(events: Iterable[Event], moment: datetime) -> Due:
    """What of all that was ever asked is missed or due."""
    last = {key: each[-1] for key, each in asked(events).items()}
    wrong = tuple(key for key, event in last.items() if still_missed(event))
    rest = {key: event for key, event in last.items() if key not in wrong}
    return Due(
        missed=wrong,
        due=tuple(sorted((key for key in rest if rest[key].due <= moment), key=lambda key: rest[key].due)),
        later=dict(sorted(((key, e.due) for key, e in rest.items() if e.due > moment), key=lambda pair: pair[1])),
        failed=frozenset(key for key, event in rest.items() if event.due > moment and missed(event)),
    )


def _rating(score: float) -> Rating:
    return Rating.Good if score >= 1 else Rating.Hard if score >= PARTLY else Rating.Again


@cache
def _scheduler() -> Scheduler:
    """Without steps of minutes, which a course taken over weeks does not need, and without chance."""
    return Scheduler(learning_steps=(), relearning_steps=(), enable_fuzzing=False)

"""Spaced repetition: FSRS schedules, in days, when a question is asked again."""

from collections.abc import Iterable
from datetime import datetime
from functools import cache

import msgspec
from fsrs import Card, Rating, Scheduler

from grader.course.progress import Event
from grader.quiz.history import QuestionKey, is_missed, is_still_missed, past_answers

HARD_FROM = 0.5  # a lower score counts as forgotten, a higher one below 1 as hard


class Due(msgspec.Struct, frozen=True):
    """The questions to review at a moment, and those due later."""

    missed: tuple[QuestionKey, ...]  # last answer wrong and not reviewed since
    due: tuple[QuestionKey, ...]  # due, the longest overdue first
    later: dict[QuestionKey, datetime]  # due later, the next first
    failed: frozenset[QuestionKey]  # of `later`, those missed in the last review


def due_after(events: Iterable[Event], key: QuestionKey, score: float, moment: datetime) -> datetime:
    """Return when a question is due again after an answer with this score, given its past answers."""
    card = Card(card_id=0, due=moment)
    for earlier in past_answers(events).get(key, []):
        card = _scheduler().review_card(card, _rating(earlier.score), earlier.time)[0]
    return _scheduler().review_card(card, _rating(score), moment)[0].due


def due_at(events: Iterable[Event], moment: datetime) -> Due:
    """Return the missed and due questions among all that were ever asked."""
    last = {key: each[-1] for key, each in past_answers(events).items()}
    wrong = tuple(key for key, event in last.items() if is_still_missed(event))
    rest = {key: event for key, event in last.items() if key not in wrong}
    return Due(
        missed=wrong,
        due=tuple(sorted((key for key in rest if rest[key].due <= moment), key=lambda key: rest[key].due)),
        later=dict(sorted(((key, e.due) for key, e in rest.items() if e.due > moment), key=lambda pair: pair[1])),
        failed=frozenset(key for key, event in rest.items() if event.due > moment and is_missed(event)),
    )


def _rating(score: float) -> Rating:
    return Rating.Good if score >= 1 else Rating.Hard if score >= HARD_FROM else Rating.Again


@cache
def _scheduler() -> Scheduler:
    """Return a scheduler without randomness, and without steps of minutes: a course takes weeks."""
    return Scheduler(learning_steps=(), relearning_steps=(), enable_fuzzing=False)

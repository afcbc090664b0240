"""What the student's progress says of quizzes: attempts, answers, what is missed and due. `grade list` asks it too."""

import os
import sys
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from grader.course.progress import (
    SALT_FILE,
    Answered,
    AnswerUndone,
    Event,
    Predicted,
    QuizFinished,
    QuizStarted,
    Reviewed,
    now,
)
from grader.course.workspace.progress_folder import progress_folder

GLOSSARY = "glossary"  # stands for a quiz in `Reviewed`: its questions are terms
IN = "/"


class Key(NamedTuple):
    """A question, wherever it stands in its quiz."""

    quiz: str
    question: str


def part_key(lesson: str, slug: str, question: str) -> Key:
    """A question of a part: in place of a quiz stand the slugs of its lesson and of the part."""
    return Key(f"{lesson}{IN}{slug}", question)


def part_of(key: Key) -> tuple[str, str] | None:
    """The slugs of lesson and part; None: the question is of a quiz."""
    lesson, found, slug = key.quiz.partition(IN)
    return (lesson, slug) if found else None


class Once(msgspec.Struct, frozen=True):
    """One time that a question was asked."""

    score: float
    time: datetime
    due: datetime  # when it comes back
    reviewed: bool = False  # by `grade review`


class QuizState(msgspec.Struct, frozen=True):
    """How far a quiz is."""

    best: QuizFinished | None  # of the attempts at all its questions
    open: QuizStarted | None  # an attempt that goes on
    answered: int  # questions of the open attempt
    due: int  # questions whose time to be reviewed has come


def open_attempt(events: Iterable[Event], quiz: str) -> QuizStarted | None:
    """The attempt that was begun last, unless it is finished."""
    last: QuizStarted | None = None
    for event in events:
        if isinstance(event, QuizStarted) and event.quiz == quiz:
            last = event
        elif isinstance(event, QuizFinished) and event.quiz == quiz and last and event.attempt == last.attempt:
            last = None
    return last


def attempts(events: Iterable[Event], quiz: str) -> int:
    """The number of the latest attempt; 0 where there was none."""
    return max((e.attempt for e in events if isinstance(e, QuizStarted) and e.quiz == quiz), default=0)


def finished(events: Iterable[Event], quiz: str, attempt: int) -> bool:
    """Whether an attempt was finished."""
    return any(isinstance(e, QuizFinished) and (e.quiz, e.attempt) == (quiz, attempt) for e in events)


def answers(events: Iterable[Event], quiz: str, attempt: int) -> dict[str, Answered]:
    """The answers of an attempt by the question's id; the last one that was not taken back counts."""
    given: dict[str, list[Answered]] = {}
    for event in events:
        if isinstance(event, Answered) and (event.quiz, event.attempt) == (quiz, attempt):
            given.setdefault(event.question, []).append(event)
        elif isinstance(event, AnswerUndone) and event.quiz == quiz:
            del given.get(event.question, [])[-1:]
    return {question: each[-1] for question, each in given.items() if each}


def asked(events: Iterable[Event]) -> dict[Key, list[Once]]:
    """For each question that was asked, when it was and how it went, the latest last.

    A prediction counts from the first that was wrong on.
    """
    found: dict[Key, list[Once]] = {}
    for event in events:
        match event:
            case Answered() | Reviewed():
                once = Once(event.score, event.time, event.due, reviewed=isinstance(event, Reviewed))
                found.setdefault(Key(event.quiz, event.question), []).append(once)
            case AnswerUndone():
                key = Key(event.quiz, event.question)
                del found.get(key, [])[-1:]
                if not found.get(key):
                    found.pop(key, None)
            case Predicted(due=due) if due is not None:
                once = Once(float(event.right or False), event.time, due)
                found.setdefault(part_key(event.lesson, event.slug, event.question), []).append(once)
    return found


def missed(event: Once) -> bool:
    """Whether the answer was not wholly right."""
    return event.score < 1


def still_missed(event: Once) -> bool:
    """Whether it was missed, and not reviewed since."""
    return missed(event) and not event.reviewed


def state(events: list[Event], quiz: str, moment: datetime | None = None) -> QuizState:
    """The state of one quiz."""
    moment = moment or now()
    whole = [e for e in events if isinstance(e, QuizFinished) and e.quiz == quiz and e.whole and e.max_score > 0]
    started = open_attempt(events, quiz)
    last = [each[-1] for key, each in asked(events).items() if key.quiz == quiz]
    return QuizState(
        best=max(whole, key=lambda e: e.score / e.max_score, default=None),
        open=started,
        answered=len(answers(events, quiz, started.attempt)) if started else 0,
        due=sum(event.due <= moment for event in last),
    )


def student_salt(root: Path) -> str:
    """What makes one student's numbers and shuffles differ from another's: random, made once for a workspace.

    Where it cannot be kept, a warning says so and all draws are those of no student in particular.
    """
    path = progress_folder(root) / SALT_FILE
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with path.open("x", encoding="ascii") as file:
                file.write(os.urandom(8).hex() + "\n")
        except FileExistsError:
            pass
        return path.read_text("ascii", "replace").strip()
    except OSError as error:
        print(f"warning: what is drawn for you is not kept: {path}: {error.strerror}.", file=sys.stderr)
        return ""

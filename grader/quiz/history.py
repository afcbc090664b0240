"""Queries on the student's progress about quizzes: attempts, answers, missed and due questions."""

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
    Mended,
    Predicted,
    QuizFinished,
    QuizStarted,
    Reviewed,
    SlipsForgotten,
    now,
)
from grader.course.workspace.progress_folder import progress_folder

GLOSSARY = "glossary"  # the `quiz` of a `Reviewed` event whose question is a term of the glossary
SLIPS = "mistakes"  # the same, if the question is about a mistake in the student's own code
_SEPARATOR = "/"


class QuestionKey(NamedTuple):
    """The key of a question: its quiz and its id."""

    quiz: str
    question: str


def part_key(lesson: str, slug: str, question: str) -> QuestionKey:
    """Return the key of a question in a part of a lesson. Its quiz is `lesson/slug`."""
    return QuestionKey(f"{lesson}{_SEPARATOR}{slug}", question)


def part_of(key: QuestionKey) -> tuple[str, str] | None:
    """Return the slugs of the lesson and the part, or None for a question of a quiz."""
    lesson, found, slug = key.quiz.partition(_SEPARATOR)
    return (lesson, slug) if found else None


class PastAnswer(msgspec.Struct, frozen=True):
    """One answer to a question in the past."""

    score: float
    time: datetime
    due: datetime  # when the question is due again
    reviewed: bool = False  # by `grade review`


class QuizState(msgspec.Struct, frozen=True):
    """The state of a quiz: its best score, open attempt and due questions."""

    best: QuizFinished | None  # among attempts at all questions
    open: QuizStarted | None  # the unfinished attempt
    answered: int  # questions of the open attempt
    due: int  # questions due for review


def open_attempt(events: Iterable[Event], quiz: str) -> QuizStarted | None:
    """Return the last attempt if it is unfinished, else None."""
    last: QuizStarted | None = None
    for event in events:
        if isinstance(event, QuizStarted) and event.quiz == quiz:
            last = event
        elif isinstance(event, QuizFinished) and event.quiz == quiz and last and event.attempt == last.attempt:
            last = None
    return last


def last_attempt(events: Iterable[Event], quiz: str) -> int:
    """Return the number of the last attempt, 0 if there was none."""
    return max((e.attempt for e in events if isinstance(e, QuizStarted) and e.quiz == quiz), default=0)


def is_finished(events: Iterable[Event], quiz: str, attempt: int) -> bool:
    """Return whether an attempt is finished."""
    return any(isinstance(e, QuizFinished) and (e.quiz, e.attempt) == (quiz, attempt) for e in events)


def answers(events: Iterable[Event], quiz: str, attempt: int) -> dict[str, Answered]:
    """Return the answers of an attempt by question id: for each, the last that was not taken back."""
    given: dict[str, list[Answered]] = {}
    for event in events:
        if isinstance(event, Answered) and (event.quiz, event.attempt) == (quiz, attempt):
            given.setdefault(event.question, []).append(event)
        elif isinstance(event, AnswerUndone) and event.quiz == quiz:
            del given.get(event.question, [])[-1:]
    return {question: each[-1] for question, each in given.items() if each}


def past_answers(events: Iterable[Event]) -> dict[QuestionKey, list[PastAnswer]]:
    """Return all answers to each question, oldest first.

    Predictions of a question count from the first wrong one on. A mistake in the student's own code counts as known
    when it was mended.
    """
    found: dict[QuestionKey, list[PastAnswer]] = {}
    for event in events:
        match event:
            case Answered() | Reviewed():
                answer = PastAnswer(event.score, event.time, event.due, reviewed=isinstance(event, Reviewed))
                found.setdefault(QuestionKey(event.quiz, event.question), []).append(answer)
            case AnswerUndone():
                key = QuestionKey(event.quiz, event.question)
                del found.get(key, [])[-1:]
                if not found.get(key):
                    found.pop(key, None)
            case Mended():
                answer = PastAnswer(1.0, event.time, event.due, reviewed=True)
                found.setdefault(QuestionKey(SLIPS, event.slip), []).append(answer)
            case SlipsForgotten():
                found = {key: given for key, given in found.items() if key.quiz != SLIPS}
            case Predicted(due=due) if due is not None:
                answer = PastAnswer(float(event.right or False), event.time, due)
                found.setdefault(part_key(event.lesson, event.slug, event.question), []).append(answer)
    return found


def is_missed(answer: PastAnswer) -> bool:
    """Return whether the answer was not fully right."""
    return answer.score < 1


def is_still_missed(answer: PastAnswer) -> bool:
    """Return whether the question was missed and has not been reviewed since."""
    return is_missed(answer) and not answer.reviewed


def quiz_state(events: list[Event], quiz: str, moment: datetime | None = None) -> QuizState:
    """Return the state of a quiz at a moment, by default now."""
    moment = moment or now()
    whole = [e for e in events if isinstance(e, QuizFinished) and e.quiz == quiz and e.whole and e.max_score > 0]
    started = open_attempt(events, quiz)
    last = [each[-1] for key, each in past_answers(events).items() if key.quiz == quiz]
    return QuizState(
        best=max(whole, key=lambda e: e.score / e.max_score, default=None),
        open=started,
        answered=len(answers(events, quiz, started.attempt)) if started else 0,
        due=sum(event.due <= moment for event in last),
    )


def student_salt(root: Path) -> str:
    """Return the random salt of a workspace, which makes each student's draws different. Create it if missing.

    If it cannot be stored, warn on stderr and return an empty salt.
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
        print(
            f"warning: quiz questions are not drawn for you alone, since {path} cannot be written: {error.strerror}.",
            file=sys.stderr,
        )
        return ""

"""The result of an attempt at a quiz, as data."""

import msgspec

from grader.quiz.model import Level


class QuestionResult(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one question."""

    id: str
    type: str
    level: Level
    section: str
    score: float
    """From 0 to 1."""
    answer: str | None
    """As typed; null: skipped or not reached."""
    seconds: float


class QuizResult(msgspec.Struct, frozen=True, kw_only=True):
    """The result of an attempt, as `grade quiz --json` prints it."""

    quiz: str
    """The lesson's slug."""
    title: str
    attempt: int
    seed: str | None
    """Replaces the student's own seed."""
    finished: bool
    score: float
    max_score: float
    questions: tuple[QuestionResult, ...]

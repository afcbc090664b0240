"""How an attempt at a quiz went, as data."""

import msgspec

from grader.quiz.model import Level


class QuestionResult(msgspec.Struct, frozen=True, kw_only=True):
    """How one question went."""

    id: str
    type: str
    level: Level
    section: str
    score: float  # from 0 to 1
    answer: str | None  # as it was typed; None: skipped, or not reached
    seconds: float


class QuizResult(msgspec.Struct, frozen=True, kw_only=True):
    """How an attempt went; what `--json` prints."""

    quiz: str  # the lesson's slug
    title: str
    attempt: int
    seed: str | None  # in place of the student's salt
    finished: bool
    score: float
    max_score: float
    questions: tuple[QuestionResult, ...]

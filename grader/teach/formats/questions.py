"""Item analysis of quizzes: the difficulty and the discrimination of each question.

Difficulty is the mean score. Discrimination is the corrected item-total correlation: Pearson's correlation between the
score of the question and the mean score of the other questions of the same attempt (S. Henrysson, Correction of
item-total correlations in item analysis, Psychometrika 28, 1963). For questions that are right or wrong it is the
point-biserial correlation. With fewer than `MIN_ANSWERS` answers it would be mostly chance and is not computed.
"""

import statistics
from array import array
from enum import StrEnum

import msgspec

from grader.quiz.result import QuestionResult, QuizResult

MIN_ANSWERS = 30
EASY = 0.95  # mean score above which a question hardly tells students apart
HARD = 0.2  # mean score below which guessing would do as well


class QuestionFlag(StrEnum):
    """A reason for the instructor to review a question. The value is its name in the report."""

    NEGATIVE = "negative discrimination"
    EASY = "very easy"
    HARD = "very hard"


class QuestionStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """The item analysis of one question."""

    id: str
    level: str
    section: str
    answers: int  # attempts in which it was asked; a skipped question has the score 0
    skipped: int
    difficulty: float  # mean score, from 0 (nobody) to 1 (everybody)
    discrimination: float | None  # from -1 to 1; None if there are too few answers or all scores are the same

    @property
    def flags(self) -> tuple[QuestionFlag, ...]:
        """The reasons to review the question; none if there are too few answers."""
        if self.answers < MIN_ANSWERS:
            return ()
        conditions = {
            QuestionFlag.NEGATIVE: self.discrimination is not None and self.discrimination < 0,
            QuestionFlag.EASY: self.difficulty > EASY,
            QuestionFlag.HARD: self.difficulty < HARD,
        }
        return tuple(flag for flag, holds in conditions.items() if holds)


class _Scores:
    """The scores of one question and the mean scores of the other questions, one for each attempt."""

    def __init__(self) -> None:
        self.own = array("d")
        self.others = array("d")
        self.skipped = 0


class QuizAnalysis:
    """The item analysis of a quiz, computed from the attempts of a class."""

    def __init__(self) -> None:
        self._asked: dict[str, tuple[QuestionResult, _Scores]] = {}

    def add(self, attempt: QuizResult) -> None:
        """Add the result of one attempt."""
        total = sum(each.score for each in attempt.questions)
        others = len(attempt.questions) - 1
        for each in attempt.questions:
            _, scores = self._asked.setdefault(each.id, (each, _Scores()))
            scores.own.append(each.score)
            scores.others.append((total - each.score) / others if others else 0.0)
            scores.skipped += each.answer is None

    def statistics(self) -> tuple[QuestionStatistics, ...]:
        """Return the statistics of all questions, in the order in which they were first asked."""
        return tuple(
            QuestionStatistics(
                id=question.id,
                level=question.level,
                section=question.section,
                answers=len(scores.own),
                skipped=scores.skipped,
                difficulty=statistics.fmean(scores.own),
                discrimination=_correlation(scores),
            )
            for question, scores in self._asked.values()
        )


def _correlation(scores: _Scores) -> float | None:
    if len(scores.own) < MIN_ANSWERS:
        return None
    try:
        return statistics.correlation(scores.own, scores.others)
    except statistics.StatisticsError:  # all values of one of the two are the same
        return None

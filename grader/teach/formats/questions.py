"""Quiz item analysis: how hard each question is, and whether those who know more get it right.

Difficulty is the mean score. Discrimination is the corrected item-total correlation: Pearson's, between the score of
the question and that of all the others of the same attempt (S. Henrysson, Correction of item-total correlations in
item analysis, Psychometrika 28, 1963). For questions that are right or wrong it is the point-biserial one. With fewer
than `FEWEST` answers it would be mostly chance, and is not given.
"""

import statistics
from array import array
from enum import StrEnum

import msgspec

from grader.quiz.result import QuestionResult, QuizResult

FEWEST = 30  # answers
EASY = 0.95  # mean score above which nearly nobody learns from the question
HARD = 0.2  # and below which guessing would do as well


class Flag(StrEnum):
    """Why an instructor should look at a question again. The value is the word on the page."""

    NEGATIVE = "negative discrimination"
    EASY = "very easy"
    HARD = "very hard"


class QuestionStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """One question of a quiz."""

    id: str
    level: str
    section: str
    answers: int  # attempts in which it was asked; one that was skipped has the score 0
    skipped: int
    difficulty: float  # mean score, from 0 (nobody) to 1 (everybody)
    discrimination: float | None  # from -1 to 1; None: too few answers, or all the same

    @property
    def flags(self) -> tuple[Flag, ...]:
        """What is odd about it; nothing where there are too few answers to say so."""
        if self.answers < FEWEST:
            return ()
        odd = {
            Flag.NEGATIVE: self.discrimination is not None and self.discrimination < 0,
            Flag.EASY: self.difficulty > EASY,
            Flag.HARD: self.difficulty < HARD,
        }
        return tuple(flag for flag, holds in odd.items() if holds)


class _Scores:
    """Of one question: its score in each attempt, and the mean score of the other questions there."""

    def __init__(self) -> None:
        self.own = array("d")
        self.rest = array("d")
        self.skipped = 0


class Questions:
    """Collects the attempts of a class at one quiz."""

    def __init__(self) -> None:
        self._asked: dict[str, tuple[QuestionResult, _Scores]] = {}

    def add(self, attempt: QuizResult) -> None:
        total = sum(each.score for each in attempt.questions)
        others = len(attempt.questions) - 1
        for each in attempt.questions:
            _, scores = self._asked.setdefault(each.id, (each, _Scores()))
            scores.own.append(each.score)
            scores.rest.append((total - each.score) / others if others else 0.0)
            scores.skipped += each.answer is None

    def finished(self) -> tuple[QuestionStatistics, ...]:
        """The questions as they were first asked."""
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
    if len(scores.own) < FEWEST:
        return None
    try:
        return statistics.correlation(scores.own, scores.rest)
    except statistics.StatisticsError:  # one of the two never changes
        return None

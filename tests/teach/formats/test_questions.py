"""Item analysis of quizzes: difficulty, discrimination and flags."""

import pytest

from grader.quiz.result import QuestionResult, QuizResult
from grader.teach.formats.questions import MIN_ANSWERS, QuestionFlag, QuizAnalysis


def attempt(*scores: float) -> QuizResult:
    questions = tuple(
        QuestionResult(
            id=f"q{i}", type="single", level="apply", section="Routing", score=score, answer="1", seconds=1.0
        )
        for i, score in enumerate(scores)
    )
    return QuizResult(
        quiz="moe", title="MoE", attempt=1, seed=None, finished=True, score=sum(scores), max_score=len(scores),
        questions=questions,
    )  # fmt: skip


def test_discrimination_is_the_correlation_with_the_other_questions() -> None:
    """Two questions are answered alike, and the third is right only if the others are wrong."""
    questions = QuizAnalysis()
    for i in range(MIN_ANSWERS):
        questions.add(attempt(i % 2, i % 2, 1 - i % 2))
    one, two, three = questions.statistics()
    assert (one.difficulty, one.skipped, one.answers) == (0.5, 0, MIN_ANSWERS)
    assert one.discrimination is two.discrimination is None  # the others' mean is always 1/2
    assert three.discrimination == pytest.approx(-1)
    assert three.flags == (QuestionFlag.NEGATIVE,)


def test_discrimination_equals_a_calculation_by_hand() -> None:
    """The means of the other questions are 1, 0 and 1/2, the scores 1, 0 and 0, ten times each: r = cov / (sd sd)."""
    questions = QuizAnalysis()
    for _ in range(10):
        for scores in ((1, 1, 1), (0, 0, 0), (0, 1, 0)):
            questions.add(attempt(*scores))
    first = questions.statistics()[0]
    covariance = (1 * 1 + 0 + 0) / 3 - (1 / 3) * (1 / 2)
    deviations = ((1 / 3) * (2 / 3)) ** 0.5 * ((1 + 0 + 1 / 4) / 3 - 1 / 4) ** 0.5
    assert first.discrimination == pytest.approx(covariance / deviations)


def test_few_answers_have_no_discrimination_and_no_flags() -> None:
    questions = QuizAnalysis()
    for i in range(MIN_ANSWERS - 1):
        questions.add(attempt(i % 2, i % 2, 0))
    assert all(each.discrimination is None and not each.flags for each in questions.statistics())


@pytest.mark.parametrize(("scores", "flag"), [((1, 1, 1), QuestionFlag.EASY), ((0, 0, 0), QuestionFlag.HARD)])
def test_very_easy_and_very_hard_questions_are_flagged(scores: tuple[float, ...], flag: QuestionFlag) -> None:
    questions = QuizAnalysis()
    for _ in range(MIN_ANSWERS):
        questions.add(attempt(*scores))
    assert all(each.flags == (flag,) for each in questions.statistics())

"""The questions of a quiz: how hard each is, and whether it tells students apart."""

import pytest

from grader.quiz.result import QuestionResult, QuizResult
from grader.teach.formats.questions import FEWEST, Flag, Questions


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
    """Two questions that go together, and one that only those get right who miss the others."""
    questions = Questions()
    for i in range(FEWEST):
        questions.add(attempt(i % 2, i % 2, 1 - i % 2))
    one, two, three = questions.finished()
    assert (one.difficulty, one.skipped, one.answers) == (0.5, 0, FEWEST)
    assert one.discrimination is two.discrimination is None  # the others' mean is always 1/2
    assert three.discrimination == pytest.approx(-1)
    assert three.flags == (Flag.NEGATIVE,)


def test_discrimination_by_hand() -> None:
    """Rests are 1, 0 and 1/2; of 30 answers 10 each: r = cov / (sd sd) with the scores 1, 0, 0."""
    questions = Questions()
    for _ in range(10):
        for scores in ((1, 1, 1), (0, 0, 0), (0, 1, 0)):
            questions.add(attempt(*scores))
    first = questions.finished()[0]
    covariance = (1 * 1 + 0 + 0) / 3 - (1 / 3) * (1 / 2)
    deviations = ((1 / 3) * (2 / 3)) ** 0.5 * ((1 + 0 + 1 / 4) / 3 - 1 / 4) ** 0.5
    assert first.discrimination == pytest.approx(covariance / deviations)


def test_few_answers_say_nothing() -> None:
    questions = Questions()
    for i in range(FEWEST - 1):
        questions.add(attempt(i % 2, i % 2, 0))
    assert all(each.discrimination is None and not each.flags for each in questions.finished())


@pytest.mark.parametrize(("scores", "flag"), [((1, 1, 1), Flag.EASY), ((0, 0, 0), Flag.HARD)])
def test_a_question_that_says_nothing_is_flagged(scores: tuple[float, ...], flag: Flag) -> None:
    questions = Questions()
    for _ in range(FEWEST):
        questions.add(attempt(*scores))
    assert all(each.flags == (flag,) for each in questions.finished())

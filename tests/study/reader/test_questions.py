"""Predictions converted to questions of a quiz."""

import pytest
from msgspec.structs import replace

from grader.course import load_lessons
from grader.course.lesson.load import load_lesson
from grader.course.lesson.model import Predict
from grader.quiz.draw import draw_question
from grader.quiz.model import Numeric, OwnWords, Single, TextAnswer, Tolerance
from grader.quiz.score import describe_right_answer, mark, right_answer
from grader.study.reader.questions import questions_of
from tests.paths import TOOLBOX

COURSE = load_lessons(TOOLBOX)
AVERAGES, LEAKS = load_lesson(COURSE, COURSE.lessons[0])


def test_each_kind_of_prediction_becomes_an_answerable_question() -> None:
    found = questions_of(AVERAGES) | questions_of(LEAKS)
    assert {name: type(question) for name, question in found.items()} == {
        "sums-of-the-past": Numeric,
        "what-moves": Single,
        "a-name-for-it": TextAnswer,
    }
    for question in found.values():
        asked = draw_question(question, "salt", 2)
        assert mark(asked, right_answer(asked)).score == 1


def test_a_question_has_the_code_since_the_previous_one() -> None:
    found = questions_of(AVERAGES)
    assert (found["sums-of-the-past"].code or "").endswith("print(w @ v)")
    assert (found["what-moves"].code or "").startswith("w = w / w.sum")
    assert found["what-moves"].source == "lesson 1.1, The average of the past"


def test_converts_formulas_and_keeps_the_tolerance() -> None:
    predict = Predict(line=1, id="a", ask="What is $\\sqrt{K}$?", answer="1.5", because="It is.", tolerance=0.1)
    (question,) = questions_of(replace(AVERAGES, blocks=(predict,))).values()
    assert question.question == "What is √K?"
    assert isinstance(question, Numeric)
    assert question.tolerance == Tolerance(absolute=0.1)


@pytest.mark.parametrize(
    ("answer", "kind"), [("nan", TextAnswer), ("not a number", TextAnswer), ("it is not a number", OwnWords)]
)
def test_a_long_answer_is_compared_by_the_student(answer: str, kind: type) -> None:
    predict = Predict(line=1, id="a", ask="What is it?", answer=answer, because="It is.")
    (question,) = questions_of(replace(AVERAGES, blocks=(predict,))).values()
    assert isinstance(question, kind)
    assert describe_right_answer(draw_question(question, "salt", 2)) == [answer]

"""Draws are reproducible, and parameters are filled into all texts of a question."""

from pathlib import Path
from textwrap import indent

import pytest
from msgspec.structs import replace

from grader.quiz.draw import count_draws, draws, with_values
from grader.quiz.load import load_quiz
from grader.quiz.model import Numeric, Order
from tests.quiz.every_type import IDS, QUIZ, draw
from tests.quiz.questions import NUMERIC


@pytest.mark.parametrize("question_id", IDS)
def test_same_id_salt_and_attempt_give_the_same_draw(question_id: str) -> None:
    assert draw(question_id, "a", 1) == draw(question_id, "a", 1)


def test_other_salts_and_attempts_give_other_draws() -> None:
    for change in ("salt", "attempt"):
        drawn = [
            draw("cache-bytes", f"s{i}" if change == "salt" else "s", i if change == "attempt" else 1).question
            for i in range(30)
        ]
        assert len({each.question for each in drawn}) > 10
    assert len({draw("one-right", f"s{i}").shown for i in range(60)}) == 6  # the pinned option keeps its place


def test_pinned_options_keep_their_position_and_items_are_never_in_the_right_order() -> None:
    for i in range(60):
        assert draw("one-right", str(i)).shown[-1] == "over all of these"
        order = draw("layer-order", str(i))
        assert isinstance(order.question, Order)
        assert order.shown != order.question.items


def test_parameters_are_filled_into_every_text() -> None:
    question = QUIZ.question("cache-bytes")
    assert isinstance(question, Numeric)
    assert count_draws(question) == len(list(draws(question))) == 24
    question = replace(question, source="computed for {layers} layers: {answer:,}")
    drawn = with_values(question, {"layers": 24, "tokens": 1000}).question
    assert isinstance(drawn, Numeric)
    assert drawn.question.startswith("A cache of 24 layers over 1,000 tokens")
    assert drawn.answer == "98304000"
    assert drawn.explanation.endswith("= 98,304,000")
    assert drawn.source == "computed for 24 layers: 98,304,000"
    assert drawn.wrong[0].answer == "49152000"
    assert drawn.wrong[0].feedback == "24 layers keep keys and values: twice that, 98,304,000."


def test_steps_of_a_range_have_no_rounding_noise(tmp_path: Path) -> None:
    (tmp_path / "q.yaml").write_text(
        "title: T\nquestions:\n" + indent(NUMERIC.replace("{from: 1, to: 3}", "{from: 0.1, to: 0.9, step: 0.1}"), "  ")
    )
    (question,) = load_quiz(tmp_path / "q.yaml").questions
    assert isinstance(question, Numeric)
    assert [values["n"] for values in draws(question)] == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]

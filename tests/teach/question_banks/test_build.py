"""Build question banks: types of answers, variants and texts."""

from typing import Any

import msgspec
import pytest

from grader.base.errors import UsageError
from grader.quiz.model import Numeric, Quiz, Range
from grader.teach.question_banks import build_bank
from grader.teach.question_banks.model import Choice, Matching, Numerical, Ordering, ShortAnswer


def answers(quiz: Quiz) -> dict[str, object]:
    return {item.id: item.answer for item in build_bank(quiz, "slug", 1, "seed").items}


def test_question_types_become_answer_types(every_type: Quiz) -> None:
    types = {name: type(answer) for name, answer in answers(every_type).items()}
    assert types == {
        "one-right": Choice,
        "several-right": Choice,
        "total-size": Numerical,
        "cache-bytes": Numerical,
        "chosen-of-all": Numerical,
        "layer-order": Ordering,
        "heads-and-names": Matching,
        "name-of-it": ShortAnswer,
        "wrong-line": Choice,
    }


def test_options_of_a_code_line_question_are_its_lines_that_are_not_empty(hard: Quiz, every_type: Quiz) -> None:
    line = answers(every_type)["wrong-line"]
    assert isinstance(line, Choice)
    assert [option.html[:2] for option in line.options] == ["1:", "2:", "3:", "4:"]
    assert [option.correct for option in line.options] == [False, False, True, False]
    assert not line.is_shuffled


def test_variants_differ_and_depend_on_the_seed(every_type: Quiz) -> None:
    def drawn(seed: str, most: int) -> dict[str, list[str]]:
        bank = build_bank(every_type, "slug", most, seed)
        return {
            question.id: [item.html for item in question.items] for question in bank.questions if question.has_variants
        }

    first = drawn("a", 5)
    assert {name: len(set(texts)) for name, texts in first.items()} == {"cache-bytes": 5, "chosen-of-all": 2}
    assert drawn("a", 5) == first
    assert drawn("b", 5)["cache-bytes"] != first["cache-bytes"]
    assert drawn("a", 3)["cache-bytes"] == first["cache-bytes"][:3]
    assert len(drawn("a", 100)["cache-bytes"]) == 24
    assert drawn("a", 1) == {}


def test_draws_99_of_100_variants() -> None:
    question = Numeric(
        id="n", level="recall", section="s", question="{a}?", explanation="e", source="s", answer="a",
        parameters={"a": Range(first=1, last=100)},
    )  # fmt: skip
    (built,) = build_bank(Quiz(title="t", questions=(question,)), "slug", 99, "seed").questions
    assert len({item.html for item in built.items}) == 99


def test_items_to_order_are_never_shown_in_the_right_order(every_type: Quiz) -> None:
    for seed in map(str, range(20)):
        (order,) = (each.answer for each in build_bank(every_type, "slug", 1, seed).items if each.id == "layer-order")
        assert isinstance(order, Ordering)
        assert order.shown != (0, 1, 2, 3)
        assert sorted(order.shown) == [0, 1, 2, 3]


def test_a_formula_without_a_value_is_a_usage_error() -> None:
    question = Numeric(
        id="n", level="recall", section="s", question="{a}?", explanation="e", source="s", answer="1 / a",
        parameters={"a": (0,)},
    )  # fmt: skip
    with pytest.raises(UsageError, match=r"The question 'n' of 'slug' cannot be drawn: it divides by zero\."):
        build_bank(Quiz(title="t", questions=(question,)), "slug", 5, "seed")


def test_characters_that_xml_forbids_are_escaped(every_type: Quiz) -> None:
    """Titles and sections also have no line breaks, which would end a comment in GIFT."""

    def spoiled(value: Any) -> Any:
        if isinstance(value, str):
            return f"{value} \a\ufffe\n."
        if isinstance(value, dict):
            kept = ("id", "type", "answer", "level", "pin", "parameters", "configs")
            return {key: each if key in kept else spoiled(each) for key, each in value.items()}
        return [spoiled(each) for each in value] if isinstance(value, list) else value

    quiz = msgspec.convert(spoiled(msgspec.to_builtins(every_type)), Quiz)
    bank = build_bank(quiz, "slug", 2, "seed")
    texts = msgspec.json.encode(bank).decode()
    assert "\\u0007" not in texts
    assert "\ufffe" not in texts
    assert "\\\\x07" in texts
    assert "\n" not in bank.title + "".join(item.section for item in bank.items)

"""A bank of a quiz: what is drawn, and how often."""

from typing import Any

import msgspec
import pytest

from grader.base.errors import UsageError
from grader.quiz.model import Numeric, Quiz, Range
from grader.teach.question_banks import bank_of
from grader.teach.question_banks.model import Choice, Matching, Numbers, Ordering, Words


def answers(quiz: Quiz) -> dict[str, object]:
    return {item.id: item.answer for item in bank_of(quiz, "slug", 1, "seed").items}


def test_each_type_has_its_answer(every_type: Quiz) -> None:
    types = {name: type(answer) for name, answer in answers(every_type).items()}
    assert types == {
        "one-right": Choice,
        "several-right": Choice,
        "total-size": Numbers,
        "cache-bytes": Numbers,
        "chosen-of-all": Numbers,
        "layer-order": Ordering,
        "heads-and-names": Matching,
        "name-of-it": Words,
        "wrong-line": Choice,
    }


def test_a_line_of_code_is_chosen_among_those_that_are_not_empty(hard: Quiz, every_type: Quiz) -> None:
    line = answers(every_type)["wrong-line"]
    assert isinstance(line, Choice)
    assert [option.html[:2] for option in line.options] == ["1:", "2:", "3:", "4:"]
    assert [option.correct for option in line.options] == [False, False, True, False]
    assert not line.shuffled


def test_variants_differ_and_depend_on_the_seed(every_type: Quiz) -> None:
    def drawn(seed: str, most: int) -> dict[str, list[str]]:
        bank = bank_of(every_type, "slug", most, seed)
        return {entry.id: [item.html for item in entry.items] for entry in bank.entries if entry.drawn}

    first = drawn("a", 5)
    assert {name: len(set(texts)) for name, texts in first.items()} == {"cache-bytes": 5, "chosen-of-all": 2}
    assert drawn("a", 5) == first
    assert drawn("b", 5)["cache-bytes"] != first["cache-bytes"]
    assert drawn("a", 3)["cache-bytes"] == first["cache-bytes"][:3]
    assert len(drawn("a", 100)["cache-bytes"]) == 24
    assert drawn("a", 1) == {}


def test_nearly_all_variants_of_many_are_found() -> None:
    question = Numeric(
        id="n", level="recall", section="s", question="{a}?", explanation="e", source="s", answer="a",
        parameters={"a": Range(first=1, last=100)},
    )  # fmt: skip
    (entry,) = bank_of(Quiz(title="t", questions=(question,)), "slug", 99, "seed").entries
    assert len({item.html for item in entry.items}) == 99


def test_items_to_order_are_not_shown_in_order(every_type: Quiz) -> None:
    for seed in map(str, range(20)):
        (order,) = (each.answer for each in bank_of(every_type, "slug", 1, seed).items if each.id == "layer-order")
        assert isinstance(order, Ordering)
        assert order.shown != (0, 1, 2, 3)
        assert sorted(order.shown) == [0, 1, 2, 3]


def test_a_formula_without_a_value_is_one_sentence() -> None:
    question = Numeric(
        id="n", level="recall", section="s", question="{a}?", explanation="e", source="s", answer="1 / a",
        parameters={"a": (0,)},
    )  # fmt: skip
    with pytest.raises(UsageError, match=r"The question 'n' of 'slug' cannot be drawn: it divides by zero\."):
        bank_of(Quiz(title="t", questions=(question,)), "slug", 5, "seed")


def test_nothing_is_left_that_xml_cannot_hold(every_type: Quiz) -> None:
    """Nor a line that would end a comment of GIFT."""

    def spoilt(value: Any) -> Any:
        if isinstance(value, str):
            return f"{value} \a\ufffe\n."
        if isinstance(value, dict):
            kept = ("id", "type", "answer", "level", "pin", "parameters", "configs")
            return {key: each if key in kept else spoilt(each) for key, each in value.items()}
        return [spoilt(each) for each in value] if isinstance(value, list) else value

    quiz = msgspec.convert(spoilt(msgspec.to_builtins(every_type)), Quiz)
    bank = bank_of(quiz, "slug", 2, "seed")
    texts = msgspec.json.encode(bank).decode()
    assert "\\u0007" not in texts
    assert "\ufffe" not in texts
    assert "\\\\x07" in texts
    assert "\n" not in bank.title + "".join(item.section for item in bank.items)

"""Draws a question for one student and one attempt: picks parameters, shuffles options.

A draw depends only on the question's id, the student's salt and the number of the attempt, so that a score can be
reproduced.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from random import Random
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from grader.base.seeds import derive_seed
from grader.quiz.formula import Formula, int_if_whole
from grader.quiz.model import Askable, Match, Multiple, Number, Numeric, Option, Order, OwnWords, Range, Single

SELF_ASSESSMENTS = ("I had it", "I did not have it")  # the options with which students mark their own words
T = TypeVar("T")
Values = dict[str, Any]  # a number for each parameter; `config` is the name of the config


class DrawnQuestion(msgspec.Struct, frozen=True):
    """A question with its parameters filled in and its options in the order shown.

    `shown` are the texts that are numbered on the screen: options, items or right sides.
    """

    question: Askable
    shown: tuple[str, ...] = ()


def draw_question(question: Askable, salt: str, attempt: int) -> DrawnQuestion:
    """Draw a question for a student and an attempt. Raise FormulaError if a formula has no value."""
    random = Random(derive_seed("quiz", question.id, salt, attempt))
    match question:
        case Single() | Multiple():
            options = _shuffled_options(question.options, random)
            return DrawnQuestion(replace(question, options=options), tuple(option.text for option in options))
        case Order():
            return DrawnQuestion(question, _shuffled_out_of_order(question.items, random))
        case Match():
            return DrawnQuestion(question, tuple(_shuffled(right_sides(question), random)))
        case OwnWords():
            return DrawnQuestion(question, SELF_ASSESSMENTS)
        case Numeric():
            values = {name: random.choice(numbers_of(each)) for name, each in question.parameters.items()}
            if question.configs:
                config = random.choice(list(question.configs))
                values |= _config(question, config)
            return with_values(question, values)
        case _:
            return DrawnQuestion(question)


def right_sides(question: Match) -> list[str]:
    """Return the distinct right sides."""
    return list(dict.fromkeys([*(pair.right for pair in question.pairs), *question.extra]))


def draws(question: Numeric) -> Iterator[Values]:
    """Yield all possible draws."""
    names = list(question.parameters)
    configs: list[Values] = [_config(question, name) for name in question.configs] or [{}]
    for numbers in product(*(numbers_of(each) for each in question.parameters.values())):
        for config in configs:
            yield dict(zip(names, numbers, strict=True)) | config


def count_draws(question: Numeric) -> int:
    """Return the number of possible draws."""
    return math.prod(len(numbers_of(each)) for each in question.parameters.values()) * max(len(question.configs), 1)


def first_values(question: Numeric) -> Values:
    """Return the first possible draw."""
    return next(draws(question))


def numbers_of(parameter: tuple[Number, ...] | Range) -> list[Number]:
    """Return the numbers that a parameter is drawn from."""
    if not isinstance(parameter, Range):
        return [int_if_whole(number) for number in parameter]
    count = int((parameter.last - parameter.first) / parameter.step + 1e-9) + 1
    return [_without_float_noise(parameter.first + i * parameter.step) for i in range(count)]


def with_values(question: Numeric, values: Values) -> DrawnQuestion:
    """Fill in the texts and evaluate the formulas of a question. Raise FormulaError if a formula has no value."""
    answer = Formula(question.answer, values).value(values)
    fill = fill_in if values else _unchanged
    after = {**values, "answer": int_if_whole(answer)}
    wrong = tuple(
        replace(slip, answer=_evaluated(slip.answer, values), feedback=fill(slip.feedback, after))
        for slip in question.wrong
    )
    drawn = replace(
        question,
        question=fill(question.question, values),
        explanation=fill(question.explanation, after),
        source=fill(question.source, after) if question.source else None,
        unit=fill(question.unit, values) if question.unit else None,
        answer=repr(answer),
        wrong=wrong,
        parameters={},
        configs={},
    )
    return DrawnQuestion(drawn)


def fill_in(text: str, values: Mapping[str, Any]) -> str:
    """Replace the fields in a text."""
    return text.format_map(values)


def _unchanged(text: str, values: Mapping[str, Any]) -> str:
    """Return the text as it is: braces are literal in a question without parameters."""
    return text


def _evaluated(formula: str, values: Values) -> str:
    return repr(Formula(formula, values).value(values))


def _config(question: Numeric, name: str) -> Values:
    return {"config": name, **{key: int_if_whole(number) for key, number in question.configs[name].items()}}


def _without_float_noise(number: Number) -> Number:
    """Round to 12 digits, so that 0.1 + 2 * 0.1 is 0.3."""
    return int_if_whole(float(f"{number:.12g}"))


def _shuffled(items: Sequence[T], random: Random) -> list[T]:
    return random.sample(items, len(items))


def _shuffled_options(options: Sequence[Option], random: Random) -> tuple[Option, ...]:
    places = {pin: [option for option in options if option.pin == pin] for pin in ("first", None, "last")}
    return (*places["first"], *_shuffled(places[None], random), *places["last"])


def _shuffled_out_of_order(items: Sequence[str], random: Random) -> tuple[str, ...]:
    """Shuffle until the order is not the right one."""
    shown = _shuffled(items, random)
    while shown == list(items):
        shown = _shuffled(items, random)
    return tuple(shown)

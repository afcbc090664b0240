"""What one student sees in one attempt: parameters drawn, options shuffled.

It depends on the id of the question, the student's salt and the number of the attempt, and on nothing else, so that a
score can be reproduced.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from random import Random
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from grader.base.seeds import derive_seed
from grader.quiz.formula import Formula, whole
from grader.quiz.model import Askable, Match, Multiple, Number, Numeric, Option, Order, OwnWords, Range, Single

COMPARED = ("I had it", "I did not have it")  # what a student says of own words beside the answer
T = TypeVar("T")
Values = dict[str, Any]  # a number for each name, and under `config` a name


class Asked(msgspec.Struct, frozen=True):
    """A question as it is asked: nothing is left to draw in it.

    Its options stand in the order in which they are shown. `shown` is what has digits: options, items, right sides.
    """

    question: Askable
    shown: tuple[str, ...] = ()


def ask(question: Askable, salt: str, attempt: int) -> Asked:
    """The question for this student and this attempt. BadFormula where a formula has no value for what was drawn."""
    random = Random(derive_seed("quiz", question.id, salt, attempt))
    match question:
        case Single() | Multiple():
            options = _shuffled_options(question.options, random)
            return Asked(replace(question, options=options), tuple(option.text for option in options))
        case Order():
            return Asked(question, _disordered(question.items, random))
        case Match():
            return Asked(question, tuple(_shuffled(rights(question), random)))
        case OwnWords():
            return Asked(question, COMPARED)
        case Numeric():
            values = {name: random.choice(numbers_of(each)) for name, each in question.parameters.items()}
            if question.configs:
                config = random.choice(list(question.configs))
                values |= _config(question, config)
            return with_values(question, values)
        case _:
            return Asked(question)


def rights(question: Match) -> list[str]:
    """The right sides, each once."""
    return list(dict.fromkeys([*(pair.right for pair in question.pairs), *question.extra]))


def draws(question: Numeric) -> Iterator[Values]:
    """All that can be drawn."""
    names = list(question.parameters)
    configs: list[Values] = [_config(question, name) for name in question.configs] or [{}]
    for numbers in product(*(numbers_of(each) for each in question.parameters.values())):
        for config in configs:
            yield dict(zip(names, numbers, strict=True)) | config


def count_draws(question: Numeric) -> int:
    """How many there are."""
    return math.prod(len(numbers_of(each)) for each in question.parameters.values()) * max(len(question.configs), 1)


def first_values(question: Numeric) -> Values:
    """One of the draws."""
    return next(draws(question))


def numbers_of(parameter: tuple[Number, ...] | Range) -> list[Number]:
    """The numbers from which a parameter is drawn."""
    if not isinstance(parameter, Range):
        return [whole(number) for number in parameter]
    count = int((parameter.last - parameter.first) / parameter.step + 1e-9) + 1
    return [_clean(parameter.first + i * parameter.step) for i in range(count)]


def with_values(question: Numeric, values: Values) -> Asked:
    """The question with these values: texts filled in, formulas evaluated. BadFormula where one has no value."""
    answer = Formula(question.answer, values).value(values)
    fill = filled if values else _same
    after = {**values, "answer": whole(answer)}
    wrong = tuple(
        replace(slip, answer=_written(slip.answer, values), feedback=fill(slip.feedback, after))
        for slip in question.wrong
    )
    asked = replace(
        question,
        question=fill(question.question, values),
        explanation=fill(question.explanation, after),
        unit=fill(question.unit, values) if question.unit else None,
        answer=repr(answer),
        wrong=wrong,
        parameters={},
        configs={},
    )
    return Asked(asked)


def filled(text: str, values: Mapping[str, Any]) -> str:
    """The text with its fields replaced."""
    return text.format_map(values)


def _same(text: str, values: Mapping[str, Any]) -> str:
    """Where nothing is drawn, a brace is a brace."""
    return text


def _written(formula: str, values: Values) -> str:
    return repr(Formula(formula, values).value(values))


def _config(question: Numeric, name: str) -> Values:
    return {"config": name, **{key: whole(number) for key, number in question.configs[name].items()}}


def _clean(number: Number) -> Number:
    """0.1 + 2 * 0.1 as 0.3"""
    return whole(float(f"{number:.12g}"))


def _shuffled(items: Sequence[T], random: Random) -> list[T]:
    return random.sample(items, len(items))


def _shuffled_options(options: Sequence[Option], random: Random) -> tuple[Option, ...]:
    places = {pin: [option for option in options if option.pin == pin] for pin in ("first", None, "last")}
    return (*places["first"], *_shuffled(places[None], random), *places["last"])


def _disordered(items: Sequence[str], random: Random) -> tuple[str, ...]:
    """In any order but the right one."""
    shown = _shuffled(items, random)
    while shown == list(items):
        shown = _shuffled(items, random)
    return tuple(shown)

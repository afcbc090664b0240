"""Reads an answer as it was typed, and says what it is worth and why.

All ways of asking hand over the same text: digits of what is shown (`2`, `1 3`, `3 1 2`), a number, or words.
"""

import re
import unicodedata
from fractions import Fraction
from itertools import pairwise
from typing import assert_never

import msgspec

from grader.quiz.draw import Asked
from grader.quiz.formula import Formula
from grader.quiz.model import CodeLine, Match, Multiple, Number, Numeric, Order, OwnWords, Single, TextAnswer
from grader.quiz.numbers import NotANumber, parse_number, written

CLOSE = Fraction(1, 50)  # a number that misses by less is told so


class NotAnAnswer(ValueError):
    """What was typed cannot be an answer to this question; the message says why. It is asked again."""


class Mark(msgspec.Struct, frozen=True):
    """What an answer is worth, from 0 to 1, and why: what it got right, or which misunderstandings it shows."""

    score: float
    feedback: tuple[str, ...] = ()


def mark(asked: Asked, typed: str) -> Mark:
    """Marks an answer. NotAnAnswer where `typed` is none."""
    question = asked.question
    match question:
        case Single():
            return _single(question, *places(asked, typed))
        case Multiple():
            return _multiple(question, places(asked, typed))
        case Numeric():
            return _numeric(question, typed)
        case Order():
            return _order(asked, question, places(asked, typed))
        case Match():
            return _match(asked, question, places(asked, typed))
        case TextAnswer():
            return _text(question, typed)
        case OwnWords():
            (said,) = places(asked, typed)
            return Mark(float(said == 0))
        case CodeLine():
            return _line(question, *places(asked, typed))
        case _:
            assert_never(question)


def places(asked: Asked, typed: str) -> tuple[int, ...]:
    """The places, from 0, that an answer consists of: of options, items, right sides, or a line of code.

    NotAnAnswer as for `mark`.
    """
    question = asked.question
    match question:
        case Single():
            return digits(typed, len(question.options), exactly=1)
        case Multiple():
            return digits(typed, len(question.options))
        case Order():
            return digits(typed, len(question.items), exactly=len(question.items))
        case OwnWords():
            return digits(typed, len(asked.shown), exactly=1)
        case Match():
            return digits(typed, len(asked.shown), exactly=len(question.pairs), repeated=True)
        case CodeLine():
            lines = len((question.code or "").rstrip("\n").split("\n"))
            return digits(re.sub(r"(?i)^\s*line\b", "", typed), lines, exactly=1)
        case Numeric() | TextAnswer():
            return ()
        case _:
            assert_never(question)


def right_answer(asked: Asked) -> str:
    """The right answer as one would type it."""
    question = asked.question
    match question:
        case Single() | Multiple():
            return " ".join(str(i) for i, option in enumerate(question.options, start=1) if option.correct)
        case Numeric():
            return Formula(question.answer).text
        case Order():
            return " ".join(str(asked.shown.index(item) + 1) for item in question.items)
        case Match():
            return " ".join(str(asked.shown.index(pair.right) + 1) for pair in question.pairs)
        case TextAnswer():
            return question.answers[0]
        case OwnWords():
            return "1"
        case CodeLine():
            return str(question.answer)
        case _:
            assert_never(question)


def in_words(asked: Asked, typed: str) -> list[str]:
    """An answer as it is read: the texts that its digits stand for. NotAnAnswer as for `mark`."""
    question = asked.question
    match question:
        case Single() | Multiple() | Order() | OwnWords():
            return [asked.shown[i] for i in places(asked, typed)]
        case Match():
            chosen = places(asked, typed)
            return [f"{pair.left}: {asked.shown[i]}" for pair, i in zip(question.pairs, chosen, strict=True)]
        case Numeric():
            return [_with_unit(question, typed)]
        case CodeLine():
            return [f"line {typed}"]
        case TextAnswer():
            return [typed]
        case _:
            assert_never(question)


def right_in_words(asked: Asked) -> list[str]:
    """The right answer as it is read."""
    question = asked.question
    if isinstance(question, Numeric):
        return [_with_unit(question, written(Formula(question.answer).value({})))]
    if isinstance(question, OwnWords):
        return [question.answer]
    return in_words(asked, right_answer(asked))


def digits(typed: str, most: int, exactly: int | None = None, repeated: bool = False) -> tuple[int, ...]:
    """The places, from 0, that were typed as digits from 1 to `most`. NotAnAnswer where they are none."""
    words = re.findall(r"\d+|[^\s,;.]+", typed)
    if not words or not all(word.isascii() and word.isdigit() for word in words):
        shown = " ".join(typed.split())[:30]
        told = f"'{shown}' is not" if shown else "That is not"
        raise NotAnAnswer(f"{told} a choice. Give {_wanted(most, exactly)}.")
    if exactly and len(words) == 1 and len(words[0]) == exactly > 1 and most <= 9:
        words = list(words[0])  # 312 for 3 1 2
    if any(len(word) > 3 for word in words):
        raise NotAnAnswer(f"There is no number {words[0][:12]} here. Give {_wanted(most, exactly)}.")
    places = tuple(int(word) - 1 for word in words)
    for place in places:
        if not 0 <= place < most:
            raise NotAnAnswer(f"There is no number {place + 1} here. Give {_wanted(most, exactly)}.")
    if exactly is not None and len(places) != exactly:
        raise NotAnAnswer(f"That is {len(places)} of {exactly}. Give {_wanted(most, exactly)}.")
    if not repeated and len(set(places)) < len(places):
        raise NotAnAnswer(f"A number is given twice. Give {_wanted(most, exactly)}.")
    return places


def _wanted(most: int, exactly: int | None) -> str:
    if exactly == 1:
        return f"a number from 1 to {most}"
    if exactly is None:
        return f"one number or more from 1 to {most}, such as 1 3"
    return f"{exactly} numbers from 1 to {most}, such as {' '.join(str(i % most + 1) for i in range(exactly))}"


def _single(question: Single, chosen: int) -> Mark:
    option = question.options[chosen]
    return Mark(float(option.correct), (option.feedback,))


def _multiple(question: Multiple, chosen: tuple[int, ...]) -> Mark:
    """max(0, right chosen - wrong chosen) / number of right ones."""
    right = sum(option.correct for option in question.options)
    balance = sum(1 if question.options[i].correct else -1 for i in chosen)
    feedback = []
    for i, option in enumerate(question.options):
        if option.correct != (i in chosen):
            feedback.append(f"{'Missed' if option.correct else 'Wrong'}: {_sentence(option.text)} {option.feedback}")
    if not feedback:
        feedback = [question.options[i].feedback for i in chosen]
    return Mark(max(0, balance) / right, tuple(feedback))


def _order(asked: Asked, question: Order, chosen: tuple[int, ...]) -> Mark:
    """The share of neighbours of which the first comes first."""
    places = [question.items.index(asked.shown[i]) for i in chosen]
    right = sum(first < second for first, second in pairwise(places))
    count = len(places) - 1
    if right == count:
        return Mark(1.0)
    return Mark(right / count, (f"{right} of {count} neighbours stand in the right order.",))


def _match(asked: Asked, question: Match, chosen: tuple[int, ...]) -> Mark:
    """The share of left sides that have their right side."""
    feedback = []
    for pair, i in zip(question.pairs, chosen, strict=True):
        if pair.right != asked.shown[i]:
            feedback.append(f"{pair.left}: {_sentence(pair.right)} {pair.feedback or ''}".rstrip())
    return Mark(1 - len(feedback) / len(question.pairs), tuple(feedback))


def _sentence(text: str) -> str:
    return text if text.endswith((".", "?", "!")) else f"{text}."


def _line(question: CodeLine, place: int) -> Mark:
    slips = [slip.feedback for slip in question.wrong if int(slip.answer) == place + 1]
    return Mark(float(place + 1 == question.answer), tuple(slips))


# ------------------------------------------------------------ numbers


def _numeric(question: Numeric, typed: str) -> Mark:
    try:
        number = parse_number(typed, question.unit)
    except NotANumber as error:
        raise NotAnAnswer(str(error)) from None
    right = Formula(question.answer).value({})
    if accepts(question, right, number):
        return Mark(1.0)
    for slip in question.wrong:
        if accepts(question, Formula(slip.answer).value({}), number):
            return Mark(0.0, (slip.feedback,))
    if abs(number - Fraction(right)) <= CLOSE * abs(Fraction(right)):
        return Mark(0.0, (f"Close; {_bound(question, right)} is asked for.",))
    return Mark(0.0)


def accepts(question: Numeric, right: Number, number: Fraction) -> bool:
    """Whether a number is so near to the right one that it counts as it."""
    return abs(number - Fraction(right)) <= margin(question, right)


def margin(question: Numeric, right: Number) -> Fraction:
    """How far a number may lie from the right one to count as it."""
    tolerance = question.tolerance
    if tolerance is None:
        # a float that came of a formula is not the decimal that one types for it
        return Fraction(0) if isinstance(right, int) else Fraction(1, 10**6) * abs(Fraction(right))
    rounding = 1 + Fraction(1, 10**9)
    if tolerance.absolute is not None:
        return Fraction(tolerance.absolute) * rounding
    assert tolerance.relative is not None
    return Fraction(tolerance.relative) * abs(Fraction(right)) * rounding


def _bound(question: Numeric, right: Number) -> str:
    tolerance = question.tolerance
    if tolerance is None:
        return "the exact number" if isinstance(right, int) else "six digits"
    return f"within {tolerance.absolute:g}" if tolerance.absolute else f"within {100 * (tolerance.relative or 0):.3g} %"


def _with_unit(question: Numeric, typed: str) -> str:
    alone = question.unit and re.fullmatch(r"[-+\d.,eE\s−]+", typed)
    return f"{typed} {question.unit}" if alone else typed


# ------------------------------------------------------------ words


def _text(question: TextAnswer, typed: str) -> Mark:
    given = plain(typed)
    if not given:
        raise NotAnAnswer("An answer has letters or digits.")
    for slip in question.wrong:
        if given == plain(slip.answer):
            return Mark(0.0, (slip.feedback,))
    distances = {answer: _misses(given, plain(answer)) for answer in question.answers}
    best = min(distances, key=lambda answer: distances[answer])
    if distances[best] > _allowed(plain(best)):
        return Mark(0.0)
    nearest_wrong = min((_misses(given, plain(slip.answer)) for slip in question.wrong), default=len(given))
    if distances[best] and nearest_wrong <= distances[best]:
        return Mark(0.0)
    return Mark(1.0, (f"It is spelt: {best}.",) if distances[best] else ())


def plain(text: str) -> str:
    """Words as they are compared: without case, punctuation, spaces and articles."""
    words = re.findall(r"\w+", unicodedata.normalize("NFKC", text).casefold().replace("_", " "))
    kept = [word for word in words if word not in ("the", "a", "an")] or words
    return "".join(kept)


def _allowed(answer: str) -> int:
    """How many misspellings are read over: in a short word, and where a digit is the point, none."""
    if any(character.isdigit() for character in answer):
        return 0
    return 0 if len(answer) < 5 else 1 if len(answer) < 9 else 2


def _misses(one: str, other: str) -> int:
    """Letters that are missing, too many, wrong, or swapped with their neighbour."""
    if abs(len(one) - len(other)) > 2:
        return max(len(one), len(other))
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, start=1):
        before, last, row = row, before, [i]
        for j, b in enumerate(other, start=1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
    return row[-1]

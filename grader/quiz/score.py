"""Parses a typed answer and marks it.

Every user interface passes the same text: numbers of the choices shown (`2`, `1 3`, `3 1 2`), a number, or words.
"""

import re
import unicodedata
from fractions import Fraction
from itertools import pairwise
from typing import assert_never

import msgspec

from grader.base.numbers import NotANumber, format_number, readings
from grader.quiz.draw import DrawnQuestion
from grader.quiz.formula import Formula
from grader.quiz.model import CodeLine, Match, Multiple, Number, Numeric, Order, OwnWords, Single, TextAnswer

CLOSE_SHARE = Fraction(1, 50)  # a wrong number that is nearer than this share is called close


class InvalidAnswer(ValueError):
    """The text cannot be an answer to this question; the message says why. The question is asked again."""


class Mark(msgspec.Struct, frozen=True):
    """The score of an answer, from 0 to 1, and the reasons for it."""

    score: float
    feedback: tuple[str, ...] = ()


def mark(drawn: DrawnQuestion, typed: str) -> Mark:
    """Mark an answer. Raise InvalidAnswer if it cannot be an answer to this question."""
    question = drawn.question
    match question:
        case Single():
            return _single(question, *positions(drawn, typed))
        case Multiple():
            return _multiple(question, positions(drawn, typed))
        case Numeric():
            return _numeric(question, typed)
        case Order():
            return _order(drawn, question, positions(drawn, typed))
        case Match():
            return _match(drawn, question, positions(drawn, typed))
        case TextAnswer():
            return _text(question, typed)
        case OwnWords():
            (said,) = positions(drawn, typed)
            return Mark(float(said == 0))
        case CodeLine():
            return _line(question, *positions(drawn, typed))
        case _:
            assert_never(question)


def positions(drawn: DrawnQuestion, typed: str) -> tuple[int, ...]:
    """Return the chosen positions, from 0: of options, items, right sides, or a line of code.

    Raises InvalidAnswer as `mark` does.
    """
    question = drawn.question
    match question:
        case Single():
            return parse_positions(typed, len(question.options), exactly=1)
        case Multiple():
            return parse_positions(typed, len(question.options))
        case Order():
            return parse_positions(typed, len(question.items), exactly=len(question.items))
        case OwnWords():
            return parse_positions(typed, len(drawn.shown), exactly=1)
        case Match():
            return parse_positions(typed, len(drawn.shown), exactly=len(question.pairs), repeated=True)
        case CodeLine():
            lines = len((question.code or "").rstrip("\n").split("\n"))
            return parse_positions(re.sub(r"(?i)^\s*line\b", "", typed), lines, exactly=1)
        case Numeric() | TextAnswer():
            return ()
        case _:
            assert_never(question)


def right_answer(drawn: DrawnQuestion) -> str:
    """Return the right answer as it would be typed."""
    question = drawn.question
    match question:
        case Single() | Multiple():
            return " ".join(str(i) for i, option in enumerate(question.options, start=1) if option.correct)
        case Numeric():
            return Formula(question.answer).text
        case Order():
            return " ".join(str(drawn.shown.index(item) + 1) for item in question.items)
        case Match():
            return " ".join(str(drawn.shown.index(pair.right) + 1) for pair in question.pairs)
        case TextAnswer():
            return question.answers[0]
        case OwnWords():
            return "1"
        case CodeLine():
            return str(question.answer)
        case _:
            assert_never(question)


def describe_answer(drawn: DrawnQuestion, typed: str) -> list[str]:
    """Return an answer with its numbers replaced by the texts chosen. Raise InvalidAnswer as `mark` does."""
    question = drawn.question
    match question:
        case Single() | Multiple() | Order() | OwnWords():
            return [drawn.shown[i] for i in positions(drawn, typed)]
        case Match():
            chosen = positions(drawn, typed)
            return [f"{pair.left}: {drawn.shown[i]}" for pair, i in zip(question.pairs, chosen, strict=True)]
        case Numeric():
            return [_with_unit(question, typed)]
        case CodeLine():
            return [f"line {typed}"]
        case TextAnswer():
            return [typed]
        case _:
            assert_never(question)


def describe_right_answer(drawn: DrawnQuestion) -> list[str]:
    """Return the right answer in words."""
    question = drawn.question
    if isinstance(question, Numeric):
        return [_with_unit(question, format_number(Formula(question.answer).value({})))]
    if isinstance(question, OwnWords):
        return [question.answer]
    return describe_answer(drawn, right_answer(drawn))


def parse_positions(typed: str, most: int, exactly: int | None = None, repeated: bool = False) -> tuple[int, ...]:
    """Parse numbers from 1 to `most` as positions from 0. Raise InvalidAnswer if they are malformed."""
    words = re.findall(r"\d+|[^\s,;.]+", typed)
    if not words or not all(word.isascii() and word.isdigit() for word in words):
        shown = " ".join(typed.split())[:30]
        problem = f"'{shown}' is not a choice" if shown else "Nothing is chosen yet"
        raise InvalidAnswer(f"{problem}. Give {_describe_choice(most, exactly)}.")
    if exactly and len(words) == 1 and len(words[0]) == exactly > 1 and most <= 9:
        words = list(words[0])  # 312 for 3 1 2
    if any(len(word) > 3 for word in words):
        raise InvalidAnswer(f"There is no number {words[0][:12]} here. Give {_describe_choice(most, exactly)}.")
    positions = tuple(int(word) - 1 for word in words)
    for position in positions:
        if not 0 <= position < most:
            raise InvalidAnswer(f"There is no number {position + 1} here. Give {_describe_choice(most, exactly)}.")
    if exactly is not None and len(positions) != exactly:
        raise InvalidAnswer(f"That is {len(positions)} of {exactly}. Give {_describe_choice(most, exactly)}.")
    if not repeated and len(set(positions)) < len(positions):
        raise InvalidAnswer(f"A number is given twice. Give {_describe_choice(most, exactly)}.")
    return positions


def _describe_choice(most: int, exactly: int | None) -> str:
    if exactly == 1:
        return f"a number from 1 to {most}"
    if exactly is None:
        return f"one number or more from 1 to {most}, such as 1 3"
    return f"{exactly} numbers from 1 to {most}, such as {' '.join(str(i % most + 1) for i in range(exactly))}"


def _single(question: Single, chosen: int) -> Mark:
    option = question.options[chosen]
    return Mark(float(option.correct), (option.feedback,))


def _multiple(question: Multiple, chosen: tuple[int, ...]) -> Mark:
    """Score max(0, right chosen - wrong chosen) / number of right options."""
    right = sum(option.correct for option in question.options)
    balance = sum(1 if question.options[i].correct else -1 for i in chosen)
    feedback = []
    for i, option in enumerate(question.options):
        if option.correct != (i in chosen):
            feedback.append(f"{'Missed' if option.correct else 'Wrong'}: {_with_period(option.text)} {option.feedback}")
    if not feedback:
        feedback = [question.options[i].feedback for i in chosen]
    return Mark(max(0, balance) / right, tuple(feedback))


def _order(drawn: DrawnQuestion, question: Order, chosen: tuple[int, ...]) -> Mark:
    """Score the share of neighbours in the right order."""
    positions = [question.items.index(drawn.shown[i]) for i in chosen]
    right = sum(first < second for first, second in pairwise(positions))
    count = len(positions) - 1
    if right == count:
        return Mark(1.0)
    return Mark(right / count, (f"{right} of {count} neighbours are in the right order.",))


def _match(drawn: DrawnQuestion, question: Match, chosen: tuple[int, ...]) -> Mark:
    """Score the share of left sides with the right match."""
    feedback = []
    for pair, i in zip(question.pairs, chosen, strict=True):
        if pair.right != drawn.shown[i]:
            feedback.append(f"{pair.left}: {_with_period(pair.right)} {pair.feedback or ''}".rstrip())
    return Mark(1 - len(feedback) / len(question.pairs), tuple(feedback))


def _with_period(text: str) -> str:
    return text if text.endswith((".", "?", "!")) else f"{text}."


def _line(question: CodeLine, position: int) -> Mark:
    slips = [slip.feedback for slip in question.wrong if int(slip.answer) == position + 1]
    return Mark(float(position + 1 == question.answer), tuple(slips))


# ------------------------------------------------------------ numbers


def _numeric(question: Numeric, typed: str) -> Mark:
    try:
        numbers = readings(typed, question.unit)
    except NotANumber as error:
        raise InvalidAnswer(str(error)) from None
    right = Formula(question.answer).value({})
    if any(accepts(question, right, number) for number in numbers):
        return Mark(1.0)
    for slip in question.wrong:
        if any(accepts(question, Formula(slip.answer).value({}), number) for number in numbers):
            return Mark(0.0, (slip.feedback,))
    if any(abs(number - Fraction(right)) <= CLOSE_SHARE * abs(Fraction(right)) for number in numbers):
        return Mark(0.0, (f"Close; {_describe_tolerance(question, right)} is required.",))
    return Mark(0.0)


def accepts(question: Numeric, right: Number, number: Fraction) -> bool:
    """Return whether a number is within the tolerance of the right one."""
    return abs(number - Fraction(right)) <= margin(question, right)


def margin(question: Numeric, right: Number) -> Fraction:
    """Return the largest accepted distance from the right number."""
    tolerance = question.tolerance
    if tolerance is None:
        # a float computed by a formula differs slightly from the decimal that is typed
        return Fraction(0) if isinstance(right, int) else Fraction(1, 10**6) * abs(Fraction(right))
    rounding = 1 + Fraction(1, 10**9)
    if tolerance.absolute is not None:
        return Fraction(tolerance.absolute) * rounding
    assert tolerance.relative is not None
    return Fraction(tolerance.relative) * abs(Fraction(right)) * rounding


def _describe_tolerance(question: Numeric, right: Number) -> str:
    tolerance = question.tolerance
    if tolerance is None:
        return "the exact number" if isinstance(right, int) else "six digits"
    return f"within {tolerance.absolute:g}" if tolerance.absolute else f"within {100 * (tolerance.relative or 0):.3g} %"


def _with_unit(question: Numeric, typed: str) -> str:
    alone = question.unit and re.fullmatch(r"[-+\d.,eE\s−]+", typed)
    return f"{typed} {question.unit}" if alone else typed


# ------------------------------------------------------------ words


def _text(question: TextAnswer, typed: str) -> Mark:
    given = normalize(typed)
    if not given:
        raise InvalidAnswer("An answer needs letters or digits.")
    for slip in question.wrong:
        if given == normalize(slip.answer):
            return Mark(0.0, (slip.feedback,))
    distances = {answer: _edit_distance(given, normalize(answer)) for answer in question.answers}
    best = min(distances, key=lambda answer: distances[answer])
    if distances[best] > _allowed_misspellings(normalize(best)):
        return Mark(0.0)
    nearest_wrong = min((_edit_distance(given, normalize(slip.answer)) for slip in question.wrong), default=len(given))
    if distances[best] and nearest_wrong <= distances[best]:
        return Mark(0.0)
    return Mark(1.0, (f"The spelling is: {best}.",) if distances[best] else ())


def normalize(text: str) -> str:
    """Remove case, punctuation, spaces and articles, to compare words."""
    words = re.findall(r"\w+", unicodedata.normalize("NFKC", text).casefold().replace("_", " "))
    kept = [word for word in words if word not in ("the", "a", "an")] or words
    return "".join(kept)


def _allowed_misspellings(answer: str) -> int:
    """Return how many misspellings are accepted: none in short words and in answers with digits."""
    if any(character.isdigit() for character in answer):
        return 0
    return 0 if len(answer) < 5 else 1 if len(answer) < 9 else 2


def _edit_distance(one: str, other: str) -> int:
    """Return the edit distance, where swapped neighbours are one edit.

    If the lengths differ by more than 2, return the longer length.
    """
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

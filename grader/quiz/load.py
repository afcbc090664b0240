"""Loads quiz.yaml as typed values. Each mistake is one sentence with file, line and question."""

import math
import re
from collections.abc import Iterable
from pathlib import Path
from string import Formatter
from typing import Annotated, Any, assert_never

from msgspec import Meta

from grader.base.errors import UsageError
from grader.base.text import did_you_mean
from grader.course.document import Document
from grader.course.keys import Keys
from grader.course.model import YamlStruct
from grader.quiz.draw import fill_in, first_values, numbers_of
from grader.quiz.formula import FUNCTIONS, Formula, FormulaError
from grader.quiz.model import (
    COMMANDS,
    ID_PATTERN,
    MAX_CHOICES,
    TYPES,
    CodeLine,
    Match,
    Multiple,
    Number,
    Numeric,
    Order,
    Question,
    Quiz,
    Range,
    Single,
    Text,
    TextAnswer,
)
from grader.quiz.sealed import is_sealed, unseal

MAX_RANGE = 100_000  # values of a parameter


class _Outline(YamlStruct, frozen=True, kw_only=True):
    """quiz.yaml with its questions not yet converted."""

    title: Text
    questions: Annotated[tuple[Any, ...], Meta(min_length=1)]


class _QuizFile(Document):
    """A document whose errors name the question."""

    def error(self, keys: Keys, sentence: str) -> UsageError:
        if len(keys) > 1 and keys[0] == "questions":
            question = self.value["questions"][keys[1]]
            name = question.get("id") if isinstance(question, dict) else None
            place = f"question '{name}'" if isinstance(name, str) else f"question {int(keys[1]) + 1}"
            sentence = f"{place}: {sentence}"
        return super().error(keys, sentence)


def load_quiz(path: Path) -> Quiz:
    """Load a quiz. Raise UsageError for its first mistake."""
    quiz, mistakes = read_quiz(path)
    if quiz is None:
        raise mistakes[0]
    return quiz


def read_quiz(path: Path) -> tuple[Quiz | None, list[UsageError]]:
    """Return the quiz and no mistakes, or None and the first mistake of each question."""
    questions: list[Question] = []
    mistakes: list[UsageError] = []
    try:
        document = _QuizFile(path)
        if is_sealed(document):
            document = _QuizFile(path, data=unseal(document))
        outline = document.convert(_Outline)
    except UsageError as error:
        return None, [error]
    lines: dict[str, int] = {}
    for i in range(len(outline.questions)):
        try:
            question = _load_question(document, i)
            line = document.line("questions", i, "id")
            if question.id in lines:
                sentence = f"duplicate id; it is used in line {lines[question.id]} already."
                raise document.error(("questions", i, "id"), sentence)
            lines[question.id] = line
            questions.append(question)
        except UsageError as error:
            mistakes.append(error)
    if mistakes:
        return None, mistakes
    return Quiz(title=outline.title, questions=tuple(questions)), []


def _load_question(document: _QuizFile, i: int) -> Question:
    at: Keys = ("questions", i)
    raw = document.value["questions"][i]
    if not isinstance(raw, dict):
        raise document.error(at, "a question consists of lines of the form key: value.")
    if "type" not in raw:
        raise document.error(at, f"'type' is missing; it is one of {', '.join(TYPES)}.")
    if not isinstance(raw["type"], str) or raw["type"] not in TYPES:
        hint = did_you_mean(str(raw["type"]), TYPES) or f" The types are {', '.join(TYPES)}."
        raise document.error((*at, "type"), f"there is no type of question '{raw['type']}'.{hint}")
    _convert_named_values(document, at, raw)
    question: Question = document.convert(TYPES[raw["type"]], *at)
    if not re.fullmatch(ID_PATTERN, question.id):
        sentence = f"the id '{question.id}' must be lower-case words joined by hyphens, such as router-softmax."
        raise document.error((*at, "id"), sentence)
    match question:
        case Single() | Multiple():
            _check_options(document, at, question)
        case Numeric():
            _check_numeric(document, at, question)
        case Order():
            _check_distinct(document, (*at, "items"), question.items, "item")
        case Match():
            _check_match(document, at, question)
        case TextAnswer():
            _check_text(document, at, question)
        case CodeLine():
            _check_code_line(document, at, question)
        case _:
            assert_never(question)
    return question


def _convert_named_values(document: Document, at: Keys, raw: dict[str, Any]) -> None:
    """Convert parameters and configs one by one, so that an error names the one it is in."""
    parameters, configs = raw.get("parameters"), raw.get("configs")
    if isinstance(parameters, dict):
        for name, value in parameters.items():
            kind: Any = Range if isinstance(value, dict) else tuple[Number, ...]
            document.convert(kind, *at, "parameters", name)
    if isinstance(configs, dict):
        for name, config in configs.items():
            if isinstance(config, dict):
                for each in config:
                    document.convert(int | float, *at, "configs", name, each)  # type: ignore[arg-type]


def _check_options(document: Document, at: Keys, question: Single | Multiple) -> None:
    at = (*at, "options")
    _check_distinct(document, at, [option.text for option in question.options], "option")
    correct = sum(option.correct for option in question.options)
    if isinstance(question, Single) and correct != 1:
        raise document.error(at, f"exactly one option of a single choice has correct: true, not {correct}.")
    if correct == 0:
        raise document.error(at, "no option has correct: true; at least one must be right.")
    if correct == len(question.options):
        raise document.error(at, "every option has correct: true; at least one must be wrong.")


def _check_distinct(document: Document, at: Keys, texts: Iterable[str], what: str) -> None:
    seen: dict[str, int] = {}
    for i, text in enumerate(texts):
        plain = " ".join(text.casefold().split())
        if plain in seen:
            raise document.error((*at, i), f"this {what} is the same as {what} {seen[plain] + 1}: '{text}'.")
        seen[plain] = i


def _check_match(document: Document, at: Keys, question: Match) -> None:
    _check_distinct(document, (*at, "pairs"), [pair.left for pair in question.pairs], "left side")
    rights = {pair.right for pair in question.pairs}
    for i, extra in enumerate(question.extra):
        if extra in rights:
            raise document.error((*at, "extra", i), f"'{extra}' is the match of a left side, so it is not extra.")
    _check_distinct(document, (*at, "extra"), question.extra, "extra")
    if not 2 <= len(rights | set(question.extra)) <= MAX_CHOICES:
        sentence = f"there must be 2 to {MAX_CHOICES} different right sides, the extra ones included."
        raise document.error((*at, "pairs"), sentence)


def _check_text(document: Document, at: Keys, question: TextAnswer) -> None:
    for i, answer in enumerate(question.answers):
        if not any(character.isalnum() for character in answer):
            raise document.error((*at, "answers", i), f"'{answer}' has neither letters nor digits.")
        if answer.casefold() in COMMANDS:
            sentence = f"'{answer}' cannot be an answer: typed alone it is a command of the quiz."
            raise document.error((*at, "answers", i), sentence)


def _check_code_line(document: Document, at: Keys, question: CodeLine) -> None:
    if question.code is None:
        raise document.error(at, "'code' is missing; the answer is one of its lines.")
    count = len(question.code.rstrip("\n").split("\n"))
    if question.answer > count:
        raise document.error((*at, "answer"), f"line {question.answer} is not in the code, which has {count} lines.")
    for i, slip in enumerate(question.wrong):
        if not slip.answer.isdecimal() or not 1 <= int(slip.answer) <= count:
            sentence = f"'{slip.answer}' is not a line of the code, which has lines 1 to {count}."
            raise document.error((*at, "wrong", i, "answer"), sentence)
        if int(slip.answer) == question.answer:
            raise document.error((*at, "wrong", i, "answer"), f"line {slip.answer} is the right answer.")


def _check_numeric(document: Document, at: Keys, question: Numeric) -> None:
    names = _check_names(document, at, question)
    for keys, formula in [
        (("answer",), question.answer),
        *((("wrong", i, "answer"), slip.answer) for i, slip in enumerate(question.wrong)),
    ]:
        try:
            Formula(formula, names)
        except FormulaError as error:
            raise document.error((*at, *keys), f"the formula '{formula}' cannot be used: {error}.") from None
    if question.tolerance and (question.tolerance.relative is None) == (question.tolerance.absolute is None):
        raise document.error((*at, "tolerance"), "'tolerance' is either relative or absolute.")
    if not names:
        return
    values = first_values(question)
    texts: list[tuple[Keys, str | None, bool]] = [
        (("question",), question.question, False),
        (("unit",), question.unit, False),
        (("explanation",), question.explanation, True),
        (("source",), question.source, True),
        *((("wrong", i, "feedback"), slip.feedback, True) for i, slip in enumerate(question.wrong)),
    ]
    for key, text, after in texts:
        if text is not None:
            known = {**values, "answer": 1} if after else values
            if problem := _field_problem(text, known):
                raise document.error((*at, *key), problem)


def _check_names(document: Document, at: Keys, question: Numeric) -> list[str]:
    """Check parameters and configs, and return the names that formulas may use."""
    for name, value in question.parameters.items():
        _check_parameter(document, (*at, "parameters", name), name, value)
    return [*question.parameters, *_check_configs(document, at, question)]


def _check_parameter(document: Document, keys: Keys, name: str, value: tuple[Number, ...] | Range) -> None:
    _check_name(document, keys, name)
    bounds = (value.first, value.last, value.step) if isinstance(value, Range) else value
    if not all(math.isfinite(each) for each in bounds):
        raise document.error(keys, f"'{name}' has a number that is not finite.")
    if isinstance(value, Range):
        if value.step <= 0 or value.last < value.first:
            raise document.error(keys, f"'{name}' must go from a smaller number to a larger one in steps above 0.")
        if (value.last - value.first) / value.step > MAX_RANGE:
            raise document.error(keys, f"'{name}' has more than {MAX_RANGE:,} values; take larger steps.")
    numbers = numbers_of(value)
    if not numbers:
        raise document.error(keys, f"'{name}' has no values to draw from.")
    if len(set(numbers)) < len(numbers):
        raise document.error(keys, f"a value of '{name}' is given twice.")


def _check_configs(document: Document, at: Keys, question: Numeric) -> list[str]:
    """Return the names that every config has."""
    first: list[str] | None = None
    for config, values in question.configs.items():
        keys = (*at, "configs", config)
        for name, number in values.items():
            _check_name(document, (*keys, name), name)
            if name in question.parameters:
                raise document.error((*keys, name), f"'{name}' is a parameter too.")
            if not math.isfinite(number):
                raise document.error((*keys, name), f"'{name}' is not a finite number.")
        if first is not None and set(values) != set(first):
            raise document.error(keys, f"every config must have the same names; the first has {', '.join(first)}.")
        first = first or list(values)
    return first or []


def _check_name(document: Document, keys: Keys, name: str) -> None:
    if not name.isidentifier() or not name.isascii() or name in FUNCTIONS or name in ("config", "answer"):
        raise document.error(keys, f"'{name}' cannot be a name: use letters, digits and _, and no name of a function.")


def _field_problem(text: str, values: dict[str, Any]) -> str | None:
    """Return why the fields in a text cannot be filled in, None if they can."""
    try:
        fields = [name for _, name, _, _ in Formatter().parse(text) if name is not None]
    except ValueError:
        return "unmatched brace; write {{ or }} for a literal one."
    for name in fields:
        if name not in values:
            hint = did_you_mean(name, values) or f" There are {', '.join(values)}."
            return f"'{{{name}}}' names no parameter.{hint}"
    try:
        fill_in(text, values)
    except (ValueError, TypeError) as error:
        return f"a field cannot be filled in: {error}."
    return None

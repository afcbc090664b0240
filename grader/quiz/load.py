"""quiz.yaml as typed values; whatever is wrong in it is one sentence with file, line and question."""

import math
import re
from collections.abc import Iterable
from pathlib import Path
from string import Formatter
from typing import Annotated, Any, assert_never

from msgspec import Meta

from grader.base.errors import UsageError
from grader.base.text import did_you_mean
from grader.course.document import Document, Keys
from grader.course.model import YamlStruct
from grader.quiz.draw import filled, first_values, numbers_of
from grader.quiz.formula import FUNCTIONS, BadFormula, Formula
from grader.quiz.model import (
    COMMANDS,
    ID,
    MOST,
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
from grader.quiz.sealed import is_sealed, unsealed


class _Outline(YamlStruct, frozen=True, kw_only=True):
    """quiz.yaml, its questions not yet read."""

    title: Text
    questions: Annotated[tuple[Any, ...], Meta(min_length=1)]


class _QuizFile(Document):
    """A document whose errors name the question in which they are."""

    def error(self, keys: Keys, sentence: str) -> UsageError:
        if len(keys) > 1 and keys[0] == "questions":
            question = self.value["questions"][keys[1]]
            name = question.get("id") if isinstance(question, dict) else None
            place = f"question '{name}'" if isinstance(name, str) else f"question {int(keys[1]) + 1}"
            sentence = f"{place}: {sentence}"
        return super().error(keys, sentence)


def load_quiz(path: Path) -> Quiz:
    """A quiz. UsageError for the first thing that is wrong in it."""
    quiz, mistakes = read_quiz(path)
    if quiz is None:
        raise mistakes[0]
    return quiz


def read_quiz(path: Path) -> tuple[Quiz | None, list[UsageError]]:
    """A quiz, or what is wrong in it: the first mistake of each question."""
    questions: list[Question] = []
    mistakes: list[UsageError] = []
    try:
        document = _QuizFile(path)
        if is_sealed(document):
            document = _QuizFile(path, data=unsealed(document))
        outline = document.convert(_Outline)
    except UsageError as error:
        return None, [error]
    lines: dict[str, int] = {}
    for i in range(len(outline.questions)):
        try:
            question = _question(document, i)
            line = document.line("questions", i, "id")
            if question.id in lines:
                sentence = f"this id is given twice; it stands in line {lines[question.id]} already."
                raise document.error(("questions", i, "id"), sentence)
            lines[question.id] = line
            questions.append(question)
        except UsageError as error:
            mistakes.append(error)
    if mistakes:
        return None, mistakes
    return Quiz(title=outline.title, questions=tuple(questions)), []


def _question(document: _QuizFile, i: int) -> Question:
    at: Keys = ("questions", i)
    raw = document.value["questions"][i]
    if not isinstance(raw, dict):
        raise document.error(at, "a question is written as lines of the form key: value.")
    if "type" not in raw:
        raise document.error(at, f"'type' is missing; it is one of {', '.join(TYPES)}.")
    if not isinstance(raw["type"], str) or raw["type"] not in TYPES:
        hint = did_you_mean(str(raw["type"]), TYPES) or f" The types are {', '.join(TYPES)}."
        raise document.error((*at, "type"), f"there is no type of question '{raw['type']}'.{hint}")
    _parts(document, at, raw)
    question: Question = document.convert(TYPES[raw["type"]], *at)
    if not re.fullmatch(ID, question.id):
        sentence = f"the id '{question.id}' must be lower-case words joined by hyphens, such as router-softmax."
        raise document.error((*at, "id"), sentence)
    match question:
        case Single() | Multiple():
            _options(document, at, question)
        case Numeric():
            _numeric(document, at, question)
        case Order():
            _distinct(document, (*at, "items"), question.items, "item")
        case Match():
            _match(document, at, question)
        case TextAnswer():
            _text(document, at, question)
        case CodeLine():
            _line(document, at, question)
        case _:
            assert_never(question)
    return question


def _parts(document: Document, at: Keys, raw: dict[str, Any]) -> None:
    """Reads the parts with names of the author's own, so that an error can name them."""
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


def _options(document: Document, at: Keys, question: Single | Multiple) -> None:
    at = (*at, "options")
    _distinct(document, at, [option.text for option in question.options], "option")
    correct = sum(option.correct for option in question.options)
    if isinstance(question, Single) and correct != 1:
        raise document.error(at, f"exactly one option of a single choice has correct: true, not {correct}.")
    if correct == 0:
        raise document.error(at, "no option has correct: true; at least one must be right.")
    if correct == len(question.options):
        raise document.error(at, "every option has correct: true; at least one must be wrong.")


def _distinct(document: Document, at: Keys, texts: Iterable[str], what: str) -> None:
    seen: dict[str, int] = {}
    for i, text in enumerate(texts):
        plain = " ".join(text.casefold().split())
        if plain in seen:
            raise document.error((*at, i), f"this {what} is the same as {what} {seen[plain] + 1}: '{text}'.")
        seen[plain] = i


def _match(document: Document, at: Keys, question: Match) -> None:
    _distinct(document, (*at, "pairs"), [pair.left for pair in question.pairs], "left side")
    rights = {pair.right for pair in question.pairs}
    for i, extra in enumerate(question.extra):
        if extra in rights:
            raise document.error((*at, "extra", i), f"'{extra}' belongs to a left side, so it is not extra.")
    _distinct(document, (*at, "extra"), question.extra, "extra")
    if not 2 <= len(rights | set(question.extra)) <= MOST:
        sentence = f"there must be 2 to {MOST} different right sides, the extra ones included."
        raise document.error((*at, "pairs"), sentence)


def _text(document: Document, at: Keys, question: TextAnswer) -> None:
    for i, answer in enumerate(question.answers):
        if not any(character.isalnum() for character in answer):
            raise document.error((*at, "answers", i), f"'{answer}' has neither letters nor digits.")
        if answer.casefold() in COMMANDS:
            sentence = f"'{answer}' cannot be an answer: typed alone it is a command of the quiz."
            raise document.error((*at, "answers", i), sentence)


def _line(document: Document, at: Keys, question: CodeLine) -> None:
    if question.code is None:
        raise document.error(at, "'code' is missing; the answer is one of its lines.")
    count = len(question.code.rstrip("\n").split("\n"))
    if question.answer > count:
        raise document.error((*at, "answer"), f"line {question.answer} is not in the code, which has {count} lines.")
    for i, slip in enumerate(question.wrong):
        if not slip.answer.isdecimal() or not 1 <= int(slip.answer) <= count:
            sentence = f"'{slip.answer}' is no line of the code, which has lines 1 to {count}."
            raise document.error((*at, "wrong", i, "answer"), sentence)
        if int(slip.answer) == question.answer:
            raise document.error((*at, "wrong", i, "answer"), f"line {slip.answer} is the right answer.")


def _numeric(document: Document, at: Keys, question: Numeric) -> None:
    names = _names(document, at, question)
    for keys, formula in [
        (("answer",), question.answer),
        *((("wrong", i, "answer"), slip.answer) for i, slip in enumerate(question.wrong)),
    ]:
        try:
            Formula(formula, names)
        except BadFormula as error:
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
        *((("wrong", i, "feedback"), slip.feedback, True) for i, slip in enumerate(question.wrong)),
    ]
    for key, text, after in texts:
        if text is not None:
            known = {**values, "answer": 1} if after else values
            if problem := _field_problem(text, known):
                raise document.error((*at, *key), problem)


def _names(document: Document, at: Keys, question: Numeric) -> list[str]:
    """The names that formulas may use."""
    for name, value in question.parameters.items():
        keys = (*at, "parameters", name)
        _name(document, keys, name)
        bounds = (value.first, value.last, value.step) if isinstance(value, Range) else value
        if not all(math.isfinite(each) for each in bounds):
            raise document.error(keys, f"'{name}' has a number that is not finite.")
        if isinstance(value, Range) and (value.step <= 0 or value.last < value.first):
            raise document.error(keys, f"'{name}' goes from a smaller number to a larger one in steps above 0.")
        if isinstance(value, Range) and (value.last - value.first) / value.step > 1e5:
            raise document.error(keys, f"'{name}' has more than 100,000 values; take larger steps.")
        if not numbers_of(value):
            raise document.error(keys, f"'{name}' has no values to draw from.")
        if len(set(numbers_of(value))) < len(numbers_of(value)):
            raise document.error(keys, f"a value of '{name}' is given twice.")
    first: list[str] | None = None
    for config, values in question.configs.items():
        keys = (*at, "configs", config)
        for name, number in values.items():
            _name(document, (*keys, name), name)
            if name in question.parameters:
                raise document.error((*keys, name), f"'{name}' is a parameter too.")
            if not math.isfinite(number):
                raise document.error((*keys, name), f"'{name}' is not a finite number.")
        if first is not None and set(values) != set(first):
            raise document.error(keys, f"every config has the same names; the first has {', '.join(first)}.")
        first = first or list(values)
    return [*question.parameters, *(first or [])]


def _name(document: Document, keys: Keys, name: str) -> None:
    if not name.isidentifier() or not name.isascii() or name in FUNCTIONS or name in ("config", "answer"):
        raise document.error(keys, f"'{name}' cannot name a number: take letters, digits and _, and no function.")


def _field_problem(text: str, values: dict[str, Any]) -> str | None:
    """Why the fields in a text cannot be filled in."""
    try:
        fields = [name for _, name, _, _ in Formatter().parse(text) if name is not None]
    except ValueError:
        return "a brace stands alone; write {{ or }} for one that is meant as such."
    for name in fields:
        if name not in values:
            hint = did_you_mean(name, values) or f" There are {', '.join(values)}."
            return f"'{{{name}}}' names no parameter.{hint}"
    try:
        filled(text, values)
    except (ValueError, TypeError) as error:
        return f"a field cannot be filled in: {error}."
    return None

"""A bank of a quiz: variants are drawn, options shuffled, and texts become HTML."""

from collections.abc import Iterator
from itertools import count
from typing import assert_never

from grader.base.errors import UsageError
from grader.quiz.draw import DrawnQuestion, count_draws, draw_question, draws, with_values
from grader.quiz.formula import Formula, FormulaError
from grader.quiz.model import (
    CodeLine,
    Match,
    Multiple,
    Numeric,
    Order,
    OwnWords,
    Question,
    Quiz,
    Single,
    TextAnswer,
)
from grader.quiz.score import margin
from grader.teach.question_banks import html
from grader.teach.question_banks.model import (
    Bank,
    Choice,
    Entry,
    Item,
    Matching,
    Numbers,
    Option,
    Ordering,
    Pair,
    Value,
    Word,
    Words,
)


def bank_of(quiz: Quiz, slug: str, variants: int, seed: str) -> Bank:
    """The bank of a quiz, with up to so many different variants of each question that has parameters.

    A variant is what a student sees in an attempt with this seed, so the same seed draws the same variants. UsageError
    if a formula has no value for what was drawn.
    """
    entries = []
    for question in quiz.questions:
        try:
            asked = list(_variants(question, variants, seed))
        except FormulaError as error:
            raise UsageError(f"The question '{question.id}' of '{slug}' cannot be drawn: {error}.") from None
        names = [f"{question.id}.{number}" for number in range(1, len(asked) + 1)] if len(asked) > 1 else [question.id]
        items = tuple(_item(name, each) for name, each in zip(names, asked, strict=True))
        entries.append(Entry(id=question.id, items=items))
    return Bank(slug=slug, title=html.line(quiz.title), entries=tuple(entries))


def _variants(question: Question, most: int, seed: str) -> Iterator[DrawnQuestion]:
    """Different draws: all that there are, if they are no more than `most`."""
    if not isinstance(question, Numeric):
        yield draw_question(question, seed, 1)
        return
    if count_draws(question) <= most:
        yield from (with_values(question, values) for values in draws(question))
        return
    found: list[DrawnQuestion] = []
    for attempt in count(1):
        asked = draw_question(question, seed, attempt)
        if asked not in found:
            found.append(asked)
            yield asked
        if len(found) == most:
            return


def _item(name: str, asked: DrawnQuestion) -> Item:
    question = asked.question
    assert not isinstance(question, OwnWords)  # a prediction, which is in no quiz
    return Item(
        id=name,
        level=question.level,
        section=html.line(question.section),
        html="".join(_asked(question)),
        explanation=html.block(question.explanation)
        + html.paragraph(f"({question.source})")
        + html.paragraph(f"To read again: {question.section}"),
        answer=_answer(question, asked.shown),
    )


def _asked(question: Question) -> Iterator[str]:
    yield html.block(question.question)
    if question.code is not None:
        yield html.code(question.code)
    if isinstance(question, Numeric) and question.unit:
        yield html.paragraph(f"Give a number, in {question.unit}.")


def _answer(question: Question, shown: tuple[str, ...]) -> Choice | Numbers | Words | Ordering | Matching:
    match question:
        case Single() | Multiple():
            return Choice(
                options=tuple(
                    Option(
                        html=html.inline(option.text),
                        correct=option.correct,
                        feedback=html.block(option.feedback),
                        fixed=option.pin is not None,
                    )
                    for option in question.options
                ),
                several=isinstance(question, Multiple),
            )
        case CodeLine():
            return Choice(options=tuple(_lines(question)), several=False)
        case Numeric():
            return _numbers(question)
        case TextAnswer():
            return Words(
                answers=tuple(map(html.plain, question.answers)),
                slips=tuple(
                    Word(text=html.plain(slip.answer), feedback=html.block(slip.feedback)) for slip in question.wrong
                ),
            )
        case Order():
            return Ordering(
                items=tuple(map(html.inline, question.items)),
                shown=tuple(question.items.index(item) for item in shown),
            )
        case Match():
            return _matching(question, shown)
        case _:
            assert_never(question)


def _lines(question: CodeLine) -> Iterator[Option]:
    """The lines that have anything in them, and those that are spoken of."""
    feedback = {int(slip.answer): html.block(slip.feedback) for slip in question.wrong}
    for number, row in enumerate((question.code or "").rstrip("\n").split("\n"), start=1):
        if row.strip() or number == question.answer or number in feedback:
            yield Option(
                html=html.code_line(number, row),
                correct=number == question.answer,
                feedback=feedback.get(number),
                fixed=True,
            )


def _numbers(question: Numeric) -> Numbers:
    def value(formula: str, feedback: str | None = None) -> Value:
        number = Formula(formula).value({})
        return Value(
            number=number,
            margin=float(margin(question, number)),
            feedback=None if feedback is None else html.block(feedback),
        )

    return Numbers(
        right=value(question.answer),
        slips=tuple(value(slip.answer, slip.feedback) for slip in question.wrong),
        unit=html.line(question.unit) if question.unit else None,
    )


def _matching(question: Match, shown: tuple[str, ...]) -> Matching:
    return Matching(
        pairs=tuple(
            Pair(
                html=html.inline(pair.left),
                right=shown.index(pair.right),
                feedback=None if pair.feedback is None else html.block(pair.feedback),
            )
            for pair in question.pairs
        ),
        rights=tuple(map(html.inline, shown)),
        plain=tuple(map(html.plain, shown)),
    )

"""Build a question bank from a quiz: draw variants, shuffle options and convert texts to HTML."""

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
    BankItem,
    BankQuestion,
    Choice,
    ChoiceOption,
    Matching,
    MatchingPair,
    NumberAnswer,
    Numerical,
    Ordering,
    QuestionBank,
    ShortAnswer,
    WrongText,
)


def build_bank(quiz: Quiz, slug: str, variants: int, seed: str) -> QuestionBank:
    """Return the bank of a quiz, with up to `variants` different variants of each question that has parameters.

    A variant is what a student sees in an attempt with this seed, so the same seed draws the same variants. Raises
    UsageError if a formula has no value for the drawn parameters.
    """
    questions = []
    for question in quiz.questions:
        try:
            asked = list(_variants(question, variants, seed))
        except FormulaError as error:
            raise UsageError(f"The question '{question.id}' of '{slug}' cannot be drawn: {error}.") from None
        ids = [f"{question.id}.{number}" for number in range(1, len(asked) + 1)] if len(asked) > 1 else [question.id]
        items = tuple(_item(item_id, each) for item_id, each in zip(ids, asked, strict=True))
        questions.append(BankQuestion(id=question.id, items=items))
    return QuestionBank(slug=slug, title=html.line(quiz.title), questions=tuple(questions))


def _variants(question: Question, limit: int, seed: str) -> Iterator[DrawnQuestion]:
    """Yield different draws of a question: all there are, or `limit` if there are more."""
    if not isinstance(question, Numeric):
        yield draw_question(question, seed, 1)
        return
    if count_draws(question) <= limit:
        yield from (with_values(question, values) for values in draws(question))
        return
    found: list[DrawnQuestion] = []
    for attempt in count(1):
        asked = draw_question(question, seed, attempt)
        if asked not in found:
            found.append(asked)
            yield asked
        if len(found) == limit:
            return


def _item(item_id: str, asked: DrawnQuestion) -> BankItem:
    question = asked.question
    assert not isinstance(question, OwnWords)  # only lessons have such questions, quizzes do not
    return BankItem(
        id=item_id,
        level=question.level,
        section=html.line(question.section),
        html="".join(_question_parts(question)),
        explanation=html.block(question.explanation)
        + (html.paragraph(f"({question.source})") if question.source else "")
        + html.paragraph(f"To read again: {question.section}"),
        answer=_answer(question, asked.shown),
    )


def _question_parts(question: Question) -> Iterator[str]:
    yield html.block(question.question)
    if question.code is not None:
        yield html.code(question.code)
    if isinstance(question, Numeric) and question.unit:
        yield html.paragraph(f"Give a number, in {question.unit}.")


def _answer(question: Question, shown: tuple[str, ...]) -> Choice | Numerical | ShortAnswer | Ordering | Matching:
    match question:
        case Single() | Multiple():
            return Choice(
                options=tuple(
                    ChoiceOption(
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
            return Choice(options=tuple(_code_lines(question)), several=False)
        case Numeric():
            return _numerical(question)
        case TextAnswer():
            return ShortAnswer(
                answers=tuple(map(html.plain, question.answers)),
                wrong=tuple(
                    WrongText(text=html.plain(each.answer), feedback=html.block(each.feedback))
                    for each in question.wrong
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


def _code_lines(question: CodeLine) -> Iterator[ChoiceOption]:
    """Yield an option for each line of code that is not blank, and for blank lines that have feedback."""
    feedback = {int(each.answer): html.block(each.feedback) for each in question.wrong}
    for number, row in enumerate((question.code or "").rstrip("\n").split("\n"), start=1):
        if row.strip() or number == question.answer or number in feedback:
            yield ChoiceOption(
                html=html.code_line(number, row),
                correct=number == question.answer,
                feedback=feedback.get(number),
                fixed=True,
            )


def _numerical(question: Numeric) -> Numerical:
    def answer(formula: str, feedback: str | None = None) -> NumberAnswer:
        number = Formula(formula).value({})
        return NumberAnswer(
            number=number,
            margin=float(margin(question, number)),
            feedback=None if feedback is None else html.block(feedback),
        )

    return Numerical(
        right=answer(question.answer),
        wrong=tuple(answer(each.answer, each.feedback) for each in question.wrong),
        unit=html.line(question.unit) if question.unit else None,
    )


def _matching(question: Match, shown: tuple[str, ...]) -> Matching:
    return Matching(
        pairs=tuple(
            MatchingPair(
                html=html.inline(pair.left),
                right=shown.index(pair.right),
                feedback=None if pair.feedback is None else html.block(pair.feedback),
            )
            for pair in question.pairs
        ),
        rights=tuple(map(html.inline, shown)),
        plain=tuple(map(html.plain, shown)),
    )

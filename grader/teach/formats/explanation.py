"""The explanation of a result as parts of an HTML page: prose as paragraphs, tensors and code as preformatted text."""

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from grader.base.result import Outcome, Result
from grader.quiz.model import LEVELS
from grader.quiz.result import QuizResult
from grader.show.explanation import sections
from grader.show.html import html_body
from grader.show.layout import Page, display_struct
from grader.show.score import PUBLIC_ONLY, conditions, earned_text, time_text
from grader.show.status import describe_ending, outcome_mark
from grader.show.terminal import DOCUMENT

if TYPE_CHECKING:
    from markupsafe import Markup

MAX_COLUMNS = 50  # of preformatted text, so that it fits a phone
PAGE: Page = msgspec.structs.replace(DOCUMENT, width=MAX_COLUMNS, rows=4, full=True, every=True, whole=True)


class ExplanationRow(NamedTuple):
    """A test, a question, or a file that was not tested, as a row of a table."""

    mark: str
    style: str  # CSS class of the mark
    name: str
    about: str
    worth: str


class ResultSection(NamedTuple):
    """The explanation of a failing test, or of the whole submission if there is no title."""

    title: str | None
    body: "Markup"


class ResultExplanation(NamedTuple):
    """The explanation of the result of one exercise or quiz."""

    rows: list[ExplanationRow]
    sections: list[ResultSection]
    remarks: list[str]


def explain_result(measured: Result | QuizResult) -> ResultExplanation:
    """Explain a result as far as its student may know it."""
    return (
        _explain_quiz(measured)
        if isinstance(measured, QuizResult)
        else _explain_exercise(display_struct(measured, True))
    )


def _explain_exercise(result: Result) -> ResultExplanation:
    from markupsafe import Markup

    if result.outcome is Outcome.GRADED:
        rows = [_row(test.outcome, test.name, test.description, earned_text([test])) for test in result.tests]
    else:
        outcome, place = describe_ending(result)
        rows = [_row(result.outcome, outcome, place, "")]
    explained = [
        ResultSection(section.test.name if section.test else None, Markup(html_body(section.pieces)))
        for section in sections(result, PAGE)
        if section.pieces
    ]
    remarks = [] if result.hidden_tests else [PUBLIC_ONLY]
    return ResultExplanation(
        rows, explained, [*remarks, "; ".join(filter(None, (time_text(result), conditions(result))))]
    )


def _explain_quiz(quiz: QuizResult) -> ResultExplanation:
    quiz = display_struct(quiz, True)
    rows = []
    for each in quiz.questions:
        outcome = Outcome.SKIPPED if each.answer is None else Outcome.PASSED if each.score == 1 else Outcome.FAILED
        answer = f"Your answer: {each.answer}" if outcome is Outcome.FAILED else ""
        rows.append(_row(outcome, each.id, "\n".join(filter(None, (each.section, answer))), f"{each.score:.4g}"))
    levels = []
    for level in LEVELS:
        scores = [each.score for each in quiz.questions if each.level == level]
        if scores:
            levels.append(f"{level} {sum(scores):.4g} of {len(scores)}")
    return ResultExplanation(rows, [], [f"By level: {', '.join(levels)}."] if levels else [])


def _row(outcome: Outcome, name: str, about: str, worth: str) -> ExplanationRow:
    sign = outcome_mark(outcome)
    return ExplanationRow(sign.text, sign.style, name, about, worth)

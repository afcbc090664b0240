"""What was found out about one file, as the parts of a page: prose is prose, and only tensors and code are drawn."""

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from grader.base.result import Outcome, Result
from grader.quiz.model import LEVELS
from grader.quiz.result import QuizResult
from grader.show.explanation import sections
from grader.show.html import html_body
from grader.show.layout import Page, display_struct
from grader.show.numbers import format_points
from grader.show.score import PUBLIC_ONLY, conditions, earned_text, time_text
from grader.show.status import describe_ending, outcome_mark
from grader.show.terminal import DOCUMENT

if TYPE_CHECKING:
    from markupsafe import Markup

WIDE = 50  # cells of what is drawn: as much as a phone has
PAGE: Page = msgspec.structs.replace(DOCUMENT, width=WIDE, rows=4, full=True, every=True, whole=True)


class Row(NamedTuple):
    """A test, a question, or a file that was not tested: how it ended, what it is about, and what it is worth."""

    mark: str
    style: str  # of the mark
    name: str
    about: str
    worth: str


class Section(NamedTuple):
    title: str | None
    body: "Markup"


class Explained(NamedTuple):
    """A page's part on one exercise or quiz."""

    rows: list[Row]
    sections: list[Section]
    remarks: list[str]


def explained(measured: Result | QuizResult) -> Explained:
    """All that a student may know of a result."""
    return _of_quiz(measured) if isinstance(measured, QuizResult) else _of_exercise(display_struct(measured, True))


def _of_exercise(result: Result) -> Explained:
    from markupsafe import Markup

    if result.outcome is Outcome.GRADED:
        rows = [_row(test.outcome, test.name, test.description, earned_text([test])) for test in result.tests]
    else:
        words, where = describe_ending(result)
        rows = [_row(result.outcome, words, where, "")]
    told = [
        Section(section.test.name if section.test else None, Markup(html_body(section.pieces)))
        for section in sections(result, PAGE)
        if section.pieces
    ]
    remarks = [] if result.hidden_tests else [PUBLIC_ONLY]
    return Explained(rows, told, [*remarks, "; ".join(filter(None, (time_text(result), conditions(result))))])


def _of_quiz(quiz: QuizResult) -> Explained:
    quiz = display_struct(quiz, True)
    rows = []
    for each in quiz.questions:
        outcome = Outcome.SKIPPED if each.answer is None else Outcome.PASSED if each.score == 1 else Outcome.FAILED
        answer = f"Your answer: {each.answer}" if outcome is Outcome.FAILED else ""
        rows.append(_row(outcome, each.id, "\n".join(filter(None, (each.section, answer))), format_points(each.score)))
    levels = []
    for level in LEVELS:
        scores = [each.score for each in quiz.questions if each.level == level]
        if scores:
            levels.append(f"{level} {format_points(sum(scores))} of {len(scores)}")
    return Explained(rows, [], [f"By level: {', '.join(levels)}."] if levels else [])


def _row(outcome: Outcome, name: str, about: str, worth: str) -> Row:
    sign = outcome_mark(outcome)
    return Row(sign.text, sign.style, name, about, worth)

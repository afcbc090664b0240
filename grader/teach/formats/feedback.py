"""Feedback: for each student one page with what the terminal would have shown, as HTML and as Markdown.

In Markdown the screen is that of `grade exercise ID --full` without the commands at its end; in HTML the same is said
as paragraphs and tables. A page is made of one student's grades, and no name of a file is in it: identical files are
graded once, and a group's file may be named after another of its members.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path, PurePath
from typing import NamedTuple

import msgspec

from grader.base.files import open_atomic
from grader.base.result import Outcome, Result
from grader.quiz.model import LEVELS
from grader.quiz.result import QuestionResult, QuizResult
from grader.show.explanation import explanation
from grader.show.layout import (
    Line,
    bold,
    cells,
    clean,
    cleaned,
    clip,
    dim,
    line,
    pad,
    paint,
    paragraphs,
    prose,
    right,
)
from grader.show.markdown import fenced
from grader.show.score import score
from grader.show.status import mark, status
from grader.show.terminal import DOCUMENT
from grader.teach.formats.anonymous import anonymous
from grader.teach.formats.explained import Explained, explained
from grader.teach.formats.github import markdown
from grader.teach.formats.names import folder_name
from grader.teach.formats.page import page
from grader.teach.formats.table import number, signed
from grader.teach.formats.view import by_student, reasons, total
from grader.teach.gradebook.left_out import of_book
from grader.teach.gradebook.model import Book, Grade, Item
from grader.teach.handins.handin import Student

FOLDER = "feedback"
PAGE_NAME = "feedback.html"
PAGE = msgspec.structs.replace(DOCUMENT, full=True, every=True)
NOT_GRADED = "What was not graded"
COLUMNS = ("measured", "late", "adjusted", "final", "of")


class Entry(NamedTuple):
    """What a page says of one exercise or quiz."""

    item: Item
    grade: Grade | None  # None: nothing was handed in
    measured: Result | QuizResult | None  # without names of files
    sentences: list[str]  # how the points came about, or why there are none

    @property
    def earned(self) -> str:
        """`9 of 10 points`; nothing where nothing was handed in."""
        if self.grade is None:
            return ""
        points = self.grade.points
        if points is None:
            return "not graded"
        return f"{number(points.final)} of {number(points.max)} points"

    @property
    def found(self) -> Explained | None:
        return explained(self.measured) if self.measured else None


def write_feedback(book: Book, out: Path) -> list[Path]:
    """Writes `feedback/<student>/feedback.html` and `feedback.md` for every student, one student at a time.

    UsageError where jinja2 is not installed, or where a file cannot be written.
    """
    written = []
    for student, entries, lost in _of_all(book):
        folder = out / FOLDER / folder_name(student.id)
        for path, text in (
            (folder / PAGE_NAME, _html(book, student, entries, lost)),
            (folder / "feedback.md", _markdown(book, student, entries, lost)),
        ):
            with open_atomic(path) as file:
                file.write(text)
            written.append(path)
    return written


def pages(book: Book) -> Iterator[tuple[Student, str]]:
    """Every student's page of HTML, one at a time. UsageError where jinja2 is not installed."""
    return ((student, _html(book, student, entries, lost)) for student, entries, lost in _of_all(book))


def _of_all(book: Book) -> Iterator[tuple[Student, list[Entry], list[str]]]:
    """What each student's page says, and what of the student's work was not graded."""
    of_student = _left_out(book)
    for student, grades in by_student(book):
        of_item = {grade.item.id: grade for grade in grades}
        lost = of_student.get(student.id, [])
        yield student, [_entry(item, of_item.get(item.id), bool(lost)) for item in book.items], lost


def _left_out(book: Book) -> dict[str, list[str]]:
    """What of each student's work is not graded, a sentence for each file. Of a group it may be another's file."""
    lost = of_book(book)
    files: dict[str, list[str]] = {}
    for each in (*lost.overlooked, *lost.unread):
        if each.student:
            files.setdefault(each.student.id, []).append(f"{PurePath(each.file).name}: {each.why}.")
    return files


def _entry(item: Item, grade: Grade | None, lost: bool) -> Entry:
    if grade is None:
        nothing = "Nothing could be graded; see what was not graded, below." if lost else "Nothing was handed in."
        return Entry(item, None, None, [nothing])
    measured = anonymous(grade.result) if isinstance(grade.result, Result) else grade.result
    return Entry(item, grade, measured, reasons(grade))


# The screens


def _screen(measured: Result | QuizResult | None) -> list[Line]:
    if measured is None:
        return []
    return of_quiz(measured) if isinstance(measured, QuizResult) else of_exercise(measured)


def of_exercise(result: Result) -> list[Line]:
    """The terminal's screen of a result: the tests, every failing one explained, and the measured score."""
    result = cleaned(result, True)
    return paragraphs(status(result, PAGE), explanation(result, PAGE), score(result, PAGE))


def of_quiz(result: QuizResult) -> list[Line]:
    """The score of each level, then each question, with the answer where it was not the right one."""
    result = cleaned(result, True)
    levels = []
    for level in LEVELS:
        scores = [each.score for each in result.questions if each.level == level]
        if scores:
            full = round(20 * sum(scores) / len(scores))
            bar = line("█" * full, dim("░" * (20 - full)))
            levels.append(line("    ", pad(level, 10), " ", bar, f"   {number(sum(scores))} of {len(scores)}"))
    wide = min(max((cells(each.id) for each in result.questions), default=0), 32)
    questions = [each for question in result.questions for each in _question(question, wide)]
    earned = f"{number(result.score)} of {number(result.max_score)} questions"
    return paragraphs(levels, questions, [line("  ", bold(earned))])


def _question(question: QuestionResult, wide: int) -> list[Line]:
    outcome = Outcome.SKIPPED if question.answer is None else Outcome.PASSED if question.score == 1 else Outcome.FAILED
    room = PAGE.width - 6 - wide - 3 - 6
    section = pad(clip(question.section, room), room)
    worth = right(number(question.score), 6)
    lines = [line("    ", mark(outcome), " ", pad(clip(question.id, wide), wide), "   ", section, worth)]
    if outcome is Outcome.FAILED:
        lines += prose(f"Your answer: {question.answer}", PAGE, indent=6)
    return lines


# The pages


def _html(book: Book, student: Student, entries: Sequence[Entry], lost: Sequence[str]) -> str:
    return page(
        "feedback.html",
        course=book.course,
        run=book.run,
        student=student,
        columns=COLUMNS,
        not_graded=NOT_GRADED,
        rows=[(each, _points(each)) for each in entries],
        total=_total(entries),
        lost=lost,
    )


def _markdown(book: Book, student: Student, entries: Sequence[Entry], lost: Sequence[str]) -> str:
    rows = [[markdown(clean(each.item.title, True)), *_points(each)] for each in entries]
    lines = [
        f"# {markdown(book.course)}",
        "",
        f"Feedback for {markdown(student.name or student.id)}, {book.run.started:%Y-%m-%d %H:%M %Z}",
        "",
        f"| | {' | '.join(COLUMNS)} |",
        "|---|" + "--:|" * len(COLUMNS),
        *(f"| {' | '.join(row)} |" for row in [*rows, ["total", *_total(entries)]]),
    ]
    for each in entries:
        said = [f"{each.earned}.", *each.sentences] if each.earned else each.sentences
        sentences = [row for sentence in said for row in prose(clean(sentence, True), PAGE, indent=2)]
        painted = [paint(row, PAGE.width, color=False) for row in paragraphs(sentences, _screen(each.measured))]
        lines += ["", f"## {markdown(each.item.title)}", "", fenced("\n".join(painted))]
    if lost:
        lines += ["", f"## {NOT_GRADED}", "", *(f"- {markdown(each)}" for each in lost)]
    return "\n".join(lines) + "\n"


def _points(entry: Entry) -> list[str]:
    """The cells of a row: measured, late, adjusted, final, of."""
    most = number(entry.item.max_score)
    if entry.grade is None:
        return ["–", "", "", "0", most]
    points = entry.grade.points
    if points is None:
        return ["?", "", "", "?", most]
    return [
        number(points.measured),
        signed(points.late) if points.late else "",
        signed(points.adjustment) if points.adjustment else "",
        number(points.final),
        most,
    ]


def _total(entries: Sequence[Entry]) -> list[str]:
    """The last row. A grade that is not known leaves the sum open."""
    final = total([each.grade for each in entries if each.grade])
    return ["", "", "", "?" if final is None else number(final), number(sum(each.item.max_score for each in entries))]

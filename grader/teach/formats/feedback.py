"""Feedback pages for students, as HTML and as Markdown.

The Markdown page has the screens of `grade exercise ID --full` without the commands at their end; the HTML page has the
same content as paragraphs and tables. A page contains no names of submitted files, since identical files are graded
once and a group's file may be named after another member.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path, PurePath
from typing import NamedTuple

import msgspec

from grader.base.files import open_atomic
from grader.base.result import Outcome, Result
from grader.quiz.model import LEVELS
from grader.quiz.result import QuestionResult, QuizResult
from grader.show.explanation import explanation_lines
from grader.show.layout import (
    Line,
    align_right,
    bold,
    cells,
    clip,
    dim,
    display_struct,
    display_text,
    join_blocks,
    line,
    pad,
    paint,
    prose,
)
from grader.show.markdown import fenced
from grader.show.numbers import format_change, format_points
from grader.show.score import score_lines
from grader.show.status import outcome_mark, status_lines
from grader.show.terminal import DOCUMENT
from grader.teach.formats.anonymize import anonymize
from grader.teach.formats.explanation import ResultExplanation, explain_result
from grader.teach.formats.github import escape_markdown
from grader.teach.formats.names import folder_name
from grader.teach.formats.page import render_page
from grader.teach.formats.view import explain_points, grades_by_student, total_points
from grader.teach.gradebook.model import Book, Grade, Item
from grader.teach.gradebook.ungraded import ungraded_in
from grader.teach.handins.handin import Student

FOLDER = "feedback"
PAGE_NAME = "feedback.html"
PAGE = msgspec.structs.replace(DOCUMENT, full=True, every=True)
NOT_GRADED = "Not graded"
COLUMNS = ("measured", "late", "adjusted", "final", "of")


class FeedbackEntry(NamedTuple):
    """The feedback on one exercise or quiz."""

    item: Item
    grade: Grade | None  # None if nothing was handed in
    measured: Result | QuizResult | None  # without names of files
    sentences: list[str]  # explain the points, or why there are none

    @property
    def earned(self) -> str:
        """The points, such as `9 of 10 points`, or "" if nothing was handed in."""
        if self.grade is None:
            return ""
        points = self.grade.points
        if points is None:
            return "not graded"
        return f"{format_points(points.final)} of {format_points(points.max)} points"

    @property
    def explanation(self) -> ResultExplanation | None:
        """The explanation of the result, if there is one."""
        return explain_result(self.measured) if self.measured else None


def write_feedback(book: Book, out: Path) -> list[Path]:
    """Write `feedback/<student>/feedback.html` and `feedback.md` for every student, one student at a time.

    Raises UsageError if jinja2 is not installed, or if a file cannot be written.
    """
    written = []
    for student, entries, not_graded in _all_entries(book):
        folder = out / FOLDER / folder_name(student.id)
        for path, text in (
            (folder / PAGE_NAME, _html(book, student, entries, not_graded)),
            (folder / "feedback.md", _markdown(book, student, entries, not_graded)),
        ):
            with open_atomic(path) as file:
                file.write(text)
            written.append(path)
    return written


def pages(book: Book) -> Iterator[tuple[Student, str]]:
    """Yield every student with the HTML page, one at a time. Raises UsageError if jinja2 is not installed."""
    return ((student, _html(book, student, entries, not_graded)) for student, entries, not_graded in _all_entries(book))


def _all_entries(book: Book) -> Iterator[tuple[Student, list[FeedbackEntry], list[str]]]:
    """Yield each student with the entries of the page and a sentence for each file that was not graded."""
    by_student = _not_graded(book)
    for student, grades in grades_by_student(book):
        by_item = {grade.item.id: grade for grade in grades}
        not_graded = by_student.get(student.id, [])
        yield student, [_entry(item, by_item.get(item.id), bool(not_graded)) for item in book.items], not_graded


def _not_graded(book: Book) -> dict[str, list[str]]:
    """Return a sentence for each file that was not graded, by student. It omits folders, which may name another one."""
    left_out = ungraded_in(book)
    sentences: dict[str, list[str]] = {}
    for each in (*left_out.overlooked, *left_out.unread):
        if each.student:
            sentences.setdefault(each.student.id, []).append(f"{PurePath(each.file).name}: {each.why}.")
    return sentences


def _entry(item: Item, grade: Grade | None, has_ungraded_files: bool) -> FeedbackEntry:
    if grade is None:
        sentence = "Nothing was handed in."
        if has_ungraded_files:
            sentence = "Nothing could be graded; see 'Not graded' below."
        return FeedbackEntry(item, None, None, [sentence])
    measured = anonymize(grade.result) if isinstance(grade.result, Result) else grade.result
    return FeedbackEntry(item, grade, measured, explain_points(grade))


# The screens


def _screen(measured: Result | QuizResult | None) -> list[Line]:
    if measured is None:
        return []
    return quiz_screen(measured) if isinstance(measured, QuizResult) else exercise_screen(measured)


def exercise_screen(result: Result) -> list[Line]:
    """Return the terminal's screen of a result: the tests, explanations of failing ones, and the measured score."""
    result = display_struct(result, True)
    return join_blocks(status_lines(result, PAGE), explanation_lines(result, PAGE), score_lines(result, PAGE))


def quiz_screen(result: QuizResult) -> list[Line]:
    """Return a screen with the score of each level and each question, and the answer to each question that is wrong."""
    result = display_struct(result, True)
    levels = []
    for level in LEVELS:
        scores = [each.score for each in result.questions if each.level == level]
        if scores:
            filled = round(20 * sum(scores) / len(scores))
            bar = line("█" * filled, dim("░" * (20 - filled)))
            levels.append(line("    ", pad(level, 10), " ", bar, f"   {format_points(sum(scores))} of {len(scores)}"))
    width = min(max((cells(each.id) for each in result.questions), default=0), 32)
    questions = [each for question in result.questions for each in _question(question, width)]
    earned = f"{format_points(result.score)} of {format_points(result.max_score)} questions"
    return join_blocks(levels, questions, [line("  ", bold(earned))])


def _question(question: QuestionResult, width: int) -> list[Line]:
    outcome = Outcome.SKIPPED if question.answer is None else Outcome.PASSED if question.score == 1 else Outcome.FAILED
    room = PAGE.width - 6 - width - 3 - 6
    section = pad(clip(question.section, room), room)
    points = align_right(format_points(question.score), 6)
    lines = [line("    ", outcome_mark(outcome), " ", pad(clip(question.id, width), width), "   ", section, points)]
    if outcome is Outcome.FAILED:
        lines += prose(f"Your answer: {question.answer}", PAGE, indent=6)
    return lines


# The pages


def _html(book: Book, student: Student, entries: Sequence[FeedbackEntry], not_graded: Sequence[str]) -> str:
    return render_page(
        "feedback.html",
        course=book.course,
        run=book.run,
        student=student,
        columns=COLUMNS,
        not_graded_title=NOT_GRADED,
        rows=[(each, _points(each)) for each in entries],
        total=_total(entries),
        not_graded=not_graded,
    )


def _markdown(book: Book, student: Student, entries: Sequence[FeedbackEntry], not_graded: Sequence[str]) -> str:
    rows = [[escape_markdown(display_text(each.item.title, True)), *_points(each)] for each in entries]
    lines = [
        f"# {escape_markdown(book.course)}",
        "",
        f"Feedback for {escape_markdown(student.name or student.id)}, {book.run.started:%Y-%m-%d %H:%M %Z}",
        "",
        f"| item | {' | '.join(COLUMNS)} |",
        "|---|" + "--:|" * len(COLUMNS),
        *(f"| {' | '.join(row)} |" for row in [*rows, ["total", *_total(entries)]]),
    ]
    for each in entries:
        sentences = [f"{each.earned}.", *each.sentences] if each.earned else each.sentences
        prose_lines = [row for sentence in sentences for row in prose(display_text(sentence, True), PAGE, indent=2)]
        painted = [paint(row, PAGE.width, color=False) for row in join_blocks(prose_lines, _screen(each.measured))]
        lines += ["", f"## {escape_markdown(each.item.title)}", "", fenced("\n".join(painted))]
    if not_graded:
        lines += ["", f"## {NOT_GRADED}", "", *(f"- {escape_markdown(each)}" for each in not_graded)]
    return "\n".join(lines) + "\n"


def _points(entry: FeedbackEntry) -> list[str]:
    """Return the cells of a row: measured, late, adjusted, final, of."""
    maximum = format_points(entry.item.max_score)
    if entry.grade is None:
        return ["–", "", "", "0", maximum]
    points = entry.grade.points
    if points is None:
        return ["?", "", "", "?", maximum]
    return [
        format_points(points.measured),
        format_change(points.late) if points.late else "",
        format_change(points.adjustment) if points.adjustment else "",
        format_points(points.final),
        maximum,
    ]


def _total(entries: Sequence[FeedbackEntry]) -> list[str]:
    """Return the cells of the last row. The sum is unknown if a grade is."""
    final = total_points([each.grade for each in entries if each.grade])
    return [
        "",
        "",
        "",
        "?" if final is None else format_points(final),
        format_points(sum(each.item.max_score for each in entries)),
    ]

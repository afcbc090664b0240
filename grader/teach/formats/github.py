"""Summary, annotations and outputs of a job of GitHub Actions.

Text of students is escaped: in the summary for Markdown, in annotations for GitHub's workflow commands.
"""

import heapq
import os
import re
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean

import click
import msgspec

from grader.base.files import open_atomic, writing
from grader.base.result import Outcome
from grader.base.text import clean_line
from grader.show.numbers import format_points
from grader.teach.formats.cases import cases
from grader.teach.formats.files import print_note
from grader.teach.formats.table import points_cell
from grader.teach.formats.view import grades_by_student, total_points
from grader.teach.gradebook.model import Book, Grade
from grader.teach.gradebook.ungraded import ungraded_in
from grader.teach.handins.handin import Student

MAX_SUMMARY = 1024 * 1024  # bytes; GitHub drops a longer summary
MAX_ANNOTATIONS = 9  # GitHub shows ten per step, and the tenth counts the others
MAX_MESSAGE = 1000  # characters
_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")


class Annotation(msgspec.Struct, frozen=True):
    """An error message at a place in a submitted file."""

    title: str
    message: str
    file: str
    line: int | None


def write_github(book: Book, out: Path) -> list[Path]:
    """Write github-summary.md, print the annotations, and set the summary and the outputs of the running job, if any.

    The summary is appended to the file $GITHUB_STEP_SUMMARY, and `score` and `max-score` to $GITHUB_OUTPUT. The score
    is the student's points, or the mean of the students who handed something in, or empty if no points are known.
    """
    path = out / "github-summary.md"
    target = os.environ.get("GITHUB_STEP_SUMMARY")
    used = _size(Path(target)) if target else 0
    text = format_summary(book, MAX_SUMMARY - used)
    with open_atomic(path) as file:
        file.write(text)
    if not text:
        print_note("no summary is written, since the step's summary has almost reached GitHub's limit.")
    if target:
        _append(Path(target), text)
    for line in (*warning_commands(book), *annotation_commands(book)):
        click.echo(line)
    if output := os.environ.get("GITHUB_OUTPUT"):
        _append(Path(output), _outputs(book))
    return [path]


def format_summary(book: Book, max_bytes: int) -> str:
    """Return the summary as Markdown of at most `max_bytes` bytes. Students who do not fit are counted.

    Returns "" if not even the table's head fits.
    """
    max_scores = " | ".join(format_points(item.max_score) for item in book.items)
    head = [
        f"## {escape_markdown(book.course)}",
        "",
        "| student | " + " | ".join(escape_markdown(item.id) for item in book.items) + " | total |",
        "|---|" + "--:|" * (len(book.items) + 1),
        f"| *of* | {max_scores} | {format_points(_max_score(book))} |",
    ]
    rows: list[str] = []
    faults: list[str] = []
    not_graded = _not_graded(book)
    bytes_left = max_bytes - len("\n".join(head).encode()) - 500  # reserved for sentences that are added below
    omitted = 0
    for row, fault in _rows(book):
        size = len((row + fault).encode()) + 2
        if omitted or size > bytes_left:
            omitted += 1
            continue
        bytes_left -= size
        rows.append(row)
        if fault:
            faults.append(fault)
    for line in not_graded:
        size = len(line.encode()) + 1
        if size > bytes_left:
            faults.append("- and more, in the gradebook")
            break
        bytes_left -= size
        faults.append(line)
    if omitted:
        faults.append(f"\n{omitted} more students are left out, since a summary can have at most 1 MiB.")
    text = "\n".join([*head, *rows, "", *faults]).rstrip("\n") + "\n\n"
    return text if len(text.encode()) <= max_bytes else ""


def _rows(book: Book) -> Iterator[tuple[str, str]]:
    """Yield for each student a row of the table, and lines about faults of the grader."""
    for student, grades in grades_by_student(book):
        by_item = {grade.item.id: grade for grade in grades}
        points = [_points(by_item.get(item.id)) for item in book.items]
        name = escape_markdown(student.name or student.id)
        row = f"| {name} | " + " | ".join(points) + f" | {points_cell(total_points(grades)) or '?'} |"
        faults = [
            f"- {name}, {escape_markdown(grade.item.id)}: the grader is at fault: "
            f"{escape_markdown(grade.error[:MAX_MESSAGE])}"
            for grade in grades
            if grade.error is not None
        ]
        yield row, "\n".join(faults)


def _not_graded(book: Book) -> list[str]:
    """Return lines about files that were handed in but not graded."""
    left_out = ungraded_in(book)
    if left_out.sentence is None:
        return []
    files = (*left_out.overlooked, *left_out.unread)
    lines = [
        f"- {_student_prefix(each.student)}{escape_markdown(each.file)}: {escape_markdown(each.why)}" for each in files
    ]
    return ["", f"**Not graded**: {escape_markdown(left_out.sentence)}.", "", *lines]


def _student_prefix(student: Student | None) -> str:
    return f"{escape_markdown(student.name or student.id)}, " if student else ""


def _points(grade: Grade | None) -> str:
    if grade is None:
        return "–"
    return format_points(grade.points.final) if grade.points else "?"


def _max_score(book: Book) -> float:
    return sum(item.max_score for item in book.items)


def escape_markdown(text: str) -> str:
    """Return untrusted text as one line of Markdown without any markup."""
    return _PUNCTUATION.sub(r"\\\1", clean_line(text))


def warning_commands(book: Book) -> list[str]:
    """Return a workflow command with a warning if files were handed in but not graded."""
    sentence = ungraded_in(book).sentence
    return [] if sentence is None else [f"::warning title=Not graded::{_data(sentence)}; the summary lists it"]


def annotation_commands(book: Book) -> list[str]:
    """Return workflow commands for failing tests: faults of the grader first, then those that cost most points."""
    worst: list[tuple[tuple[bool, float, int], Annotation]] = []
    count = 0
    for grade in book.grades():
        for is_fault, lost_points, annotation in _annotations(grade):
            count += 1
            ranked = ((is_fault, lost_points, -count), annotation)
            if len(worst) < MAX_ANNOTATIONS:
                heapq.heappush(worst, ranked)
            else:
                heapq.heappushpop(worst, ranked)
    lines = [_command(annotation) for _, annotation in sorted(worst, key=lambda ranked: ranked[0], reverse=True)]
    if count > len(lines):
        lines.append(f"::error title=archgrade::and {count - len(lines)} more; the summary has every student")
    return lines


def _annotations(grade: Grade) -> Iterator[tuple[bool, float, Annotation]]:
    """Yield the annotations of a grade: whether the grader is at fault, the lost points, and the annotation."""
    title = f"{grade.student.name or grade.student.id}: {grade.item.id}"
    if grade.error is not None:
        message = f"The grader is at fault. {grade.error[:MAX_MESSAGE]}"
        yield True, grade.item.max_score, Annotation(title, message, grade.handed.file, None)
    if grade.result is None:
        return
    for case in cases(grade, explained=False):
        if not case.passed and case.outcome is not Outcome.SKIPPED:
            annotation = Annotation(f"{title}, {case.name}", case.message[:MAX_MESSAGE], grade.handed.file, case.line)
            yield case.outcome is Outcome.ERROR, case.max_points - case.points, annotation


def _command(annotation: Annotation) -> str:
    place = f"file={_property(annotation.file)},"
    if annotation.line is not None:
        place += f"line={annotation.line},"
    return f"::error {place}title={_property(annotation.title)}::{_data(annotation.message)}"


def _data(text: str) -> str:
    return clean_line(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _outputs(book: Book) -> str:
    totals = [total_points(grades) for _, grades in grades_by_student(book) if grades]
    known = [points for points in totals if points is not None]
    mean = fmean(known) if known else None
    return f"score={points_cell(mean)}\nmax-score={format_points(_max_score(book))}\n"


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _append(path: Path, text: str) -> None:
    with writing(path), path.open("a", encoding="utf-8", newline="") as file:
        file.write(text)

"""What a job of GitHub Actions shows: a summary, annotations and outputs.

All that students wrote is escaped: in the summary as Markdown, in annotations as GitHub's workflow commands ask for.
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
from grader.teach.formats.cases import cases
from grader.teach.formats.files import remark
from grader.teach.formats.table import number
from grader.teach.formats.view import by_student, total
from grader.teach.gradebook.left_out import of_book
from grader.teach.gradebook.model import Book, Grade
from grader.teach.handins.handin import Student

SUMMARY = 1024 * 1024  # bytes that GitHub takes from a step; it drops the whole if there are more
ANNOTATIONS = 9  # GitHub shows ten of a step: the last one counts the rest
LONGEST = 1000  # characters of a message
_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")


class Annotation(msgspec.Struct, frozen=True):
    """One failing test and where it stopped."""

    title: str
    message: str
    file: str
    line: int | None


def write_github(book: Book, out: Path) -> list[Path]:
    """Writes github-summary.md, prints the annotations, and hands both to the job that this runs in, if it does.

    The summary is appended to the file $GITHUB_STEP_SUMMARY, and `score` and `max-score` to $GITHUB_OUTPUT: the
    student's points, or the mean of those who handed something in; empty where none are known.
    """
    path = out / "github-summary.md"
    target = os.environ.get("GITHUB_STEP_SUMMARY")
    there = _size(Path(target)) if target else 0
    text = summary(book, SUMMARY - there)
    with open_atomic(path) as file:
        file.write(text)
    if not text:
        remark("no summary: the step has written nearly all that GitHub takes from it already.")
    if target:
        _append(Path(target), text)
    for line in (*warnings(book), *annotations(book)):
        click.echo(line)
    if output := os.environ.get("GITHUB_OUTPUT"):
        _append(Path(output), _outputs(book))
    return [path]


def summary(book: Book, room: int) -> str:
    """The summary as Markdown in at most `room` bytes; what has no room is counted."""
    head = [
        f"## {markdown(book.course)}",
        "",
        "| student | " + " | ".join(markdown(item.id) for item in book.items) + " | total |",
        "|---|" + "--:|" * (len(book.items) + 1),
        "| *of* | " + " | ".join(number(item.max_score) for item in book.items) + f" | {number(_most(book))} |",
    ]
    rows: list[str] = []
    faults: list[str] = []
    lost = _left_out(book)
    left = room - len("\n".join(head).encode()) - 500  # for the sentences below
    left_out = 0
    for row, fault in _rows(book):
        size = len((row + fault).encode()) + 2
        if left_out or size > left:
            left_out += 1
            continue
        left -= size
        rows.append(row)
        if fault:
            faults.append(fault)
    for line in lost:
        size = len(line.encode()) + 1
        if size > left:
            faults.append("- and more, in the gradebook")
            break
        left -= size
        faults.append(line)
    if left_out:
        faults.append(f"\n{left_out} more students are left out: a summary has at most 1 MiB.")
    text = "\n".join([*head, *rows, "", *faults]).rstrip("\n") + "\n\n"
    return text if len(text.encode()) <= room else ""


def _rows(book: Book) -> Iterator[tuple[str, str]]:
    """For each student a row of the table, and lines on what could not be graded."""
    for student, grades in by_student(book):
        of = {grade.item.id: grade for grade in grades}
        points = [_points(of.get(item.id)) for item in book.items]
        whom = markdown(student.name or student.id)
        row = f"| {whom} | " + " | ".join(points) + f" | {number(total(grades)) or '?'} |"
        faults = [
            f"- {whom}, {markdown(grade.item.id)}: the grader is at fault: {markdown(grade.error[:LONGEST])}"
            for grade in grades
            if grade.error is not None
        ]
        yield row, "\n".join(faults)


def _left_out(book: Book) -> list[str]:
    """Lines on what was handed in and is not graded."""
    lost = of_book(book)
    if lost.sentence is None:
        return []
    files = (*lost.overlooked, *lost.unread)
    told = [f"- {_whose(each.student)}{markdown(each.file)}: {markdown(each.why)}" for each in files]
    return ["", f"**Not graded**: {markdown(lost.sentence)}.", "", *told]


def _whose(student: Student | None) -> str:
    return f"{markdown(student.name or student.id)}, " if student else ""


def _points(grade: Grade | None) -> str:
    if grade is None:
        return "–"
    return number(grade.points.final) if grade.points else "?"


def _most(book: Book) -> float:
    return sum(item.max_score for item in book.items)


def markdown(text: str) -> str:
    """A stranger's text as one line of Markdown that means nothing but its letters."""
    return _PUNCTUATION.sub(r"\\\1", clean_line(text))


def warnings(book: Book) -> list[str]:
    """One workflow command if something that was handed in is not graded."""
    sentence = of_book(book).sentence
    return [] if sentence is None else [f"::warning title=Not graded::{_data(sentence)}; the summary lists it"]


def annotations(book: Book) -> list[str]:
    """Workflow commands for the failing tests: faults of the grader first, then those that cost most points."""
    worst: list[tuple[tuple[bool, float, int], Annotation]] = []
    count = 0
    for grade in book.grades():
        for fault, lost, annotation in _annotations(grade):
            count += 1
            entry = ((fault, lost, -count), annotation)
            (heapq.heappush if len(worst) < ANNOTATIONS else heapq.heappushpop)(worst, entry)
    lines = [_command(each) for _, each in sorted(worst, key=lambda entry: entry[0], reverse=True)]
    if count > len(lines):
        lines.append(f"::error title=archgrade::and {count - len(lines)} more; the summary has every student")
    return lines


def _annotations(grade: Grade) -> Iterator[tuple[bool, float, Annotation]]:
    """What there is to say on a grade, with whether the grader is at fault, and how many points were lost."""
    what = f"{grade.student.name or grade.student.id}: {grade.item.id}"
    if grade.error is not None:
        message = f"The grader is at fault. {grade.error[:LONGEST]}"
        yield True, grade.item.max_score, Annotation(what, message, grade.handed.file, None)
    if grade.result is None:
        return
    for case in cases(grade, explained=False):
        if not case.passed and case.outcome is not Outcome.SKIPPED:
            said = Annotation(f"{what}, {case.name}", case.message[:LONGEST], grade.handed.file, case.line)
            yield case.outcome is Outcome.ERROR, case.max_points - case.points, said


def _command(of: Annotation) -> str:
    place = f"file={_property(of.file)},"
    if of.line is not None:
        place += f"line={of.line},"
    return f"::error {place}title={_property(of.title)}::{_data(of.message)}"


def _data(text: str) -> str:
    return clean_line(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _outputs(book: Book) -> str:
    totals = [total(grades) for _, grades in by_student(book) if grades]
    known = [points for points in totals if points is not None]
    mean = fmean(known) if known else None
    return f"score={number(mean)}\nmax-score={number(_most(book))}\n"


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _append(path: Path, text: str) -> None:
    with writing(path), path.open("a", encoding="utf-8", newline="") as file:
        file.write(text)

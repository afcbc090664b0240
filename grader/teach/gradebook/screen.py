"""The screens of `grade gradebook`: a class, one student, the runs."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import PurePath
from statistics import fmean, median

from grader.quiz.result import QuizResult
from grader.show.failure import OUTCOME_NAMES
from grader.show.layout import (
    BLANK,
    COLUMNS,
    Line,
    Page,
    Span,
    align_right,
    bold,
    cells,
    clip,
    dim,
    display_text,
    line,
    pad,
    prose,
    reflow,
    with_label,
    wrap,
)
from grader.show.numbers import format_points
from grader.show.symbols import FAILED, PASSED
from grader.teach.gradebook.listing import ClassListing, ListingCell
from grader.teach.gradebook.model import BatchRun, Grade, Item
from grader.teach.gradebook.ungraded import UngradedFiles
from grader.teach.handins.handin import Ignored, Student

PAGE = Page(width=COLUMNS)
MAX_NAME = 24  # width of the column of students
MAX_ERRORS = 10
NOTHING, FAULT, UNKNOWN = "-", "!", "?"  # nothing handed in; a fault of the grader; a total that includes a fault


def safe_line(text: str, unicode: bool) -> str:
    """Return untrusted text made harmless, on one line."""
    return display_text(text, unicode).replace("\n", "\\n")


def shown_name(student: Student, unicode: bool) -> str:
    """Return a student's name, or the id if there is none."""
    return safe_line(student.name or student.id, unicode)


def class_screen(listing: ClassListing, unicode: bool, columns: int = COLUMNS) -> list[Line]:
    """Return everybody's points: a table of students and items if it fits, otherwise a row for each item."""
    lines = [BLANK, headed(safe_line(listing.course, unicode), _when(listing.run)), BLANK]
    lines += _matrix(listing, unicode, columns) or _summary(listing)
    lines += [BLANK, *prose(_counts(listing), PAGE, 2)]
    for note in listing.notes:
        lines += prose(safe_line(note, unicode), PAGE, 2, "dim")
    return [*lines, *_ungraded(listing.ungraded, unicode), *_errors(listing, unicode), BLANK]


def headed(title: str, remark: str) -> Line:
    """Return a screen's first line: the title on the left, a remark on the right."""
    title = clip(title, COLUMNS - 5 - cells(remark))
    return line("  ", bold(title), align_right(remark, COLUMNS - 2 - cells(title)))


def _when(run: BatchRun) -> str:
    return f"run {run.id}, {format_date(run.started)}{'' if run.ended else ', not finished'}"


def format_date(time: datetime) -> str:
    """Return a time in its own zone: `24 Nov 2026 14:05 UTC`."""
    return f"{time.day} {time:%b %Y %H:%M} {time.tzname() or ''}".rstrip()


def _matrix(listing: ClassListing, unicode: bool, columns: int) -> list[Line]:
    """Return a row for each student, with the id if there is room; nothing if the columns do not fit."""
    items = [item.id for item in listing.items]
    names = {student.id: shown_name(student, unicode) for student in listing.students}
    ids = {student.id: safe_line(student.id, unicode) for student in listing.students if student.name}
    first = min(max([len("student"), *map(cells, names.values())]), MAX_NAME)
    second = min(max(map(cells, ids.values()), default=-2), MAX_NAME) + 2
    wide = {item: max(cells(item), 6) for item in items}
    room = columns - (4 + first + sum(3 + each for each in wide.values()) + 10)
    if room < 0:
        return []
    if room < second:
        ids, second = {}, 0
    head = "".join(align_right(item, 3 + wide[item]) for item in items)
    lines = [line(dim(f"    {'student':<{first}}{'  id' if ids else '':<{second}}{head}     total"))]
    for student in listing.students:
        found = [listing.cells.get((student.id, item)) for item in items]
        row = "".join(align_right(_cell(cell), 3 + wide[item]) for item, cell in zip(items, found, strict=True))
        earned = _sum(cell.final for cell in found if cell)
        own = pad(clip(f"  {ids.get(student.id, '')}" if ids else "", second), second)
        lines.append(line(f"    {pad(clip(names[student.id], first), first)}", dim(own), f"{row}{earned:>10}"))
    most = "".join(align_right(format_points(item.max_score), 3 + wide[item.id]) for item in listing.items)
    total = sum(item.max_score for item in listing.items)
    return [*lines, line(dim(f"    {'of':<{first + second}}{most}{format_points(total):>10}"))]


def _sum(values: Iterable[float | None]) -> str:
    """Return the sum, or "?" if a score is unknown: a fault of the grader is not 0."""
    known = list(values)
    return UNKNOWN if None in known else format_points(sum(value for value in known if value is not None))


def _cell(cell: ListingCell | None) -> str:
    if cell is None:
        return NOTHING
    score = "" if cell.final is None else format_points(cell.final)
    return f"{FAULT} {score}".rstrip() if cell.error else score


def _summary(listing: ClassListing) -> list[Line]:
    """Return a row for each item."""
    first = min(max([len("item"), *(cells(item.id) for item in listing.items)]), MAX_NAME)
    lines = [line(dim(f"    {'item':<{first}}{'handed in':>12}{'missing':>10}{'mean':>10}{'median':>10}{'of':>7}"))]
    for item in listing.items:
        found = [cell for (_, each), cell in listing.cells.items() if each == item.id]
        scores = [cell.final for cell in found if cell.final is not None]
        middle = (format_points(fmean(scores)), format_points(median(scores))) if scores else (NOTHING, NOTHING)
        counts = f"{len(found):>12}{len(listing.students) - len(found):>10}"
        lines.append(
            line(
                f"    {pad(clip(item.id, first), first)}{counts}{middle[0]:>10}{middle[1]:>10}"
                f"{format_points(item.max_score):>7}"
            )
        )
    return lines


def _counts(listing: ClassListing) -> str:
    there = {student for student, _ in listing.cells} | {student.id for student in listing.ungraded.students}
    absent = len(listing.students) - len(there)
    missing = len(listing.students) * len(listing.items) - len(listing.cells)
    people = _many(len(listing.students), "student")
    nothing = f", {absent} of them handed in nothing" if absent else ""
    return f"{people}{nothing}. {_many(len(listing.cells), 'grade')}, {missing} missing."


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _ungraded(ungraded: UngradedFiles, unicode: bool) -> list[Line]:
    """Return the students with nothing graded, and the number of unreadable files of other students."""
    if ungraded.sentence is None:
        return []
    sentence = ungraded.sentence[0].upper() + ungraded.sentence[1:]
    lines = [BLANK, *prose(safe_line(f"{sentence}. --format csv lists all of it.", unicode), PAGE, 2)]
    for student, files in list(ungraded.students.items())[:MAX_ERRORS]:
        more = f", and {_many(len(files) - 1, 'more file')}" if len(files) > 1 else ""
        summary = f"{shown_name(student, unicode)}: {PurePath(files[0].file).name}: {files[0].why}{more}"
        lines += prose(safe_line(summary, unicode), PAGE)
    return lines


def _errors(listing: ClassListing, unicode: bool) -> list[Line]:
    """Return the faults of the grader."""
    failed = [(key, cell) for key, cell in listing.cells.items() if cell.error]
    if not failed:
        return []
    lines = [BLANK, line(f"  {FAULT} The grader failed on {_many(len(failed), 'grade')}; earlier scores are kept.")]
    for (student, item), cell in failed[:MAX_ERRORS]:
        lines += prose(safe_line(f"{student}, {item}: {cell.error}", unicode), PAGE)
    if len(failed) > MAX_ERRORS:
        lines.append(line(dim(f"    and {len(failed) - MAX_ERRORS} more: --json has all of them")))
    return lines


def student_screen(
    student: Student, grades: Sequence[Grade], items: Sequence[Item], ignored: Sequence[Ignored], unicode: bool
) -> list[Line]:
    """Return a student's grades with their changes and reasons. `ignored` are the student's files without a grade."""
    total = _sum(grade.points.final if grade.points else None for grade in grades)
    most = format_points(sum(item.max_score for item in items))
    title = shown_name(student, unicode)
    lines = [BLANK, headed(title, f"{total} of {most} points")]
    others = [safe_line(each, unicode) for each in (student.id, student.login, student.email) if each]
    if others := [each for each in dict.fromkeys(others) if each != title]:
        lines.append(line("  ", dim(clip("   ".join(others), COLUMNS - 2))))
    by_item = {grade.item.id: grade for grade in grades}
    for item in items:
        lines.append(BLANK)
        grade = by_item.get(item.id)
        nothing = "nothing graded" if ignored else "nothing handed in"
        lines += _graded(grade, unicode) if grade else [_row(" ", item.id, nothing)]
    if ignored:
        lines += [BLANK, line("    ", bold("not graded"))]
    for each in ignored:
        lines += prose(safe_line(f"{each.file}: {each.why}", unicode), PAGE, 6)
    return [*lines, BLANK]


def _graded(grade: Grade, unicode: bool) -> list[Line]:
    full = grade.points is not None and grade.points.measured >= grade.points.max
    mark = Span(PASSED, "green") if full else Span(FAILED, "red")
    if grade.points is None:
        head = _row(Span(FAULT, "red"), grade.item.id, "not graded")
    else:
        head = _row(mark, grade.item.id, f"{format_points(grade.points.final)} of {format_points(grade.points.max)}")
    facts = [("file", grade.handed.file)]
    if grade.handed.time is not None:
        facts.append(("handed in", format_date(grade.handed.time)))
    facts.append(("outcome", _outcome(grade)))
    if grade.points is not None and grade.points.reasons:
        changes = (("late", grade.points.late), ("adjusted", grade.points.adjustment))
        parts = [f"measured {format_points(grade.points.measured)}"]
        parts += [f"{word} {round(change, 3):+.10g}" for word, change in changes if change]
        facts.append(("points", ", ".join(parts)))
        facts += [("", reason) for reason in grade.points.reasons]
    if grade.result is not None and not isinstance(grade.result, QuizResult) and grade.result.diagnosis:
        facts.append(("mistake", f"{grade.result.diagnosis.mistake}: {reflow(grade.result.diagnosis.advice)}"))
    if grade.error is not None:
        note = "; the score is from an earlier run" if grade.points else ""
        facts.append(("fault", f"{grade.error}{note}"))
    lines = [head]
    for label, text in facts:
        body = [line(each) for each in wrap(safe_line(text, unicode), COLUMNS - 19)]
        lines += with_label(label, body, column=19, indent=6)
    return lines


def _outcome(grade: Grade) -> str:
    if isinstance(grade.result, QuizResult):
        return "finished" if grade.result.finished else "not finished"
    if grade.result is None or not grade.result.tests:
        return OUTCOME_NAMES[grade.outcome]
    failing = [test for test in grade.result.tests if test.points < test.max_points]
    if not failing:
        return "all tests passed"
    return "; ".join(f"{test.id}: {OUTCOME_NAMES[test.outcome]}" for test in failing)


def _row(mark: str | Span, name: str, score: str) -> Line:
    name = clip(name, COLUMNS - 8 - cells(score))
    return line("    ", mark, " ", bold(name), align_right(score, COLUMNS - 6 - cells(name)))


def runs_screen(runs: Sequence[BatchRun], unicode: bool) -> list[Line]:
    """Return a row for each run."""
    lines = [BLANK, line(dim("    run  began                  graded  reused  errors   engine"))]
    for run in runs:
        row = f"  {run.id:>5}  {format_date(run.started):<21}{run.graded:>8}{run.reused:>8}{run.errors:>8}   "
        lines.append(line(row, clip(safe_line(run.engine, unicode), COLUMNS - cells(row))))
        if run.ended is None:
            lines.append(line(dim("         not finished; run the same grade batch again to resume")))
    return [*lines, BLANK]

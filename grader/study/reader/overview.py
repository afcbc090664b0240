"""Tables of lessons and of a lesson's parts, with what has been read."""

from collections.abc import Sequence
from typing import NamedTuple

from grader.course.lesson.files import PartFile, part_files
from grader.course.lesson.model import Part
from grader.course.model import Course, Lesson
from grader.course.progress import Progress
from grader.show.layout import BLANK, Line, Span, align_right, bold, cells, dim, line, width
from grader.show.symbols import HERE, NOT_STARTED, PASSED
from grader.show.text import with_head

WORDS_A_MINUTE = 200  # reading speed, for a lesson that is one text
READ_WIDTH, EXERCISES_WIDTH = 7, 12  # widths of two columns of minutes
MIN_WIDTH_OF_BOTH = 60  # of a screen with both columns


class PlannedPart(NamedTuple):
    """A part, and the minutes that its exercises take."""

    file: PartFile
    part: Part
    due: int


def lessons_lines(course: Course, progress: Progress, columns: int) -> list[Line]:
    """Return one row for each lesson."""
    lines: list[Line] = []
    for lesson in course.lessons:
        remark = _reading_progress(part_files(course, lesson), progress, course.released)
        lines += _row(line(f"  {lesson.number:>2}  "), (bold(lesson.title),), remark, columns)
    return lines


def parts_lines(
    lesson: Lesson, parts: Sequence[PlannedPart], here: PartFile | None, progress: Progress, columns: int
) -> list[Line]:
    """Return one row for each part: its minutes, whether it was read, and a mark at the current one.

    The minutes of exercises are left out on a narrow screen.
    """
    end = None if columns >= MIN_WIDTH_OF_BOTH else READ_WIDTH  # of the two columns
    head = f"{'read':>{READ_WIDTH}}{'exercises':>{EXERCISES_WIDTH}}"[:end]
    lines = [*_row(line("  ", dim(str(lesson.number)), "  "), (bold(lesson.title),), head, columns), BLANK]
    for file, part, due in parts:
        read = progress.part_state(file.lesson_slug, file.slug) == "read"
        mark = Span(PASSED, "green") if read else Span(HERE if file == here else NOT_STARTED)
        remark = _minutes_columns(part.minutes, due)[:end]
        lines += _row(line("    ", mark, f" {file.name}  "), (Span(part.title),), remark, columns)
    both = _minutes_columns(sum(each.part.minutes for each in parts), sum(each.due for each in parts))[:end]
    return [*lines, BLANK, *_row(line("    "), (dim("in all"),), both, columns)]


def _reading_progress(files: Sequence[PartFile], progress: Progress, released: bool) -> str:
    if not files:
        return "not in this edition" if released else "not written yet"
    read = sum(progress.part_state(file.lesson_slug, file.slug) == "read" for file in files)
    return f"{read} of {len(files)} parts read"


def _minutes_columns(read: int, due: int) -> str:
    """Return two columns: minutes to read, and minutes of exercises."""
    return f"{_minutes(read):>{READ_WIDTH}}{_minutes(due) if due else '':>{EXERCISES_WIDTH}}"


def _minutes(count: int) -> str:
    return f"{count} min"


def _row(head: Line, text: Line, remark: str, columns: int) -> list[Line]:
    """Return a text between its head and a remark at the right."""
    first, *rest = with_head(head, text, columns - cells(remark) - 2)
    return [line(first, dim(align_right(remark, columns - width(first)))), *rest]

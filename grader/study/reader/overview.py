"""The lessons of a course and the parts of a lesson, with what has been read."""

from collections.abc import Sequence
from typing import NamedTuple

from grader.course.lesson.files import PartFile, part_files
from grader.course.lesson.model import Part
from grader.course.model import Course, Lesson
from grader.course.progress import Progress
from grader.show.layout import BLANK, Line, Span, bold, cells, dim, line, right, width
from grader.show.marks import HERE, NOT_STARTED, PASSED
from grader.show.text import headed

READ, EXERCISES = 7, 12  # the widths of two columns of minutes


class Planned(NamedTuple):
    """A part, and how many minutes the exercises take that are due in it."""

    file: PartFile
    part: Part
    due: int


def lessons_lines(course: Course, progress: Progress, columns: int) -> list[Line]:
    """All lessons, one after the other."""
    lines: list[Line] = []
    for lesson in course.lessons:
        remark = _how_far(part_files(course, lesson), progress, course.released)
        lines += _row(line(f"  {lesson.number:>2}  "), (bold(lesson.title),), remark, columns)
    return lines


def parts_lines(
    lesson: Lesson, parts: Sequence[Planned], here: PartFile | None, progress: Progress, columns: int
) -> list[Line]:
    """The parts of a lesson with their minutes, what has been read, and at which the reader is."""
    head = f"{'read':>{READ}}{'exercises':>{EXERCISES}}"
    lines = [*_row(line("  ", dim(str(lesson.number)), "  "), (bold(lesson.title),), head, columns), BLANK]
    for file, part, due in parts:
        read = progress.part_state(file.lesson_slug, file.slug) == "read"
        mark = Span(PASSED, "green") if read else Span(HERE if file == here else NOT_STARTED)
        remark = _both(part.minutes, due)
        lines += _row(line("    ", mark, f" {file.name}  "), (Span(part.title),), remark, columns)
    both = _both(sum(each.part.minutes for each in parts), sum(each.due for each in parts))
    return [*lines, BLANK, *_row(line("    "), (dim("in all"),), both, columns)]


def _how_far(files: Sequence[PartFile], progress: Progress, released: bool) -> str:
    if not files:
        return "not in this edition" if released else "not written yet"
    read = sum(progress.part_state(file.lesson_slug, file.slug) == "read" for file in files)
    return f"{read} of {len(files)} parts read"


def _both(read: int, due: int) -> str:
    """Minutes to read, and those of exercises."""
    return f"{_minutes(read):>{READ}}{_minutes(due) if due else '':>{EXERCISES}}"


def _minutes(count: int) -> str:
    return f"{count} min"


def _row(head: Line, text: Line, remark: str, columns: int) -> list[Line]:
    """A text between its head and a remark at the right."""
    first, *rest = headed(head, text, columns - cells(remark) - 2)
    return [line(first, dim(right(remark, columns - width(first)))), *rest]

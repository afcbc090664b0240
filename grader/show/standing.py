"""Where an exercise stands in the course, and how far the student is in it."""

from typing import TYPE_CHECKING

from grader.show.context import CourseProgress
from grader.show.layout import Line, Page, align_right, bold, cells, clip, cut, dim, fits, flow, line, prose

if TYPE_CHECKING:
    from grader.course import Exercise


def header_lines(exercise: "Exercise", title: str, page: Page) -> list[Line]:
    """The exercise and where it stands in the course."""
    where = f"lesson {exercise.lesson}, level {exercise.level}"
    left = 2 + cells(exercise.id) + 3
    room = page.width - left - 2 - len(where)
    if room < 16 or (page.whole and not fits(title, room)):
        return [line("  ", bold(exercise.id), "   ", dim(where)), *prose(title, page, indent=2)]
    title = cut(title, room, page)
    return [line("  ", bold(exercise.id), "   ", title, dim(align_right(where, page.width - left - cells(title))))]


def progress_lines(done: CourseProgress, page: Page) -> list[Line]:
    """A bar for the lesson, and the count for the course."""
    filled = round(20 * done.lesson_done / max(done.lesson_total, 1))
    bar = line("█" * filled, dim("░" * (20 - filled)), f"   {done.lesson_done} of {done.lesson_total}")
    course = line(dim("course"), f"  {done.course_done} of {done.course_total}")
    lesson = line(clip(done.lesson, 16), "   ", bar)
    return [line("  ", each) for each in flow([lesson, course], page.width - 2, gap="        ")]

"""grade list: the map of the course."""

import click

from grader.cli.screen import COLUMNS, bold, course_root, dim, number, prose, say, step
from grader.course import Course, Exercise, Lesson, load_course
from grader.progress import Progress
from grader.report.marks import DONE, FAILED, HERE, NOT_STARTED

MARKS = {"passed": (DONE, "green"), "failed": (FAILED, "red"), "not started": (NOT_STARTED, None)}
DOTS = 36  # the width of the column of exercises


@click.command("list")
def command() -> None:
    """The map of the course: what is passed, failed and not started, and what to do next."""
    course = load_course(course_root())
    progress = Progress.load(course.root)
    following = progress.next_exercise(course)
    say("", _header(course, progress), "")
    if not course.exercises:
        say(*prose("This course has no exercises yet."), "", step("new", "grade new ID --lesson N"), "")
        return
    lessons = [lesson for lesson in course.lessons if _of(course, lesson)]
    here = course.lesson((following or course.exercises[-1]).lesson)
    say(*_map(course, progress, lessons, here), "")
    say(*_lesson(course, progress, here), "")
    if following is None:
        say("  Every exercise is passed.", step("compare", f"grade diff {course.exercises[-1].id}"))
    else:
        say(step("next", f"grade exercise {following.id}"))


def _header(course: Course, progress: Progress) -> str:
    total = len(course.exercises)
    passed = sum(progress.state(exercise.id) == "passed" for exercise in course.exercises)
    count = f"{passed} of {total}   {100 * passed // total if total else 0:>3}%"
    title = _cut(course.title, COLUMNS - 4 - len(count))
    return f"  {bold(title)}{count:>{COLUMNS - 2 - len(title)}}"


def _map(course: Course, progress: Progress, lessons: list[Lesson], here: Lesson) -> list[str]:
    """A row for each lesson that has exercises, and the names of the others."""
    lines = [dim(f"    {'lesson':<20} {'exercises':<{DOTS}}{'points':>{COLUMNS - 25 - DOTS}}")]
    for lesson in lessons:
        exercises = _of(course, lesson)
        arrow = HERE if lesson == here else " "
        dots = "".join(_mark(progress, exercise) for exercise in exercises)
        earned = sum(progress.best(exercise.id) or 0.0 for exercise in exercises)
        points = f"{number(earned)}/{number(sum(exercise.points for exercise in exercises))}"
        room = COLUMNS - 25 - len(exercises)
        lines.append(f"  {arrow} {lesson.number:>2} {lesson.short:<18}{dots}{points:>{room}}")
    empty = [str(lesson.number) for lesson in course.lessons if lesson not in lessons]
    if empty:
        plural = "s" if len(empty) > 1 else ""
        lines.append(dim(f"    no exercises yet in lesson{plural} {', '.join(empty)}"))
    return lines


def _lesson(course: Course, progress: Progress, lesson: Lesson) -> list[str]:
    """The exercises of one lesson, one line each."""
    exercises = _of(course, lesson)
    wide = max(len(exercise.id) for exercise in exercises)
    lines = [f"  {bold(f'{lesson.number} {lesson.title}')}"]
    for exercise in exercises:
        minutes = f"{exercise.minutes} min"
        title = _cut(exercise.title, COLUMNS - 10 - wide - len(minutes))
        room = COLUMNS - 9 - wide - len(title)
        lines.append(
            f"    {_mark(progress, exercise)} {exercise.id:<{wide}}   {title}{dim(f'{minutes:>{room}}')}"
        )
    return lines


def _of(course: Course, lesson: Lesson) -> list[Exercise]:
    return [exercise for exercise in course.exercises if exercise.lesson == lesson.number]


def _mark(progress: Progress, exercise: Exercise) -> str:
    mark, color = MARKS[progress.state(exercise.id)]
    return click.style(mark, fg=color)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: max(width - 3, 0)] + "..."

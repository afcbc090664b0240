"""grade list: show the map of the course."""

import shutil
import sys

import click

from grader.base.errors import UsageError
from grader.base.files import shown
from grader.cli.names import LessonName, lesson_number
from grader.cli.screen import COLUMNS, bold, columns, course_root, dim, prose, say, step
from grader.course import Course, Exercise, Lesson, load_course
from grader.course.lesson.files import exam_form, part_files, quiz_path
from grader.course.progress import Progress, now
from grader.quiz import history
from grader.show.numbers import format_points
from grader.show.symbols import DONE, FAILED, HERE, NOT_STARTED, PASSED, PUBLIC
from grader.study.pace import hours_left
from grader.study.reader.order import (
    Step,
    command_for,
    in_order,
    is_done,
    next_step,
    reason_for,
    steps,
)
from grader.study.stopped import where_stopped

MARKS = {
    "passed": (DONE, "green"),
    "public": (PUBLIC, "green"),
    "failed": (FAILED, "red"),
    "not started": (NOT_STARTED, None),
}
ONLY_PUBLIC = f"{PUBLIC}  passes the public tests; what you hand in is tested further"
MISSING = "!"
NAME_WIDTH = 17
READ_WIDTH = 5
POINTS_WIDTH = 7
QUIZ_WIDTH = 9
OTHER_LINES = 10  # lines of the screen besides lessons and exercises, including the next prompt
GOOD = 0.8  # the share of a quiz's points from which it is marked as passed


@click.command("list")
@click.argument("words", nargs=-1, metavar="[LESSON]", type=LessonName())
@click.option("--all", "everything", is_flag=True, help="Show the exercises of all lessons.")
def command(words: tuple[str, ...], everything: bool) -> None:
    """Show what you have read, passed, failed and not started, and what to do next.

    With LESSON (3, moe), shows its exercises in the order of the lesson.
    """
    course = load_course(course_root())
    order = list(steps(course))
    course = in_order(course, order)
    progress = Progress.load(course.root)
    following = next_step(order, progress)
    if words or everything:
        chosen = course.lessons if everything else (course.lesson(lesson_number(course, words)),)
        _show_exercises(course, progress, chosen)
    else:
        lessons = [each for each in course.lessons if _exercises(course, each) or quiz_path(course, each).is_file()]
        say("", _header(course, order, progress), "")
        if not lessons:
            say(*prose("This course has no exercises yet."), "", step("new", "grade new ID --lesson N"), "")
            return
        _show_map(course, progress, lessons, _current_lesson(course, progress, following, lessons))
    if following is not None:
        say(
            step(
                "next",
                f"grade {command_for(following, course).command}",
                reason_for(following, course, order, progress),
            )
        )
        if stopped := where_stopped(course.root, following, progress):
            say(dim(f"{'':12}{stopped}"))
    elif course.released:
        say("  Every exercise passes its public tests; now hand in what was asked for.")
    elif course.exercises:
        say("  Every exercise is passed.", step("compare", f"grade diff {course.exercises[-1].id}"))


def _show_exercises(course: Course, progress: Progress, lessons: tuple[Lesson, ...]) -> None:
    """Show the exercises of lessons. Raises UsageError if there are none."""
    with_exercises = [lesson for lesson in lessons if _exercises(course, lesson)]
    if not with_exercises and course.released:
        raise UsageError(f"Lesson {lessons[0].number} has no exercises in this edition of the course.")
    if not with_exercises:
        raise UsageError(f"Lesson {lessons[0].number} has no exercises yet; grade list shows which lessons do.")
    for lesson in with_exercises:
        say("", *_lines_of_lesson(course, progress, lesson))
    say("")


def _show_map(course: Course, progress: Progress, lessons: list[Lesson], current: Lesson) -> None:
    """Show the map, the exercises of the current lesson if they fit, and what can be done in it."""
    rows, exercises = _map(course, progress, lessons, current), _exercises(course, current)
    say(*rows, "")
    if exercises and len(rows) + len(exercises) + OTHER_LINES <= _height():
        say(*_lines_of_lesson(course, progress, current), "")
    elif exercises:
        say(step("lesson", f"grade list {current.number}", "its exercises"))
    say(*_review_step(progress))
    if quiz_path(course, current).is_file() and history.quiz_state(progress.events, current.slug).best is None:
        say(step("quiz", f"grade quiz {current.slug}"))
    if (form := exam_form(course, current)) is not None:
        say(step("exam", shown(form), "fill it in, and hand it in"))


def _header(course: Course, order: list[Step], progress: Progress) -> str:
    """Return the title, how many exercises are done, and the hours left at the student's own pace."""
    total = len(course.exercises)
    if not total:
        return _row(course.title, "")
    passed = sum(is_done(exercise, progress) for exercise in course.exercises)
    hours = hours_left(course, order, progress)
    left = f"about {max(1, round(hours))} h left   " if hours else ""
    return _row(course.title, f"{left}{passed} of {total}   {100 * passed // total:>3}%")


def _map(course: Course, progress: Progress, lessons: list[Lesson], current: Lesson) -> list[str]:
    """Return a row for each lesson that has exercises or a quiz, and a line with the numbers of the others.

    The marks of exercises, and then the quiz, are left out if they do not fit.
    """
    most = max([9, *(len(_exercises(course, lesson)) for lesson in lessons)])
    gap = " " * (2 if _width() >= COLUMNS else 1)
    titles = {
        "name": f"{'lesson':<{NAME_WIDTH}}",
        "read": f"{'read':<{READ_WIDTH}}",
        "exercises": f"{'exercises':<{most}}",
        "points": f"{'points':>{POINTS_WIDTH}}",
        "quiz": f"{gap}{'quiz':<{QUIZ_WIDTH}}",
    }
    for name in ("exercises", "quiz"):
        if 7 + len(gap.join(titles.values())) > _width():
            del titles[name]
    lines = [dim(f"       {gap.join(titles.values())}")]
    for lesson in lessons:
        exercises = _exercises(course, lesson)
        arrow = HERE if lesson == current else " "
        marks = "".join(_mark(progress, exercise) for exercise in exercises) + " " * (most - len(exercises))
        cells = {
            "name": f"{lesson.short:<{NAME_WIDTH}}",
            "read": f"{_read(course, progress, lesson):<{READ_WIDTH}}",
            "exercises": marks,
            "points": f"{_points(progress, exercises):>{POINTS_WIDTH}}",
            "quiz": gap + (_quiz(progress, lesson) if quiz_path(course, lesson).is_file() else ""),
        }
        lines.append(f"  {arrow} {lesson.number:>2} {gap.join(cells[name] for name in titles)}")
    empty = [str(lesson.number) for lesson in course.lessons if lesson not in lessons]
    if empty:
        plural = "s" if len(empty) > 1 else ""
        what = "not in this edition: lesson" if course.released else "no exercises yet in lesson"
        lines.append(dim(f"       {what}{plural} {', '.join(empty)}"))
    if any(progress.state(exercise.id) == "public" for exercise in course.exercises):
        lines.append(dim(f"       {ONLY_PUBLIC}"))
    return lines


def _lines_of_lesson(course: Course, progress: Progress, lesson: Lesson) -> list[str]:
    """Return a title, and a line for each exercise of a lesson."""
    exercises = _exercises(course, lesson)
    id_width = max(len(exercise.id) for exercise in exercises)
    lines = [_row(f"{lesson.number} {lesson.title}", f"{_points(progress, exercises)} points")]
    for exercise in exercises:
        head = f"    {_mark(progress, exercise)} {exercise.id:<{id_width}}   "
        effort = f"level {exercise.level} {exercise.minutes:>3} min"
        if 9 + id_width + len(effort) > _width():
            effort = f"{exercise.minutes:>3} min"
        room = _width() - 12 - id_width - len(effort)
        title = f"{_cut(exercise.title, room):<{room}}   " if room > 7 else " " * max(room + 3, 0)
        lines.append(head + (f"missing: grade reset {exercise.id}" if exercise.is_missing else title + dim(effort)))
    return lines


def _row(title: str, remark: str) -> str:
    """Format a title, with a remark at the right."""
    title = _cut(title, _width() - 4 - len(remark))
    return f"  {bold(title)}{remark:>{_width() - 2 - len(title)}}"


def _width() -> int:
    return min(columns(), COLUMNS)


def _height() -> int:
    """Return the height of the terminal; unlimited if there is none."""
    return shutil.get_terminal_size().lines if sys.stdout.isatty() else sys.maxsize


def _points(progress: Progress, exercises: list[Exercise]) -> str:
    """Format the points earned and the maximum, such as `12/77`."""
    if not exercises:
        return ""
    earned = sum((progress.best(exercise.id) or 0.0) * exercise.points for exercise in exercises)
    return f"{format_points(earned)}/{format_points(sum(exercise.points for exercise in exercises))}"


def _read(course: Course, progress: Progress, lesson: Lesson) -> str:
    """Format how many parts of a lesson are read, such as `3/7`; empty if the lesson has no parts."""
    files = part_files(course, lesson)
    return f"{sum(is_done(file, progress) for file in files)}/{len(files)}" if files else ""


def _quiz(progress: Progress, lesson: Lesson) -> str:
    """Format the state of a lesson's quiz: `3 of 14` while it is open, `due`, or the best score."""
    state = history.quiz_state(progress.events, lesson.slug)
    if state.open and state.answered:
        return f"{state.answered} of {len(state.open.questions)}"
    if state.due:
        return "due"
    if state.best is None:
        return NOT_STARTED
    good = state.best.score >= GOOD * state.best.max_score
    mark = click.style(PASSED, fg="green") if good else click.style(FAILED, fg="red")
    return f"{mark} {format_points(state.best.score)}/{format_points(state.best.max_score)}"


def _review_step(progress: Progress) -> list[str]:
    """Return the step to grade review, if questions were missed or are due."""
    missed, due = history.to_review(progress.events, now())
    counts = [f"{count} {word}" for count, word in ((missed, "missed"), (due, "due")) if count]
    return [step("review", "grade review", ", ".join(counts))] if counts else []


def _current_lesson(course: Course, progress: Progress, following: Step | None, lessons: list[Lesson]) -> Lesson:
    """Return the lesson of the next step, or the first one whose quiz is not finished."""
    if following is not None and following.lesson:
        return course.lesson(following.lesson)
    if following is None and course.exercises:
        return course.lesson(course.exercises[-1].lesson)
    unfinished = [lesson for lesson in lessons if history.quiz_state(progress.events, lesson.slug).best is None]
    return (unfinished or lessons)[0]


def _exercises(course: Course, lesson: Lesson) -> list[Exercise]:
    return [exercise for exercise in course.exercises if exercise.lesson == lesson.number]


def _mark(progress: Progress, exercise: Exercise) -> str:
    if exercise.is_missing:
        return click.style(MISSING, fg="red")
    mark, color = MARKS[progress.state(exercise.id)]
    return click.style(mark, fg=color)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: max(width - 3, 0)] + "..."

"""grade list: the map of the course."""

import shutil
import sys

import click

from grader.base.errors import UsageError
from grader.base.files import shown
from grader.cli.names import LessonName, lesson_number
from grader.cli.screen import COLUMNS, bold, columns, course_root, dim, number, prose, say, step
from grader.course import Course, Exercise, Lesson, load_course
from grader.course.lesson.files import exam_form, part_files, quiz_path
from grader.course.progress import Progress, now
from grader.quiz import history
from grader.show.marks import DONE, FAILED, HERE, NOT_STARTED, PASSED, PUBLIC
from grader.study.reader.order import Step, done, in_order, leads_to, next_step, steps, why

MARKS = {
    "passed": (DONE, "green"),
    "public": (PUBLIC, "green"),
    "failed": (FAILED, "red"),
    "not started": (NOT_STARTED, None),
}
ONLY_PUBLIC = f"{PUBLIC}  passes the public tests; what you hand in is tested further"
MISSING = "!"
NAMES = 17  # the width of the column of lessons' names
READ = 5  # of that of parts that are read
POINTS = 7  # of that of points
QUIZ = 8  # and of that of quizzes
AROUND = 10  # lines of the screen beside the rows of lessons and exercises, with that of the next prompt
GOOD = 0.8  # the share of a quiz from which it has the mark of what is passed


@click.command("list")
@click.argument("words", nargs=-1, metavar="[LESSON]", type=LessonName())
@click.option("--all", "everything", is_flag=True, help="The exercises of every lesson.")
def command(words: tuple[str, ...], everything: bool) -> None:
    """The map of the course: what is read, passed, failed and not started, and what to do next.

    With LESSON (3, moe), its exercises in the order in which to write them.
    """
    course = load_course(course_root())
    order = list(steps(course))
    course = in_order(course, order)
    progress = Progress.load(course.root)
    following = next_step(order, progress)
    if words or everything:
        chosen = course.lessons if everything else (course.lesson(lesson_number(course, words)),)
        _listed(course, progress, chosen)
    else:
        lessons = [lesson for lesson in course.lessons if _of(course, lesson) or quiz_path(course, lesson).is_file()]
        say("", _header(course, progress), "")
        if not lessons:
            say(*prose("This course has no exercises yet."), "", step("new", "grade new ID --lesson N"), "")
            return
        here = _here(course, progress, following, lessons)
        rows, exercises = _map(course, progress, lessons, here), _of(course, here)
        say(*rows, "")
        if exercises and len(rows) + len(exercises) + AROUND <= _height():
            say(*_lesson(course, progress, here), "")
        elif exercises:
            say(step("lesson", f"grade list {here.number}", "its exercises"))
        say(*_review(progress))
        if quiz_path(course, here).is_file() and history.state(progress.events, here.slug).best is None:
            say(step("quiz", f"grade quiz {here.slug}"))
        if (form := exam_form(course, here)) is not None:
            say(step("exam", shown(form), "fill it in, and hand it in"))
    if following is not None:
        say(step("next", f"grade {leads_to(following, course).command}", why(following, course, order, progress)))
    elif course.released:
        say("  Every exercise passes its public tests; now hand in what was asked for.")
    elif course.exercises:
        say("  Every exercise is passed.", step("compare", f"grade diff {course.exercises[-1].id}"))


def _listed(course: Course, progress: Progress, lessons: tuple[Lesson, ...]) -> None:
    """The exercises of lessons. UsageError where there are none."""
    having = [lesson for lesson in lessons if _of(course, lesson)]
    if not having and course.released:
        raise UsageError(f"Lesson {lessons[0].number} has no exercises in this edition of the course.")
    if not having:
        raise UsageError(f"Lesson {lessons[0].number} has no exercises yet; grade list shows which have.")
    for lesson in having:
        say("", *_lesson(course, progress, lesson))
    say("")


def _header(course: Course, progress: Progress) -> str:
    total = len(course.exercises)
    passed = sum(done(exercise, progress) for exercise in course.exercises)
    count = f"{passed} of {total}   {100 * passed // total:>3}%" if total else ""
    return _row(course.title, count)


def _map(course: Course, progress: Progress, lessons: list[Lesson], here: Lesson) -> list[str]:
    """A row for each lesson that has exercises or a quiz, and the numbers of the others."""
    most = max([9, *(len(_of(course, lesson)) for lesson in lessons)])
    gap = " " * (2 if _width() >= COLUMNS else 1)
    head = f"{'lesson':<{NAMES}}{gap}{'read':<{READ}}{gap}{'exercises':<{most}}{gap}{'points':>{POINTS}}{gap * 2}quiz"
    lines = [dim(f"       {head}")]
    for lesson in lessons:
        exercises = _of(course, lesson)
        arrow = HERE if lesson == here else " "
        dots = "".join(_mark(progress, exercise) for exercise in exercises) + " " * (most - len(exercises))
        quiz = _quiz(progress, lesson) if quiz_path(course, lesson).is_file() else ""
        cells = (
            f"{lesson.short:<{NAMES}}",
            f"{_read(course, progress, lesson):<{READ}}",
            dots,
            f"{_points(progress, exercises):>{POINTS}}",
        )
        lines.append(f"  {arrow} {lesson.number:>2} {gap.join(cells)}{gap * 2}{quiz}")
    empty = [str(lesson.number) for lesson in course.lessons if lesson not in lessons]
    if empty:
        plural = "s" if len(empty) > 1 else ""
        what = "not in this edition: lesson" if course.released else "no exercises yet in lesson"
        lines.append(dim(f"       {what}{plural} {', '.join(empty)}"))
    if any(progress.state(exercise.id) == "public" for exercise in course.exercises):
        lines.append(dim(f"       {ONLY_PUBLIC}"))
    return lines


def _lesson(course: Course, progress: Progress, lesson: Lesson) -> list[str]:
    """The exercises of one lesson, one line each."""
    exercises = _of(course, lesson)
    wide = max(len(exercise.id) for exercise in exercises)
    lines = [_row(f"{lesson.number} {lesson.title}", f"{_points(progress, exercises)} points")]
    for exercise in exercises:
        head = f"    {_mark(progress, exercise)} {exercise.id:<{wide}}   "
        effort = f"level {exercise.level} {exercise.minutes:>3} min"
        room = _width() - 12 - wide - len(effort)
        about = f"{_cut(exercise.title, room) if room > 7 else '':<{max(room, 0)}}   {dim(effort)}"
        lines.append(head + (f"missing: grade reset {exercise.id}" if exercise.is_missing else about))
    return lines


def _row(title: str, remark: str) -> str:
    """A title, and a remark at the right."""
    title = _cut(title, _width() - 4 - len(remark))
    return f"  {bold(title)}{remark:>{_width() - 2 - len(title)}}"


def _width() -> int:
    return min(columns(), COLUMNS)


def _height() -> int:
    """How many lines may be shown at once: as many as a terminal has, and any number where there is none."""
    return shutil.get_terminal_size().lines if sys.stdout.isatty() else sys.maxsize


def _points(progress: Progress, exercises: list[Exercise]) -> str:
    """What was earned of what there is: `12/77`."""
    if not exercises:
        return ""
    earned = sum((progress.best(exercise.id) or 0.0) * exercise.points for exercise in exercises)
    return f"{number(round(earned, 1))}/{number(sum(exercise.points for exercise in exercises))}"


def _read(course: Course, progress: Progress, lesson: Lesson) -> str:
    """Return how many parts of a lesson are read, such as `3/7`."""
    files = part_files(course, lesson)
    return f"{sum(done(file, progress) for file in files)}/{len(files)}" if files else ""


def _quiz(progress: Progress, lesson: Lesson) -> str:
    """How far its quiz is: `3 of 14`, `due`, or the best score."""
    state = history.state(progress.events, lesson.slug)
    if state.open and state.answered:
        return f"{state.answered} of {len(state.open.questions)}"
    if state.due:
        return "due"
    if state.best is None:
        return NOT_STARTED
    good = state.best.score >= GOOD * state.best.max_score
    mark = click.style(PASSED, fg="green") if good else click.style(FAILED, fg="red")
    return f"{mark} {number(round(state.best.score, 1))}/{number(state.best.max_score)}"


def _review(progress: Progress) -> list[str]:
    """The command that brings back what was missed and what is due."""
    last = [each[-1] for each in history.asked(progress.events).values()]
    missed = sum(map(history.still_missed, last))
    due = sum(event.due <= now() for event in last if not history.still_missed(event))
    counts = [f"{count} {word}" for count, word in ((missed, "missed"), (due, "due")) if count]
    return [step("review", "grade review", ", ".join(counts))] if counts else []


def _here(course: Course, progress: Progress, following: Step | None, lessons: list[Lesson]) -> Lesson:
    """The lesson in which the student is: that of the next step, else the first whose quiz is not finished."""
    if following is not None and following.lesson:
        return course.lesson(following.lesson)
    if following is None and course.exercises:
        return course.lesson(course.exercises[-1].lesson)
    unfinished = [lesson for lesson in lessons if history.state(progress.events, lesson.slug).best is None]
    return (unfinished or lessons)[0]


def _of(course: Course, lesson: Lesson) -> list[Exercise]:
    return [exercise for exercise in course.exercises if exercise.lesson == lesson.number]


def _mark(progress: Progress, exercise: Exercise) -> str:
    if exercise.is_missing:
        return click.style(MISSING, fg="red")
    mark, color = MARKS[progress.state(exercise.id)]
    return click.style(mark, fg=color)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: max(width - 3, 0)] + "..."

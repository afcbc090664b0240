"""grade lesson: read a part of a lesson, or list lessons and parts."""

import sys
from collections.abc import Sequence
from contextlib import suppress

import click
from msgspec.structs import replace

from grader.base.errors import UsageError
from grader.base.files import shown
from grader.cli.names import PartName
from grader.cli.screen import COLUMNS, columns, course_root, interactive, say, step
from grader.course import Course, Exercise, Lesson, load_course, load_exercise, load_lessons
from grader.course.lesson.files import PartFile, due_in, exam_form, part_files, part_title, quiz_path
from grader.course.lesson.find import find_lesson_or_part, not_written
from grader.course.lesson.load import load_part
from grader.course.lesson.model import ExerciseDue, LabDue, Part, Predict
from grader.course.lesson.pictures import load_picture
from grader.course.progress import PartBegun, PartRead, PartStopped, Predicted, Progress, now
from grader.quiz import history
from grader.show.symbols import supports_unicode
from grader.study.reader.blocks import RenderContext, ansi_lines
from grader.study.reader.markdown import ReaderPage
from grader.study.reader.order import LAB, command_for, is_done, next_part, step_after
from grader.study.reader.overview import PlannedPart, lessons_lines, parts_lines


@click.command("lesson")
@click.argument("words", nargs=-1, metavar="[NAME]", type=PartName())
@click.option("--plain", is_flag=True, help="Print the whole part, with the answers.")
@click.option("--list", "listing", is_flag=True, help="List all lessons, and how far you have read.")
def command(words: tuple[str, ...], plain: bool, listing: bool) -> None:
    """Continue reading where you stopped, or read NAME.

    NAME is a lesson (1, moe), a part (1.3, or words of its title), or 0 for the opening. At a question the lesson
    waits for your answer before it continues.
    """
    course = load_lessons(course_root())
    progress = Progress.load(course.root)
    found = find_lesson_or_part(course, words) if words else next_part(course, progress)
    if listing or found is None:
        _list(course, progress)
    elif isinstance(found, PartFile):
        _read(course, progress, found, plain)
    else:
        files = part_files(course, found)
        if not files:
            raise not_written(course, found)
        _overview(course, progress, found, files)


def _list(course: Course, progress: Progress) -> None:
    say("", *ansi_lines(lessons_lines(course, progress, min(columns(), COLUMNS))))
    following = next_part(course, progress)
    if following is not None:
        say("", step("read", f"grade lesson {following.name}", part_title(following)))


def _overview(course: Course, progress: Progress, lesson: Lesson, files: Sequence[PartFile]) -> None:
    parts = [
        PlannedPart(file, load_part(course.root, file), sum(each.minutes for each in _due(course, file)))
        for file in files
    ]
    unread = [file for file in files if not is_done(file, progress)]
    begun = [file for file in unread if progress.part_state(file.lesson_slug, file.slug) == "begun"]
    here = next(iter(begun or unread), None)
    say("", *ansi_lines(parts_lines(lesson, parts, here, progress, min(columns(), COLUMNS))), "")
    if here is not None:
        say(step("read", f"grade lesson {here.name}"))
        return
    exercises = (exercise for file in files for exercise in _unpassed(course, progress, file))
    say(*map(_exercise_line, exercises), *_quiz(course, lesson))


def _read(course: Course, progress: Progress, file: PartFile, plain: bool) -> None:
    """Read a part interactively, or print all of it."""
    part = load_part(course.root, file)
    if plain or not interactive():
        from grader.study.reader.plain_mode import plain_lines

        page = ReaderPage(columns(), supports_unicode(sys.stdout))
        say(*plain_lines(part, _surroundings(course, progress, file, page)))
    elif not _read_interactively(course, progress, file, part):
        return
    if sys.stdout.isatty():
        read = PartRead(lesson=file.lesson_slug, part=file.number, slug=file.slug, minutes=part.minutes)
        progress.record(read)
    say("", *_next_steps(course, progress, file, part))


def _read_interactively(course: Course, progress: Progress, file: PartFile, part: Part) -> bool:
    """Read a part from the place where it was left, and return whether it was read to the end."""
    from grader.study.reader.reading import Reader
    from grader.study.reader.terminal import open_terminal

    lesson, number, slug = file.lesson_slug, file.number, file.slug
    start = progress.part_place(lesson, slug)
    if not start:
        progress.record(PartBegun(lesson=lesson, part=number, slug=slug))
    around = _surroundings(course, progress, file, ReaderPage(columns(), supports_unicode(sys.stdout)))
    with open_terminal(say) as terminal:
        place = Reader(part, terminal, around, lambda *given: _record_prediction(progress, file, *given)).read(start)
    if place is None:
        return True
    progress.record(PartStopped(lesson=lesson, part=number, slug=slug, block=place))
    say("", step("go on", f"grade lesson {file.name}"))
    return False


def _surroundings(course: Course, progress: Progress, file: PartFile, page: ReaderPage) -> RenderContext:
    folder = file.path.parent
    return RenderContext(
        page=page,
        picture=lambda name: load_picture(folder, name),
        exercise=lambda name: _exercise(course, name),
        passed=lambda exercise: is_done(exercise, progress),
        released=course.released,
    )


def _record_prediction(progress: Progress, file: PartFile, question: Predict, answer: str, right: bool | None) -> None:
    """Record a prediction. It is reviewed if it is wrong, or if an earlier one to the same question was."""
    key, moment = history.part_key(file.lesson_slug, file.slug, question.id), now()
    due = None
    if right is False or (right and key in history.past_answers(progress.events)):
        from grader.quiz.review import due_after

        due = due_after(progress.events, key, float(right), moment)
    progress.record(
        Predicted(
            lesson=file.lesson_slug,
            slug=file.slug,
            question=question.id,
            answer=answer,
            right=right,
            due=due,
            time=moment,
        )
    )


def _next_steps(course: Course, progress: Progress, file: PartFile, part: Part) -> list[str]:
    """Return the steps after a part: its exercises, the quiz after the last part, and the next step of the course.

    Exercises are left out if the part ends with them. At the end of the course, the next step is the first unread part.
    """
    ends_with_exercise = isinstance(part.blocks[-1], ExerciseDue | LabDue)
    left = [] if ends_with_exercise else _unpassed(course, progress, file)
    lines = [_exercise_line(exercise) for exercise in left]
    exercises: Sequence[Exercise] = _due(course, file)
    lesson = course.lesson(file.lesson) if file.lesson else None
    if lesson and file == part_files(course, lesson)[-1]:
        lines += _quiz(course, lesson)
        with suppress(UsageError):  # an invalid exercise must not prevent reading
            exercises = load_course(course.root).exercises  # exercises that no part mentions come last
    whole = replace(course, exercises=tuple(exercises))
    following = step_after(whole, file, progress, [each.id for each in left]) or next_part(course, progress)
    if following is not None and following != file:
        to = command_for(following, course)
        lines.append(step("next", f"grade {to.command}", to.remark))
    return lines


def _unpassed(course: Course, progress: Progress, file: PartFile) -> list[Exercise]:
    return [exercise for exercise in _due(course, file) if not is_done(exercise, progress)]


def _due(course: Course, file: PartFile) -> list[Exercise]:
    """Return the exercises of a part, without duplicates."""
    found = {exercise.id: exercise for name in due_in(file) if (exercise := _exercise(course, name))}
    return list(found.values())


def _exercise_line(exercise: Exercise) -> str:
    return step("now", f"grade exercise {exercise.id}", f"{exercise.minutes} min")


def _quiz(course: Course, lesson: Lesson) -> list[str]:
    if (form := exam_form(course, lesson)) is not None:
        return [step("exam", shown(form), "fill it in, and hand it in")]
    return [step("quiz", f"grade quiz {lesson.slug}")] if quiz_path(course, lesson).is_file() else []


def _exercise(course: Course, name: str) -> Exercise | None:
    """Return the exercise with that id, or the one whose lab has that name; None if there is none."""
    for each in (name, name + LAB):
        with suppress(UsageError):
            return load_exercise(course.root, each)
    return None

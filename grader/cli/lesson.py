"""grade lesson: reads a part of a lesson, or shows which there are."""

import sys
from collections.abc import Sequence
from contextlib import suppress

import click
from msgspec.structs import replace

from grader.base.errors import UsageError
from grader.base.files import shown
from grader.cli.names import LessonName
from grader.cli.screen import COLUMNS, columns, course_root, interactive, say, step
from grader.course import Course, Exercise, Lesson, load_course, load_exercise, load_lessons
from grader.course.lesson.files import PartFile, due_in, exam_form, part_files, part_title, quiz_path
from grader.course.lesson.find import find_lesson_or_part, not_written
from grader.course.lesson.load import load_part
from grader.course.lesson.model import ExerciseDue, LabDue, Part, Predict
from grader.course.lesson.pictures import load_picture
from grader.course.progress import PartBegun, PartRead, PartStopped, Predicted, Progress, now
from grader.quiz import history
from grader.show.marks import unicode_on
from grader.study.reader.blocks import Surroundings, painted
from grader.study.reader.markdown import Page
from grader.study.reader.order import LAB, done, leads_to, next_part, step_after
from grader.study.reader.overview import Planned, lessons_lines, parts_lines


@click.command("lesson")
@click.argument("words", nargs=-1, metavar="[NAME]", type=LessonName())
@click.option("--plain", is_flag=True, help="All at once, with the answers.")
@click.option("--list", "listing", is_flag=True, help="All lessons, and how far you have read.")
def command(words: tuple[str, ...], plain: bool, listing: bool) -> None:
    """Read on where you stopped, or read NAME: a lesson (1, moe), a part (1.3, or words of its title), 0 the opening.

    Questions wait for your answer, and what they are about is shown then.
    """
    course = load_lessons(course_root())
    progress = Progress.load(course.root)
    meant = find_lesson_or_part(course, words) if words else next_part(course, progress)
    if listing or meant is None:
        _list(course, progress)
    elif isinstance(meant, PartFile):
        _read(course, progress, meant, plain)
    else:
        files = part_files(course, meant)
        if not files:
            raise not_written(course, meant)
        _overview(course, progress, meant, files)


def _list(course: Course, progress: Progress) -> None:
    say("", *painted(lessons_lines(course, progress, min(columns(), COLUMNS))))
    following = next_part(course, progress)
    if following is not None:
        say("", step("read", f"grade lesson {following.name}", part_title(following)))


def _overview(course: Course, progress: Progress, lesson: Lesson, files: Sequence[PartFile]) -> None:
    parts = [
        Planned(file, load_part(course.root, file), sum(each.minutes for each in _due(course, file))) for file in files
    ]
    unread = [file for file in files if not done(file, progress)]
    begun = [file for file in unread if progress.part_state(file.lesson_slug, file.slug) == "begun"]
    here = next(iter(begun or unread), None)
    say("", *painted(parts_lines(lesson, parts, here, progress, min(columns(), COLUMNS))), "")
    if here is not None:
        say(step("read", f"grade lesson {here.name}"))
        return
    exercises = (exercise for file in files for exercise in _left(course, progress, file))
    say(*map(_exercise_line, exercises), *_quiz(course, lesson))


def _read(course: Course, progress: Progress, file: PartFile, plain: bool) -> None:
    """A part in the terminal, or all of it at once."""
    part = load_part(course.root, file)
    lesson, number, slug = file.lesson_slug, file.number, file.slug
    if plain or not interactive():
        from grader.study.reader.plain import plain_lines

        page = Page(columns(), unicode_on(sys.stdout))
        say(*plain_lines(part, _surroundings(course, progress, file, page)))
    else:
        from grader.study.reader.reading import Reader
        from grader.study.reader.terminal import Terminal

        start = progress.part_place(lesson, slug)
        if not start:
            progress.record(PartBegun(lesson=lesson, part=number, slug=slug))
        around = _surroundings(course, progress, file, Page(columns(), unicode_on(sys.stdout)))
        reader = Reader(part, Terminal(say), around, lambda *given: _predicted(progress, file, *given))
        place = reader.read(start)
        if place is not None:
            progress.record(PartStopped(lesson=lesson, part=number, slug=slug, block=place))
            say("", step("go on", f"grade lesson {file.name}"))
            return
    if sys.stdout.isatty():
        progress.record(PartRead(lesson=lesson, part=number, slug=slug))
    say("", *_after(course, progress, file, part))


def _surroundings(course: Course, progress: Progress, file: PartFile, page: Page) -> Surroundings:
    folder = file.path.parent
    return Surroundings(
        page=page,
        picture=lambda name: load_picture(folder, name),
        exercise=lambda name: _exercise(course, name),
        passed=lambda exercise: done(exercise, progress),
        released=course.released,
    )


def _predicted(progress: Progress, file: PartFile, question: Predict, answer: str, right: bool | None) -> None:
    """Records a prediction. One that was wrong comes back for review, and so does one that was wrong before."""
    key, moment = history.part_key(file.lesson_slug, file.slug, question.id), now()
    due = None
    if right is False or (right and key in history.asked(progress.events)):
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


def _after(course: Course, progress: Progress, file: PartFile, part: Part) -> list[str]:
    """What to do when a part is read: its exercises, unless it ends in them, after the last the quiz, and what follows.

    What follows is what does in the course; at its end what has not been read.
    """
    left = [] if isinstance(part.blocks[-1], ExerciseDue | LabDue) else _left(course, progress, file)
    lines = [_exercise_line(exercise) for exercise in left]
    exercises: Sequence[Exercise] = _due(course, file)
    lesson = course.lesson(file.lesson) if file.lesson else None
    if lesson and file == part_files(course, lesson)[-1]:
        lines += _quiz(course, lesson)
        with suppress(UsageError):  # a spoilt exercise does not spoil reading
            exercises = load_course(course.root).exercises  # those that no part has come now
    whole = replace(course, exercises=tuple(exercises))
    following = step_after(whole, file, progress, [each.id for each in left]) or next_part(course, progress)
    if following is not None and following != file:
        to = leads_to(following, course)
        lines.append(step("next", f"grade {to.command}", to.remark))
    return lines


def _left(course: Course, progress: Progress, file: PartFile) -> list[Exercise]:
    """The exercises of a part that are not passed yet."""
    return [exercise for exercise in _due(course, file) if not done(exercise, progress)]


def _due(course: Course, file: PartFile) -> list[Exercise]:
    """The exercises of a part, each once."""
    found = {exercise.id: exercise for name in due_in(file) if (exercise := _exercise(course, name))}
    return list(found.values())


def _exercise_line(exercise: Exercise) -> str:
    return step("now", f"grade exercise {exercise.id}", f"{exercise.minutes} min")


def _quiz(course: Course, lesson: Lesson) -> list[str]:
    if (form := exam_form(course, lesson)) is not None:
        return [step("exam", shown(form), "fill it in, and hand it in")]
    return [step("quiz", f"grade quiz {lesson.slug}")] if quiz_path(course, lesson).is_file() else []


def _exercise(course: Course, name: str) -> Exercise | None:
    """The exercise of that id, or of the lab of that name."""
    for each in (name, name + LAB):
        with suppress(UsageError):
            return load_exercise(course.root, each)
    return None

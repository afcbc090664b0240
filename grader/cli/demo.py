"""grade demo: show what the student's own code of a lesson does."""

import sys
from collections.abc import Iterator

import click

from grader.base.errors import UsageError
from grader.base.result import Failure
from grader.cli.names import LessonName, lesson_number
from grader.cli.screen import COLUMNS, columns, course_root, heading, prose, say, step
from grader.course import Course, Exercise, Lesson, load_course
from grader.course.progress import Progress
from grader.engine.judge.messages import LabCode, LabEnded
from grader.engine.pool.client import Judges, with_judges
from grader.engine.pool.single_runs import run_lab
from grader.lab import Note, Quote, Step
from grader.show.pictures.characters import draw_picture
from grader.show.symbols import supports_unicode
from grader.study.demos import Demo, demos_of
from grader.study.grading import lost_as_usage_error
from grader.study.lab_code import passed_code
from grader.study.reader.order import next_step, steps

MARGIN = "    "


@click.command("demo")
@click.argument("words", nargs=-1, metavar="[LESSON]", type=LessonName())
def command(words: tuple[str, ...]) -> None:
    """Show what you can do now: run your own code of a lesson's exercises on small examples.

    LESSON is a number or a name (3, moe); without it, the lesson that you are in. What has not passed is named.
    """
    course = load_course(course_root())
    progress = Progress.load(course.root)
    lesson = course.lesson(lesson_number(course, words)) if words else _current(course, progress)
    demos = demos_of(course, lesson)
    if not demos:
        raise UsageError(f"Lesson {lesson.number} has no demos.")
    show_demos(course, lesson, demos, progress)


def show_demos(course: Course, lesson: Lesson, demos: tuple[Demo, ...], progress: Progress) -> None:
    """Run the demos whose exercises have passed, show each picture as it arrives, and name the other exercises."""
    codes = {demo.exercise.id: passed_code(course, demo.exercise, progress) for demo in demos}
    ready = sum(code is not None for code in codes.values())
    say("", *heading("what you can do now", f"{lesson.title}, {ready} of {len(demos)}"), "")

    def work(judges: Judges) -> None:
        for demo in demos:
            if (code := codes[demo.exercise.id]) is not None:
                say(*_lines_of(judges, course, demo, code), "")
                judges.renew()

    if ready:
        with lost_as_usage_error():
            with_judges(work)
    for demo in demos:
        if codes[demo.exercise.id] is None:
            say(step("", f"grade exercise {demo.exercise.id}", f"for {demo.title[:1].lower()}{demo.title[1:]}"))


def _lines_of(judges: Judges, course: Course, demo: Demo, code: LabCode) -> Iterator[str]:
    """Run a demo on a student's code and yield its pictures, and why it stopped if it did."""
    for message in run_lab(judges, demo.job(code), forbidden=course.folders):
        if isinstance(message, LabEnded):
            if message.failure is not None:
                yield from _stopped(demo.exercise, message.failure)
        elif not isinstance(message.shown, Step | Note | Quote):
            width = min(columns(), COLUMNS) - len(MARGIN)
            for line in draw_picture(message.shown, width, unicode=supports_unicode(sys.stdout)):
                yield MARGIN + line


def _stopped(exercise: Exercise, failure: Failure) -> list[str]:
    return [*prose(f"{exercise.id} stopped: {failure.message}"), step("grade", f"grade exercise {exercise.id}")]


def _current(course: Course, progress: Progress) -> Lesson:
    """Return the lesson of the next step; at the end of the course, the last lesson."""
    following = next_step(list(steps(course)), progress)
    if following is None:
        return course.lessons[-1]
    return course.lesson(following.lesson or 1)

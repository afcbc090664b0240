"""grade export: what a learning platform needs: an autograder, or a quiz."""

from pathlib import Path

import click

from grader.base.errors import UsageError
from grader.cli.names import LessonName
from grader.cli.screen import course_root, number, say
from grader.course import load_course, load_lessons
from grader.teach.question_banks import FORMATS


@click.group("export", invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """An autograder or a quiz for a learning platform."""
    if ctx.invoked_subcommand is None:
        raise UsageError("Say what: grade export gradescope ID..., or grade export quiz LESSON --format NAME.")


@command.command("gradescope", short_help="An autograder for Gradescope.")
@click.argument("exercise_ids", nargs=-1, required=True, metavar="ID...")
@click.option(
    "--out",
    metavar="ZIP",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("autograder.zip"),
    show_default=True,
    help="The file to write.",
)
@click.option("--pip-conf", metavar="FILE", type=click.Path(path_type=Path), help="Settings for pip in the container.")
def gradescope(exercise_ids: tuple[str, ...], out: Path, pip_conf: Path | None) -> None:
    """An autograder for Gradescope that grades these exercises as grade batch does (docs/ci.md).

    The zip holds their solutions and hidden tests: it is for the platform, not for students.
    """
    from grader.base.files import write_bytes
    from grader.teach.formats.autograder_zip import autograder_zip, names

    course = load_course(course_root())
    course.require_whole("grade export")
    exercises = [course.exercise(each) for each in dict.fromkeys(exercise_ids)]
    data = autograder_zip(course, exercises, pip_conf)
    write_bytes(out, data)
    say("", f"  {out}   {len(names(data))} files, {len(data) / 1024:.0f} KiB", "")
    say(f"    {len(exercises)} to grade   {', '.join(each.id for each in exercises)}")
    say(f"    {number(sum(each.points for each in exercises))} points in all", "")
    say("  Gradescope: Configure Autograder, Zip file upload.")


@command.command("quiz", short_help="A quiz for Canvas, for Moodle, as GIFT or QTI 2.1.")
@click.argument("lesson", type=LessonName())
@click.option("--format", "form", type=click.Choice(list(FORMATS)), help="For which platform; must be given.")
@click.option(
    "--out",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The file to write.  [default: named for the lesson and the format]",
)
@click.option(
    "--variants",
    metavar="N",
    type=click.IntRange(1, 100),
    default=5,
    show_default=True,
    help="How many are drawn of a question with parameters.",
)
@click.option("--seed", metavar="WORD", default="export", show_default=True, help="What is drawn depends on it.")
def quiz(lesson: str, form: str | None, out: Path | None, variants: int, seed: str) -> None:
    """The quiz of a lesson for Canvas, for Moodle, or as GIFT or QTI 2.1 (docs/quiz-formats.md).

    The file has the answers: it is for the platform, not for students. What the format cannot carry is said, and stands
    at the head of the file.
    """
    from grader.base.files import write_bytes
    from grader.cli.quiz import quiz_of
    from grader.course.lesson.find import find_lesson
    from grader.quiz.load import load_quiz
    from grader.teach.formats.files import remark
    from grader.teach.question_banks import bank_of
    from grader.teach.question_banks.model import told

    if form is None:
        raise UsageError(f"Say for which platform: --format {' or '.join(FORMATS)}.")
    course = load_lessons(course_root())
    course.require_whole("grade export")
    meant = find_lesson(course, lesson)
    bank = bank_of(load_quiz(quiz_of(course, meant)), meant.slug, variants, seed)
    wanted = FORMATS[form]
    exported = wanted.export(bank)
    path = out or Path(f"{meant.slug}.{wanted.ending}")
    write_bytes(path, exported.data)
    for line in told(exported.losses):
        remark(line)
    drawn = [entry for entry in bank.entries if entry.drawn]
    say("", f"  {path}   {len(bank.entries)} questions, {len(exported.data) / 1024:.0f} KiB", "")
    if drawn:
        count = sum(len(entry.items) for entry in drawn)
        say(f"    {len(drawn)} of them have parameters: {count} variants, and a student gets one of each", "")
    say(f"  {wanted.upload}")

"""grade export: write an autograder or a quiz for a learning platform."""

from pathlib import Path

import click

from grader.base.errors import UsageError
from grader.cli.names import LessonName
from grader.cli.numbers import WholeNumber
from grader.cli.screen import course_root, say
from grader.course import load_course, load_lessons
from grader.show.numbers import format_points
from grader.teach.question_banks import FORMATS
from grader.teach.question_banks.build import build_bank


@click.group("export", invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """Export an autograder or a quiz for a learning platform."""
    if ctx.invoked_subcommand is None:
        raise UsageError("Choose one: grade export gradescope ID..., or grade export quiz LESSON --format NAME.")


@command.command("gradescope", short_help="Write an autograder for Gradescope.")
@click.argument("exercise_ids", nargs=-1, required=True, metavar="ID...")
@click.option(
    "--out",
    metavar="ZIP",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("autograder.zip"),
    show_default=True,
    help="File to write.",
)
@click.option(
    "--pip-conf", metavar="FILE", type=click.Path(path_type=Path), help="Configuration of pip in the container."
)
def gradescope(exercise_ids: tuple[str, ...], out: Path, pip_conf: Path | None) -> None:
    """Write a zip file with which Gradescope grades these exercises as grade batch does.

    Do not give it to students: it contains the solutions and the hidden tests.
    """
    from grader.base.files import write_bytes
    from grader.teach.formats.autograder_zip import autograder_zip, names_in_zip

    course = load_course(course_root())
    course.require_whole("grade export")
    exercises = [course.exercise(each) for each in dict.fromkeys(exercise_ids)]
    data = autograder_zip(course, exercises, pip_conf)
    write_bytes(out, data)
    say("", f"  {out}   {len(names_in_zip(data))} files, {len(data) / 1024:.0f} KiB", "")
    say(f"    {len(exercises)} to grade   {', '.join(each.id for each in exercises)}")
    say(f"    {format_points(sum(each.points for each in exercises))} points in all", "")
    say("  Gradescope: Configure Autograder, Zip file upload.")


@command.command("quiz", short_help="Write a quiz for Canvas or Moodle, or as GIFT or QTI 2.1.")
@click.argument("lesson", type=LessonName())
@click.option("--format", "form", type=click.Choice(list(FORMATS)), help="Format of the file.  [required]")
@click.option(
    "--out",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="File to write.  [default: named after the lesson]",
)
@click.option(
    "--variants",
    metavar="N",
    type=WholeNumber(1, 100),
    default=5,
    show_default=True,
    help="Draw N versions of each question with parameters.",
)
@click.option("--seed", metavar="WORD", default="export", show_default=True, help="Seed of the drawn versions.")
def quiz(lesson: str, form: str | None, out: Path | None, variants: int, seed: str) -> None:
    """Write the quiz of a lesson for Canvas or Moodle, or as GIFT or QTI 2.1.

    Do not give the file to students: it contains the answers. What the format cannot express is listed on the screen
    and at the top of the file.
    """
    from grader.base.files import write_bytes
    from grader.cli.quiz import quiz_file
    from grader.course.lesson.find import find_lesson
    from grader.quiz.load import load_quiz
    from grader.teach.formats.files import print_note
    from grader.teach.question_banks.model import loss_sentences

    if form is None:
        raise UsageError(f"Choose a format: --format {' or '.join(FORMATS)}.")
    course = load_lessons(course_root())
    course.require_whole("grade export")
    found = find_lesson(course, lesson)
    bank = build_bank(load_quiz(quiz_file(course, found)), found.slug, variants, seed)
    wanted = FORMATS[form]
    exported = wanted.export(bank)
    path = out or Path(f"{found.slug}.{wanted.suffix}")
    write_bytes(path, exported.data)
    for line in loss_sentences(exported.losses):
        print_note(line)
    drawn = [question for question in bank.questions if question.has_variants]
    say("", f"  {path}   {len(bank.questions)} questions, {len(exported.data) / 1024:.0f} KiB", "")
    if drawn:
        count = sum(len(entry.items) for entry in drawn)
        say(f"    {len(drawn)} of them have parameters: {count} variants, of which a student gets one each", "")
    say(f"  {wanted.upload}")

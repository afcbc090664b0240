"""The command `grade`. A command's module is imported when that command runs, and it defines `command`."""

import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import click

from grader import __version__
from grader.base.errors import ProcessLost, UsageError

FOR_STUDENTS = {
    "init": "Make a workspace: exercises, lessons and quizzes.",
    "update": "Bring a newer course into your workspace.",
    "list": "The map of the course: what is read, passed, failed.",
    "next": "What comes next, and why.",
    "read": "The statement of an exercise.",
    "exercise": "Grade an exercise and explain what is wrong.",
    "watch": "Grade an exercise whenever it is saved.",
    "lesson": "Read a lesson, or a part of one.",
    "notebook": "A part of a lesson for Jupyter and Colab.",
    "glossary": "What a term means, in English and Ukrainian.",
    "quiz": "Take the quiz of a lesson.",
    "review": "Questions that were missed, or are due again.",
    "hint": "The next hint for an exercise.",
    "shell": "A Python prompt with the call that failed.",
    "lab": "Run an experiment on your own code, and draw it.",
    "diff": "Your solution beside the reference, after a pass.",
    "reset": "Begin an exercise anew; your file is kept.",
    "history": "Your tries, and what changed from one to the next.",
    "progress": "Where your progress is kept, and how to move it.",
    "warm": "The process that lets a grading start at once.",
}
FOR_AUTHORS = {
    "course": "Begin a course of your own.",
    "new": "Create the files of a new exercise.",
    "check": "Prove that exercises, references and mistakes are right.",
    "site": "Write the course as pages that open as files.",
}
FOR_INSTRUCTORS = {
    "release": "The student's edition of the course.",
    "batch": "Grade what a class handed in.",
    "gradebook": "What a class has earned, and exports of it.",
    "compare": "Who moved between two runs, and why.",
    "export": "An autograder, or a quiz, for a learning platform.",
}
INTERRUPTED = 130
READER_GONE = 141  # as of a program that ends by SIGPIPE


class Grade(click.Group):
    """The group: it finds the modules of its commands, and ends every run with a sentence or in silence."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*FOR_STUDENTS, *FOR_AUTHORS, *FOR_INSTRUCTORS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        command: click.Command = import_module(f"grader.cli.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in self.list_commands(ctx) and not args[0].startswith("-"):
            from grader.cli.names import instead

            hint = instead(args[0], self.list_commands(ctx), ctx) or " grade --help lists the commands."
            raise UsageError(f"No command '{args[0]}'.{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        sections = (
            ("Commands", FOR_STUDENTS),
            ("For authors", FOR_AUTHORS),
            ("For instructors", FOR_INSTRUCTORS),
        )
        for title, commands in sections:
            with formatter.section(title):
                formatter.write_dl([*commands.items()])  # `list` is a module here, once that command ran

    def invoke(self, ctx: click.Context) -> Any:
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:  # whoever read this has gone; Python would say so when it flushes at exit
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(READER_GONE)
        return result

    def main(self, args: Sequence[str] | None = None, **extra: Any) -> NoReturn:  # type: ignore[override]
        """Run a command and exit: 0, its own code, 2 for bad input, 3 for a fault of ours, 130 for Ctrl-C."""
        extra["standalone_mode"] = False
        try:
            _needs_a_folder()
            code = super().main(args, **extra)
        except UsageError as error:
            _complain(str(error))
            code = error.exit_code
        except ProcessLost as error:
            _complain(f"Stopped: {error}. This is a fault of the grader or the machine; try again.")
            code = ProcessLost.exit_code
        except click.ClickException as error:
            _complain(" ".join(error.format_message().split()))  # click writes choices on lines of their own
            code = error.exit_code
        except (click.Abort, KeyboardInterrupt):
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # once is enough
            code = INTERRUPTED
        sys.exit(code if isinstance(code, int) else 0)


def _needs_a_folder() -> None:
    """UsageError where the working directory was deleted."""
    try:
        os.getcwd()
    except FileNotFoundError:
        raise UsageError("The folder that you are in is not there any more: cd to one that is.") from None


@click.group(
    cls=Grade,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
)
@click.option(
    "--course",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="The course; by default the nearest course.yaml from here upward.",
)
@click.version_option(__version__, prog_name="archgrade", message="%(prog)s %(version)s")
@click.pass_context
def grade(ctx: click.Context, course: Path | None) -> None:
    """A course that is learned by building. Your code is graded on your machine, apart from the tests, and what is
    wrong with it is explained.

    \b
    grade               shows the course and what to do next
    grade exercise ID   grades exercises/ID/ID.py
    """
    ctx.obj = course
    if os.environ.get("NO_COLOR"):
        ctx.color = False
    if ctx.invoked_subcommand is None:
        command = grade.get_command(ctx, "list")
        assert command is not None
        ctx.invoke(command)


def main() -> NoReturn:
    """Runs the command that this process was started with."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:  # as grader.__main__ left it
        signal.signal(signal.SIGINT, signal.default_int_handler)
    grade.main(prog_name="grade")


def _complain(sentence: str) -> None:
    from grader.base.text import inert
    from grader.show.marks import encoding_of, writable

    text = inert(f"error: {writable(sentence, encoding_of(sys.stderr))}")
    if sys.stderr.isatty():
        from grader.cli.screen import broken

        text = broken(text)
    click.echo(text, err=True)

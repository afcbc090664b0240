"""The command `grade`. The module of each subcommand defines `command`, and is imported only when it runs."""

import gc
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
    "init": "Create a workspace with exercises, lessons and quizzes.",
    "update": "Update your workspace to a newer course.",
    "list": "Show the course, and how far you are.",
    "next": "Show what comes next, and why.",
    "read": "Read the statement of an exercise.",
    "exercise": "Grade an exercise and explain what is wrong.",
    "watch": "Grade an exercise whenever you save it.",
    "lesson": "Read a lesson, a part or a section.",
    "notebook": "Write a part of a lesson for Jupyter or Colab.",
    "glossary": "Look up a term, in English or Ukrainian.",
    "quiz": "Take the quiz of a lesson.",
    "review": "Answer questions that you missed or that are due.",
    "hint": "Show the next hint for an exercise.",
    "shell": "Open a Python prompt with the call that failed.",
    "lab": "Run an experiment on your own code.",
    "demo": "Show what your own code of a lesson does.",
    "diff": "Compare your solution with the reference, after a pass.",
    "reset": "Start an exercise again; your file is kept.",
    "history": "Show your attempts, and what each one changed.",
    "progress": "Show, export or import your progress.",
    "warm": "Show or stop the process that makes grading start fast.",
}
FOR_AUTHORS = {
    "course": "Create a course.",
    "new": "Create the files of a new exercise.",
    "check": "Check exercises, quizzes and lessons.",
    "site": "Write the course as a static website.",
}
FOR_INSTRUCTORS = {
    "release": "Write the student's edition of the course.",
    "batch": "Grade the submissions of a class.",
    "gradebook": "Show or export the points of a class.",
    "compare": "Show whose points changed between two runs, and why.",
    "export": "Export an autograder or a quiz for a learning platform.",
}
INTERRUPTED = 130  # exit code after Ctrl-C
READER_GONE = 141  # exit code of a program that SIGPIPE ends
HELP = """Grade exercises and quizzes, and explain what is wrong.

Your code runs on your own machine, in a process separate from the tests.

\b
grade               shows the course and what to do next
grade exercise ID   grades exercises/ID/ID.py
"""


class GradeGroup(click.Group):
    """A group that imports commands on demand, and prints every error as one sentence."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, in the order of --help."""
        return [*FOR_STUDENTS, *FOR_AUTHORS, *FOR_INSTRUCTORS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command; None if its name is unknown."""
        if cmd_name not in self.list_commands(ctx):
            return None
        command: click.Command = import_module(f"grader.cli.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Raise UsageError, with a suggestion, if the command is unknown."""
        if args[0] not in self.list_commands(ctx) and not args[0].startswith("-"):
            from grader.cli.names import suggest_command

            hint = suggest_command(args[0], self.list_commands(ctx), ctx) or " grade --help lists the commands."
            raise UsageError(f"No command '{args[0]}'.{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands in sections, one for each kind of user."""
        sections = (
            ("Commands", FOR_STUDENTS),
            ("For authors", FOR_AUTHORS),
            ("For instructors", FOR_INSTRUCTORS),
        )
        for title, commands in sections:
            with formatter.section(title):
                formatter.write_dl([*commands.items()])  # list() can be the module grader.cli.list

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; exit silently if the reader of standard output has gone."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:  # Python would print an error when it flushes at exit
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(READER_GONE)
        return result

    def main(self, args: Sequence[str] | None = None, **extra: Any) -> NoReturn:  # type: ignore[override]
        """Run a command and exit: 0, its own code, 2 for bad input, 3 for an error of the grader, 130 for Ctrl-C."""
        extra["standalone_mode"] = False
        try:
            _require_working_directory()
            code = super().main(args, **extra)
        except UsageError as error:
            _print_error(str(error))
            code = error.exit_code
        except ProcessLost as error:
            _print_error(f"Stopped: {error}. This is a fault of the grader or the machine; try again.")
            code = ProcessLost.exit_code
        except click.ClickException as error:
            _print_error(" ".join(error.format_message().split()))  # click puts each choice on its own line
            code = error.exit_code
        except (click.Abort, KeyboardInterrupt):
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not interrupt the exit
            code = INTERRUPTED
        gc.freeze()  # Python need not look for garbage on its way out: the system frees all memory
        sys.exit(code if isinstance(code, int) else 0)


def _require_working_directory() -> None:
    """Raise UsageError if the working directory was deleted."""
    try:
        os.getcwd()
    except FileNotFoundError:
        raise UsageError("The folder that you are in no longer exists: cd to another one.") from None


@click.group(
    cls=GradeGroup,
    help=HELP,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
)
@click.option(
    "--course",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Folder of the course.  [default: the nearest one from here upward]",
)
@click.version_option(__version__, prog_name="archgrade", message="%(prog)s %(version)s")
@click.pass_context
def grade(ctx: click.Context, course: Path | None) -> None:
    """Set up the context of a command; without a command, run `grade list`."""
    ctx.obj = course
    if os.environ.get("NO_COLOR"):
        ctx.color = False
    if ctx.invoked_subcommand is None:
        command = grade.get_command(ctx, "list")
        assert command is not None
        ctx.invoke(command)


def main() -> NoReturn:
    """Run the command line of this process."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:  # set by grader.__main__
        signal.signal(signal.SIGINT, signal.default_int_handler)
    grade.main(prog_name="grade")


def _print_error(sentence: str) -> None:
    from grader.base.text import inert
    from grader.show.symbols import stream_encoding, writable

    text = inert(f"error: {writable(sentence, stream_encoding(sys.stderr))}")
    if sys.stderr.isatty():
        from grader.cli.screen import columns
        from grader.show.layout import wrap

        text = "\n".join(wrap(text, columns(), break_words=False))
    click.echo(text, err=True)

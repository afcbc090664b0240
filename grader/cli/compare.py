"""grade compare_runs: show whose points changed between two runs of grade batch, and why."""

import sys
from contextlib import ExitStack
from pathlib import Path

import click
import msgspec

from grader.base.errors import UsageError
from grader.cli.screen import say
from grader.show.layout import COLUMNS, paint
from grader.show.symbols import supports_unicode
from grader.teach.gradebook import Gradebook
from grader.teach.gradebook.compare import compare_runs
from grader.teach.gradebook.compare_screen import compare_screen
from grader.teach.gradebook.model import BatchRun

LAST = "last"


@click.command("compare")
@click.argument("before", metavar="RUN1")
@click.argument("after", metavar="RUN2")
@click.option(
    "--gradebook",
    "folder",
    metavar="DIR",
    default="results",
    type=click.Path(path_type=Path),
    show_default=True,
    help="Folder of the gradebook with the runs.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as JSON.")
def command(before: str, after: str, folder: Path, as_json: bool) -> None:
    """Show whose points changed between two runs, on which tests, and why.

    Use it before you publish a regrade. RUN is a number from grade gradebook --runs, the word last, or a folder with
    a gradebook, which means its last run.
    """
    with ExitStack() as stack:
        (first, old), (second, new) = (_open_run(word, folder, stack) for word in (before, after))
        comparison = compare_runs(old, first.entries(old.id), new, second.entries(new.id))
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(comparison), indent=2))
    else:
        lines = compare_screen(comparison, supports_unicode(sys.stdout))
        say(*(paint(line, COLUMNS, color=True) for line in lines))


def _open_run(word: str, folder: Path, stack: ExitStack) -> tuple[Gradebook, BatchRun]:
    """Open the gradebook of a run, given by its number, `last` or a folder, and return both."""
    is_folder = not (word.isdecimal() or word == LAST)
    if is_folder and not Path(word).is_dir():
        raise UsageError(f"'{word}' is not a run: give its number, the word {LAST}, or a folder with a gradebook.")
    gradebook = stack.enter_context(Gradebook(Path(word) if is_folder else folder))
    return gradebook, gradebook.run(int(word) if word.isdecimal() else None)

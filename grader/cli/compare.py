"""grade compare: who moved between two runs, and why."""

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
from grader.teach.gradebook.compare import compare
from grader.teach.gradebook.compare_screen import compare_screen
from grader.teach.gradebook.model import Run

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
    help="Where the runs are; by default: results.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON (docs/gradebook.md).")
def command(before: str, after: str, folder: Path, as_json: bool) -> None:
    """Who moved between two runs, by how much, on which test, and why: to look at before publishing a regrade.

    A RUN is a number that grade gradebook --runs lists, the word last, or a folder with a gradebook, of which
    the last run is taken.
    """
    with ExitStack() as stack:
        (first, old), (second, new) = (_run(word, folder, stack) for word in (before, after))
        comparison = compare(old, first.entries(old.id), new, second.entries(new.id))
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(comparison), indent=2))
    else:
        lines = compare_screen(comparison, supports_unicode(sys.stdout))
        say(*(paint(line, COLUMNS, color=True) for line in lines))


def _run(word: str, folder: Path, stack: ExitStack) -> tuple[Gradebook, Run]:
    """The run that a word means, and the gradebook that it is in."""
    elsewhere = not (word.isdecimal() or word == LAST)
    if elsewhere and not Path(word).is_dir():
        raise UsageError(f"'{word}' is no run: give its number, the word {LAST}, or a folder with a gradebook.")
    gradebook = stack.enter_context(Gradebook(Path(word) if elsewhere else folder))
    return gradebook, gradebook.run(int(word) if word.isdecimal() else None)

"""How far a long run is: a bar in a terminal, a line every few seconds elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

EVERY = 5.0  # seconds between two lines

Show = Callable[[int, int], None]  # done, total


@contextmanager
def progress_bar(what: str, *, quiet: bool = False) -> Iterator[Show]:
    """A function to call with what is done and what there is in all; `what` is counted: "submissions"."""
    if quiet:
        yield lambda done, total: None
    elif sys.stderr.isatty():
        with _bar(what) as show:
            yield show
    else:
        yield _lines(what)


@contextmanager
def _bar(what: str) -> Iterator[Show]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    rate = TextColumn("{task.fields[rate]}")
    columns = (TextColumn(" "), BarColumn(30), MofNCompleteColumn(), TextColumn(what), rate, TimeRemainingColumn())
    begun = time.monotonic()
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=None, rate="")

        def show(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total, rate=_rate(done, begun))

        yield show


def _lines(what: str) -> Show:
    begun = said = time.monotonic()

    def show(done: int, total: int) -> None:
        nonlocal said
        now = time.monotonic()
        if now - said < EVERY:
            return
        said = now
        left = (total - done) * (now - begun) / done if done else 0.0
        about = f", about {left:.0f} s left" if done and left >= 1 else ""
        click.echo(f"  {done} of {total} {what}, {_rate(done, begun)}{about}", err=True)

    return show


def _rate(done: int, begun: float) -> str:
    return f"{done / max(time.monotonic() - begun, 0.001):.0f} per second"

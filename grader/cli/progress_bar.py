"""How far a long run is: a bar in a terminal, a line every few seconds elsewhere."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import click

from grader.base.text import clean_line, inert

EVERY = 5.0  # seconds between two lines


class Show(Protocol):
    """Shows what is done and what there is in all; `waiting`: what keeps it from going on."""

    def __call__(self, done: int, total: int, waiting: str | None = None) -> None: ...


@contextmanager
def progress_bar(what: str, *, quiet: bool = False) -> Iterator[Show]:
    """A function to call with what is done and what there is in all; `what` is counted: "submissions"."""
    if quiet:
        yield _nothing
    elif sys.stderr.isatty():
        with _bar(what) as show:
            yield show
    else:
        yield _lines(what)


def _nothing(done: int, total: int, waiting: str | None = None) -> None:
    """Shows nothing."""


@contextmanager
def _bar(what: str) -> Iterator[Show]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    rate = TextColumn("{task.fields[rate]}")
    columns = (TextColumn(" "), BarColumn(30), MofNCompleteColumn(), TextColumn(what), rate, TimeRemainingColumn())
    begun = time.monotonic()
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=None, rate="")

        def show(done: int, total: int, waiting: str | None = None) -> None:
            rate = _waits(waiting) if waiting else _rate(done, begun)
            progress.update(task, completed=done, total=total, rate=rate)

        yield show


def _lines(what: str) -> Show:
    begun = said = time.monotonic()

    def show(done: int, total: int, waiting: str | None = None) -> None:
        nonlocal said
        now = time.monotonic()
        if now - said < EVERY:
            return
        said = now
        left = (total - done) * (now - begun) / done if done else 0.0
        about = f", about {left:.0f} s left" if done and left >= 1 else ""
        how = _waits(waiting) if waiting else f"{_rate(done, begun)}{about}"
        click.echo(inert(f"  {done} of {total} {what}, {how}"), err=True)

    return show


def _waits(waiting: str) -> str:
    return f"waiting for {clean_line(waiting)}"


def _rate(done: int, begun: float) -> str:
    return f"{done / max(time.monotonic() - begun, 0.001):.0f} per second"

"""The progress of a long run: a bar in a terminal, a line every few seconds elsewhere."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import click

from grader.base.text import clean_line, inert

EVERY = 5.0  # seconds between two lines


class ShowProgress(Protocol):
    """A function that shows how many items are done, and what the run is waiting for."""

    def __call__(self, done: int, total: int, waiting: str | None = None) -> None:
        """Show progress."""


@contextmanager
def progress_bar(noun: str, *, quiet: bool = False) -> Iterator[ShowProgress]:
    """Yield a function that shows progress; `noun` names the counted items, such as "submissions"."""
    if quiet:
        yield _show_nothing
    elif sys.stderr.isatty():
        with _bar(noun) as show:
            yield show
    else:
        yield _lines(noun)


def _show_nothing(done: int, total: int, waiting: str | None = None) -> None:
    pass


@contextmanager
def _bar(noun: str) -> Iterator[ShowProgress]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    rate = TextColumn("{task.fields[rate]}")
    columns = (TextColumn(" "), BarColumn(30), MofNCompleteColumn(), TextColumn(noun), rate, TimeRemainingColumn())
    begun = time.monotonic()
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(noun, total=None, rate="")

        def show(done: int, total: int, waiting: str | None = None) -> None:
            rate = _waiting_text(waiting) if waiting else _rate(done, begun)
            progress.update(task, completed=done, total=total, rate=rate)

        yield show


def _lines(noun: str) -> ShowProgress:
    begun = last_shown = time.monotonic()

    def show(done: int, total: int, waiting: str | None = None) -> None:
        nonlocal last_shown
        now = time.monotonic()
        if now - last_shown < EVERY:
            return
        last_shown = now
        left = (total - done) * (now - begun) / done if done else 0.0
        about = f", about {left:.0f} s left" if done and left >= 1 else ""
        state = _waiting_text(waiting) if waiting else f"{_rate(done, begun)}{about}"
        click.echo(inert(f"  {done} of {total} {noun}, {state}"), err=True)

    return show


def _waiting_text(waiting: str) -> str:
    return f"waiting for {clean_line(waiting)}"


def _rate(done: int, begun: float) -> str:
    return f"{done / max(time.monotonic() - begun, 0.001):.0f} per second"

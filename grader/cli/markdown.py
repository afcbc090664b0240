"""Markdown on a terminal: rendered, in a pager where there is one; as it is where nobody looks."""

import shutil
import sys
from io import StringIO

import click

from grader.report.marks import encoding_of, writable

WIDEST = 88  # columns: longer lines are hard to read


def show(text: str) -> None:
    """Shows Markdown, in a pager if it is longer than the screen. What is piped on gets the source, a text already."""
    if not sys.stdout.isatty():
        click.echo(writable(text.rstrip("\n"), encoding_of(sys.stdout)))
        return
    from rich.console import Console
    from rich.markdown import Markdown

    page = StringIO()
    color = click.get_current_context().find_root().color is not False
    terminal = shutil.get_terminal_size()
    columns = min(WIDEST, terminal.columns)
    console = Console(file=page, width=columns, force_terminal=color, no_color=not color, highlight=False)
    console.print(Markdown(text, code_theme="ansi_dark", hyperlinks=False))
    shown = writable(page.getvalue(), encoding_of(sys.stdout))
    if shown.count("\n") < terminal.lines:
        click.echo(shown, nl=False)
    else:
        click.echo_via_pager(shown)

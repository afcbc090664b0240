"""Show Markdown: rendered in a terminal, as source in a pipe."""

import shutil
import sys

import click

from grader.cli.screen import columns
from grader.show.symbols import stream_encoding, supports_unicode, writable


def show(text: str) -> None:
    """Render Markdown, in a pager if it is longer than the screen. In a pipe, print the source."""
    if not sys.stdout.isatty():
        click.echo(writable(text.rstrip("\n"), stream_encoding(sys.stdout)))
        return
    from grader.study.reader.blocks import ansi_lines
    from grader.study.reader.markdown import ReaderPage, markdown_lines

    lines = ansi_lines(markdown_lines(text, ReaderPage(columns(), supports_unicode(sys.stdout))))
    if click.get_current_context().find_root().color is False:
        lines = [click.unstyle(each) for each in lines]
    shown = writable("\n".join(["", *lines, ""]), stream_encoding(sys.stdout))
    if len(lines) + 2 < shutil.get_terminal_size().lines:
        click.echo(shown, nl=False)
    else:
        click.echo_via_pager(shown)

"""Markdown on a terminal: rendered, in a pager where there is one; as it is where nobody looks."""

import shutil
import sys

import click

from grader.cli.screen import columns
from grader.show.symbols import stream_encoding, supports_unicode, writable


def show(text: str) -> None:
    """Shows Markdown, in a pager if it is longer than the screen. What is piped on gets the source, a text already."""
    if not sys.stdout.isatty():
        click.echo(writable(text.rstrip("\n"), stream_encoding(sys.stdout)))
        return
    from grader.study.reader.blocks import painted
    from grader.study.reader.markdown import Page, markdown

    lines = painted(markdown(text, Page(columns(), supports_unicode(sys.stdout))))
    if click.get_current_context().find_root().color is False:
        lines = [click.unstyle(each) for each in lines]
    shown = writable("\n".join(["", *lines, ""]), stream_encoding(sys.stdout))
    if len(lines) + 2 < shutil.get_terminal_size().lines:
        click.echo(shown, nl=False)
    else:
        click.echo_via_pager(shown)

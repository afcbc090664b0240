"""What the light commands share: finding the course, and printing lines on the terminal."""

import os
import shutil
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from grader.base.errors import UsageError
from grader.course import find_course
from grader.show.layout import COLUMNS as COLUMNS  # other commands import it from here
from grader.show.layout import reflow, wrap
from grader.show.symbols import stream_encoding, writable


def course_root() -> Path:
    """Return the folder of the course: --course, else the nearest one upward. Raise UsageError if there is none."""
    return find_course(Path.cwd(), click.get_current_context().find_root().obj)


def say(*lines: str, err: bool = False) -> None:
    """Print lines: without color if stdout is no terminal, in ASCII if the stream cannot encode more.

    In a job of GitHub Actions no line is obeyed as a command, whatever the names of students are.
    """
    encoding = stream_encoding(sys.stderr if err else sys.stdout)
    for line in lines:
        text = writable(line.rstrip(), encoding)
        if "GITHUB_ACTIONS" in os.environ:
            from grader.base.text import inert

            text = inert(text)
        click.echo(text, err=err)


def page(*lines: str) -> None:
    """Print lines, in a pager if the terminal has fewer rows."""
    if not sys.stdout.isatty() or len(lines) < shutil.get_terminal_size().lines:
        say(*lines)
        return
    text = writable("\n".join([*lines, ""]), stream_encoding(sys.stdout))
    click.echo_via_pager(text if click.get_current_context().find_root().color is not False else click.unstyle(text))


def columns() -> int:
    """Return the width of the terminal, at least 20."""
    return max(shutil.get_terminal_size().columns, 20)


def interactive() -> bool:
    """Return whether stdin and stdout are a terminal that can move its cursor."""
    return bool(is_attended() and sys.stdout.isatty() and os.environ.get("TERM") != "dumb")


def confirm(question: str, instead: str) -> bool:
    """Ask a question in the terminal, and return whether the answer is yes.

    Raise UsageError with the sentence `instead` if there is no terminal in which to answer.
    """
    if not is_attended():
        raise UsageError(instead)
    lines = wrap(writable(question, stream_encoding(sys.stdout)), columns() - len(" [y/N]: "), break_words=False)
    return click.confirm("\n".join(lines))


def is_attended() -> bool:
    """Return whether somebody can type an answer: standard input is a terminal."""
    return bool(sys.stdin and sys.stdin.isatty())


def prose(text: str, indent: int = 4) -> list[str]:
    """Wrap paragraphs for the terminal, in at most 77 columns; no text gives no lines."""
    rows = wrap(reflow(text), min(columns(), COLUMNS) - indent) if text.strip() else []
    return [" " * indent + row if row else "" for row in rows]


def dim(text: str) -> str:
    """Return the text with escape codes that dim it."""
    return click.style(text, dim=True)


def bold(text: str) -> str:
    """Return the text with escape codes that make it bold."""
    return click.style(text, bold=True)


def step(word: str, command: str, remark: str = "") -> str:
    """Return one of the last lines of a screen: a command to paste, below its word if there is no room beside it.

    A remark that does not fit is left out.
    """
    if word and 12 + len(command) > columns() >= 4 + len(command):
        return f"  {dim(word)}\n    {command}"
    head = f"  {dim(f'{word:<7}')}   "
    room = min(columns(), COLUMNS) - 12 - 1 - len(remark)
    if remark and len(command) + 1 < room:
        return f"{head}{command:<{min(max(len(command) + 1, 33), room)}} {dim(remark)}"
    return head + command


def heading(name: str, text: str) -> list[str]:
    """Return a name in bold and a text after it, wrapped."""
    head, *rest = wrap(f"{name}   {text}", min(columns(), COLUMNS) - 2)
    return [f"  {head.replace(name, bold(name), 1)}", *(f"  {row}" for row in rest)]


def as_many_as_fit(*texts: str) -> str:
    """Join texts by three spaces, without the last ones that do not fit in the width of a screen."""
    kept = list(texts)
    while len(kept) > 1 and len(click.unstyle("   ".join(kept))) > min(columns(), COLUMNS):
        kept.pop()
    return "   ".join(kept)


def written_lines(written: Sequence[Path], out: Path) -> Iterator[str]:
    """Yield the files written right into the folder `out`, and the number of files in each folder below it."""
    yield from (f"  {path}" for path in written if path.parent == out)
    folders = Counter(path.relative_to(out).parts[0] for path in written if path.parent != out)
    for folder, count in folders.items():
        yield f"  {out / folder}{os.sep}   {count:,} file{'' if count == 1 else 's'}"

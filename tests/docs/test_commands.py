"""The commands that documents show can be run as they are written."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from grader.cli import grade as group
from tests.docs.documents import DOCUMENTS, FENCE, name, prose


def commands(text: str) -> Iterator[str]:
    """Yield the `grade ...` commands of a document: in code between backticks, and at the start of a column of a block.

    In a block a command ends where two spaces or a remark begin.
    """
    yield from re.findall(r"`(grade(?: [^`\n]*)?)`", prose(text))
    for block in FENCE.findall(text):
        for line in block.splitlines()[1:-1]:
            found = re.search(r"(?:^(?:\$ |.*/bin/)?|  )(grade(?: .*)?)$", line)
            if found:
                yield re.split(r"  +| #| > |&& ", found[1])[0]


def complaint(line: str) -> str | None:
    """Why a command cannot be run as it is written; ID, N and PATH stand for any word."""
    words = re.sub(r"[\[\]]|\.\.\.", "", line).split()[1:]
    context = click.Context(group, info_name="grade")
    try:
        _, rest, _ = group.make_parser(context).parse_args(words)
        if not rest:
            return None
        if rest[0] not in group.list_commands(context):
            return f"no command {rest[0]}"
        command = group.get_command(context, rest[0])
        assert command is not None
        context = click.Context(command, context, rest[0])
        _, left, _ = command.make_parser(context).parse_args(rest[1:])
        if isinstance(command, click.Group) and left:
            inner = command.get_command(context, left[0])
            if inner is None:
                return f"no command {rest[0]} {left[0]}"
            _, left, _ = inner.make_parser(click.Context(inner, context, left[0])).parse_args(left[1:])
    except click.UsageError as error:
        return error.format_message()
    return f"too many arguments: {left}" if left else None


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_commands_exist(document: Path) -> None:
    wrong = {line: why for line in commands(document.read_text("utf-8")) if (why := complaint(line))}
    assert wrong == {}


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("grade exercise ID --file PATH --json", None),
        ("grade --course DIR check [ID...] --seeds 3", None),
        ("grade", None),
        ("grade exercize ID", "no command exercize"),
        ("grade exercise ID --jsn", "--jsn"),
        ("grade diff ID now", "too many arguments"),
        ("grade export quiz LESSON --format gift", None),
        ("grade export quizz LESSON", "no command export quizz"),
        ("grade export quiz LESSON --seed 3 --nothing", "--nothing"),
    ],
)
def test_a_wrong_command_is_noticed(line: str, why: str | None) -> None:
    found = complaint(line)
    assert found is None if why is None else why in str(found)


def test_commands_are_found() -> None:
    """Find commands in text, after a prompt, and on the last lines of a screen."""
    text = "Type `grade hint ID`.\n```\n$ grade list\n  try    grade shell x     a remark\nthe grade of\n```\n"
    assert list(commands(text)) == ["grade hint ID", "grade list", "grade shell x"]

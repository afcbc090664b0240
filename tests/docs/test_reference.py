"""docs/reference: it is what the code generates, and names every field, outcome, command and option."""

import re
import runpy
from collections.abc import Iterator
from enum import StrEnum

import click
import msgspec
import pytest

from grader.base.docstrings import documented_classes
from grader.base.result import Outcome, Result
from grader.cli import grade
from grader.teach.formats.results_json import Results
from tests.docs.documents import read
from tests.paths import ROOT

FOLDER = ROOT / "docs" / "reference"
GENERATED: dict[str, str] = runpy.run_path(str(FOLDER / "generate.py"))["generated"]()


@pytest.mark.parametrize("name", GENERATED)
def test_committed_files_are_up_to_date(name: str) -> None:
    assert (FOLDER / name).read_text("utf-8") == GENERATED[name], "run: make docs"


def first_cells(document: str, heading: str) -> list[str]:
    """Return the first cells, which are code, of the table below a heading."""
    text = read(f"docs/reference/{document}")
    section = re.split(r"^#", text.partition(f"\n## {heading}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
    return re.findall(r"^`([^`]+)`", section, re.MULTILINE)


DESCRIBED = documented_classes(Result)
OF_GRADEBOOKS = [each for each in documented_classes(Results) if each not in DESCRIBED]
PLACES = [("result.md", each) for each in DESCRIBED] + [("results.md", each) for each in OF_GRADEBOOKS]


@pytest.mark.parametrize(("document", "kind"), PLACES)
def test_every_field_and_value_is_documented(document: str, kind: type) -> None:
    if issubclass(kind, msgspec.Struct):
        assert first_cells(document, kind.__name__) == list(kind.__struct_fields__)
    else:
        assert issubclass(kind, StrEnum)
        assert first_cells(document, kind.__name__) == [each.value for each in kind]


def test_the_outcomes_are_among_them() -> None:
    assert Outcome in DESCRIBED


def commands(group: click.Group, above: click.Context) -> Iterator[click.Context]:
    """Yield the context of each command in a group."""
    for name in group.list_commands(above):
        command = group.get_command(above, name)
        assert command is not None
        context = click.Context(command, above, name)
        if isinstance(command, click.Group):
            yield from commands(command, context)
        else:
            yield context


def test_every_command_and_option_is_documented() -> None:
    sections = read("docs/reference/commands.md").split("\n### `")[1:]
    contexts = list(commands(grade, click.Context(grade, info_name="grade")))
    assert len(sections) == len(contexts)
    for section, context in zip(sections, contexts, strict=True):
        assert re.match(rf"{context.command_path}[ `]", section)
        options = [each.opts[0] for each in context.command.params if isinstance(each, click.Option)]
        assert re.findall(r"^`(--[\w-]+)", section, re.MULTILINE) == options

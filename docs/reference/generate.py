"""Writes the pages and schemas of docs/reference from the code: `make docs`.

The meanings of fields and outcomes are the docstrings below them, and those of commands and options are what --help
shows.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Literal, Union, get_args, get_origin, get_type_hints

import click
import msgspec

from grader.base.docstrings import documented_classes, field_docstrings
from grader.base.result import SCHEMA as RESULT
from grader.base.result import Result
from grader.cli import FOR_AUTHORS, FOR_INSTRUCTORS, FOR_STUDENTS, grade
from grader.quiz import schema as quiz_schema
from grader.show import schema as result_schema
from grader.teach.formats import results_json

FOLDER = Path(__file__).parent
NAMES = {str: "string", int: "integer", float: "number", bool: "boolean", datetime: "time"}

RESULT_PAGE = f"""\
# The result as JSON

`grade exercise ID --json` prints what a grading found out as one JSON object. Its schema is
[result.schema.json](result.schema.json). In Python, read it with
`msgspec.json.decode(text, type=grader.base.result.Result)`.

- **The version** is the field `schema`: `{RESULT}`. A version may gain fields and outcomes, so ignore fields
  that you do not know, and treat an unknown outcome as a failure. Any other change gets a new version.
- **A submission passed** if its `outcome` is `graded`, at least one test is `passed`, and all others are `passed` or
  `unavailable`.
- **An `error` is never a wrong answer.** If the submission or a test has this outcome, do not count the score.
- **Text from the submission** can contain HTML, so escape it. Control, invisible and direction-changing characters are
  escaped already.
- Times are in seconds. A number in a tensor can also be `"nan"`, `"inf"`, `"-inf"`, `"True"`, `"False"` or `"…"`.

exit code | meaning | standard output
---|---|---
0 | every test passed | the result
1 | not passed | the result
2 | nothing to grade | nothing
3 | a fault of the grader, the course or the machine | the result, if any
130 | interrupted | nothing

Every field is always there. `?` means that it can be null, and `[]` that it is a list. For the kinds of isolation, see
[security.md](../contributors/security.md).
"""

RESULTS_PAGE = f"""\
# The gradebook as JSON

`grade batch` and `grade gradebook --format json` write `results.json`, with one line for each student. Its schema is
[results.schema.json](results.schema.json), and its version is `{results_json.SCHEMA}`. Read it as you read
[a result](result.md), or in Python with
`msgspec.json.decode(data, type=grader.teach.formats.results_json.Results)`. `grade quiz --json` prints a QuizResult.
"""

COMMANDS_PAGE = """\
# Commands

Add `--help` for more. `grade` alone is `grade list`. Exit codes: 0 success, 1 something did not pass, 2 bad input, 3 a
fault of the grader, 130 Ctrl-C.
"""


def main() -> None:
    """Write all files."""
    for name, text in generated().items():
        (FOLDER / name).write_text(text, "utf-8")


def generated() -> dict[str, str]:
    """Return the contents of the generated files, by name."""
    return {
        "result.md": "\n".join([RESULT_PAGE, *_classes(documented_classes(Result))]),
        "result.schema.json": result_schema.schema_text(),
        "results.md": "\n".join([RESULTS_PAGE, *_classes(_classes_of_a_gradebook(), elsewhere="result.md")]),
        "results.schema.json": results_json.schema_text(),
        "quiz.schema.json": quiz_schema.text(),
        "commands.md": "\n".join([COMMANDS_PAGE, *_commands()]),
    }


def _classes_of_a_gradebook() -> list[type]:
    """Return the classes in results.json, except those that result.md describes."""
    described = documented_classes(Result)
    return [each for each in documented_classes(results_json.Results) if each not in described]


def _classes(classes: list[type], elsewhere: str = "") -> Iterator[str]:
    for each in classes:
        yield f"## {each.__name__}\n"
        meanings = field_docstrings(each)
        if issubclass(each, msgspec.Struct):
            hints = get_type_hints(each)
            types = {name: _type(hints[name], classes, elsewhere) for name in each.__struct_fields__}
            rows = [(f"`{name}`", kind, meanings.get(name, "")) for name, kind in types.items()]
            yield _table(("field", "type", "meaning"), rows)
        else:
            assert issubclass(each, Enum)
            yield _table(("value", "meaning"), [(f"`{one.value}`", meanings.get(one.name, "")) for one in each])


def _type(hint: object, here: list[type], elsewhere: str) -> str:
    """Return a type as a reader of JSON knows it, with a link where a table describes it."""
    parts = [part for part in get_args(hint) if part not in (NoneType, ...)]
    if get_origin(hint) is Literal:
        return _or([f'`"{part}"`' for part in parts])
    inner = [_type(part, here, elsewhere) for part in parts]
    if get_origin(hint) is tuple:
        return f"({inner[0]})[]" if " " in inner[0] else f"{inner[0]}[]"
    if get_origin(hint) in (Union, UnionType):
        return _or(inner) + ("?" if NoneType in get_args(hint) else "")
    assert isinstance(hint, type)
    if hint in NAMES:
        return NAMES[hint]
    return f"[{hint.__name__}]({'' if hint in here else elsewhere}#{hint.__name__.lower()})"


def _or(words: list[str]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _commands() -> Iterator[str]:
    context = click.Context(grade, info_name="grade")
    yield _options(grade, context)
    for title, names in (("students", FOR_STUDENTS), ("authors", FOR_AUTHORS), ("instructors", FOR_INSTRUCTORS)):
        yield f"## For {title}\n"
        yield from _group(grade, context, names)


def _group(group: click.Group, context: click.Context, names: Iterable[str]) -> Iterator[str]:
    for name in names:
        command = group.get_command(context, name)
        assert command is not None
        inner = click.Context(command, context, name)
        if isinstance(command, click.Group):
            yield from _group(command, inner, command.list_commands(inner))
        else:
            yield from _command(command, inner)


def _command(command: click.Command, context: click.Context) -> Iterator[str]:
    arguments = [each.make_metavar(context) for each in command.params if isinstance(each, click.Argument)]
    yield f"### `{' '.join([context.command_path, *filter(None, arguments)])}`\n"
    yield f"{_first_paragraph(command.help)}\n"
    if options := _options(command, context):
        yield options


def _options(command: click.Command, context: click.Context) -> str:
    records = [each.get_help_record(context) for each in command.params if isinstance(each, click.Option)]
    rows = [(f"`{record[0]}`", record[1]) for record in records if record]
    return _table(("option", "meaning"), rows) if rows else ""


def _first_paragraph(text: str | None) -> str:
    return " ".join((text or "").strip().partition("\n\n")[0].split())


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    cells = [[" ".join(cell.replace("|", r"\|").split()) for cell in row] for row in (head, *rows)]
    first, *others = (" | ".join(row).removesuffix(" | ") for row in cells)
    return "\n".join([first, "|".join(["---"] * len(head)), *others]) + "\n"


if __name__ == "__main__":
    main()

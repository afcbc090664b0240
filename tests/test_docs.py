"""The documents say what is true: links, commands, tables and the schema are compared with the code."""

import ast
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any, get_args, get_type_hints

import click
import jsonschema
import msgspec
import pytest

from grader.cli import grade as group
from grader.course.model import Description, Lesson, Limits, Reading, Syllabus
from grader.report import schema
from grader.result import Outcome, Result

ROOT = Path(__file__).parents[1]
COURSE = Path(__file__).parent / "course"
IGNORED = {"node_modules", "build", "dist"}
DOCUMENTS = sorted(
    path
    for path in ROOT.rglob("*.md")
    if not any(part.startswith(".") or part in IGNORED for part in path.relative_to(ROOT).parts)
)
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def read(document: str) -> str:
    return (ROOT / document).read_text("utf-8")


def prose(text: str) -> str:
    """A document without its blocks of code."""
    return FENCE.sub("", text)


def rows(text: str, first: str) -> list[list[str]]:
    """The rows of the table in a document whose header begins with the cell `first`."""
    lines = iter(text.splitlines())
    found = []
    for line in lines:
        if line.startswith(f"| {first} |"):
            next(lines)
            for row in lines:
                if not row.startswith("|"):
                    return found
                found.append([cell.strip() for cell in row.strip("|").split(" | ")])
    assert found, f"there is no table that begins with | {first} |"
    return found


# ------------------------------------------------------------ links


def slug(heading: str) -> str:
    """The anchor of a heading, as the common hosts make it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def anchors(path: Path) -> set[str]:
    return {slug(heading) for heading in re.findall(r"^#+ +(.*)$", prose(path.read_text("utf-8")), re.MULTILINE)}


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_relative_links_resolve(document: Path) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(document.read_text("utf-8"))):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        path = (document.parent / file) if file else document
        if not path.exists() or (anchor and anchor not in anchors(path)):
            broken.append(target)
    assert broken == []


# ------------------------------------------------------------ commands


def commands(text: str) -> Iterator[str]:
    """The commands `grade ...` of a document: in code between backticks, and at the start of a column of a block.

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
        _, left, _ = command.make_parser(click.Context(command, context, rest[0])).parse_args(rest[1:])
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
        ("grade hint ID now", "too many arguments"),
    ],
)
def test_a_wrong_command_is_noticed(line: str, why: str | None) -> None:
    found = complaint(line)
    assert found is None if why is None else why in str(found)


def test_commands_are_found() -> None:
    """in text, after a prompt, on the last lines of a screen"""
    text = "Type `grade hint ID`.\n```\n$ grade list\n  try    grade shell x     a remark\nthe grade of\n```\n"
    assert list(commands(text)) == ["grade hint ID", "grade list", "grade shell x"]


# ------------------------------------------------------------ files and tests that are named


def defined(path: Path) -> set[str]:
    """The functions at the top level of a Python file."""
    return {node.name for node in ast.parse(path.read_text("utf-8")).body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("document", ["docs/architecture.md", "docs/security.md", "docs/result.md", "CONTRIBUTING.md"])
def test_files_and_tests_exist(document: str) -> None:
    missing = []
    for path, test in re.findall(r"`((?:grader|tests|benchmarks|docs)/[\w./-]+)(?:::(\w+))?`", prose(read(document))):
        file = ROOT / path
        if not file.exists() or (test and test not in defined(file)):
            missing.append(f"{path}::{test}" if test else path)
    assert missing == []


# ------------------------------------------------------------ architecture


def imports(package: str) -> set[str]:
    """What a package or module of grader/ imports from the others, anywhere in its files."""
    folder = ROOT / "grader" / package
    files = folder.rglob("*.py") if folder.is_dir() else [folder.with_suffix(".py")]
    modules: set[str] = set()
    for file in files:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module == "grader":
                modules |= {f"grader.{alias.name}" for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                modules.add(node.module)
            elif isinstance(node, ast.Import):
                modules |= {alias.name for alias in node.names}
    parts = {module.split(".")[1] for module in modules if module.startswith("grader.")}
    return {part for part in parts if not part.startswith("_")} - {package}


def packages() -> set[str]:
    """The packages and modules of grader/."""
    names = {path.stem for path in (ROOT / "grader").iterdir() if path.is_dir() or path.suffix == ".py"}
    return {name for name in names if not name.startswith("_")}


def test_the_table_of_imports_is_true() -> None:
    listed = {row[0].strip("`"): row[2] for row in rows(read("docs/architecture.md"), "in `grader/`")}
    assert listed == {each: ", ".join(sorted(imports(each))) or "-" for each in packages()}


def test_nothing_imports_what_imports_it() -> None:
    TopologicalSorter({each: imports(each) for each in packages()}).prepare()  # a CycleError names the circle


# ------------------------------------------------------------ keys of the YAML files


@pytest.mark.parametrize(
    ("head", "struct"),
    [
        ("key of exercise.yaml", Description),
        ("key of limits", Limits),
        ("key of reading", Reading),
        ("key of course.yaml", Syllabus),
        ("key of a lesson", Lesson),
    ],
)
def test_every_key_is_documented(head: str, struct: type[msgspec.Struct]) -> None:
    told = [(row[0].strip("`"), row[2] == "required") for row in rows(read("docs/authoring.md"), head)]
    assert told == [(field.name, field.required) for field in msgspec.structs.fields(struct)]
    defaults = {row[0].strip("`"): row[2] for row in rows(read("docs/authoring.md"), head)}
    for field in msgspec.structs.fields(struct):
        if isinstance(field.default, int | float):
            assert defaults[field.name] == f"{str(field.default).lower()}".removesuffix(".0")


# ------------------------------------------------------------ the result


def structs_of(struct: type[msgspec.Struct]) -> dict[str, type[msgspec.Struct]]:
    """A struct and all structs in its fields, by name."""
    found = {struct.__name__: struct}
    for hint in get_type_hints(struct).values():
        parts = [hint]
        while parts:
            part = parts.pop()
            parts += get_args(part)
            if isinstance(part, type) and issubclass(part, msgspec.Struct) and part.__name__ not in found:
                found |= structs_of(part)
    return found


def section(text: str, heading: str) -> str:
    start = text.index(f"\n### {heading}\n")
    end = re.search(r"^##", text[start + 5 :], re.MULTILINE)
    return text[start : start + 5 + end.start()] if end else text[start:]


@pytest.mark.parametrize("struct", structs_of(Result).values(), ids=lambda struct: struct.__name__)
def test_every_field_of_a_result_is_documented(struct: type[msgspec.Struct]) -> None:
    told = [row[0].strip("`") for row in rows(section(read("docs/result.md"), f"`{struct.__name__}`"), "field")]
    assert told == list(struct.__struct_fields__)


def test_every_outcome_is_documented() -> None:
    told = set(re.findall(r"^\| `(\w+)` \|", section(read("docs/result.md"), "Outcomes"), re.MULTILINE))
    assert told == {outcome.value for outcome in Outcome}


def test_the_committed_schema_is_that_of_the_code() -> None:
    """If not: python -m grader.report.schema > docs/result.schema.json"""
    assert read("docs/result.schema.json") == schema.text()


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(schema.schema())


RIGHT = (COURSE / "solutions/toolbox/toolbox.py").read_text("utf-8")
SUBMISSIONS = {  # exit code, outcome of the whole, outcome of the first test, what is handed in
    "a pass": (0, "graded", "passed", RIGHT),
    "wrong values": (1, "graded", "wrong_values", RIGHT + "\ndef scale(x, factor):\n    return x * factor * factor\n"),
    "a crash": (1, "graded", "crashed", RIGHT + "\ndef scale(x, factor):\n    import os; os.abort()\n"),
    "not started": (1, "not_started", None, (COURSE / "exercises/toolbox/toolbox.py").read_text("utf-8")),
    "a syntax error": (1, "syntax_error", None, "def scale(x, factor:\n    return x\n"),
}


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, str]]:
    """Exit code and output of `grade exercise toolbox --json` for each submission."""
    root = tmp_path_factory.mktemp("docs") / "course"
    shutil.copytree(COURSE, root, ignore=shutil.ignore_patterns("__pycache__", "conftest.py"))
    found = {}
    for title, (_, _, _, source) in SUBMISSIONS.items():
        file = root / "submission.py"
        file.write_text(source, "utf-8")
        command = [sys.executable, "-m", "grader.cli", "exercise", "toolbox", "--file", file.name, "--json"]
        run = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
        found[title] = run.returncode, run.stdout
    return found


@pytest.mark.parametrize("title", SUBMISSIONS)
def test_real_results_are_valid(title: str, printed: dict[str, tuple[int, str]]) -> None:
    code, text = printed[title]
    result: dict[str, Any] = json.loads(text)
    expected = SUBMISSIONS[title]
    first = result["tests"][0]["outcome"] if result["tests"] else None
    assert (code, result["outcome"], first) == expected[:3]
    jsonschema.Draft202012Validator(json.loads(read("docs/result.schema.json"))).validate(result)
    assert list(result) == list(Result.__struct_fields__)  # every field is always there
    assert msgspec.json.encode(msgspec.json.decode(text, type=Result)) == msgspec.json.encode(result)


def test_another_version_is_not_valid(printed: dict[str, tuple[int, str]]) -> None:
    result = json.loads(printed["a pass"][1]) | {"schema": "archgrade/result/v2"}
    validator = jsonschema.Draft202012Validator(schema.schema())
    assert [list(error.path) for error in validator.iter_errors(result)] == [["schema"]]


def test_a_field_that_is_not_known_yet_is_valid(printed: dict[str, tuple[int, str]]) -> None:
    result = json.loads(printed["a pass"][1]) | {"added_later": 1}
    jsonschema.Draft202012Validator(schema.schema()).validate(result)

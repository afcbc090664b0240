"""Read the parameters and options of a lab from its script, without running it."""

import ast
from pathlib import Path

import msgspec

from grader.base.errors import UsageError
from grader.base.files import read_text, shown
from grader.course.stub import parse
from grader.lab import LabOption

GIVEN = ("submission", "rng")  # the first parameters of every `run`


class LabSignature(msgspec.Struct, frozen=True):
    """The title of a lab, the other exercises whose code it runs, and its options with their defaults."""

    title: str = ""  # the first line of its docstring, if it has one
    exercises: tuple[str, ...] = ()
    options: dict[str, LabOption] = {}


def lab_signature(path: Path) -> LabSignature:
    """Return the signature of the lab at `path`, from the parameters of its function `run`.

    Raise UsageError if an option has no default, or one that is neither a number nor a text.
    """
    file = str(shown(path))
    tree = parse(read_text(path), file)
    title = (ast.get_docstring(tree) or "").partition("\n")[0].removesuffix(".")
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == "run":
            names = tuple(each.arg for each in node.args.args)
            return LabSignature(title, names[len(GIVEN) :], _options(node.args, file))
    return LabSignature(title)  # running the script will report that `run` is missing


def _options(parameters: ast.arguments, file: str) -> dict[str, LabOption]:
    options: dict[str, LabOption] = {}
    for parameter, default in zip(parameters.kwonlyargs, parameters.kw_defaults, strict=True):
        value = default.value if isinstance(default, ast.Constant) else None
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise UsageError(
                f"{file}:{parameter.lineno}: the option {parameter.arg} of a lab needs a default "
                "that is a number or a text."
            )
        options[parameter.arg] = value
    return options

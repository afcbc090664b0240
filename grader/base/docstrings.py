"""The documentation of typed data: what it contains, and the docstrings below its fields."""

import ast
import inspect
import textwrap
from collections.abc import Iterator
from enum import Enum
from typing import get_args, get_type_hints

import msgspec


def documented_classes(kind: type) -> list[type]:
    """Return a struct and all structs and enumerations within it, each once, the outer ones first."""
    found = [kind]
    for each in found:  # grows
        if issubclass(each, msgspec.Struct):
            hints = get_type_hints(each)
            inner = (part for name in each.__struct_fields__ for part in _classes(hints[name]))
            found += [part for part in dict.fromkeys(inner) if part not in found]
    return found


def field_docstrings(kind: type) -> dict[str, str]:
    """Return the string literals below the fields of a class, or below the members of an enumeration, by name."""
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    assert isinstance(definition, ast.ClassDef)
    found: dict[str, str] = {}
    name: str | None = None
    for statement in definition.body:
        match statement:
            case ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]):
                pass
            case ast.Expr(value=ast.Constant(value=str(text))) if name:
                found[name] = inspect.cleandoc(text)
                name = None
            case _:
                name = None
    return found


def _classes(hint: object) -> Iterator[type]:
    if isinstance(hint, type) and issubclass(hint, (msgspec.Struct, Enum)):
        yield hint
    for part in get_args(hint):
        yield from _classes(part)

"""Read a YAML file as typed values. Errors are one sentence with file and line.

Scalars are read as text and converted to the type of their field, so `arxiv: 2401.10020` keeps its last digit, and
`title: no` is a title.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

import msgspec
import yaml

from grader.base.errors import UsageError
from grader.base.files import reading, shown
from grader.base.text import did_you_mean

T = TypeVar("T")
Keys = tuple[str | int, ...]  # ("limits", "seconds"), ("hints", 2)

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULLS = ("", "~", "null", "Null", "NULL")
_NOUNS = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "keys with values",
}


class Document:
    """The content of a YAML file, and the line of each value in it."""

    def __init__(self, path: Path, holds: type[dict[str, Any]] | type[list[Any]] = dict, data: bytes | None = None):
        """Parse a file, or `data` in its place if the file is in an archive.

        Raise UsageError if it cannot be read, is not valid YAML, has a duplicate key, or is not a `holds`.
        """
        self.path = path
        self._lines: dict[Keys, int] = {(): 1}
        with reading(path):
            text = (path.read_bytes() if data is None else data).decode("utf-8-sig")
        self._events: Iterator[Any] = iter(yaml.parse(text, Loader=_LOADER))
        try:
            self.value = self._root()
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            raise UsageError(f"{shown(path)}:{mark.line + 1 if mark else 1}: {_problem(error)}") from None
        except yaml.YAMLError as error:
            raise UsageError(f"{shown(path)}:1: not valid YAML: {' '.join(str(error).split())}.") from None
        except RecursionError:
            raise UsageError(f"{shown(path)}:1: not valid YAML: nested too deeply.") from None
        if not isinstance(self.value, holds):
            form = "key: value" if holds is dict else "- key: value"
            raise self.error((), f"expected lines of the form {form}.")

    def line(self, *keys: str | int) -> int:
        """Return the line of a value, or of the innermost value around it that the file has."""
        while keys not in self._lines:
            keys = keys[:-1]
        return self._lines[keys]

    def error(self, keys: Keys, sentence: str) -> UsageError:
        """Return an error at the line of a value."""
        return UsageError(f"{shown(self.path)}:{self.line(*keys)}: {sentence}")

    def convert(self, to: type[T], *part: str | int) -> T:
        """Return the content, or the value under the keys `part`, as a `to`.

        Raise UsageError that says which key is wrong and what was expected.
        """
        value = self.value
        for key in part:
            value = value[key]
        try:
            return msgspec.convert(value, to, strict=False)
        except msgspec.ValidationError as error:
            raise self._explained(str(error), to, value, part) from None

    def _root(self) -> Any:
        """Return the content of the only YAML document in the file."""
        next(self._events)  # start of the stream
        if isinstance(next(self._events), yaml.StreamEndEvent):
            raise self.error((), "the file is empty.")
        value = self._node((), next(self._events))
        next(self._events)  # end of the document
        if not isinstance(event := next(self._events), yaml.StreamEndEvent):
            raise self._error_at(event, "a second document begins here; one is expected.")
        return value

    def _node(self, keys: Keys, event: Any) -> Any:
        if keys:
            self._lines.setdefault(keys, _line(event))  # the line of a key precedes that of its value
        else:
            self._lines[keys] = _line(event)
        if isinstance(event, yaml.ScalarEvent):
            return None if event.implicit[0] and event.value in _NULLS else event.value
        if isinstance(event, yaml.SequenceStartEvent):
            items: list[Any] = []
            while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
                items.append(self._node((*keys, len(items)), event))
            return items
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(keys)
        raise self._error_at(event, f"*{event.anchor} refers to another place; write it out here.")

    def _mapping(self, keys: Keys) -> dict[str, Any]:
        values: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise self._error_at(event, "a key must be a word.")
            key = event.value
            if key in values:
                first = self.line(*keys, key)
                raise self._error_at(event, f"'{key}' is given twice, first in line {first}.")
            self._lines[(*keys, key)] = _line(event)
            values[key] = self._node((*keys, key), next(self._events))
        return values

    def _error_at(self, event: Any, sentence: str) -> UsageError:
        return UsageError(f"{shown(self.path)}:{_line(event)}: {sentence}")

    def _explained(self, message: str, to: Any, value: Any, part: Keys) -> UsageError:
        """Return msgspec's error about the value under the keys `part`, with file, line and plain words."""
        message, _, path = message.partition(" - at `$")
        keys: Keys = tuple(int(index) if index else name for name, index in re.findall(r"\.(\w+)|\[(\d+)\]", path))
        where = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys).lstrip(".")
        if unknown := re.search(r"unknown field `(.*)`", message):
            key, inside = unknown[1], f" in '{where}'" if where else ""
            fields = _type_at(to, keys).__struct_encode_fields__
            hint = did_you_mean(key, fields) or f" The keys are {', '.join(fields)}."
            return self.error((*part, *keys, key), f"unknown key '{key}'{inside}.{hint}")
        if missing := re.search(r"missing required field `(.*)`", message):
            return self.error((*part, *keys), f"'{missing[1]}' is missing{f' from {where!r}' if where else ''}.")
        for key in keys:
            value = value[key]
        hint = ""
        if message.startswith("Invalid enum value"):
            words = _choices(_type_at(to, keys))
            expected, hint = f"{', '.join(words[:-1])} or {words[-1]}", did_you_mean(str(value), words)
        else:
            expected = _expected(message)
        return self.error((*part, *keys), f"'{where or part[-1]}' must be {expected}, not {_brief(value)}.{hint}")


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _problem(error: yaml.MarkedYAMLError) -> str:
    if re.search(r"\btab\b|\\t|\t", str(error.problem)):
        return "a tab character; YAML is indented with spaces."
    context = f" ({error.context})" if error.context else ""
    return f"not valid YAML: {error.problem}{context}."


def _type_at(to: Any, keys: Keys) -> Any:
    """Return the type of the value under the keys."""
    for key in keys:
        to = get_args(to)[0] if isinstance(key, int) else get_type_hints(to)[key]
        if type(None) in get_args(to):  # Optional
            to = get_args(to)[0]
    return to


def _choices(of: Any) -> list[str]:
    """Return the values of a Literal, or of the Literals in a union."""
    return [word for arg in get_args(of) for word in ([arg] if isinstance(arg, str) else _choices(arg))]


def _expected(message: str) -> str:
    """Return msgspec's "Expected `int` >= 1" in words."""
    match = re.match(r"Expected `([^`]*)`([^,]*)", message)
    if match is None:  # such as "Integer value out of range"
        return f"another value ({message})"
    kinds, bound = match[1], match[2].removesuffix(".0")
    names = [kind.strip() for kind in kinds.split("|") if kind.strip() != "null"]
    noun = " or ".join(_NOUNS.get(name, name) for name in names if name != "int" or "float" not in names)
    if length := re.fullmatch(r" of length (>=|<=) (\d+)", bound):
        if length.groups() == (">=", "1"):
            return f"{noun} that is not empty"
        return f"{noun} of at {'least' if length[1] == '>=' else 'most'} {length[2]}"
    for sign, words in ((">=", "at least"), ("<=", "at most"), (">", "more than"), ("<", "less than")):
        bound = bound.replace(f" {sign} ", f", {words} ")
    return noun + bound


def _brief(value: Any) -> str:
    if value is None or value == "":
        return "empty"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "a list"
    if isinstance(value, dict):
        return "keys with values"
    return repr(value if len(value) <= 40 else value[:37] + "...")

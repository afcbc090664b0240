"""Read a YAML file as typed values. Errors are one sentence with file and line.

Scalars are converted from their text to the type of their field, so `arxiv: 2401.10020` keeps its last digit, and
`title: no` is a title.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

import msgspec

from grader.base.errors import UsageError
from grader.base.files import reading, shown
from grader.base.text import did_you_mean
from grader.course.keys import Keys

T = TypeVar("T")

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
        from grader.course.compose import compose  # takes 15 ms, and a kept course does not need it

        self.path = path
        with reading(path):
            text = (path.read_bytes() if data is None else data).decode("utf-8-sig")
        self.value, self._lines = compose(text, path)
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

    def _explained(self, message: str, to: Any, value: Any, part: Keys) -> UsageError:
        """Return msgspec's error about the value under the keys `part`, with file, line and plain words."""
        message, _, path = message.partition(" - at `$")
        before, in_mapping, _ = path.partition("[...]")  # msgspec does not say which key it was
        if in_mapping:
            return self._explained_in_mapping(_keys(before), to, value, part)
        keys = _keys(path)
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
        name = where if where and not where.startswith("[") else f"{part[-1]}{where}"
        return self.error((*part, *keys), f"'{name}' must be {expected}, not {_brief(value)}.{hint}")

    def _explained_in_mapping(self, keys: Keys, to: Any, value: Any, part: Keys) -> UsageError:
        """Return the error about the first wrong value of the mapping under `keys`, or about its first wrong key."""
        for key in keys:
            value = value[key]
        of_keys, of_values = get_args(_type_at(to, keys))
        for key, each in value.items():
            for wanted, found in ((of_keys, key), (of_values, each)):
                try:
                    msgspec.convert(found, wanted, strict=False)
                except msgspec.ValidationError as error:
                    return self._explained(str(error), wanted, found, (*part, *keys, key))
        raise AssertionError(f"no value under {keys} is wrong")


def _keys(path: str) -> Keys:
    """Return the keys in msgspec's path, such as `.hints[0]`."""
    return tuple(int(index) if index else name for name, index in re.findall(r"\.(\w+)|\[(\d+)\]", path))


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

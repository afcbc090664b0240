"""Remove the name of the submitted file from a result, since it may name another student."""

from pathlib import PurePosixPath
from typing import Any, TypeVar

import msgspec

from grader.base.result import Result

S = TypeVar("S", bound=msgspec.Struct)


def anonymize(result: Result) -> Result:
    """Return the result with the name of its file replaced by the exercise's in all texts.

    Identical files are graded once, under the first one's name, and a group's file may be named after another member.
    """
    name = result.exercise + PurePosixPath(result.file).suffix
    return result if result.file == name else _replace_in_texts(result, result.file, name)


def _replace_in_texts(struct: S, old: str, new: str) -> S:
    def replaced(value: Any) -> Any:
        if type(value) is tuple:
            return tuple(map(replaced, value))
        if isinstance(value, msgspec.Struct):
            return _replace_in_texts(value, old, new)
        return value.replace(old, new) if type(value) is str and old else value

    return type(struct)(**{name: replaced(getattr(struct, name)) for name in struct.__struct_fields__})

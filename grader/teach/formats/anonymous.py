"""Results without the name of the file, which may be another student's."""

from pathlib import PurePosixPath
from typing import Any, TypeVar

import msgspec

from grader.base.result import Result

S = TypeVar("S", bound=msgspec.Struct)


def anonymous(result: Result) -> Result:
    """The result with its file named after the exercise.

    Identical files are graded once, under the name of whoever was first, and a group's file may be named after another
    of its members.
    """
    name = result.exercise + PurePosixPath(result.file).suffix
    return result if result.file == name else _renamed(result, result.file, name)


def _renamed(struct: S, old: str, new: str) -> S:
    def of(value: Any) -> Any:
        if type(value) is tuple:
            return tuple(map(of, value))
        if isinstance(value, msgspec.Struct):
            return _renamed(value, old, new)
        return value.replace(old, new) if type(value) is str and old else value

    return type(struct)(**{name: of(getattr(struct, name)) for name in struct.__struct_fields__})

"""Descriptions of values for the screen, with the test's names for the axes of tensors."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from grader.base.result import Axis, Value
from grader.base.text import clean_line
from grader.engine.sandbox import wire


def size_names(known: Mapping[str, Any]) -> dict[int, str]:
    """Return the names of sizes among a test's variables and their dict items (see `is_size_name`).

    A size that two names share has no name, and neither has 1, which any axis may have.
    """
    names: dict[int, set[str]] = {}
    for name, size in _named_sizes(known):
        names.setdefault(size, set()).add(name)
    return {size: name for size, (name, *others) in names.items() if not others}


def _named_sizes(known: Mapping[Any, Any]) -> Iterator[tuple[str, int]]:
    for name, value in known.items():
        if type(value) is dict:
            yield from _named_sizes({key: each for key, each in value.items() if type(each) is int})
        elif type(value) is int and value > 1 and type(name) is str and is_size_name(name):
            yield name, value


def is_size_name(name: str) -> bool:
    """Return whether an int of this name counts as a size: a capitalized name of up to four letters, or k."""
    return 0 < len(name) <= 4 and (name[0].isupper() or name == "k")


def named_axes(shape: Sequence[int], sizes: dict[int, str]) -> tuple[Axis, ...]:
    """Return the axes of a shape with the names of their sizes."""
    return tuple(Axis(size, sizes.get(size)) for size in shape)


def value_of(described: wire.Described, sizes: dict[int, str]) -> Value:
    """Return a value that the worker described, with its text made safe for a terminal."""
    shape = None if described.shape is None else named_axes(described.shape, sizes)
    return Value(clean_line(described.text), shape, described.dtype and clean_line(described.dtype))

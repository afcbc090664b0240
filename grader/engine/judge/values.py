"""Values as a screen describes them: a tensor by its axes, which are called as the test calls their sizes."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from grader.base.result import Axis, Value
from grader.base.text import clean_line
from grader.engine.sandbox import wire


def size_names(known: Mapping[str, Any]) -> dict[int, str]:
    """Names of sizes, from what a test has under names, in dicts as well: capitalised ones of at most four letters, and
    k.

    A size that two names share has none, nor has 1, which any axis may be.
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
    """Whether a whole number of this name is taken for a size."""
    return 0 < len(name) <= 4 and (name[0].isupper() or name == "k")


def axes(shape: Sequence[int], sizes: dict[int, str]) -> tuple[Axis, ...]:
    """The axes of a shape, by the names of their sizes."""
    return tuple(Axis(size, sizes.get(size)) for size in shape)


def value_of(described: wire.Described, sizes: dict[int, str]) -> Value:
    """A value that was described beside the student's code, made harmless, with the names of sizes."""
    shape = None if described.shape is None else axes(described.shape, sizes)
    return Value(clean_line(described.text), shape, described.dtype and clean_line(described.dtype))

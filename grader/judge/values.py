"""Values as a screen describes them: a tensor by its axes, which are called as the test calls their sizes."""

from collections.abc import Sequence
from typing import Any

from grader.clean import clean_line
from grader.result import Axis, Value
from grader.sandbox import wire


def size_names(test_locals: dict[str, Any]) -> dict[int, str]:
    """Names of sizes, from the locals of a test: capitalised names of at most four letters, and k.

    A size that two names share has none, nor has 1, which any axis may be.
    """
    names: dict[int, str] = {}
    for name, value in test_locals.items():
        if type(value) is int and value > 1 and len(name) <= 4 and (name[0].isupper() or name == "k"):
            names[value] = name if value not in names else ""
    return {size: name for size, name in names.items() if name}


def axes(shape: Sequence[int], sizes: dict[int, str]) -> tuple[Axis, ...]:
    """The axes of a shape, by the names of their sizes."""
    return tuple(Axis(size, sizes.get(size)) for size in shape)


def value_of(described: wire.Described, sizes: dict[int, str]) -> Value:
    """A value that was described beside the student's code, made harmless, with the names of sizes."""
    shape = None if described.shape is None else axes(described.shape, sizes)
    return Value(clean_line(described.text), shape, described.dtype and clean_line(described.dtype))

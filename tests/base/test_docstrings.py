"""Tests of the documentation of typed data."""

from enum import Enum

import msgspec

from grader.base.docstrings import documented_classes, field_docstrings


class Color(Enum):
    """A color."""

    RED = "red"
    """Like
    a rose."""
    BLUE = "blue"


class Inner(msgspec.Struct):
    """A struct inside another."""

    color: Color | None = None
    """Null: no color."""


class Outer(msgspec.Struct):
    """A struct."""

    first: int
    second: tuple[Inner, ...] = ()
    """Some."""
    third: dict[str, Color] = {}

    def method(self) -> None:
        """Do nothing."""


def test_the_string_below_a_field_or_member_is_its_docstring() -> None:
    assert field_docstrings(Outer) == {"second": "Some."}
    assert field_docstrings(Color) == {"RED": "Like\na rose."}


def test_classes_within_fields_are_found_once() -> None:
    assert documented_classes(Outer) == [Outer, Inner, Color]

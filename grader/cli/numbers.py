"""The types of options that take a number: their errors say which numbers are expected."""

from typing import Any

import click


class WholeNumber(click.IntRange):
    """A whole number within bounds."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number. Raise click.BadParameter if it is none, or out of bounds."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            self.fail(f"{value!r} is not a whole number {_bounds(self)}.", param, ctx)


class Number(click.FloatRange):
    """A number within bounds."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number. Raise click.BadParameter if it is none, or out of bounds."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            self.fail(f"{value!r} is not a number {_bounds(self)}.", param, ctx)


def _bounds(of: click.IntRange | click.FloatRange) -> str:
    return f"from {of.min} to {of.max}" if of.max is not None else f"of {of.min} or more"

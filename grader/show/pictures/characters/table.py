"""Measured numbers in columns."""

import click

from grader.pictures import Table
from grader.show.layout import align_right, pad
from grader.show.pictures.characters.blocks import block_width


def table_lines(picture: Table) -> list[str]:
    """Return the lines of a table."""
    rows = [(label, [_text(each) for each in row]) for label, row in picture.rows]
    wide = block_width(label for label, _ in rows)
    widths = [block_width([column, *(row[place] for _, row in rows)]) for place, column in enumerate(picture.columns)]
    lines = [click.style(pad("", wide) + _columns(picture.columns, widths), dim=True)]
    return lines + [pad(label, wide) + _columns(row, widths) for label, row in rows]


def _columns(texts: list[str] | tuple[str, ...], widths: list[int]) -> str:
    return "".join("   " + align_right(text, width) for text, width in zip(texts, widths, strict=True))


def _text(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.3f}" if isinstance(value, float) else str(value)

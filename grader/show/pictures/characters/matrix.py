"""Labelled grids of cells, side by side where there is room."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from msgspec.structs import replace

from grader.pictures import Grid, Matrix
from grader.show.layout import align_right, pad
from grader.show.numbers import numbered
from grader.show.pictures.characters.blocks import block_width, center, flow_items, side_by_side
from grader.show.pictures.characters.symbols import EMPTY, FULL
from grader.show.pictures.grids import cell_texts, is_number, signs_before, split_columns


def matrix_lines(picture: Matrix, width: int) -> list[str]:
    """Return the grids with labels or, if that takes fewer lines, with numbers for the columns.

    If neither fits, columns and rows are numbered and grids are split.
    """
    grids, signs = picture.grids, picture.signs
    with_labels = _rows(_with_signs(grids, signs), width)
    with_numbers = _rows(_with_signs(list(map(_short_columns, grids)), signs), width)
    with_numbers += _below(_key(grids, columns=True, rows=False), width)
    fitting = [lines for lines in (with_labels, with_numbers) if block_width(lines) <= width]
    if fitting:
        return min(fitting, key=len)
    cut = [_parts(_short(each), width) for each in grids]
    before = [[sign, *[""] * (len(part) - 1)] for part, sign in zip(cut, signs_before(picture), strict=True)]
    blocks = _with_signs(list(chain(*cut)), list(chain(*before))[1:])
    return [*_rows(blocks, width), *_below(_key(grids, columns=True, rows=True), width)]


def grid_lines(of: Grid) -> list[str]:
    """Return one grid with its heading, column labels above and row labels at the left."""
    texts = cell_texts(of)
    wide = max(block_width(of.columns), block_width(text for row in texts for text in row), 2 if _is_mask(of) else 1)
    heads = block_width(of.rows) + 1 if any(of.rows) else 0
    body = [
        pad(label, heads) + " ".join(_cell(each, text, wide) for each, text in zip(row, shown, strict=True))
        for label, row, shown in zip(of.rows or [""] * len(texts), of.cells, texts, strict=True)
    ]
    if any(of.columns):
        place = align_right if _is_numeric(of) else center
        body.insert(0, " " * heads + " ".join(place(column, wide) for column in of.columns))
    room = block_width(body) - heads
    title = " " * heads + (center(of.title, room) if len(of.title) <= room else of.title)
    return [title.rstrip(), *body] if of.title else body


def _is_mask(of: Grid) -> bool:
    return all(isinstance(each, bool) for row in of.cells for each in row)


def _is_numeric(of: Grid) -> bool:
    return any(is_number(each) for row in of.cells for each in row)


def _cell(cell: bool | float | str, text: str, width: int) -> str:
    if isinstance(cell, bool):
        return FULL * width if cell else center(EMPTY, width)
    return align_right(text, width) if is_number(cell) else center(text, width)


def _with_signs(grids: Sequence[Grid], signs: Sequence[str]) -> list[list[str]]:
    """Return the grids as blocks, each with the sign before it at half its height."""
    blocks = [grid_lines(each) for each in grids]
    for place, sign in enumerate(signs, start=1):
        if sign and place < len(blocks):
            middle = len(blocks[place]) - (len(grids[place].cells) + 1) // 2
            before = [sign if line == middle else " " * len(sign) for line in range(len(blocks[place]))]
            blocks[place] = side_by_side([before, blocks[place]])
    return blocks


def _rows(blocks: Sequence[list[str]], width: int) -> list[str]:
    """Place as many blocks side by side as fit, with a blank line between rows of blocks."""
    rows: list[list[list[str]]] = []
    for block in blocks:
        if rows and block_width(side_by_side([*rows[-1], block])) <= width:
            rows[-1].append(block)
        else:
            rows.append([block])
    return [line for row in rows for line in ["", *side_by_side(row)]][1:]


def _short_columns(of: Grid) -> Grid:
    """Replace column labels by numbers; rows with the same labels get these numbers before them."""
    if not any(of.columns):
        return of
    columns = tuple(str(place) for place in range(1, len(of.columns) + 1))
    wide = block_width(columns)
    rows = tuple(f"{align_right(str(place), wide)} {label}" for place, label in enumerate(of.rows, start=1))
    return replace(of, columns=columns, rows=rows if of.rows == of.columns else of.rows)


def _short(of: Grid) -> Grid:
    """Replace column and row labels by numbers."""
    rows = tuple(str(place) for place in range(1, len(of.rows) + 1))
    return replace(_short_columns(of), rows=rows if any(of.rows) else of.rows)


def _key(grids: Sequence[Grid], columns: bool, rows: bool) -> Iterator[tuple[str, ...]]:
    """Yield the labels replaced by numbers, each list once, after the word "rows:" or "columns:"."""
    seen: set[tuple[str, ...]] = set()
    for each in grids:
        alike = each.rows == each.columns
        for kind, labels, asked in (("rows", each.rows, rows), ("columns", each.columns, columns and not alike)):
            if asked and any(labels) and labels not in seen:
                seen.add(labels)
                yield ("" if alike else kind + ":", *numbered(labels))


def _below(key: Iterable[tuple[str, ...]], width: int) -> list[str]:
    return [line for head, *entries in key for line in flow_items([head, *entries] if head else entries, width)]


def _parts(of: Grid, width: int) -> list[Grid]:
    """Split the grid into parts, each with as many columns as fit."""
    total = len(of.cells[0])
    fitting = (
        most
        for most in range(total, 1, -1)
        if all(block_width(grid_lines(part)) <= width for part in split_columns(of, most))
    )
    return list(split_columns(of, next(fitting, 1)))

"""Matrices and heatmaps: grids side by side where they fit, else in rows of about as many."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, product

from grader.pictures import Heatmap, Matrix
from grader.show.pictures.graphics.shapes import LINE, Graphic, text_width, titled_graphic
from grader.show.pictures.graphics.sized_grid import GAP, Content, SizedGrid, grid_content
from grader.show.pictures.grids import fraction, heatmap_texts, signs_before, value_range

SIDES = (28.0, 24.0, 20.0, 17.0, 14.5, 12.5, 10.5)  # of a cell: the largest that fits
LEAST_WITH_TEXT = 17.0  # a side that leaves room for a line of text
BETWEEN = 16.0  # between grids
NAMES = 0.4  # share of the width that the names of rows may take
SHADES = 8  # of the scale of a heatmap without numbers


@dataclass(frozen=True)
class _Panel:
    """A grid with the sign before it."""

    sign: str
    cells: SizedGrid

    @property
    def before(self) -> float:
        """The room between it and a grid on its left."""
        return BETWEEN + (text_width(self.sign) + GAP if self.sign else 0.0)


def draw_matrix(picture: Matrix, width: float) -> Graphic:
    """Return grids with the signs between them as a graphic."""
    graphic, top = titled_graphic(picture.title, width)
    grids = [(sign, grid_content(grid)) for sign, grid in zip(signs_before(picture), picture.grids, strict=True)]
    for row in _rows(grids, width):
        top = _draw_row(graphic, top, row) + BETWEEN
    return graphic


def draw_heatmap(picture: Heatmap, width: float) -> Graphic:
    """Return a heatmap with its numbers or, if these are too wide, with a scale below."""
    graphic, top = titled_graphic(picture.title, width)
    low, high = value_range(picture)
    strengths = [[fraction(number, low, high) for number in row] for row in picture.values]
    blank = [[""] * len(picture.columns)] * len(picture.rows)
    rows = [
        Content("", picture.rows, picture.columns, texts, strengths, True) for texts in (heatmap_texts(picture), blank)
    ]
    for content in rows:
        found = _rows([("", content)], width)
        if len(found) == 1:
            break
    for row in found:
        top = _draw_row(graphic, top, row) + LINE
    if content.texts is blank:
        low_text, high_text = (f"{end:.{picture.digits}f}" for end in (low, high))
        shades = Content(
            "", (low_text,), (), [[""] * SHADES], [[place / (SHADES - 1) for place in range(SHADES)]], True
        )
        scale = SizedGrid(shades, SIDES[-1], False, width)
        scale.draw(graphic, (0, top))
        graphic.text((scale.width + GAP, top + scale.head + scale.high / 2), high_text)
    return graphic


def _rows(grids: Sequence[tuple[str, Content]], width: float) -> list[list[_Panel]]:
    """Return as few rows as possible, with the largest cells that fit; a grid that is too wide is split."""
    for count in range(1, len(grids) + 1):
        chunks = [_without_repeated_names(grids[start:stop]) for start, stop in pairwise(_bounds(len(grids), count))]
        for upright, side in _sizes([content for _, content in grids]):
            rows = [
                [_Panel(sign, SizedGrid(content, side, upright, width * NAMES)) for sign, content in chunk]
                for chunk in chunks
            ]
            if all(_width(row) <= width for row in rows):
                return rows
    parts = [part for sign, content in grids for part in _parts(sign, content, width)]
    return _rows(parts, width) if len(parts) > len(grids) else rows


def _bounds(total: int, count: int) -> list[int]:
    """Return where each of `count` rows begins, the longest first, and the end of the last."""
    return [-(-total * place // count) for place in range(count + 1)]


def _sizes(contents: Sequence[Content]) -> list[tuple[bool, float]]:
    """Return, the best first, whether names of columns are upright, which is harder to read, and the side of a cell.

    A text needs more room than the smallest sides have. This would make grids beside each other unequal.
    """
    texts = len(contents) > 1 and any(text for content in contents for row in content.texts for text in row)
    sides = [side for side in SIDES if not texts or side >= LEAST_WITH_TEXT]
    return list(product((False, True), sides))


def _without_repeated_names(row: Sequence[tuple[str, Content]]) -> list[tuple[str, Content]]:
    """Return the grids of a row, the names of rows only once if they are those of the grid on the left."""
    names = [content.rows for _, content in row]
    return [
        (sign, replace(content, named=not (place and not sign and content.rows == names[place - 1])))
        for place, (sign, content) in enumerate(row)
    ]


def _width(row: Sequence[_Panel]) -> float:
    return sum(panel.cells.width for panel in row) + sum(panel.before for panel in row[1:]) + _first(row[0].sign)


def _first(sign: str) -> float:
    """Return the room for the sign before the first grid of a row; an arrow is above it."""
    return text_width(sign) + GAP if sign not in ("", "→") else 0.0


def _parts(sign: str, content: Content, width: float) -> Iterator[tuple[str, Content]]:
    """Yield the fewest parts of a grid that fit, with the sign before the first."""
    columns = len(content.texts[0])
    for count in range(1, columns + 1):
        parts = list(content.parts(count))
        if any(
            all(SizedGrid(each, side, upright, width * NAMES).width <= width for each in parts)
            for upright, side in _sizes([content])
        ):
            break
    for place, part in enumerate(parts):
        yield ("" if place else sign), part


def _draw_row(graphic: Graphic, top: float, row: Sequence[_Panel]) -> float:
    """Draw panels side by side; return the y below them.

    Their cells begin at one height or, if there are signs between them, have their middles at one height.
    """
    x = _first(row[0].sign)
    if row[0].sign == "→":
        graphic.text((row[0].cells.left + row[0].cells.across / 2, top + LINE / 2), "↓", "center")
        top += LINE * 1.5
    head, high = max(panel.cells.head for panel in row), max(panel.cells.high for panel in row)
    centered = any(panel.sign for panel in row)
    for place, panel in enumerate(row):
        before = panel.before if place else x
        x += panel.before if place else 0.0
        if panel.sign and before:
            graphic.text((x - before / 2, top + head + high / 2), panel.sign, "center")
        lower = (high - panel.cells.high) / 2 if centered else 0.0
        panel.cells.draw(graphic, (x, top + head - panel.cells.head + lower))
        x += panel.cells.width
    return top + head + high

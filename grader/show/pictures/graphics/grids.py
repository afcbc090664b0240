"""Matrices and heatmaps: grids of cells with labels."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from msgspec.structs import replace

from grader.pictures import Grid, Heatmap, Matrix
from grader.show.numbers import numbered
from grader.show.pictures.graphics.shapes import LINE, WIDE, Graphic, Point, text_width, titled_graphic, wrap_points
from grader.show.pictures.grids import cell_texts, fraction, heatmap_texts, signs_before, split_columns, value_range

SIDE = 13.0  # the least of a cell
SMALL = 9.0  # the same in a heatmap without numbers
BETWEEN = 14.0  # between grids
WIDEST = 1.15 * WIDE  # of grids with numbers


@dataclass
class _Cells:
    """A table ready to be drawn: the text of each cell, and how strongly it is filled."""

    title: str
    rows: Sequence[str]
    columns: Sequence[str]
    texts: Sequence[Sequence[str]]
    strengths: Sequence[Sequence[float]]
    side: float = SIDE

    @property
    def cell(self) -> float:
        """The width of a cell."""
        return max([self.side, *(text_width(text) + 5 for row in self.texts for text in row)])

    @property
    def is_upright(self) -> bool:
        """True if column labels have to be rotated."""
        return any(text_width(column) > self.cell - 2 for column in self.columns)

    @property
    def left(self) -> float:
        return max(map(text_width, self.rows)) + 4 if any(self.rows) else 0.0

    @property
    def head(self) -> float:
        """The height of the title and the column labels."""
        labels = max(map(text_width, self.columns)) + 3 if self.is_upright else LINE if any(self.columns) else 0.0
        return labels + (LINE + 2 if self.title else 0.0)

    @property
    def width(self) -> float:
        across = self.cell * len(self.texts[0])
        return self.left + max(across, across / 2 + text_width(self.title) / 2)

    @property
    def height(self) -> float:
        return self.head + self.side * len(self.texts)

    def draw(self, graphic: Graphic, at: Point) -> None:
        x, y = at[0] + self.left, at[1] + self.head
        if self.title:
            across = self.cell * len(self.texts[0])
            fits = text_width(self.title) / 2 <= across / 2 + self.left
            graphic.text(
                (x + across / 2 if fits else at[0], at[1] + LINE / 2), self.title, "center" if fits else "left"
            )
        for place, column in enumerate(self.columns):
            middle = x + self.cell * (place + 0.5)
            graphic.text((middle, y - (2 if self.is_upright else LINE / 2)), column, "center", upright=self.is_upright)
        for down, (texts, strengths) in enumerate(zip(self.texts, self.strengths, strict=True)):
            top = y + self.side * down
            if any(self.rows):
                graphic.text((x - 4, top + self.side / 2), self.rows[down], "right")
            for start, length, strength in _runs(strengths):
                graphic.rectangle((x + self.cell * start, top), self.cell * length, self.side, "fill", strength)
            for across, text in enumerate(texts):
                if text:
                    graphic.text((x + self.cell * (across + 0.5), top + self.side / 2), text, "center")
        right, bottom = x + self.cell * len(self.texts[0]), y + self.side * len(self.texts)
        for down in range(len(self.texts) + 1):
            graphic.polyline([(x, y + self.side * down), (right, y + self.side * down)], "faint")
        for across in range(len(self.texts[0]) + 1):
            graphic.polyline([(x + self.cell * across, y), (x + self.cell * across, bottom)], "faint")


def _runs(strengths: Sequence[float]) -> Iterator[tuple[int, int, float]]:
    """Yield the start, length and strength of each run of equally filled cells; empty ones are skipped."""
    start = 0
    for strength, group in groupby(strengths):
        length = len(list(group))
        if strength:
            yield start, length, strength
        start += length


def draw_matrix(picture: Matrix) -> Graphic:
    """Return grids side by side, as many as fit, with the signs between them."""
    graphic, top = titled_graphic(picture.title)
    keys: list[str] = []
    x, low = 0.0, top
    for grid, sign in zip(picture.grids, signs_before(picture), strict=True):
        for place, cells in enumerate(_parts(replace(grid, rows=_short(grid.rows, keys)))):
            mark = sign if place == 0 else ""
            gap = BETWEEN + text_width(mark) if mark else BETWEEN if x else 0.0
            if x and x + gap + cells.width > WIDE:
                x, top, gap = 0.0, low + BETWEEN, gap if mark else 0.0
            if mark:
                graphic.text((x + gap / 2, top + (cells.head + cells.height) / 2), mark, "center")
            cells.draw(graphic, (x + gap, top))
            x, low = x + gap + cells.width, max(low, top + cells.height)
    _explain(graphic, low, keys)
    return graphic


def draw_heatmap(picture: Heatmap) -> Graphic:
    """Return a heatmap with its numbers or, if these are too wide, with a scale below."""
    graphic, top = titled_graphic(picture.title)
    keys: list[str] = []
    low, high = value_range(picture)
    strengths = [[fraction(number, low, high) for number in row] for row in picture.values]
    rows = _short(picture.rows, keys)
    cells = _Cells("", rows, picture.columns, heatmap_texts(picture), strengths)
    if cells.width > WIDEST:
        nothing = [[""] * len(picture.columns)] * len(picture.rows)
        cells = _Cells("", rows, picture.columns, nothing, strengths, SMALL)
    cells.draw(graphic, (0, top))
    top += cells.height
    if cells.side == SMALL:
        ends = [f"{end:.{picture.digits}f}" for end in (low, high)]
        scale = _Cells("", (ends[0],), (), [[""] * 8], [[place / 7 for place in range(8)]], SMALL)
        at = (max(cells.left - scale.left, 0.0), top + LINE)
        scale.draw(graphic, at)
        graphic.text((at[0] + scale.width + 4, at[1] + SMALL / 2), ends[1])
        top = at[1] + SMALL
    _explain(graphic, top, keys)
    return graphic


def _short(labels: tuple[str, ...], keys: list[str]) -> tuple[str, ...]:
    """Return row labels, or numbers if they are long; their legend is appended to `keys`."""
    if not any(labels) or max(map(text_width, labels)) <= WIDE / 3:
        return labels
    keys += [key for key in numbered(labels) if key not in keys]
    return tuple(str(place) for place in range(1, len(labels) + 1))


def _explain(graphic: Graphic, top: float, keys: Sequence[str]) -> None:
    graphic.lines((0, top + LINE / 2), [line for key in keys for line in wrap_points(key, WIDE)])


def _parts(grid: Grid) -> list[_Cells]:
    """Return the grid, split by columns if it is too wide."""
    most = len(grid.cells[0])
    while most > 1 and any(_table(part).width > WIDEST for part in split_columns(grid, most)):
        most -= 1
    return list(map(_table, split_columns(grid, most)))


def _table(grid: Grid) -> _Cells:
    strengths = [[1.0 if cell is True else 0.0 for cell in row] for row in grid.cells]
    return _Cells(grid.title, grid.rows, grid.columns, cell_texts(grid), strengths)

"""A grid of cells with the names of its rows and columns."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate, pairwise

from grader.pictures import Grid
from grader.show.pictures.graphics.shapes import LINE, Graphic, Point, text_width, wrap_text
from grader.show.pictures.grids import cell_texts

PADDING = 0.18  # between the text of a cell and its edge, in sides of a cell
GAP = 6.0  # between names and cells
INSET = 2.0  # between the edge of a filled cell and its area
LEAST_TITLE = 90.0  # the width that a title may take above smaller cells


@dataclass(frozen=True)
class Content:
    """What a grid shows: a text in each cell, and how strongly it is filled.

    If `colored`, the strengths are numbers, so cells have no edges of their own. If not `named`, the names of rows are
    those of the grid on the left, and not written again.
    """

    title: str
    rows: Sequence[str]
    columns: Sequence[str]
    texts: Sequence[Sequence[str]]
    strengths: Sequence[Sequence[float]]
    colored: bool = False
    named: bool = True

    def parts(self, count: int) -> "Iterator[Content]":
        """Yield the grid in parts of about the same number of columns."""
        columns = len(self.texts[0])
        for start, stop in pairwise(columns * place // count for place in range(count + 1)):
            yield replace(
                self,
                columns=self.columns[start:stop],
                texts=[row[start:stop] for row in self.texts],
                strengths=[row[start:stop] for row in self.strengths],
            )


def grid_content(of: Grid) -> Content:
    """Return the content of a grid; True fills a cell."""
    strengths = [[1.0 if cell is True else 0.0 for cell in row] for row in of.cells]
    return Content(of.title, of.rows, of.columns, cell_texts(of), strengths)


@dataclass(frozen=True)
class SizedGrid:
    """A grid ready to be drawn, with cells of a given side, or wider ones if their texts are.

    The names of columns are `upright`, or else cells are at least as wide. Those of rows take at most `names`.
    """

    content: Content
    side: float
    upright: bool
    names: float

    @cached_property
    def cell(self) -> float:
        """The width of a cell."""
        names = [line for lines in self._columns for line in lines if not self.upright]
        return max([self._needed, *(text_width(line) + self.side * PADDING for line in names)])

    @cached_property
    def _needed(self) -> float:
        """The width that the texts of cells need."""
        texts = (text for row in self.content.texts for text in row if text)
        return max([self.side, *(text_width(text) + 2 * self.side * PADDING for text in texts)])

    @property
    def across(self) -> float:
        """The width of all cells."""
        return self.cell * len(self.content.texts[0])

    @cached_property
    def left(self) -> float:
        """The width of the names of rows."""
        names = [line for lines in self._rows for line in lines if self.content.named]
        return max([text_width(line) + GAP for line in names], default=0.0)

    @cached_property
    def head(self) -> float:
        """The height of the title and the names of columns."""
        if self.upright:
            names = max(map(text_width, self.content.columns), default=0.0) + GAP
        else:
            names = LINE * max(map(len, self._columns), default=0) + 2
        return names + LINE * len(self._title)

    @property
    def width(self) -> float:
        """The width of all that is drawn."""
        middle, half = self.left + self.across / 2, self._title_width / 2
        return max(self.left + self.across, middle + half if half <= middle else 2 * half)

    @property
    def high(self) -> float:
        """The height of all cells."""
        return self._tops[-1]

    def draw(self, graphic: Graphic, at: Point) -> None:
        """Draw the grid with its top left corner there."""
        x, y = at[0] + self.left, at[1] + self.head
        self._draw_names(graphic, at, x, y)
        for down, (top, bottom) in enumerate(pairwise(self._tops)):
            for across, strength in enumerate(self.content.strengths[down]):
                self._draw_area(graphic, (x + self.cell * across, y + top), bottom - top, strength)
        if self.content.colored:
            graphic.rectangle((x, y), self.across, self.high, edge="edge")
        else:
            for top in self._tops:
                graphic.polyline([(x, y + top), (x + self.across, y + top)], "edge", thick=1)
            for across in range(len(self.content.texts[0]) + 1):
                edge = x + self.cell * across
                graphic.polyline([(edge, y), (edge, y + self.high)], "edge", thick=1)
        for (top, bottom), texts in zip(pairwise(self._tops), self.content.texts, strict=True):
            for across, text in enumerate(texts):
                if text:
                    graphic.text((x + self.cell * (across + 0.5), y + (top + bottom) / 2), text, "center")

    def _draw_names(self, graphic: Graphic, at: Point, x: float, y: float) -> None:
        middle = self.left + self.across / 2
        graphic.lines((at[0] + max(middle, self._title_width / 2), at[1]), self._title, "center")
        for place, lines in enumerate(self._columns):
            middle = x + self.cell * (place + 0.5)
            if self.upright:
                graphic.text((middle, y - GAP), " ".join(lines), upright=True)
            else:
                graphic.lines((middle, y - 2 - LINE * len(lines)), lines, "center")
        for (top, bottom), lines in zip(pairwise(self._tops), self._rows if self.content.named else (), strict=False):
            graphic.lines((x - GAP, y + (top + bottom - LINE * len(lines)) / 2), lines, "right")

    def _draw_area(self, graphic: Graphic, at: Point, height: float, strength: float) -> None:
        inset = 0.5 if self.content.colored else INSET
        if strength:
            corner, size = (at[0] + inset, at[1] + inset), (self.cell - 2 * inset, height - 2 * inset)
            graphic.rectangle(corner, *size, "fill", round(strength, 2))

    @cached_property
    def _title(self) -> list[str]:
        return wrap_text(self.content.title, max(self.left + self.across, LEAST_TITLE))

    @property
    def _title_width(self) -> float:
        return max(map(text_width, self._title), default=0.0)

    @cached_property
    def _columns(self) -> list[list[str]]:
        """The lines of each column's name."""
        if self.upright:
            return [[column] for column in self.content.columns]
        longest = max((text_width(word) for column in self.content.columns for word in column.split()), default=0.0)
        return [wrap_text(column, max(longest, self._needed, 2 * self.side)) for column in self.content.columns]

    @cached_property
    def _rows(self) -> list[list[str]]:
        """The lines of each row's name."""
        return [wrap_text(row, self.names) for row in self.content.rows]

    @cached_property
    def _tops(self) -> list[float]:
        """The tops of all rows, and the bottom of the last, below the top of the first."""
        least = max(self.side, LINE + 4) if any(map(any, self.content.texts)) else self.side
        lines = self._rows or [[]] * len(self.content.texts)
        many = max(map(len, lines)) > 1
        return list(accumulate((max(least, LINE * len(each) + 4 * many) for each in lines), initial=0.0))

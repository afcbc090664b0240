"""A graphic: rectangles, lines and texts, measured in pixels of a page from the top left."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

from grader.show.layout import cells

SIZE = 13.0  # of text
LINE = 17.0  # from one line of text to the next
MARGIN = 2.0  # around all shapes

Point: TypeAlias = tuple[float, float]
Align: TypeAlias = Literal["left", "center", "right"]
Tone: TypeAlias = str | int  # "ink", "edge", "faint" or "fill", or the number of a series


class Rectangle(NamedTuple):
    """A filled or outlined rectangle; `strength` is the opacity of its fill, from 0 to 1."""

    x: float
    y: float
    width: float
    height: float
    fill: Tone | None
    strength: float
    edge: Tone | None


class Polyline(NamedTuple):
    """A line through points, which may end in an arrowhead; `dashes` are lengths of strokes and gaps in turn."""

    points: tuple[Point, ...]
    tone: Tone
    head: bool
    thick: float
    dashes: tuple[float, ...]

    def head_corners(self) -> tuple[Point, Point, Point]:
        """Return the corners of the arrowhead, its tip first. The last step of the line runs along an axis."""
        (fx, fy), (x, y) = self.points[-2:]
        dx, dy = (x > fx) - (x < fx), (y > fy) - (y < fy)
        back = x - HEAD_LONG * dx, y - HEAD_LONG * dy
        return (
            (x, y),
            (back[0] + HEAD_HALF * dy, back[1] + HEAD_HALF * dx),
            (back[0] - HEAD_HALF * dy, back[1] - HEAD_HALF * dx),
        )

    def shaft(self) -> tuple[Point, ...]:
        """Return the points of the line itself, which ends at the base of the arrowhead if there is one."""
        if not self.head:
            return self.points
        _, (x, y), (to, down) = self.head_corners()
        return (*self.points[:-1], ((x + to) / 2, (y + down) / 2))


HEAD_LONG, HEAD_HALF = 7.5, 3.75  # of an arrowhead: its length, and half of its width


class Text(NamedTuple):
    """A line of text, vertically centered at `y`. Upright text ends there and reads upwards."""

    x: float
    y: float
    text: str
    align: Align
    bold: bool
    upright: bool
    tone: Tone


Shape: TypeAlias = Rectangle | Polyline | Text


@dataclass
class Graphic:
    """Shapes to draw. A graphic is as large as the shapes in it."""

    shapes: list[Shape] = field(default_factory=list)
    width: float = 0.0
    height: float = 0.0

    def rectangle(
        self,
        at: Point,
        width: float,
        height: float,
        fill: Tone | None = None,
        strength: float = 1.0,
        edge: Tone | None = None,
    ) -> None:
        """Add a rectangle."""
        self._extend(at[0] + width, at[1] + height)
        self.shapes.append(Rectangle(*at, width, height, fill, strength, edge))

    def polyline(
        self,
        points: Iterable[Point],
        tone: Tone = "ink",
        *,
        head: bool = False,
        thick: float = 1.2,
        dashes: tuple[float, ...] = (),
    ) -> None:
        """Add a line through points; with `head`, its end is an arrowhead."""
        path = Polyline(tuple(points), tone, head, thick, dashes)
        self._extend(max(x for x, _ in path.points), max(y for _, y in path.points))
        self.shapes.append(path)

    def text(
        self,
        at: Point,
        text: str,
        align: Align = "left",
        *,
        bold: bool = False,
        upright: bool = False,
        tone: Tone = "ink",
    ) -> None:
        """Add one line of text, vertically centered at `at`; upright text ends there."""
        right = 0.0 if upright or align == "right" else text_width(text, bold) / (2 if align == "center" else 1)
        self._extend(at[0] + (LINE / 2 if upright else right), at[1] + (0 if upright else LINE / 2))
        self.shapes.append(Text(*at, text, align, bold, upright, tone))

    def lines(
        self,
        at: Point,
        lines: Sequence[str],
        align: Align = "left",
        *,
        bold: bool = False,
        tone: Tone = "ink",
    ) -> float:
        """Add lines of text below each other; return the y at which the next shape may begin."""
        for place, line in enumerate(lines):
            self.text((at[0], at[1] + LINE * (place + 0.5)), line, align, bold=bold, tone=tone)
        return at[1] + LINE * len(lines)

    def _extend(self, x: float, y: float) -> None:
        self.width, self.height = max(self.width, x), max(self.height, y)


def titled_graphic(title: str, width: float) -> tuple[Graphic, float]:
    """Return a graphic with a title, and the y at which the picture may begin."""
    graphic = Graphic()
    return graphic, graphic.lines((0, 0), wrap_text(title, width, bold=True), bold=True) + 8


def wrap_text(text: str, width: float, *, bold: bool = False) -> list[str]:
    """Wrap a text to a width; a word that is wider stays whole."""
    lines: list[str] = []
    for word in text.split():
        if lines and text_width(f"{lines[-1]} {word}", bold) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def text_width(text: str, bold: bool = False) -> float:
    """Return the approximate width of a text: that in DejaVu Sans, as the fonts of pages are narrower or as wide."""
    return sum(map(_share, text)) * SIZE * (1.12 if bold else 1.0)


def _share(character: str) -> float:
    """Return the width of a character relative to the font size."""
    if character in " .,:;'|!Iijl":
        return 0.33
    if character in "-()[]ftr":
        return 0.42
    if character in "mwMW@%→×=+<>":
        return 0.92
    return 0.72 if character.isupper() else 0.63 * cells(character)

"""A graphic of rectangles, lines and texts, in points from the top left, and how matplotlib draws it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from grader.show.layout import cells, wrap
from grader.show.pictures.graphics.colors import Palette

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDE = 274.0  # points: text of SIZE is then readable on a screen of 390 pixels
SIZE = 8.0
LINE = 11.0  # from one line of text to the next
_POINTS = 72  # per inch
_EDGE = 2.0  # margin

Point: TypeAlias = tuple[float, float]
Align: TypeAlias = Literal["left", "center", "right"]
Tone: TypeAlias = str | int  # "ink", "faint" or "fill", or the number of a series


class Rectangle(NamedTuple):
    """A filled or outlined rectangle."""

    x: float
    y: float
    width: float
    height: float
    fill: Tone | None
    strength: float
    edge: Tone | None


class Polyline(NamedTuple):
    """A line through points, which may end in an arrowhead."""

    points: tuple[Point, ...]
    tone: Tone
    head: bool  # an arrowhead at the last point


class Text(NamedTuple):
    """A line of text."""

    x: float
    y: float
    text: str
    align: Align
    bold: bool
    upright: bool  # rotated to read upwards


@dataclass
class Graphic:
    """Shapes to draw. A graphic is as large as the shapes in it."""

    shapes: list[Rectangle | Polyline | Text] = field(default_factory=list)
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
        """Add a rectangle; `strength` is the opacity of its fill, from 0 to 1."""
        self._extend(at[0] + width, at[1] + height)
        self.shapes.append(Rectangle(*at, width, height, fill, strength, edge))

    def polyline(self, points: Iterable[Point], tone: Tone = "ink", *, head: bool = False) -> None:
        """Add a line through points; with `head`, its end is an arrowhead."""
        path = Polyline(tuple(points), tone, head)
        self._extend(max(x for x, _ in path.points), max(y for _, y in path.points))
        self.shapes.append(path)

    def text(self, at: Point, text: str, align: Align = "left", *, bold: bool = False, upright: bool = False) -> None:
        """Add one line of text, vertically centered at `at`; upright text ends there."""
        right = 0.0 if upright or align == "right" else text_width(text, bold) / (2 if align == "center" else 1)
        self._extend(at[0] + (LINE / 2 if upright else right), at[1] + (0 if upright else LINE / 2))
        self.shapes.append(Text(*at, text, align, bold, upright))

    def lines(self, at: Point, lines: Sequence[str], *, bold: bool = False) -> float:
        """Add lines of text below each other; return the y at which the next shape may begin."""
        for place, line in enumerate(lines):
            self.text((at[0], at[1] + LINE * (place + 0.5)), line, bold=bold)
        return at[1] + LINE * len(lines)

    def _extend(self, x: float, y: float) -> None:
        self.width, self.height = max(self.width, x), max(self.height, y)


def titled_graphic(title: str) -> tuple[Graphic, float]:
    """Return a graphic with a title, and the y at which the picture may begin."""
    graphic = Graphic()
    return graphic, graphic.lines((0, 0), wrap_points(title, WIDE * 0.95), bold=True) + 5


def wrap_points(text: str, width: float) -> list[str]:
    """Wrap a text to a width in points."""
    return wrap(text, max(int(width / text_width("o")), 1))


def text_width(text: str, bold: bool = False) -> float:
    """Return the approximate width of a text in points.

    It is rather too large than too small: the fonts of a page are narrower than matplotlib's.
    """
    return sum(map(_share, text)) * SIZE * (1.12 if bold else 1.0)


def _share(character: str) -> float:
    """Return the width of a character relative to the font size."""
    if character in " -.,:;'|!()[]ijlftrI":
        return 0.41
    if character in "mwMW@%":
        return 0.98
    return 0.76 if character.isupper() else 0.64 * cells(character)


def draw_on_figure(figure: "Figure", graphic: Graphic, palette: Palette) -> None:
    """Draw a graphic on a figure, which becomes as large as the graphic."""
    width, height = graphic.width + 2 * _EDGE, graphic.height + 2 * _EDGE
    figure.set_size_inches(width / _POINTS, height / _POINTS)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_xlim(-_EDGE, graphic.width + _EDGE)
    axes.set_ylim(graphic.height + _EDGE, -_EDGE)
    for shape in graphic.shapes:
        match shape:
            case Rectangle():
                _draw_rectangle(axes, shape, palette)
            case Polyline():
                _draw_polyline(axes, shape, palette)
            case Text():
                _draw_text(axes, shape)


def tone_color(palette: Palette, of: Tone) -> str:
    """Return the color of a tone."""
    if isinstance(of, int):
        return palette.series[of % len(palette.series)]
    return {"ink": palette.ink, "faint": palette.faint, "fill": palette.fill}[of]


def _draw_rectangle(axes: "Axes", shape: Rectangle, palette: Palette) -> None:
    from matplotlib.patches import Rectangle as Patch

    at = shape.x, shape.y
    if shape.fill is not None and shape.strength:
        color = tone_color(palette, shape.fill)
        axes.add_patch(
            Patch(at, shape.width, shape.height, facecolor=color, alpha=shape.strength, linewidth=0, clip_on=False)
        )
    if shape.edge is not None:
        color = tone_color(palette, shape.edge)
        patch = Patch(at, shape.width, shape.height, facecolor="none", edgecolor=color, linewidth=0.8, clip_on=False)
        axes.add_patch(patch)


def _draw_polyline(axes: "Axes", shape: Polyline, palette: Palette) -> None:
    from matplotlib.patches import Polygon

    color = tone_color(palette, shape.tone)
    points = list(shape.points)
    if shape.head:
        (fx, fy), (x, y) = points[-2:]
        dx, dy = (x > fx) - (x < fx), (y > fy) - (y < fy)
        long, half = 4.5, 2.2
        back = x - long * dx, y - long * dy
        corners = [(x, y), (back[0] + half * dy, back[1] + half * dx), (back[0] - half * dy, back[1] - half * dx)]
        axes.add_patch(Polygon(corners, closed=True, facecolor=color, linewidth=0, clip_on=False))
        points[-1] = back
    xs, ys = zip(*points, strict=True)
    axes.plot(xs, ys, color=color, linewidth=0.9, clip_on=False, solid_capstyle="butt", solid_joinstyle="miter")


def _draw_text(axes: "Axes", shape: Text) -> None:
    axes.text(
        shape.x,
        shape.y,
        shape.text,
        horizontalalignment="center" if shape.upright else shape.align,
        verticalalignment="bottom" if shape.upright else "center_baseline",
        rotation=90 if shape.upright else 0,
        fontsize=SIZE,
        fontweight="bold" if shape.bold else "normal",
    )

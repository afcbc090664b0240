"""A drawing of rectangles, lines and words, in points from the top left; and how matplotlib draws it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from grader.show.layout import cells, wrap
from grader.show.pictures.graphics.colors import Palette

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDE = 274.0  # points: on a screen of 390 pixels, words of SIZE are then readable
SIZE = 8.0
LINE = 11.0  # from one line of words to the next
_POINTS = 72  # to an inch
_EDGE = 2.0  # around all

Point: TypeAlias = tuple[float, float]
Align: TypeAlias = Literal["left", "center", "right"]
Tone: TypeAlias = str | int  # "ink", "faint" or "fill", or the number of a series


class Rectangle(NamedTuple):
    x: float
    y: float
    width: float
    height: float
    fill: Tone | None
    strength: float
    edge: Tone | None


class Polyline(NamedTuple):
    points: tuple[Point, ...]
    tone: Tone
    head: bool  # an arrow's, at the last point


class Text(NamedTuple):
    x: float
    y: float
    text: str
    align: Align
    bold: bool
    upright: bool  # turned by a quarter, from its lower end upwards


@dataclass
class Graphic:
    """What is to be drawn. The graphic is as large as what lies on it."""

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
        """`strength`: how much of the colour there is, from 0 to 1."""
        self._extend(at[0] + width, at[1] + height)
        self.shapes.append(Rectangle(*at, width, height, fill, strength, edge))

    def polyline(self, points: Iterable[Point], tone: Tone = "ink", *, head: bool = False) -> None:
        path = Polyline(tuple(points), tone, head)
        self._extend(max(x for x, _ in path.points), max(y for _, y in path.points))
        self.shapes.append(path)

    def text(self, at: Point, text: str, align: Align = "left", *, bold: bool = False, upright: bool = False) -> None:
        """Text of one line, its middle at the height `at`; upright text ends there."""
        right = 0.0 if upright or align == "right" else text_width(text, bold) / (2 if align == "center" else 1)
        self._extend(at[0] + (LINE / 2 if upright else right), at[1] + (0 if upright else LINE / 2))
        self.shapes.append(Text(*at, text, align, bold, upright))

    def lines(self, at: Point, lines: Sequence[str], *, bold: bool = False) -> float:
        """Lines below each other; returns where the next thing may begin."""
        for place, line in enumerate(lines):
            self.text((at[0], at[1] + LINE * (place + 0.5)), line, bold=bold)
        return at[1] + LINE * len(lines)

    def _extend(self, x: float, y: float) -> None:
        self.width, self.height = max(self.width, x), max(self.height, y)


def titled_graphic(title: str) -> tuple[Graphic, float]:
    """A graphic with a title, and where the picture may begin."""
    graphic = Graphic()
    return graphic, graphic.lines((0, 0), wrap_points(title, WIDE * 0.95), bold=True) + 5


def wrap_points(text: str, width: float) -> list[str]:
    """Text in lines of so many points."""
    return wrap(text, max(int(width / text_width("o")), 1))


def text_width(text: str, bold: bool = False) -> float:
    """About how wide a text is, rather too much than too little: the fonts of a page are narrower than matplotlib's."""
    return sum(map(_share, text)) * SIZE * (1.12 if bold else 1.0)


def _share(character: str) -> float:
    """The width of a character, for a size of 1."""
    if character in " -.,:;'|!()[]ijlftrI":
        return 0.41
    if character in "mwMW@%":
        return 0.98
    return 0.76 if character.isupper() else 0.64 * cells(character)


def draw_on_figure(figure: "Figure", graphic: Graphic, palette: Palette) -> None:
    """Puts a graphic on a figure, which becomes as large."""
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
    """The colour of a tone."""
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

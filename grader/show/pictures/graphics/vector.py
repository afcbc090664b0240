"""A graphic as an SVG element for a page, whose style sheet defines its colors and its font."""

import math
from collections.abc import Iterable, Iterator
from html import escape
from itertools import groupby
from typing import TypeAlias

from grader.show.pictures.graphics.colors import variable
from grader.show.pictures.graphics.shapes import MARGIN, SIZE, Graphic, Point, Polyline, Rectangle, Shape, Text
from grader.show.typography import typeset

DESCENT = 0.35 * SIZE  # from the middle of a line of text to its baseline
_ANCHORS = {"left": "start", "center": "middle", "right": "end"}

_Attributes: TypeAlias = tuple[tuple[str, str], ...]


def svg_element(graphic: Graphic, title: str, css_class: str) -> str:
    """Return a graphic as an SVG element of its own size; screen readers say its title."""
    width, height = graphic.width + 2 * MARGIN, graphic.height + 2 * MARGIN
    view = " ".join(map(_short, (-MARGIN, -MARGIN, width, height)))
    parts = [
        _element(of, list(shapes)) for of, shapes in groupby(filter(_is_seen, _split(graphic.shapes)), key=_attributes)
    ]
    attributes = {
        "xmlns": "http://www.w3.org/2000/svg",
        "class": css_class,
        "viewBox": view,
        "width": f"{width:.0f}",
        "height": f"{height:.0f}",
        "font-size": _short(SIZE),
        "role": "img",
        "aria-label": escape(title),
    }
    return f"<svg{_written(attributes.items())}>{''.join(parts)}</svg>"


def _split(shapes: Iterable[Shape]) -> Iterator[Shape]:
    """Yield shapes of which each has one fill or one stroke."""
    for shape in shapes:
        if isinstance(shape, Rectangle):
            yield shape._replace(edge=None)
            yield shape._replace(fill=None)
        else:
            yield shape


def _is_seen(shape: Shape) -> bool:
    return not isinstance(shape, Rectangle) or shape.edge is not None or (shape.fill is not None and shape.strength > 0)


def _attributes(shape: Shape) -> tuple[type[Shape], _Attributes]:
    """Return the attributes of a shape; its neighbors with the same ones become one element with it."""
    match shape:
        case Rectangle(fill=str() | int() as fill):
            strength = {} if shape.strength == 1 else {"fill-opacity": _short(shape.strength, 2)}
            found = {"fill": variable(fill), **strength}
        case Rectangle():
            found = {"fill": "none", "stroke": variable(shape.edge or 0)}
        case Polyline():
            dashes = {"stroke-dasharray": " ".join(map(_short, shape.dashes))} if shape.dashes else {}
            found = {"fill": "none", "stroke": variable(shape.tone), "stroke-width": _short(shape.thick), **dashes}
        case Text():
            found = {"fill": variable(shape.tone), "text-anchor": "start" if shape.upright else _ANCHORS[shape.align]}
            if shape.bold:
                found["font-weight"] = "bold"
    return type(shape), tuple(found.items())


def _element(of: tuple[type[Shape], _Attributes], shapes: list[Shape]) -> str:
    kind, pairs = of
    attributes = _written(pairs)
    if kind is Text:
        return f"<g{attributes}>{''.join(_text(shape) for shape in shapes if isinstance(shape, Text))}</g>"
    path = "".join(
        _outline(shape) if isinstance(shape, Rectangle) else _run(shape)
        for shape in shapes
        if not isinstance(shape, Text)
    )
    heads = "".join(_head(shape) for shape in shapes if isinstance(shape, Polyline) and shape.head)
    return f'<path{attributes} d="{path}"/>{heads}'


def _written(attributes: Iterable[tuple[str, str]]) -> str:
    return "".join(f' {name}="{value}"' for name, value in attributes)


def _text(shape: Text) -> str:
    x, y = _short(shape.x), _short(shape.y)
    if shape.upright:
        place = f'transform="translate({_short(shape.x + DESCENT)} {y}) rotate(-90)"'
    else:
        place = f'x="{x}" y="{_short(shape.y + DESCENT)}"'
    return f"<text {place}>{escape(typeset(shape.text), quote=False)}</text>"


def _outline(of: Rectangle) -> str:
    return f"M{_pair((of.x, of.y))}h{_short(of.width)}v{_short(of.height)}h{_short(-of.width)}z"


def _run(of: Polyline) -> str:
    points = of.shaft()
    kept = [points[0]]
    for point, after in zip(points[1:], [*points[2:], (math.nan, math.nan)], strict=True):
        if not _is_between(kept[-1], point, after):
            kept.append(point)
    return f"M{'L'.join(map(_pair, kept))}"


def _is_between(before: Point, point: Point, after: Point) -> bool:
    """Return whether a point is on a horizontal or vertical line between two others."""
    return before[0] == point[0] == after[0] or before[1] == point[1] == after[1]


def _head(of: Polyline) -> str:
    corners = "L".join(map(_pair, of.head_corners()))
    return f'<path fill="{variable(of.tone)}" d="M{corners}z"/>'


def _pair(point: Point) -> str:
    return f"{_short(point[0])} {_short(point[1])}"


def _short(number: float, digits: int = 1) -> str:
    """Return a number with at most so many decimals."""
    return f"{round(number, digits) + 0.0:g}"

"""The pictures of this course in both layouts: everything is in its place, and nothing hides a text."""

from collections.abc import Iterator
from itertools import combinations, pairwise
from pathlib import Path
from typing import NamedTuple

import pytest

from grader.course.lesson.pictures import load_picture
from grader.pictures import Picture
from grader.show.pictures.graphics.render import NARROW, WIDE, lay_out_picture
from grader.show.pictures.graphics.shapes import SIZE, Graphic, Point, Polyline, Text, text_width
from tests.paths import ROOT

LESSONS = sorted({path.parent.parent for path in ROOT.glob("lessons/*/pictures/*.json")})
each_layout = pytest.mark.parametrize("width", [WIDE, NARROW], ids=["wide", "narrow"])
each_lesson = pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)


class Area(NamedTuple):
    """The area that a text takes."""

    text: str
    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other: "Area") -> bool:
        return (
            min(self.right, other.right) - max(self.left, other.left) > 0.5
            and min(self.bottom, other.bottom) - max(self.top, other.top) > 0.5
        )

    def is_crossed(self, one: Point, other: Point) -> bool:
        """Return whether a straight line crosses the area, by clipping it to one side after the other."""
        start, end = 0.0, 1.0
        for at, to, low, high in (
            (one[0], other[0], self.left, self.right),
            (one[1], other[1], self.top, self.bottom),
        ):
            if at == to:
                if not low < at < high:
                    return False
                continue
            enters, leaves = sorted(((low - at) / (to - at), (high - at) / (to - at)))
            start, end = max(start, enters), min(end, leaves)
        return end - start > 1e-9


def pictures(lesson: Path) -> Iterator[Picture]:
    for path in sorted(lesson.glob("pictures/*.json")):
        yield load_picture(lesson, path.stem)


def area(of: Text) -> Area:
    wide, half = text_width(of.text, of.bold), SIZE * 0.4
    if of.upright:
        return Area(of.text, of.x - half, of.y - wide, of.x + half, of.y)
    left = of.x - wide * {"left": 0.0, "center": 0.5, "right": 1.0}[of.align]
    return Area(of.text, left, of.y - half, left + wide, of.y + half)


def areas(graphic: Graphic) -> list[Area]:
    return [area(shape) for shape in graphic.shapes if isinstance(shape, Text)]


@each_layout
@each_lesson
def test_nothing_is_outside_the_column(lesson: Path, width: float) -> None:
    outside = []
    for picture in pictures(lesson):
        graphic = lay_out_picture(picture, width)
        if graphic.width > width + 0.5:
            outside.append((picture.name, graphic.width))
        outside += [(picture.name, each.left) for each in areas(graphic) if each.left < -1 or each.right > width + 1]
    assert outside == []


@each_layout
@each_lesson
def test_no_text_overlaps_another(lesson: Path, width: float) -> None:
    assert [
        (picture.name, one.text, other.text)
        for picture in pictures(lesson)
        for one, other in combinations(areas(lay_out_picture(picture, width)), 2)
        if one.overlaps(other)
    ] == []


@each_layout
@each_lesson
def test_no_line_crosses_a_text(lesson: Path, width: float) -> None:
    crossed = []
    for picture in pictures(lesson):
        graphic = lay_out_picture(picture, width)
        steps = [step for shape in graphic.shapes if isinstance(shape, Polyline) for step in pairwise(shape.points)]
        crossed += [
            (picture.name, each.text) for each in areas(graphic) if any(each.is_crossed(*step) for step in steps)
        ]
    assert crossed == []


def test_the_course_has_pictures() -> None:
    assert sum(1 for lesson in LESSONS for _ in pictures(lesson)) > 200

"""Where the grids of a picture stand."""

from itertools import groupby

from grader.pictures import Grid, Matrix
from grader.show.pictures.graphics.grids import draw_matrix
from grader.show.pictures.graphics.render import NARROW, WIDE
from grader.show.pictures.graphics.shapes import Graphic, Text
from tests.show.pictures.examples import PRODUCT


def panels(count: int, sign: str = "") -> Matrix:
    """Return a picture of equal grids without names, titled A, B, C."""
    grids = tuple(Grid(chr(ord("A") + place), (), (), [[True] * 8] * 8) for place in range(count))
    return Matrix("panels", "panels", grids, (sign,) * (count - 1))


def rows(graphic: Graphic, words: str) -> list[str]:
    """Return which of the words are at the same height, from top to bottom."""
    found = sorted(
        (shape.y, shape.x, shape.text)
        for shape in graphic.shapes
        if isinstance(shape, Text) and not shape.bold and shape.text in words
    )
    return ["".join(text for _, _, text in row) for _, row in groupby(found, key=lambda each: each[0])]


def test_grids_are_side_by_side_where_they_fit() -> None:
    assert rows(draw_matrix(panels(6), WIDE), "ABCDEF") == ["ABCDEF"]
    assert rows(draw_matrix(panels(3), NARROW), "ABC") == ["ABC"]


def test_rows_of_grids_are_about_equally_long() -> None:
    assert rows(draw_matrix(panels(6), NARROW), "ABCDEF") == ["ABC", "DEF"]
    assert rows(draw_matrix(panels(5), NARROW), "ABCDE") == ["ABC", "DE"]


def test_an_arrow_to_the_next_row_points_down() -> None:
    assert rows(draw_matrix(panels(4, "→"), NARROW), "ABCD→↓") == ["AB", "→", "↓", "CD", "→"]


def test_another_sign_is_before_the_first_grid_of_the_next_row() -> None:
    signs = {
        shape.text: shape.x
        for shape in draw_matrix(PRODUCT, NARROW).shapes
        if isinstance(shape, Text) and shape.text in "×="
    }
    assert signs["×"] > signs["="]
    assert signs["="] < 10


def test_names_of_rows_that_are_the_same_are_written_once() -> None:
    names = ("first", "second")
    grids = tuple(Grid(title, names, (), [[True], [False]]) for title in "AB")
    drawn = [shape.text for shape in draw_matrix(Matrix("m", "m", grids), WIDE).shapes if isinstance(shape, Text)]
    assert [drawn.count(name) for name in names] == [1, 1]

"""Pictures as data."""

from collections.abc import Callable

import msgspec
import pytest

from grader.pictures import Arrow, Bars, Box, Boxes, Grid, Heatmap, Line, Picture, Series, smoothed
from grader.show.pictures.characters import draw_picture
from tests.show.pictures.examples import PICTURES


def test_smoothed_averages_whole_windows() -> None:
    assert smoothed("loss", [1.0, 2.0, 3.0, 5.0, 9.0], 2) == Line("loss", [1.0, 3.0], [1.5, 4.0])


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
def test_a_picture_is_drawn_the_same_after_encoding_and_decoding(picture: Picture) -> None:
    again: Picture = msgspec.json.decode(msgspec.json.encode(picture), type=Picture)
    assert draw_picture(again, unicode=True) == draw_picture(picture, unicode=True)


BOX = Box("a", "A", 0, 0)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Line("loss", [1, 2], [1.0]), "points of the line 'loss': 2 and 1"),
        (lambda: Heatmap("h", "H", ("a", "b"), ("c",), [[1.0]]), "rows of 'h': 2 and 1"),
        (lambda: Heatmap("h", "H", ("a",), ("c",), [[1.0, 2.0]]), "columns of 'h': 1 and 2"),
        (lambda: Bars("b", "B", ("x", "y"), (Series("s", [1.0]),)), "groups of the series 's': 2 and 1"),
        (lambda: Grid("g", ("a",), (), [[1.0], [2.0]]), "rows of the grid 'g': 1 and 2"),
        (lambda: Grid("g", (), (), [[1.0], [2.0, 3.0]]), "columns of the grid 'g': 1 and 2"),
        (lambda: Boxes("b", "B", (BOX, BOX)), "'b' has two boxes 'a'"),
        (lambda: Boxes("b", "B", (BOX,), (Arrow("a", "c"),)), "from 'a' to 'c': these are not two boxes"),
        (lambda: Boxes("b", "B", (BOX,), (Arrow("a", "a"),)), "from 'a' to 'a': these are not two boxes"),
    ],
)
def test_lengths_that_do_not_match_are_an_error(make: Callable[[], object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()

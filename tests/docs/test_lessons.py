"""docs/lessons.md: the pictures that it shows are those that are drawn."""

import pytest

from grader.pictures import Picture
from tests.docs.documents import read
from tests.show.pictures.characters.screen import plain
from tests.show.pictures.examples import BARS, FLOW, HEATMAP, MASK, PRODUCT, ROOFLINE, TIMELINE

WIDTHS = {"roofline": 44, "load": 40}


@pytest.mark.parametrize(
    "picture", [ROOFLINE, HEATMAP, BARS, PRODUCT, MASK, FLOW, TIMELINE], ids=lambda picture: picture.name
)
def test_it_shows_pictures_as_they_are_drawn(picture: Picture) -> None:
    assert "```text\n" + "\n".join(plain(picture, WIDTHS.get(picture.name, 76))) + "\n```\n" in read("docs/lessons.md")

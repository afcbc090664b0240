"""The colors of pictures."""

from importlib.resources import files

import pytest

from grader.show.pictures.graphics.colors import DARK, LIGHT, Palette, color, variable
from grader.show.pictures.graphics.shapes import Tone
from tests.contrast import contrast

TONES: tuple[Tone, ...] = ("ink", "edge", "faint", "fill", *range(len(LIGHT.series)))
STYLE = files("grader.author.site").joinpath("assets/style.css").read_text("utf-8")
each_palette = pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])


@each_palette
def test_texts_can_be_read_on_the_paper_and_on_areas(palette: Palette) -> None:
    assert contrast(palette.ink, palette.paper) > 7
    assert contrast(palette.ink, palette.fill) > 4.5
    assert all(contrast(series, palette.paper) > 4.5 for series in palette.series)  # names of lines


@each_palette
def test_areas_and_edges_stand_out_from_the_paper(palette: Palette) -> None:
    assert contrast(palette.fill, palette.paper) >= 3
    assert contrast(palette.edge, palette.paper) >= 3


@pytest.mark.parametrize("tone", TONES)
def test_pages_have_the_colors_of_the_palettes(tone: Tone) -> None:
    name = variable(tone).removeprefix("var(").removesuffix(")")
    assert f"{name}: light-dark({color(tone, LIGHT)}, {color(tone, DARK)});" in STYLE


def test_the_paper_of_the_palettes_is_that_of_pages() -> None:
    assert f"--page: light-dark({LIGHT.paper}, {DARK.paper});" in STYLE

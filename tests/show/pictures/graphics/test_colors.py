"""The colors of pictures."""

import re
from importlib.resources import files

import pytest

from grader.show.pictures.graphics.colors import DARK, LIGHT, Palette, color, variable
from grader.show.pictures.graphics.shapes import Tone

TONES: tuple[Tone, ...] = ("ink", "edge", "faint", "fill", *range(len(LIGHT.series)))
STYLE = files("grader.author.site").joinpath("assets/style.css").read_text("utf-8")
each_palette = pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])


def luminance(of: str) -> float:
    """Return the relative luminance of WCAG 2."""
    channels = (int(of[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


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
    assert re.findall(r"--page: (#\w{6})", STYLE) == [LIGHT.paper, DARK.paper]

"""Tests of the colours of the site."""

import re

import pytest

from grader.author.site.theme import page_colors, style_sheet
from grader.show.pictures.graphics.colors import DARK, LIGHT

COLORS = {name: both for name, *both in re.findall(r"--([\w-]+): light-dark\((#\w+), (#\w+)\)", style_sheet())}


def luminance(color: str) -> float:
    digits = color.removeprefix("#")
    digits = "".join(2 * digit for digit in digits) if len(digits) == 3 else digits
    shares = [int(digits[start : start + 2], 16) / 255 for start in (0, 2, 4)]
    red, green, blue = (share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_contrast_is_21_between_black_and_white() -> None:
    assert contrast("#000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("behind", ["page", "panel", "raised"])
def test_edges_of_controls_stand_out(behind: str, scheme: int) -> None:
    assert contrast(COLORS["edge"][scheme], COLORS[behind][scheme]) >= 3


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("ink", ["ink", "quiet", "accent"])
def test_text_stands_out(ink: str, scheme: int) -> None:
    assert all(contrast(COLORS[ink][scheme], COLORS[behind][scheme]) >= 4.5 for behind in ("page", "panel", "raised"))


def test_pictures_have_their_own_colours_in_both_themes() -> None:
    assert COLORS["fill"] == [LIGHT.fill, DARK.fill]
    assert COLORS["series-6"] == [LIGHT.series[5], DARK.series[5]]


def test_the_colour_of_the_page_is_that_of_the_style_sheet() -> None:
    assert list(page_colors().values()) == COLORS["page"]

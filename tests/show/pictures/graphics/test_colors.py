"""The colors of pictures."""

import pytest

from grader.show.pictures.graphics.colors import DARK, LIGHT, Palette


def luminance(color: str) -> float:
    """Return the relative luminance of WCAG 2."""
    channels = (int(color[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(("inks", "paper"), [(LIGHT, "#ffffff"), (DARK, "#14171b")], ids=["light", "dark"])
def test_palettes_have_enough_contrast(inks: Palette, paper: str) -> None:
    assert contrast(inks.ink, paper) > 7
    assert contrast(inks.ink, inks.fill) > 4.5
    assert all(contrast(series, paper) > 3 for series in inks.series)

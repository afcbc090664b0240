"""The colors of pictures.

matplotlib knows no CSS variables. For a page it draws in placeholder colors, each of which is then replaced by
`var(--NAME, var(--picture-NAME))`: the variable of the page, or else of the picture, which follows the reader's light
or dark color scheme.
"""

import re
from typing import NamedTuple


class Palette(NamedTuple):
    """The colors of text and lines, of lines in the background, of areas behind text, and of series in a plot."""

    ink: str
    faint: str
    fill: str
    series: tuple[str, ...]


SERIES = 6
LIGHT = Palette("#1b1f24", "#b8bec6", "#8fc1ee", ("#0b62b8", "#b3421a", "#2c7a39", "#7b3fa8", "#8a6400", "#b0275f"))
DARK = Palette("#e4e7eb", "#565e69", "#22598c", ("#6cb2f5", "#f0925f", "#74c982", "#c796ee", "#ddb64a", "#f083ae"))
PLACEHOLDERS = Palette("#010101", "#010102", "#010103", tuple(f"#01011{place}" for place in range(1, SERIES + 1)))
VARIABLE_NAMES = Palette("ink", "line", "fill", tuple(f"series-{place}" for place in range(1, SERIES + 1)))


def _flat(palette: Palette) -> tuple[str, ...]:
    return (palette.ink, palette.faint, palette.fill, *palette.series)


_IN_CSS = {
    color: f"var(--{name}, var(--picture-{name}))"
    for color, name in zip(_flat(PLACEHOLDERS), _flat(VARIABLE_NAMES), strict=True)
}


def replace_placeholders(text: str) -> str:
    """Return SVG with CSS variables for the placeholder colors."""
    return re.sub("|".join(_IN_CSS), lambda color: _IN_CSS[color[0]], text)


def style_sheet(of: str) -> str:
    """Return the style sheet of the SVG with this id: its colors, and the font of its text."""
    light, dark = (
        "".join(f"--picture-{name}:{color};" for name, color in zip(_flat(VARIABLE_NAMES), _flat(palette), strict=True))
        for palette in (LIGHT, DARK)
    )
    return (
        f"#{of}{{{light}}}@media (prefers-color-scheme: dark){{#{of}{{{dark}}}}}"
        f"#{of} text{{font-family:var(--picture-font, system-ui, sans-serif)}}"
    )

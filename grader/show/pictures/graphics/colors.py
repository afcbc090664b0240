"""The colours of pictures.

matplotlib knows no variables of CSS. For a page it draws in colours that stand for them, and each is then replaced by
`var(--NAME, var(--picture-NAME))`: the page's own variable, or else the picture's, which is light or dark as the reader
likes it.
"""

import re
from typing import NamedTuple


class Palette(NamedTuple):
    """Words and lines; lines that stay behind; areas on which words are read; the lines and bars of a plot."""

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
    """SVG with variables of CSS for the colours that stand for them."""
    return re.sub("|".join(_IN_CSS), lambda color: _IN_CSS[color[0]], text)


def style_sheet(of: str) -> str:
    """The style graphic of the SVG with this id: its colours, and the fonts of its words."""
    light, dark = (
        "".join(f"--picture-{name}:{color};" for name, color in zip(_flat(VARIABLE_NAMES), _flat(palette), strict=True))
        for palette in (LIGHT, DARK)
    )
    return (
        f"#{of}{{{light}}}@media (prefers-color-scheme: dark){{#{of}{{{dark}}}}}"
        f"#{of} text{{font-family:var(--picture-font, system-ui, sans-serif)}}"
    )

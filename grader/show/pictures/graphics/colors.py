"""The colors of pictures.

On a page they are CSS variables, `--picture-NAME`, which its style sheet defines for light and for dark. A PNG has the
light ones.
"""

from typing import NamedTuple

from grader.show.pictures.graphics.shapes import Tone


class Palette(NamedTuple):
    """The colors of the paper, of text and lines, of edges, of lines in the background, of areas, and of series.

    Edges, areas and series stand out from the paper by 3 to 1 or more, and all texts, also on an area, by 4.5 to 1.
    """

    paper: str
    ink: str
    edge: str
    faint: str
    fill: str
    series: tuple[str, ...]


LIGHT = Palette(
    paper="#fdfcfa",
    ink="#1d2024",
    edge="#868c96",
    faint="#d9d8d3",
    fill="#5392d9",
    series=("#0b62b8", "#b3421a", "#2c7a39", "#7b3fa8", "#8a6400", "#b0275f"),
)
DARK = Palette(
    paper="#16181b",
    ink="#e3e4e6",
    edge="#6b727d",
    faint="#373b42",
    fill="#2a66a7",
    series=("#6cb2f5", "#f0925f", "#74c982", "#c796ee", "#ddb64a", "#f083ae"),
)


def color(of: Tone, palette: Palette) -> str:
    """Return the color of a tone."""
    if isinstance(of, int):
        return palette.series[of % len(palette.series)]
    return {"ink": palette.ink, "edge": palette.edge, "faint": palette.faint, "fill": palette.fill}[of]


def variable(of: Tone) -> str:
    """Return the CSS variable of a tone."""
    name = f"series-{of % len(LIGHT.series) + 1}" if isinstance(of, int) else of
    return f"var(--picture-{name})"

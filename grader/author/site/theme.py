"""The style sheet of the site, and the colours of its pages that others need to know."""

import re
from functools import cache
from importlib.resources import files

from grader.show.pictures.graphics.colors import DARK, LIGHT

NAME = "assets/style.css"
_PAGE = re.compile(r"--page: light-dark\((#\w+), (#\w+)\)")


@cache
def style_sheet() -> str:
    """Return the style sheet, with the colours of pictures, which then follow the theme that a reader has chosen."""
    css = (files("grader.author.site") / NAME).read_text("utf-8")
    pairs = [("fill", LIGHT.fill, DARK.fill)]
    pairs += [
        (f"series-{place}", *both) for place, both in enumerate(zip(LIGHT.series, DARK.series, strict=True), start=1)
    ]
    colors = " ".join(f"--{name}: light-dark({light}, {dark});" for name, light, dark in pairs)
    return f"{css}\n/* Colours of pictures */\n\n:root {{ {colors} }}\n"


def page_colors() -> dict[str, str]:
    """Return the colour of a page's background in the light and in the dark theme."""
    match = _PAGE.search(style_sheet())
    assert match is not None, "the style sheet names the colour of the page"
    return {"light": match[1], "dark": match[2]}

"""The picture that a social network shows beside a link to the site."""

import io
import textwrap

from grader.course.model import Course
from grader.show.pictures.graphics import NoMatplotlib
from grader.show.pictures.graphics.colors import LIGHT

CARD = "assets/card.png"
_WIDTH, _HEIGHT, _DOTS = 1200, 630, 100  # pixels, and pixels per inch
_SIZE, _SMALL = 46, 24  # of letters, in points


def card(course: Course) -> bytes:
    """Return a PNG file with the title of the course and what it is about. Raise NoMatplotlib if that is missing."""
    try:
        import matplotlib
        from matplotlib.figure import Figure
        from matplotlib.patches import Rectangle
    except ModuleNotFoundError:
        raise NoMatplotlib from None

    about = course.front.about if course.front else ""
    with matplotlib.rc_context({"font.family": "DejaVu Sans", "text.parse_math": False}):
        figure = Figure(figsize=(_WIDTH / _DOTS, _HEIGHT / _DOTS), dpi=_DOTS, facecolor=LIGHT.paper)
        figure.text(0.07, 0.86, textwrap.fill(course.title, 28), size=_SIZE, weight="bold", color=LIGHT.ink, va="top")
        figure.text(0.07, 0.14, textwrap.fill(about, 62), size=_SMALL, color=LIGHT.ink, va="bottom", linespacing=1.4)
        figure.add_artist(Rectangle((0, 0), 0.02, 1, color=LIGHT.series[0]))
        file = io.BytesIO()
        figure.savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()

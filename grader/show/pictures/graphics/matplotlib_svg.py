"""matplotlib's SVG, adapted for a page: text stays text, ids are unique, and the bytes are reproducible.

matplotlib belongs to the extra `report`; it is imported where it is used.
"""

import io
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from grader.base.errors import UsageError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_FONTS = re.compile(r"font-family: [^;]*;? ?")
_REFERENCE = re.compile(r"(^|url\()#(?=[A-Za-z])")  # to an id in the same document


class NoMatplotlib(UsageError):
    """An error: pictures need matplotlib, which is not installed."""

    def __init__(self) -> None:
        super().__init__("Pictures need matplotlib: pip install 'archgrade[report]'.")


def matplotlib_settings(ink: str, faint: str) -> Any:
    """Return matplotlib's settings: text in `ink`, axes in `faint`, and reproducible bytes."""
    return {
        "svg.fonttype": "none",
        "svg.hashsalt": "archgrade",
        "font.size": 8,
        "text.color": ink,
        "axes.labelcolor": ink,
        "axes.edgecolor": faint,
        "xtick.color": ink,
        "ytick.color": ink,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "text.parse_math": False,
    }


def svg_element(name: str, title: str, draw: Callable[["Figure"], None], ink: str, faint: str) -> ElementTree.Element:
    """Return a drawing as an HTML element as wide as its container. Raise NoMatplotlib if matplotlib is missing.

    `name` is unique in the page: ids begin with it.
    """
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        raise NoMatplotlib from None

    file = io.StringIO()
    with matplotlib.rc_context(matplotlib_settings(ink, faint)):
        figure = Figure()
        draw(figure)
        nothing = dict.fromkeys(["Creator", "Date", "Format", "Type"])
        figure.savefig(file, format="svg", transparent=True, metadata=nothing)
    root = ElementTree.fromstring(file.getvalue())
    _for_a_page(root, name)
    for size in ("width", "height"):
        root.attrib.pop(size)
    root.attrib |= {"role": "img", "aria-label": title}
    head = ElementTree.Element("title")
    head.text = title
    root.insert(0, head)
    return root


def _for_a_page(root: ElementTree.Element, name: str) -> None:
    """Remove namespaces, style sheet and fonts, and prefix all ids with `name`."""
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        for child in [each for each in element if each.tag.endswith(("style", "metadata"))]:
            element.remove(child)
        for key, value in list(element.attrib.items()):
            del element.attrib[key]
            if key == "id":
                value = f"{name}-{value}"
            elif key == "style":
                value = _FONTS.sub("", value)
            element.attrib[key.rpartition("}")[2]] = _REFERENCE.sub(rf"\1#{name}-", value)

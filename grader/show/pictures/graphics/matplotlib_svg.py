"""What matplotlib writes as SVG, made fit to stand in a page: text is text, ids are its own, and bytes are the same.

matplotlib is of the extra `report`: it is imported where it is used.
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
_REFERENCE = re.compile(r"(^|url\()#(?=[A-Za-z])")  # to an id


class NoMatplotlib(UsageError):
    """Pictures need matplotlib, which is not installed."""

    def __init__(self) -> None:
        super().__init__("Pictures need matplotlib: pip install 'archgrade[report]'.")


def matplotlib_settings(ink: str, faint: str) -> Any:
    """How matplotlib draws for us: words in `ink`, axes in `faint`, and the same bytes each time."""
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
    """A drawing as an element of HTML that is as wide as its place. `name` is unique in its page: ids begin with it.

    NoMatplotlib.
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
    """Without namespaces and style graphic; with ids of its own, and the page's fonts."""
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

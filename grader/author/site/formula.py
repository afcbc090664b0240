"""Formulas: from TeX to MathML, which browsers typeset without a script or a font file."""

from functools import cache
from xml.etree import ElementTree

from latex2mathml.converter import convert

_PARTS = {"mfrac": 2, "msup": 2, "msub": 2, "mroot": 2, "msubsup": 3, "munder": 2, "mover": 2, "munderover": 3}
_SPACE = "{http://www.w3.org/1998/Math/MathML}"


@cache
def mathml(tex: str, *, display: bool) -> str:
    """The formula as a `math` element. ValueError, with a reason, for what would not be shown as it is meant."""
    try:
        text = convert(tex, display="block" if display else "inline")
        root = ElementTree.fromstring(text)
    except Exception as error:  # latex2mathml's own have no base in common, and it lets through & outside of a matrix
        raise ValueError("it cannot be read as TeX") from error
    for element in root.iter():
        name = element.tag.removeprefix(_SPACE)
        if len(element) != _PARTS.get(name, len(element)):
            raise ValueError("a brace or an argument is missing")
        if name == "mi" and (element.text or "").startswith(("\\", "{", "}")):
            raise ValueError(f"{element.text} is not known here")
    return text

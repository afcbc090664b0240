"""Convert formulas from TeX to MathML, which browsers render without scripts or font files."""

import re
from functools import cache
from html import escape
from xml.etree import ElementTree

from latex2mathml.converter import convert

from grader.show.tex import tex_to_text

_CHILDREN = {"mfrac": 2, "msup": 2, "msub": 2, "mroot": 2, "msubsup": 3, "munder": 2, "mover": 2, "munderover": 3}
# A function's name before an argument without brackets; not one with an index, whose element takes no third child
_FUNCTION = re.compile(r"(?<!sub>)(?<!sup>)(?<!under>)(<mi>(?:ln|log|exp|sin|cos|tanh)</mi>)(?=<m[ina])")
_NAMESPACE = "{http://www.w3.org/1998/Math/MathML}"


@cache
def mathml(tex: str, *, display: bool) -> str:
    """Return the formula as a `math` element, whose `alttext` is the formula in characters, for the search.

    Raise ValueError, with a reason, if it would not render correctly.
    """
    try:
        text = convert(tex, display="block" if display else "inline")
        root = ElementTree.fromstring(text)
    except Exception as error:  # latex2mathml's errors share no base class; & outside a matrix becomes invalid XML
        raise ValueError("it cannot be read as TeX") from error
    for element in root.iter():
        name = element.tag.removeprefix(_NAMESPACE)
        if len(element) != _CHILDREN.get(name, len(element)):
            raise ValueError("a brace or an argument is missing")
        if name == "mi" and (element.text or "").startswith(("\\", "{", "}")):
            raise ValueError(f"{element.text} is not supported")
    alttext = escape(" ".join(tex_to_text(tex).split()))
    return _FUNCTION.sub(r'\1<mspace width=".17em"/>', text).replace("<math ", f'<math alttext="{alttext}" ', 1)

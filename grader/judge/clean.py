"""The one place where a stranger's text becomes safe to show."""

import unicodedata

_KEPT = {"\n", "\t"}
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}  # controls, invisible and direction marks, surrogates, private use


def clean(text: str) -> str:
    """Text with every control, invisible or direction-changing character as its escape; \\n and \\t stay."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_visible(char) for char in text)


def clean_line(text: str) -> str:
    """As `clean`, on one line."""
    return clean(text).replace("\n", "\\n").replace("\t", "    ")


def _visible(char: str) -> str:
    if char in _KEPT or unicodedata.category(char) not in _HIDDEN:
        return char
    return char.encode("unicode_escape", "surrogatepass").decode("ascii")

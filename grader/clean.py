"""The one place where a stranger's text becomes safe to show."""

import re
import unicodedata

_UNPRINTED = re.compile(r"[^ -~\n\t]")  # what is not printable ASCII is looked at
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # version 1.0
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}  # controls, invisible and direction marks, surrogates, private use


def clean(text: str) -> str:
    """Text with every control, invisible or direction-changing character as its escape; \\n and \\t stay."""
    return _UNPRINTED.sub(_visible, text)


def clean_line(text: str) -> str:
    """As `clean`, on one line."""
    return clean(text).replace("\n", "\\n").replace("\t", "    ")


def xml_text(text: str) -> str:
    """Text with what XML cannot hold as escapes."""
    return _NOT_IN_XML.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def inert(line: str) -> str:
    """A line of which GitHub Actions obeys nothing: it looks for `::` at the start, and for `##[` anywhere."""
    return re.sub(r"^(\s*):", r"\1\\x3a", line.replace("##[", "##\\x5b"))


def _visible(found: re.Match[str]) -> str:
    char = found[0]
    if unicodedata.category(char) not in _HIDDEN:
        return char
    return char.encode("unicode_escape", "surrogatepass").decode("ascii")

"""Text that is safe to show, and suggestions for misspelled words."""

import re
import unicodedata
from collections.abc import Iterable

_UNUSUAL = re.compile(r"[^ -~\n\t]+")  # all but printable ASCII
# Patterns that take 2 ms to compile, which most commands need not spend: re compiles them at the first use.
_NOT_IN_XML = "[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"  # version 1.0
# letters, marks and symbols that are invisible, or change the width of their neighbor
_BLANK = "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
_MAX_MARKS = 3  # combining marks in a row: more would overlap the lines above and below


def clean(text: str) -> str:
    """Replace every character that could deceive the reader of a terminal by its escape.

    These are control characters, invisible and bidirectional characters, spaces of unusual width, unassigned code
    points, and more than three combining marks on one letter. Line feeds and tabs stay.
    """
    return _UNUSUAL.sub(_visible, text)


def clean_line(text: str) -> str:
    """Do the same as `clean`, and return a single line."""
    return clean(text).replace("\n", "\\n").replace("\t", "    ")


def xml_text(text: str) -> str:
    """Replace every character that XML 1.0 forbids by its escape."""
    return re.sub(_NOT_IN_XML, lambda found: found[0].encode("unicode_escape").decode(), text)


def inert(line: str) -> str:
    """Escape workflow commands of GitHub Actions in a line: `::` at its start, `##[` anywhere."""
    return re.sub(r"^(\s*):", r"\1\\x3a", line.replace("##[", "##\\x5b"))


def is_longest(text: str, others: Iterable[str]) -> bool:
    """Return whether a text is longer than each of the others."""
    return len(text) > max(map(len, others), default=0)


def did_you_mean(word: str, words: Iterable[str]) -> str:
    """Return " Did you mean 'moe_router'?" for the closest of `words`, or "" if none is close."""
    near = closest(word, words)
    return f" Did you mean '{near}'?" if near else ""


def closest(word: str, words: Iterable[str]) -> str | None:
    """Return the closest of `words`, or None if none is close. Case is ignored."""
    import difflib  # only a misspelled word needs it

    known = {each.casefold(): each for each in words}
    near = difflib.get_close_matches(word.casefold(), known, n=1)
    return known[near[0]] if near else None


def _visible(run: re.Match[str]) -> str:
    parts, marks = [], 0
    for character in run[0]:
        marks = marks + 1 if unicodedata.category(character) in ("Mn", "Me") else 0
        printable = character.isprintable() or character == "\u00a0"
        plain = printable and marks <= _MAX_MARKS and not re.match(_BLANK, character)
        parts.append(character if plain else character.encode("unicode_escape", "surrogatepass").decode("ascii"))
    return "".join(parts)

"""Numbers in running text as they are printed: with a minus sign, and on one line with their unit."""

import re

_MINUS = re.compile(r"(?<![\w)\]./-])-(?=\d)")
_UNITS = r"[kKMGT]i?B|B|bytes?|bits?|GHz|kW|W|[mµn]?s|min|h|seconds?|minutes?|hours?|%|million|billion|trillion"
_BEFORE_A_UNIT = re.compile(rf"(?<=\d) (?=(?:{_UNITS})(?!\w))")


def typeset(text: str) -> str:
    """Return a text with `−5` for `-5`, and with spaces between numbers and units at which no line breaks."""
    return _BEFORE_A_UNIT.sub("\N{NO-BREAK SPACE}", _MINUS.sub("−", text))

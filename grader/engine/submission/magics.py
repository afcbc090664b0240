"""Comments out what only Jupyter understands in the code of a cell: magics, shell commands, requests for help."""

import re
from collections.abc import Sequence

from grader.base.text import clean_line

_TRANSPARENT = {"capture", "grade", "prun", "time"}  # cell magics that run the cell's code and keep its definitions
_MAX_SHOWN = 50  # characters of an ignored line

_CELL = re.compile(r"\s*%%(\w*)")
_LINE = re.compile(
    r"""(?P<indent>\s*)(?:
        [%!?]                                   # %magic, !command, ?name
      | [\w.\[\], ]+=\s*(?:!|%\w)               # names = !ls
      | %?[A-Za-z_][\w.]*\?{1,2}\s*$            # name?
      | (?:pip|conda|mamba)\ +(?:install|uninstall|list)\b
    )""",
    re.VERBOSE,
)
_TOKEN = re.compile(
    r"""
    (?P<comment>\#.*)
  | (?P<open>[rbuftRBUFT]{0,3}(?:\"{3}|'{3}))
  | [rbuftRBUFT]{0,3}(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')
  | (?P<bracket>[()\[\]{}])
  | \w+
  | .
    """,
    re.VERBOSE,
)


def comment_out_magics(lines: Sequence[str]) -> tuple[list[str], list[tuple[int, str]]]:
    """Return the lines of a cell with those commented out that are not Python.

    Also return the number of each such line, from 1, with its text. A cell that is left out as a whole counts once.
    """
    lines = list(lines)
    begin = next((i for i, line in enumerate(lines) if line.strip()), 0)
    magic = _CELL.match(lines[begin]) if lines else None
    if magic is None:
        return _without_lines(lines)
    shown = _brief(lines[begin])
    if magic[1] not in _TRANSPARENT:
        commented = ["# " + line for line in lines[begin:]]
        return lines[:begin] + commented, [(begin + 1, f"{shown} and the rest of the cell")]
    kept, ignored = _without_lines(lines[begin + 1 :])
    return (
        [*lines[:begin], "# " + lines[begin], *kept],
        [(begin + 1, shown), *((begin + 1 + number, line) for number, line in ignored)],
    )


def _without_lines(lines: Sequence[str]) -> tuple[list[str], list[tuple[int, str]]]:
    kept: list[str] = []
    ignored = []
    scan = _Scan()
    continued = False  # whether the previous line is ignored and ends in a backslash
    for number, line in enumerate(lines, start=1):
        match = _LINE.match(line) if scan.at_start and not continued else None
        if match is None and not continued:
            kept.append(line)
            scan.feed(line)
            continue
        if match is not None:
            ignored.append((number, _brief(line)))
        if match is not None and match["indent"]:
            kept.append(f"{match['indent']}pass  # {line.strip()}")  # the block may have no other statement
        else:
            kept.append(f"# {line}")
        continued = line.rstrip().endswith("\\")
    return kept, ignored


class _Scan:
    """Tells whether the next line begins a statement: not inside a string or brackets, or after a backslash."""

    def __init__(self) -> None:
        self._depth = 0
        self._quotes = ""  # of the open string
        self._is_continued = False

    @property
    def at_start(self) -> bool:
        return not (self._depth or self._quotes or self._is_continued)

    def feed(self, line: str) -> None:
        at = 0
        self._is_continued = False
        while at < len(line):
            if self._quotes:
                end = _closing(line, at, self._quotes)
                if end is None:
                    return
                at, self._quotes = end, ""
                continue
            token = _TOKEN.match(line, at)
            assert token is not None
            at = token.end()
            if token["open"]:
                self._quotes = token["open"][-3:]
            elif token["bracket"]:
                self._depth = max(0, self._depth + (1 if token["bracket"] in "([{" else -1))
            elif token["comment"]:
                return
        self._is_continued = line.endswith("\\")


def _closing(line: str, at: int, quotes: str) -> int | None:
    """Return where a triple-quoted string ends; None if not in this line."""
    while at < len(line):
        if line[at] == "\\":
            at += 2
        elif line.startswith(quotes, at):
            return at + 3
        else:
            at += 1
    return None


def _brief(line: str) -> str:
    text = clean_line(line.strip())
    return text if len(text) <= _MAX_SHOWN else text[: _MAX_SHOWN - 3] + "..."

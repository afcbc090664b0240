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


def without_magics(lines: Sequence[str]) -> tuple[list[str], list[tuple[int, str]]]:
    """Return the lines of a cell with those commented out that are not Python.

    Also return the number of each such line, from 1, with its text. A cell that is left out as a whole counts once.
    """
    lines = list(lines)
    begin = next((i for i, line in enumerate(lines) if line.strip()), 0)
    if lines and (magic := _CELL.match(lines[begin])):
        ignored = [(begin + 1, _brief(lines[begin]))]
        if magic[1] not in _TRANSPARENT:
            lines = [*lines[:begin], *("# " + line for line in lines[begin:])]
            return lines, [(begin + 1, f"{ignored[0][1]} and the rest of the cell")]
        lines[begin] = "# " + lines[begin]
        rest, more = _without_lines(lines[begin + 1 :])
        return lines[: begin + 1] + rest, ignored + [(begin + 1 + number, what) for number, what in more]
    return _without_lines(lines)


def _without_lines(lines: Sequence[str]) -> tuple[list[str], list[tuple[int, str]]]:
    kept: list[str] = []
    ignored = []
    scan = _Scan()
    continued = False  # whether the previous line is ignored and ends in a backslash
    for number, line in enumerate(lines, start=1):
        match = _LINE.match(line) if scan.at_start and not continued else None
        if match or continued:
            if match:
                ignored.append((number, _brief(line)))
                indent = match["indent"]
                # the block may have no other statement
                kept.append(f"{indent}pass  # {line.strip()}" if indent else f"# {line}")
            else:
                kept.append(f"# {line}")
            continued = line.rstrip().endswith("\\")
        else:
            kept.append(line)
            scan.feed(line)
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

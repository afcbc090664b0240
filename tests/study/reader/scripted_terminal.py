"""A terminal that types given keys and records what is shown."""

from collections.abc import Iterator, Sequence

import click

from grader.study.reader.reading import REDRAW_KEY


class ScriptedTerminal:
    """A `TerminalIO` that types keys, then q. Lines printed between two keys are one page.

    A number in place of a key is a new width.
    """

    def __init__(self, keys: Sequence[str | int], columns: int = 80, rows: int = 24):
        self.columns = columns
        self.rows = rows
        self.pages: list[list[str]] = [[]]
        self.cleared = 0
        self._keys: Iterator[str | int] = iter(keys)

    @property
    def shown(self) -> str:
        """Everything that was printed."""
        return "\n".join(line for stretch in self.pages for line in stretch)

    def say(self, lines: Sequence[str]) -> None:
        self.pages[-1] += [click.unstyle(line).rstrip() for line in lines]

    def clear(self) -> None:
        self.cleared += 1

    def key(self, shown: str) -> str:
        return self._next(shown) or " "

    def line(self, keys: str, shown: str) -> str:
        return self._next(keys).strip()

    def _next(self, keys: str) -> str:
        self.prompt = click.unstyle(keys).strip()
        self.pages.append([])
        key = next(self._keys, "q")
        if isinstance(key, int):
            self.columns = key
            return REDRAW_KEY
        return key

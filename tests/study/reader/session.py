"""A desk that types what it was told, and keeps what it was shown."""

from collections.abc import Iterator, Sequence

import click


class Typist:
    """A `Desk`. After the last of its keys it stops; what was shown before each key is a stretch of its own."""

    def __init__(self, keys: Sequence[str], columns: int = 80, rows: int = 24):
        self.columns = columns
        self.rows = rows
        self.stretches: list[list[str]] = [[]]
        self.cleared = 0
        self._keys: Iterator[str] = iter(keys)

    @property
    def shown(self) -> str:
        """All that was printed."""
        return "\n".join(line for stretch in self.stretches for line in stretch)

    def say(self, lines: Sequence[str]) -> None:
        self.stretches[-1] += [click.unstyle(line).rstrip() for line in lines]

    def clear(self) -> None:
        self.cleared += 1

    def key(self, shown: str) -> str:
        return self._next(shown) or " "

    def line(self, keys: str, shown: str) -> str:
        return self._next(keys)

    def _next(self, keys: str) -> str:
        self.prompt = click.unstyle(keys).strip()
        self.stretches.append([])
        return next(self._keys, "q")

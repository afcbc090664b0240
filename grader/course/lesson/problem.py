"""An error in a lesson."""

import msgspec


class Problem(msgspec.Struct, frozen=True, order=True):
    """A sentence about a line of a file, or about the whole file (line 0). The path is relative to the course."""

    path: str
    line: int
    sentence: str

    @property
    def where(self) -> str:
        """The position: lessons/01-transformer-variants/1-from-zero.md:12."""
        return f"{self.path}:{self.line}" if self.line else self.path

"""Something in a lesson that does not hold."""

import msgspec


class Problem(msgspec.Struct, frozen=True, order=True):
    """A sentence on a line of a file, which is named from the course's folder; line 0: on the file as a whole."""

    path: str
    line: int
    what: str

    @property
    def where(self) -> str:
        """`lessons/01-transformer-variants/1-from-zero.md:12`"""
        return f"{self.path}:{self.line}" if self.line else self.path

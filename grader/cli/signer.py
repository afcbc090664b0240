"""The option --sign of commands that write exports. The package for signatures is imported where it is given."""

from collections.abc import Sequence
from pathlib import Path

from grader.teach.gradebook.model import Book


class Signer:
    """Signs what was written with the key in a file, or nothing where none was named."""

    def __init__(self, key: Path | None, outside: Sequence[Path]):
        """`outside`: folders that are handed on. UsageError where the key cannot be used or lies in one of them."""
        self._key = None
        if key is not None:
            from grader.teach.signing.keys import load_private

            self._key = load_private(key, outside)

    def sign(self, book: Book, out: Path, written: Sequence[Path]) -> list[Path]:
        """Signs these files of the folder `out`, and certificates that it writes there; returns the files it wrote."""
        if self._key is None:
            return []
        from grader.teach.signing.exports import sign_exports

        return sign_exports(book, out, written, self._key)

"""Packs quiz.yaml for a student's edition of a course, so that nobody reads an answer by accident.

This is a courtesy, not encryption: anybody can unpack the file, as `grade quiz` does. For an exam, students get a form
instead (`form`).
"""

import base64
import binascii
import textwrap
import zlib

from grader.course.document import Document
from grader.course.model import Text, YamlStruct

_WIDTH = 100
_HEAD = "# The questions with their answers, packed so that nobody reads an answer by accident. Run: grade quiz\n"


class _SealedFile(YamlStruct, frozen=True, kw_only=True):
    """The packed file."""

    title: Text
    sealed: Text  # quiz.yaml, zlib and base64


def seal(title: str, data: bytes) -> bytes:
    """Pack the bytes of quiz.yaml as a YAML file. The same bytes give the same file."""
    packed = base64.b64encode(zlib.compress(data, 9)).decode()
    lines = textwrap.wrap(packed, _WIDTH)
    quoted = title.replace("'", "''")
    return "\n".join([f"{_HEAD}title: '{quoted}'", "sealed: |", *(f"  {line}" for line in lines), ""]).encode()


def is_sealed(document: Document) -> bool:
    """Return whether a document is a packed quiz."""
    return "sealed" in document.value


def unseal(document: Document) -> bytes:
    """Return the bytes of the packed quiz.yaml. Raise UsageError if they are damaged."""
    try:
        return zlib.decompress(base64.b64decode(document.convert(_SealedFile).sealed))
    except (binascii.Error, zlib.error):
        raise document.error(("sealed",), "the quiz is damaged; restore the file from the original course.") from None

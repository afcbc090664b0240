"""A quiz whose answers are not in plain sight: quiz.yaml packed, as a student's edition of a course has it.

Whoever looks into the file reads no answer by accident. It is a courtesy and no secret: `grade quiz` opens it, and so
can anybody who wants to. An exam has no such file, but a form (`form`).
"""

import base64
import binascii
import textwrap
import zlib

from grader.course.document import Document
from grader.course.model import Text, YamlStruct

_WIDTH = 100
_HEAD = "# The questions with their answers, packed so that nobody reads an answer by accident: grade quiz asks them.\n"


class Sealed(YamlStruct, frozen=True, kw_only=True):
    """The file."""

    title: Text
    sealed: Text  # quiz.yaml, compressed and in base 64


def seal(title: str, data: bytes) -> bytes:
    """The file that stands for the quiz.yaml of these bytes; the same bytes give the same file."""
    packed = base64.b64encode(zlib.compress(data, 9)).decode()
    lines = textwrap.wrap(packed, _WIDTH)
    quoted = title.replace("'", "''")
    return "\n".join([f"{_HEAD}title: '{quoted}'", "sealed: |", *(f"  {line}" for line in lines), ""]).encode()


def is_sealed(document: Document) -> bool:
    """Whether a document stands for a quiz."""
    return "sealed" in document.value


def unsealed(document: Document) -> bytes:
    """The quiz.yaml that a document stands for. UsageError where it is damaged."""
    try:
        return zlib.decompress(base64.b64decode(document.convert(Sealed).sealed))
    except (binascii.Error, zlib.error):
        raise document.error(("sealed",), "the quiz is damaged; take the file as it was handed out.") from None

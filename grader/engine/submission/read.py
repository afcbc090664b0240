"""Reads the file that was handed in. Nothing of it is run, and no link is followed."""

import hashlib
import io
import tokenize
from pathlib import Path

import msgspec

from grader.base.errors import UsageError
from grader.engine.submission.files import is_notebook, limit_of, read_regular, visible
from grader.engine.submission.notebook import Cells, code_of


class Submission(msgspec.Struct, frozen=True):
    """One file that was handed in for one exercise."""

    file: str  # as the user named it
    name: str  # the exercise's id, and the module's name
    text: str  # decoded, lines end in a line feed; of a notebook the code of its cells
    sha256: str  # of the bytes
    cells: Cells | None = None  # where the lines of `text` stand in a notebook; None: it is none
    notes: tuple[str, ...] = ()  # what of it is not run, a sentence each


def read_submission(path: Path, name: str) -> Submission:
    """The Python file or notebook at `path`, a regular file, as a submission of exercise `name`.

    At most 1 MiB, a notebook 16 MiB. UsageError says in a sentence why a file cannot be read.
    """
    return submission_of(read_regular(path, limit_of(path.name)), visible(path), name)


def submission_of(data: bytes, file: str, name: str) -> Submission:
    """The content of a Python file or notebook as a submission of exercise `name`.

    `file` is its name for people, and says by its suffix which of them it is. UsageError as for `read_submission`.
    """
    digest = hashlib.sha256(data).hexdigest()
    if is_notebook(file):
        code = code_of(data, file)
        return Submission(file, name, code.text, digest, code.cells, code.notes)
    return Submission(file, name, _decoded(file, data), digest)


def _decoded(file: str, data: bytes) -> str:
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        text = data.decode(encoding)
    except SyntaxError as error:  # an unknown encoding in the coding line, or not UTF-8
        raise UsageError(f"{file} cannot be decoded: {error.msg}; save the file as UTF-8.") from None
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        codec = error.encoding.upper()
        raise UsageError(f"{file}:{line}: this line is not {codec}; save the file as UTF-8.") from None
    except (LookupError, UnicodeError) as error:  # the coding line names a codec that is not for text
        raise UsageError(f"{file} cannot be decoded: {error}; save the file as UTF-8.") from None
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise UsageError(f"{file}:{line}: a null byte, which no Python file holds; is it the right file?")
    return text.replace("\r\n", "\n").replace("\r", "\n")

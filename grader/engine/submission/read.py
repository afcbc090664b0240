"""Reads a submission. None of its code is run, and no link is followed."""

import hashlib
import io
import tokenize
from pathlib import Path

import msgspec

from grader.base.errors import UsageError
from grader.engine.submission.files import is_notebook, limit_of, read_regular, visible
from grader.engine.submission.notebook import Cells, extract_code


class Submission(msgspec.Struct, frozen=True):
    """One file that was handed in for one exercise."""

    file: str  # the name that the user gave
    name: str  # the exercise's id, which is also the module's name
    text: str  # decoded, with line feeds as line ends; the joined code cells of a notebook
    sha256: str  # of the bytes
    cells: Cells | None = None  # the positions of a notebook's cells in `text`; None for a Python file
    notes: tuple[str, ...] = ()  # a sentence for each line that is not run


def read_submission(path: Path, name: str) -> Submission:
    """Read the Python file or notebook at `path` as a submission of exercise `name`.

    Raise UsageError if it is not a regular file of at most 1 MiB (a notebook: 16 MiB), or cannot be decoded.
    """
    return submission_of(read_regular(path, limit_of(path.name)), visible(path), name)


def submission_of(data: bytes, file: str, name: str) -> Submission:
    """Return the content of a Python file or notebook as a submission of exercise `name`.

    `file` is its name for people, whose suffix tells the two apart. Raise UsageError if it cannot be decoded.
    """
    digest = hashlib.sha256(data).hexdigest()
    if is_notebook(file):
        code = extract_code(data, file)
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
        raise UsageError(f"{file}:{line}: a null byte, which Python code cannot contain; is it the right file?")
    return text.replace("\r\n", "\n").replace("\r", "\n")

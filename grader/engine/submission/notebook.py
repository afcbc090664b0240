"""Converts a notebook to one Python text, and lines of that text back to lines of cells.

Magics and shell commands become comments, so that each line of the text is a line of its cell.
"""

import re
import warnings
from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from grader.base.errors import UsageError
from grader.base.result import Failure, Frame, Outcome, Result
from grader.base.text import clean_line
from grader.engine.submission.files import CODE_LIMIT, too_large
from grader.engine.submission.magics import comment_out_magics

MAX_NOTES = 5  # lines that are named as not run

_LINE = re.compile(r"\b(?:on |in |at )?line (\d+)\b")
_LOADING = re.compile(r"(?<= while it was loaded), in line (\d+)\b")


class Cells(msgspec.Struct, frozen=True):
    """The positions of a notebook's code cells in its text. Lines count from 1."""

    first: tuple[int, ...]  # line of each cell
    last: tuple[int, ...]  # line of each cell

    def place(self, line: int) -> tuple[int, int]:
        """Return the code cell of a line of the text, counted from 1, and the line in that cell."""
        cell = max(bisect_right(self.first, line), 1)
        return cell, line - self.first[cell - 1] + 1

    def lines(self, cell: int) -> range:
        """Return the lines of the text that belong to a cell."""
        return range(self.first[cell - 1], self.last[cell - 1] + 1)


class NotebookCode(msgspec.Struct, frozen=True):
    """The code of a notebook. `notes` name the lines that are not run."""

    text: str
    cells: Cells
    notes: tuple[str, ...]


def extract_code(data: bytes, file: str) -> NotebookCode:
    """Return the joined code cells of a notebook. Raise UsageError if it is not a notebook or has no code."""
    lines: list[str] = []
    first: list[int] = []
    last: list[int] = []
    ignored: list[str] = []
    for number, source in enumerate(_sources(data, file), start=1):
        first.append(len(lines) + 1)
        rest, left_out = comment_out_magics(source.replace("\r\n", "\n").replace("\r", "\n").split("\n"))
        lines += rest
        last.append(len(lines))
        lines.append("")
        ignored += [f"cell {number}, line {line}: {what}" for line, what in left_out]
    text = "\n".join(lines)
    cells = Cells(tuple(first), tuple(last))
    if len(text.encode("utf-8", "surrogatepass")) > CODE_LIMIT:
        raise too_large(f"The code in {file}", CODE_LIMIT)
    if "\0" in text:
        cell, line = cells.place(text[: text.index("\0")].count("\n") + 1)
        raise UsageError(f"{file}, cell {cell}, line {line}: a null byte, which Python code cannot contain.")
    return NotebookCode(text, cells, _notes(ignored))


def _sources(data: bytes, file: str) -> list[str]:
    """Return the texts of the code cells. Raise UsageError if the file is not a notebook or has no code."""
    sources = [source for kind, source in _read_cells(data, file) if kind == "code"]
    if not all(isinstance(source, str) for source in sources):
        raise UsageError(f"{file} is damaged: the source of a cell is not text; save it again in Jupyter.")
    if not any(source.strip() for source in sources):
        raise UsageError(f"{file} has no code in it; is it the right file, and was it saved?")
    return sources


def _read_cells(data: bytes, file: str) -> list[tuple[str, Any]]:
    """Return the type and the source of each cell. Raise UsageError if the file is not a notebook."""
    import nbformat  # takes 0.2 s, and most submissions are not notebooks

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about what nbformat repairs
            notebook: Any = nbformat.reads(data.decode("utf-8-sig"), as_version=4)
        return [(cell.cell_type, cell.source) for cell in notebook.cells]
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise UsageError(f"{file}:{line}: this line is not UTF-8; save the notebook again in Jupyter.") from None
    except RecursionError:
        raise UsageError(f"{file} is not a notebook: it is nested too deeply; save it again in Jupyter.") from None
    except nbformat.reader.NotJSONError:
        raise UsageError(f"{file} is not a notebook: it is not JSON; save it again in Jupyter.") from None
    except nbformat.NBFormatError as error:
        raise UsageError(f"{file} cannot be read: {clean_line(str(error))}; save it again in Jupyter.") from None
    except Exception:  # nbformat raises anything for JSON of the wrong types
        raise UsageError(f"{file} is JSON but not a notebook; save it again in Jupyter.") from None


def _notes(ignored: Sequence[str]) -> tuple[str, ...]:
    notes = [f"Not run: {each}" for each in ignored[:MAX_NOTES]]
    if len(ignored) > MAX_NOTES:
        notes.append(f"Not run: {len(ignored) - MAX_NOTES} more lines of this kind.")
    return tuple(notes)


def locate_in_cells(result: Result, cells: Cells) -> Result:
    """Return the result of a notebook's text with each line number replaced by a cell and a line of that cell."""
    relocated: Result = _relocated(result, result.file, cells)
    if result.message is None:
        return relocated
    message = result.message
    if result.outcome is Outcome.SYNTAX_ERROR:
        # Python's message may have line numbers: "unterminated string (detected at line 7)".
        message = _LINE.sub(lambda match: _in_words(match, cells), message)
    elif result.outcome is Outcome.TIMEOUT:
        message = _relocate_loading(message, cells)
    exception = relocated.exception
    if exception is not None and exception.message == result.message:
        exception = replace(exception, message=message)
    return replace(relocated, message=message, exception=exception)


def _relocated(value: Any, file: str, cells: Cells) -> Any:
    """Return a part of a result with all its frames relocated."""
    if isinstance(value, Frame):
        return _in_cell(value, file, cells)
    if isinstance(value, tuple):
        return tuple([_relocated(each, file, cells) for each in value])
    if not isinstance(value, msgspec.Struct):
        return value
    changes = {}
    for name in value.__struct_fields__:
        part = getattr(value, name)
        if isinstance(part, tuple | msgspec.Struct):
            changes[name] = _relocated(part, file, cells)
    if isinstance(value, Failure):
        changes["message"] = _relocate_loading(value.message, cells)
    return replace(value, **changes) if changes else value


def _in_cell(frame: Frame, file: str, cells: Cells) -> Frame:
    if frame.file != file:
        return frame
    cell, line = cells.place(frame.line)
    own = cells.lines(cell)
    source = tuple(replace(each, number=each.number - own[0] + 1) for each in frame.source if each.number in own)
    return replace(frame, file=f"{file}, cell {cell}", line=line, source=source)


def _relocate_loading(message: str, cells: Cells) -> str:
    return _LOADING.sub(lambda match: f", {_in_words(match, cells)}", message)


def _in_words(match: "re.Match[str]", cells: Cells) -> str:
    cell, line = cells.place(int(match[1]))
    return f"in cell {cell}, line {line}"

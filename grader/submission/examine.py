"""What can be said of a submission without running it: it does not compile, or it is not started."""

import ast
import types
import warnings

import msgspec

from grader.course.stub import Function, is_public
from grader.result import Outcome


class Finding(msgspec.Struct, frozen=True):
    """Why there is nothing to run."""

    outcome: Outcome  # SYNTAX_ERROR or NOT_STARTED
    message: str
    line: int | None = None  # from 1
    column: int | None = None  # from 1, in characters
    source: str | None = None  # the text of that line


class Compiled(msgspec.Struct, frozen=True):
    """A submission that compiles. `warnings`: whether Python has something to say of it, which is not shown here."""

    code: types.CodeType
    warnings: bool


def examine(text: str, file: str) -> Finding | None:
    """A syntax error, or that nothing is written yet; None where the submission can be run."""
    compiled = compile_text(text, file)
    return compiled if isinstance(compiled, Finding) else unwritten(text)


def compile_text(text: str, file: str) -> Compiled | Finding:
    """The code of a module in the file of this name, or why it does not compile."""
    try:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            return Compiled(compile(text, file, "exec", dont_inherit=True), bool(said))
    except SyntaxError as error:
        return _syntax_error(error, text)
    except (RecursionError, MemoryError):
        return Finding(Outcome.SYNTAX_ERROR, "the code is nested too deeply for Python to read")
    except ValueError as error:  # null bytes, lone surrogates, integers of thousands of digits
        return Finding(Outcome.SYNTAX_ERROR, str(error))


def unwritten(text: str) -> Finding | None:
    """Return that nothing is written yet of a module: all its public functions and methods are still open.

    Those are which raise NotImplementedError and do nothing else. None where something is written, if only nonsense.
    """
    if "NotImplementedError" not in text:
        return None
    try:
        with warnings.catch_warnings(action="ignore"):
            functions = _functions(ast.parse(text))
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # no stub is nested too deeply for a tree of objects
        return None
    if not functions or not all(map(_is_open, functions)):
        return None
    line = functions[0].body[-1].lineno
    return Finding(Outcome.NOT_STARTED, "nothing is written yet", line, source=_line(text, line))


def _syntax_error(error: SyntaxError, text: str) -> Finding:
    line = error.lineno or None
    source = _line(text, line) if line else None
    return Finding(Outcome.SYNTAX_ERROR, error.msg, line, error.offset or None, source)


def _line(text: str, number: int) -> str:
    lines = text.split("\n")
    return lines[number - 1] if number <= len(lines) else ""


def _functions(tree: ast.Module | ast.ClassDef) -> list[Function]:
    """The functions and methods of a module or class, in order, without those whose names are private."""
    found: list[Function] = []
    for node in tree.body:
        if not isinstance(node, Function | ast.ClassDef) or not is_public(node.name):
            continue
        if isinstance(node, Function):
            found.append(node)
        else:
            found += _functions(node)
    return found


def _is_open(function: Function) -> bool:
    """Whether a function is still `raise NotImplementedError`, with or without a docstring and a message."""
    body = function.body[1:] if ast.get_docstring(function, clean=False) is not None else function.body
    if len(body) != 1 or not isinstance(body[0], ast.Raise):
        return False
    raised = body[0].exc
    if isinstance(raised, ast.Call):
        raised = raised.func
    return isinstance(raised, ast.Name) and raised.id == "NotImplementedError"

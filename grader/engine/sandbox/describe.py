"""Describes values and frames of the student's code without running any of that code."""

import ast
import itertools
import linecache
import types
from collections import deque
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from grader.engine.sandbox.pack import plain_tensor
from grader.engine.sandbox.wire import MAX_LOCALS, Described, SeenFrame, SeenOperand

_MAX_TEXT = 80  # characters of a value's text


def describe(value: Any) -> Described:
    """Return a short text for a value, and the shape and dtype of a tensor, without running the student's code."""
    kind = type(value)
    if issubclass(kind, Tensor):
        plain = plain_tensor(value)
        shape = None if plain.is_nested else tuple(plain.shape)
        return Described("tensor", shape, str(plain.dtype).removeprefix("torch."))
    if value is None or kind in (bool, int, float, str, torch.dtype, torch.Size):
        if kind is int and value.bit_length() > 256:
            return Described("an int of many digits")
        return Described(shorten(repr(value[:_MAX_TEXT] if kind is str else value)))
    if kind in (list, tuple) and len(value) <= 8 and all(type(v) in (bool, int, float, type(None)) for v in value):
        return Described(shorten(repr(value)) if all(type(v) is not int or v.bit_length() < 64 for v in value) else "…")
    if kind in (list, tuple, dict, set):
        return Described(f"{kind.__name__} of {len(value)}")
    if kind.__module__ == "numpy" and kind.__name__ == "ndarray":
        return Described("array", tuple(value.shape), shorten(str(value.dtype)))
    return Described(name_of(kind))


def name_of(kind: type) -> str:
    """Return the name of a class without asking its metaclass."""
    return shorten(type.__dict__["__name__"].__get__(kind))


def is_public(name: Any) -> bool:
    """Return whether a name may be sent to the judge."""
    return isinstance(name, str) and not name.startswith("_") and name.isidentifier() and len(name) <= _MAX_TEXT


def shorten(text: str, max_length: int = _MAX_TEXT) -> str:
    """Return the text without lone surrogates, cut to `max_length` characters with an ellipsis."""
    text = text.encode("utf-8", "replace").decode()
    return text if len(text) <= max_length else text[: max_length - 1] + "…"


Position = tuple[int | None, int | None, int | None, int | None]


def position_of(trace: types.TracebackType) -> Position:
    """Return the position of a traceback's instruction: line, end line, column, end column."""
    return next(itertools.islice(trace.tb_frame.f_code.co_positions(), trace.tb_lasti // 2, None))


def describe_frame(
    frame: types.FrameType, line: int | None, position: Position | None = None, operands: bool = False
) -> SeenFrame:
    """Describe a frame of the student's code with its locals and, on request, the operands at `position`.

    `line` is None or negative for an instruction without a line; then the first line of the function is used.
    """
    if line is None or line < 1:
        line = frame.f_code.co_firstlineno
    start, end, column, end_column = position or (line, None, None, None)
    named = ((name, value) for name, value in frame.f_locals.items() if isinstance(name, str))
    code = frame.f_code
    return SeenFrame(
        file=code.co_filename,
        line=line,
        function=shorten(code.co_name),
        end_line=end,
        column=column,
        end_column=end_column,
        operands=_operands(frame, start, end, column, end_column) if operands else [],
        locals={shorten(n): describe(v) for n, v in itertools.islice(named, MAX_LOCALS) if not n.startswith("__")},
    )


def _operands(
    frame: types.FrameType, line: int | None, end: int | None, column: int | None, end_column: int | None
) -> list[SeenOperand]:
    """Describe the names, attributes and parts of tensors in the failing expression, from left to right."""
    if line is None:
        return []
    try:
        tree = _tree("".join(linecache.getlines(frame.f_code.co_filename)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    position = (line, end, column, end_column)
    for node in _spanning(tree, line):
        if (
            isinstance(node, ast.expr)
            and (node.lineno, node.end_lineno, node.col_offset, node.end_col_offset) == position
        ):
            break
    else:
        return []
    found = []
    for part in ast.iter_child_nodes(node):
        found += _values(frame, part.value if isinstance(part, ast.keyword) else part)
    return found[:6]


def _values(frame: types.FrameType, operand: ast.AST) -> list[SeenOperand]:
    """Describe an operand: a name, an attribute or a part of a tensor, otherwise the tensors named in it."""
    while isinstance(operand, ast.Attribute) and _look_up(frame, ast.unparse(operand)) is _NOTHING:
        operand = operand.value  # for x.shape, which is a property, describe x
    if isinstance(operand, ast.Name | ast.Attribute | ast.Subscript):
        value = _sliced(frame, operand)
        if value is not _NOTHING and not callable(value) and not isinstance(value, types.ModuleType):
            return [SeenOperand(shorten(ast.unparse(operand)), operand.lineno, operand.col_offset, describe(value))]
        if isinstance(operand, ast.Name):
            return []
    inner = [each for part in ast.iter_child_nodes(operand) for each in _values(frame, part)]
    return [each for each in inner if each.value.shape is not None]


def _sliced(frame: types.FrameType, of: ast.Name | ast.Attribute | ast.Subscript) -> Any:
    """Return the value of an operand. Index a tensor only if that runs no code but torch's."""
    if not isinstance(of, ast.Subscript):
        return _look_up(frame, ast.unparse(of))
    if not isinstance(of.value, ast.Name | ast.Attribute):
        return _NOTHING
    value, index = _look_up(frame, ast.unparse(of.value)), _index(frame, of.slice)
    if not issubclass(type(value), Tensor) or index is _NOTHING:
        return _NOTHING
    try:
        return plain_tensor(value)[index]
    except (IndexError, TypeError, RuntimeError):
        return _NOTHING


def _index(frame: types.FrameType, node: ast.expr) -> Any:
    """Return the value of an index that consists of ints, None, slices and an ellipsis."""
    parts: tuple[Any, ...] = ()
    match node:
        case ast.Constant(value=value) if value is None or value is ... or type(value) is int:
            return value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int(value))):
            return -value
        case ast.Name(id=name):
            value = _look_up(frame, name)
            return value if type(value) is int else _NOTHING
        case ast.Slice(lower=lower, upper=upper, step=step):
            parts = tuple(None if each is None else _index(frame, each) for each in (lower, upper, step))
            return _NOTHING if any(part is _NOTHING for part in parts) else slice(*parts)
        case ast.Tuple(elts=elements):
            parts = tuple(_index(frame, each) for each in elements)
            return _NOTHING if any(part is _NOTHING for part in parts) else parts
    return _NOTHING


@lru_cache(maxsize=4)
def _tree(source: str) -> ast.Module:
    """Parse a file. Cached, since some tests make the same file raise many times."""
    return ast.parse(source)


def _spanning(tree: ast.AST, line: int) -> Iterator[ast.AST]:
    """Yield the nodes that span a line, in the order of `ast.walk`."""
    waiting = deque([tree])
    while waiting:
        node = waiting.popleft()
        yield node
        waiting += [child for child in ast.iter_child_nodes(node) if _spans(child, line)]


def _spans(node: ast.AST, line: int) -> bool:
    """Return whether a node spans a line. A node begins with its decorators, if there are any."""
    parts = [*getattr(node, "decorator_list", ()), node]
    return min(getattr(part, "lineno", line) for part in parts) <= line <= getattr(node, "end_lineno", line)


_NOTHING = object()


def _look_up(frame: types.FrameType, dotted: str) -> Any:
    """Return the value of a dotted name, or _NOTHING."""
    first, *rest = dotted.split(".")
    value = frame.f_locals.get(first, frame.f_globals.get(first, _NOTHING))
    for name in rest:
        if type(value) is Tensor and name in ("T", "mT"):
            value = getattr(value, name)
            continue
        # not getattr(), which would run the student's properties
        own = getattr(value, "__dict__", {})
        value = next((d[name] for d in (own, own.get("_parameters"), own.get("_buffers")) if d and name in d), _NOTHING)
    return value

"""Values and frames of the student's code in words, whatever they say of themselves."""

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

from grader.engine.sandbox.pack import bare
from grader.engine.sandbox.wire import MAX_LOCALS, Described, SeenFrame, SeenOperand

_TEXT = 80  # characters of a value's text


def describe(value: Any) -> Described:
    """A value in words, without calling any code of the student's."""
    kind = type(value)
    if issubclass(kind, Tensor):
        plain = bare(value)
        shape = None if plain.is_nested else tuple(plain.shape)
        return Described("tensor", shape, str(plain.dtype).removeprefix("torch."))
    if value is None or kind in (bool, int, float, str, torch.dtype, torch.Size):
        if kind is int and value.bit_length() > 256:
            return Described("an int of many digits")
        return Described(cut(repr(value[:_TEXT] if kind is str else value)))
    if kind in (list, tuple) and len(value) <= 8 and all(type(v) in (bool, int, float, type(None)) for v in value):
        return Described(cut(repr(value)) if all(type(v) is not int or v.bit_length() < 64 for v in value) else "…")
    if kind in (list, tuple, dict, set):
        return Described(f"{kind.__name__} of {len(value)}")
    if kind.__module__ == "numpy" and kind.__name__ == "ndarray":
        return Described("array", tuple(value.shape), cut(str(value.dtype)))
    return Described(name_of(kind))


def name_of(kind: type) -> str:
    """The name of a class, whatever its metaclass says."""
    return cut(type.__dict__["__name__"].__get__(kind))


def is_public(name: Any) -> bool:
    """Whether it is a name that the judge may be told of."""
    return isinstance(name, str) and not name.startswith("_") and name.isidentifier() and len(name) <= _TEXT


def cut(text: str, most: int = _TEXT) -> str:
    """The text, with an ellipsis where it is longer than that, and without lone surrogates."""
    text = text.encode("utf-8", "replace").decode()
    return text if len(text) <= most else text[: most - 1] + "…"


Position = tuple[int | None, int | None, int | None, int | None]


def position_of(trace: types.TracebackType) -> Position:
    """Where the instruction of a traceback stands: line, end line, column, end column."""
    return next(itertools.islice(trace.tb_frame.f_code.co_positions(), trace.tb_lasti // 2, None))


def see(
    frame: types.FrameType, line: int | None, position: Position | None = None, operands: bool = False
) -> SeenFrame:
    """A frame of the student's code, with its locals and, if asked for, the operands of what stands at `position`.

    `line` is None or negative in an instruction that belongs to no line: then it is that of the whole function.
    """
    if line is None or line < 1:
        line = frame.f_code.co_firstlineno
    start, end, column, end_column = position or (line, None, None, None)
    named = ((name, value) for name, value in frame.f_locals.items() if isinstance(name, str))
    code = frame.f_code
    return SeenFrame(
        file=code.co_filename,
        line=line,
        function=cut(code.co_name),
        end_line=end,
        column=column,
        end_column=end_column,
        operands=_operands(frame, start, end, column, end_column) if operands else [],
        locals={cut(n): describe(v) for n, v in itertools.islice(named, MAX_LOCALS) if not n.startswith("__")},
    )


def _operands(
    frame: types.FrameType, line: int | None, end: int | None, column: int | None, end_column: int | None
) -> list[SeenOperand]:
    """What takes part in the failing expression, left to right: names, attributes and parts of tensors, with values."""
    if line is None:
        return []
    try:
        tree = _tree("".join(linecache.getlines(frame.f_code.co_filename)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    place = (line, end, column, end_column)
    for node in _around(tree, line):
        if isinstance(node, ast.expr) and (node.lineno, node.end_lineno, node.col_offset, node.end_col_offset) == place:
            break
    else:
        return []
    found = []
    for part in ast.iter_child_nodes(node):
        found += _values(frame, part.value if isinstance(part, ast.keyword) else part)
    return found[:6]


def _values(frame: types.FrameType, operand: ast.AST) -> list[SeenOperand]:
    """What an operand is: a name, an attribute or a part of a tensor with its value, else the tensors named in it."""
    while isinstance(operand, ast.Attribute) and _look_up(frame, ast.unparse(operand)) is _NOTHING:
        operand = operand.value  # of x.shape, which is a property, x is shown
    if isinstance(operand, ast.Name | ast.Attribute | ast.Subscript):
        value = _sliced(frame, operand)
        if value is not _NOTHING and not callable(value) and not isinstance(value, types.ModuleType):
            return [SeenOperand(cut(ast.unparse(operand)), operand.lineno, operand.col_offset, describe(value))]
        if isinstance(operand, ast.Name):
            return []
    inner = [each for part in ast.iter_child_nodes(operand) for each in _values(frame, part)]
    return [each for each in inner if each.value.shape is not None]


def _sliced(frame: types.FrameType, of: ast.Name | ast.Attribute | ast.Subscript) -> Any:
    """The value of an operand. A part of a tensor is taken only where that runs no code but torch's."""
    if not isinstance(of, ast.Subscript):
        return _look_up(frame, ast.unparse(of))
    if not isinstance(of.value, ast.Name | ast.Attribute):
        return _NOTHING
    value, place = _look_up(frame, ast.unparse(of.value)), _index(frame, of.slice)
    if not issubclass(type(value), Tensor) or place is _NOTHING:
        return _NOTHING
    try:
        return bare(value)[place]
    except (IndexError, TypeError, RuntimeError):
        return _NOTHING


def _index(frame: types.FrameType, node: ast.expr) -> Any:
    """An index that is made of whole numbers, None, slices and an ellipsis."""
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
    """A file as `ast` reads it. Some tests make it raise again and again."""
    return ast.parse(source)


def _around(tree: ast.AST, line: int) -> Iterator[ast.AST]:
    """The nodes of a tree that can hold what stands in a line, in the order of `ast.walk`."""
    waiting = deque([tree])
    while waiting:
        node = waiting.popleft()
        yield node
        waiting += [child for child in ast.iter_child_nodes(node) if _reaches(child, line)]


def _reaches(node: ast.AST, line: int) -> bool:
    """Whether a node goes over a line. It begins with its decorators, if there are any."""
    parts = [*getattr(node, "decorator_list", ()), node]
    return min(getattr(part, "lineno", line) for part in parts) <= line <= getattr(node, "end_lineno", line)


_NOTHING = object()


def _look_up(frame: types.FrameType, dotted: str) -> Any:
    first, *rest = dotted.split(".")
    value = frame.f_locals.get(first, frame.f_globals.get(first, _NOTHING))
    for name in rest:
        if type(value) is Tensor and name in ("T", "mT"):
            value = getattr(value, name)
            continue
        # vars(), not getattr(): a module's parameters are found, and no property of the student's runs
        own = getattr(value, "__dict__", {})
        value = next((d[name] for d in (own, own.get("_parameters"), own.get("_buffers")) if d and name in d), _NOTHING)
    return value

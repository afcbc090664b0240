"""Names for arguments and results on the screen, taken from the reference."""

import ast
import inspect
import textwrap
import types
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, get_args

from grader.engine.judge.session import LogEntry
from grader.engine.sandbox import wire


def signature_text(reference: types.ModuleType | None, label: str) -> str | None:
    """Return the signature of a function or class of the reference, such as "(x, k=2)"; None if it has none."""
    try:
        return str(inspect.signature(resolve(reference, label)))
    except (TypeError, ValueError):
        return None


def may_return_none(reference: types.ModuleType | None, label: str) -> bool:
    """Return whether the annotation of a function of the reference allows it to return None."""
    annotations = getattr(resolve(reference, label), "__annotations__", {})
    return type(None) in get_args(annotations.get("return"))


def argument_name(reference: types.ModuleType | None, entry: LogEntry, place: str) -> str:
    """Return the name of an argument of a call, given by its position, such as "0", or by its keyword."""
    if not place.isdecimal():
        return place
    if isinstance(entry.request, wire.Differentiate):
        return "grad"
    try:
        names = list(inspect.signature(resolve(reference, entry.question.label)).parameters)
    except (TypeError, ValueError):
        names = []
    names = names[1:] if names[:1] == ["self"] else names
    return names[int(place)] if int(place) < len(names) else f"argument {int(place) + 1}"


def named_arguments(reference: types.ModuleType | None, entry: LogEntry) -> list[tuple[str, Any]]:
    """Return the arguments of a call with their names."""
    given = [(str(place), value) for place, value in enumerate(entry.question.args)]
    given += entry.question.kwargs.items()
    return [(argument_name(reference, entry, place), value) for place, value in given]


def names_of_parts(reference: types.ModuleType | None, label: str, count: int) -> list[str]:
    """Return names for `count` results of a function: those in the reference's last return statement, if they fit."""
    function = resolve(reference, label)
    names = _names_of_results(function) if inspect.isroutine(function) else ()
    if len(names) != count:
        names = ("",) * count
    return [name or ("result" if count == 1 else f"result[{place}]") for place, name in enumerate(names)]


def resolve(reference: types.ModuleType | None, label: str) -> Any:
    """Return the object of the reference that a label names, such as "Gate.forward"; None if there is none."""
    value: Any = reference
    for name in label.removesuffix(".backward").split("."):
        value = getattr(value, name, None)
    return value


@cache
def _names_of_results(function: Callable[..., Any]) -> tuple[str, ...]:
    """Return the names that a function returns (see `returned_names`); () if its source is not available."""
    try:
        return tuple(returned_names(inspect.getsource(function)))
    except (TypeError, OSError, SyntaxError):
        return ()


def returned_names(source: str) -> list[str]:
    """Return the names of the local variables in a function's last return statement; "" for any other expression.

    `weights.to(x.dtype)` counts as `weights`. Names of arguments and of functions do not count, because they do not
    describe the result. `source` is the definition of a function; any other source gives []. Raises SyntaxError.
    """
    (function,) = ast.parse(textwrap.dedent(source)).body
    if not isinstance(function, ast.FunctionDef):
        return []
    own = list(_own_nodes(function))
    returns = [node for node in own if isinstance(node, ast.Return) and node.value]
    if not returns:
        return []
    last = max(returns, key=lambda node: node.lineno).value
    arguments = {node.arg for node in ast.walk(function.args) if isinstance(node, ast.arg)}
    variables = {node.id for node in own if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)} - arguments
    names = [_root_name(part) for part in (last.elts if isinstance(last, ast.Tuple) else [last])]
    return [name if name in variables else "" for name in names]


def _own_nodes(function: ast.FunctionDef) -> Iterator[ast.AST]:
    """Yield the nodes of a function, without those of nested functions and classes."""
    waiting: list[ast.AST] = [*function.body]
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Lambda):
            waiting += ast.iter_child_nodes(node)


def _root_name(node: ast.expr | None) -> str:
    """Return the variable at the root of an expression, such as `weights` of `weights.to(...)`; "" if none."""
    while isinstance(node, ast.Call | ast.Attribute | ast.Subscript):
        if isinstance(node, ast.Call) and not isinstance(node.func, ast.Attribute):
            return ""
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""

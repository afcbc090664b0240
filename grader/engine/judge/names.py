"""What the reference calls its arguments and its results, for the screen."""

import ast
import inspect
import textwrap
import types
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, get_args

from grader.engine.judge.session import Entry
from grader.engine.sandbox import wire


def signature(reference: types.ModuleType | None, label: str) -> str | None:
    """How the function of a question is called, "(x, k=2)"; None where that cannot be told."""
    try:
        return str(inspect.signature(resolve(reference, label)))
    except (TypeError, ValueError):
        return None


def may_return_none(reference: types.ModuleType | None, label: str) -> bool:
    """Whether None is one of the answers that the function of a question can give, by its annotation."""
    annotations = getattr(resolve(reference, label), "__annotations__", {})
    return type(None) in get_args(annotations.get("return"))


def argument_name(reference: types.ModuleType | None, entry: Entry, place: str) -> str:
    """What an argument of a question is called: by its place, "0", or by the keyword that it was given with."""
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


def named_arguments(reference: types.ModuleType | None, entry: Entry) -> list[tuple[str, Any]]:
    """The arguments of a question, each with what it is called."""
    given = [(str(place), value) for place, value in enumerate(entry.question.args)]
    given += entry.question.kwargs.items()
    return [(argument_name(reference, entry, place), value) for place, value in given]


def names_of_parts(reference: types.ModuleType | None, label: str, count: int) -> list[str]:
    """What the reference calls what it returns: the names in its last return statement, if it has so many."""
    function = resolve(reference, label)
    names = _names_of_results(function) if inspect.isroutine(function) else ()
    if len(names) != count:
        names = ("",) * count
    return [name or ("result" if count == 1 else f"result[{place}]") for place, name in enumerate(names)]


def resolve(reference: types.ModuleType | None, label: str) -> Any:
    value: Any = reference
    for name in label.removesuffix(".backward").split("."):
        value = getattr(value, name, None)
    return value


@cache
def _names_of_results(function: Callable[..., Any]) -> tuple[str, ...]:
    """What a function of the reference calls the parts of its result, as in `returned_names`; () if it has no text."""
    try:
        return tuple(returned_names(inspect.getsource(function)))
    except (TypeError, OSError, SyntaxError):
        return ()


def returned_names(source: str) -> list[str]:
    """What a function calls the parts of its last return statement; "" for a part without a name of its own.

    A name is that of a local variable: the name alone, or with attributes, places and methods of it behind, as in
    `weights.to(x.dtype)`. An argument's name would speak of what went in, and a function's of how it was made.
    `source` is the text of the definition; that of a class, or of anything else, gives no names. Raises SyntaxError.
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
    """The nodes of a function, without those of functions inside it."""
    waiting: list[ast.AST] = [*function.body]
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Lambda):
            waiting += ast.iter_child_nodes(node)


def _root_name(node: ast.expr | None) -> str:
    """The name that an expression is a method call, an attribute or a part of: `weights` of `weights.to(...)`."""
    while isinstance(node, ast.Call | ast.Attribute | ast.Subscript):
        if isinstance(node, ast.Call) and not isinstance(node.func, ast.Attribute):
            return ""
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""

"""What the reference calls its results, for the screen."""

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any


@cache
def names_of_results(function: Callable[..., Any]) -> tuple[str, ...]:
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

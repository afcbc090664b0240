"""Read the public interface of a Python file from its text, without running it."""

import ast
from typing import Literal

import msgspec

from grader.base.errors import UsageError
from grader.base.outline import is_public

Function = ast.FunctionDef | ast.AsyncFunctionDef


class Definition(msgspec.Struct, frozen=True):
    """A public function, class or method."""

    name: str  # "route", "MoELayer", "MoELayer.forward"
    kind: Literal["function", "class", "method"]
    signature: str  # "route(logits: Tensor, k: int) -> tuple[Tensor, Tensor]", "MoELayer(nn.Module)"
    call: str  # "route(logits, k)": names and defaults only; of a class, those of its constructor
    docstring: str | None
    line: int


def interface(source: str, file: str = "<source>") -> tuple[Definition, ...]:
    """Return the public functions and classes at the top level in order, each class followed by its methods.

    Dunder names such as `__init__` are public. Raise UsageError if the source does not compile.
    """
    definitions: list[Definition] = []
    for node in parse(source, file).body:
        if isinstance(node, Function) and is_public(node.name):
            definitions.append(_function(node))
        elif isinstance(node, ast.ClassDef) and is_public(node.name):
            methods = [each for each in node.body if isinstance(each, Function) and is_public(each.name)]
            definitions.append(_class(node, methods))
            definitions += [_function(method, node.name) for method in methods]
    return tuple(definitions)


def disagreements(stub: str, reference: str) -> tuple[str, ...]:
    """Return a sentence for each name in which the interfaces of an exercise's stub and reference differ.

    Everything in the stub must be in the reference, with the same signature and docstring. The reference must have no
    other public names at its top level.
    """
    in_stub = {each.name: each for each in interface(stub, "the stub")}
    in_reference = {each.name: each for each in interface(reference, "the reference")}
    sentences = []
    for name, mine in in_stub.items():
        other = in_reference.get(name)
        if other is None:
            sentences.append(f"{name} is in the stub (line {mine.line}) and not in the reference.")
        elif mine.signature != other.signature:
            sentences.append(
                f"{name} is {mine.signature} in the stub (line {mine.line}) "
                f"and {other.signature} in the reference (line {other.line})."
            )
        elif mine.docstring != other.docstring:
            sentences.append(
                f"The docstring of {name} differs between the stub (line {mine.line}) "
                f"and the reference (line {other.line})."
            )
    for name, other in in_reference.items():
        if name not in in_stub and other.kind != "method":
            sentences.append(
                f"{name} is in the reference (line {other.line}) and not in the stub; "
                f"the name of a helper must start with an underscore."
            )
    return tuple(sentences)


def parse(source: str, file: str) -> ast.Module:
    """Return the syntax tree. Raise UsageError with file and line if the source does not compile."""
    try:
        return ast.parse(source)
    except SyntaxError as error:
        raise UsageError(f"{file}:{error.lineno or 1}: {error.msg}.") from None


def _function(node: Function, of: str | None = None) -> Definition:
    name = f"{of}.{node.name}" if of else node.name
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    prefix = "async " if isinstance(node, ast.AsyncFunctionDef) else ""
    return Definition(
        name=name,
        kind="method" if of else "function",
        signature=f"{prefix}{name}({ast.unparse(node.args)}){returns}",
        call=f"{name}({_names(node, method=of is not None)})",
        docstring=ast.get_docstring(node),
        line=node.lineno,
    )


def _class(node: ast.ClassDef, methods: list[Function]) -> Definition:
    bases = ", ".join(map(ast.unparse, [*node.bases, *node.keywords]))
    init = next((method for method in methods if method.name == "__init__"), None)
    return Definition(
        name=node.name,
        kind="class",
        signature=f"{node.name}({bases})" if bases else node.name,
        call=f"{node.name}({_names(init, method=True)})" if init else f"{node.name}()",
        docstring=ast.get_docstring(node),
        line=node.lineno,
    )


def _names(node: Function, method: bool) -> str:
    """Return the parameters without annotations."""
    args = ast.parse(f"def f({ast.unparse(node.args)}): ...").body[0].args  # type: ignore[attr-defined]  # a copy to change
    for arg in ast.walk(args):
        if isinstance(arg, ast.arg):
            arg.annotation = None
    static = any(isinstance(d, ast.Name) and d.id == "staticmethod" for d in node.decorator_list)
    if method and not static:
        del (args.posonlyargs or args.args)[:1]
    return ast.unparse(args)

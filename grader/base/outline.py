"""What Python's own parser says of a source text, without running any of it.

The text is a stranger's, and some texts take Python minutes to parse, so `examine` runs this file as a script, in a
process that it can stop. The process is to start in a few milliseconds, which is why nothing is imported here but what
Python has loaded anyway: `ast` or `typing` alone would take longer than all the rest.
"""

from __future__ import annotations

import _ast
import marshal
import sys
import warnings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TypeAlias

    Fault: TypeAlias = tuple[str, int | None, int | None]  # message; line and column, from 1
    Import: TypeAlias = tuple[str, str, bool]  # the top-level module, the name that is bound, whether it is read

TOO_LARGE = "the code is too large, or nested too deeply, for Python to read"

_Function = _ast.FunctionDef | _ast.AsyncFunctionDef


def outline(text: str, file: str) -> tuple[Fault | None, tuple[Import, ...], int | None, bytes | None]:
    """Parse and compile a source text, whose tracebacks will name `file`.

    Returns: why it does not compile, or None; what it imports; the line of its first public function, if all of them
        are still open; its code, marshalled, unless Python warns of something, which whoever compiles it will see.
    """
    try:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            tree = compile(text, file, "exec", _ast.PyCF_ONLY_AST, dont_inherit=True)
            assert isinstance(tree, _ast.Module)
            code = marshal.dumps(compile(tree, file, "exec", dont_inherit=True))
        return None, _imports(tree), _first_open(tree), None if said else code
    except SyntaxError as error:
        fault = error.msg, error.lineno or None, error.offset or None
    except (RecursionError, MemoryError):
        fault = TOO_LARGE, None, None
    except ValueError as error:  # null bytes, lone surrogates, integers of thousands of digits
        fault = str(error), None, None
    return fault, (), None, None


def _nodes(tree: _ast.AST) -> Iterator[_ast.AST]:
    """Yield all nodes of a tree, in the order of `ast.walk`."""
    waiting = [tree]
    for node in waiting:
        yield node
        for field in node._fields:
            value = getattr(node, field, None)
            waiting += [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, _ast.AST)]


def _imports(tree: _ast.AST) -> tuple[Import, ...]:
    found: list[tuple[str, str]] = []
    read = {"*"}
    for node in _nodes(tree):
        if isinstance(node, _ast.Name) and isinstance(node.ctx, _ast.Load):
            read.add(node.id)
        elif isinstance(node, _ast.Import):
            for each in node.names:
                module = each.name.partition(".")[0]
                found.append((module, each.asname or module))
        elif isinstance(node, _ast.ImportFrom) and node.module is not None and not node.level:
            found += [(node.module.partition(".")[0], each.asname or each.name) for each in node.names]
    return tuple((module, name, name in read) for module, name in found)


def _first_open(tree: _ast.Module) -> int | None:
    """Return the line of the first function that is still open, if all public functions and methods are."""
    functions = list(_functions(tree))
    if not functions or not all(map(_is_open, functions)):
        return None
    return functions[0].body[-1].lineno


def _functions(tree: _ast.Module | _ast.ClassDef) -> Iterator[_Function]:
    for node in tree.body:
        if isinstance(node, _Function | _ast.ClassDef) and is_public(node.name):
            yield from _functions(node) if isinstance(node, _ast.ClassDef) else [node]


def is_public(name: str) -> bool:
    """Return whether a name is part of an interface: it has no leading underscore, or is Python's own (`__init__`)."""
    return not name.startswith("_") or (name.startswith("__") and name.endswith("__"))


def _is_open(function: _Function) -> bool:
    """Return whether a function does nothing but raise NotImplementedError, with or without a docstring."""
    *before, last = function.body
    if any(not _is_text(each) for each in before[:1]) or len(before) > 1 or not isinstance(last, _ast.Raise):
        return False
    raised = last.exc.func if isinstance(last.exc, _ast.Call) else last.exc
    return isinstance(raised, _ast.Name) and raised.id == "NotImplementedError"


def _is_text(node: _ast.stmt) -> bool:
    return isinstance(node, _ast.Expr) and isinstance(node.value, _ast.Constant) and isinstance(node.value.value, str)


def _serve(seconds: int, memory: int) -> None:
    """Answer requests on stdin until it is closed: each a name of a file and a text, for `seconds` of CPU time.

    A request and its answer are marshalled, after their length in eight bytes. Memory is limited to `memory` bytes,
    where the system holds processes to that.
    """
    import resource

    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    while length := sys.stdin.buffer.read(8):
        file, data = marshal.loads(sys.stdin.buffer.read(int.from_bytes(length, "little")))
        used = resource.getrusage(resource.RUSAGE_SELF)
        resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + seconds + 1, most))
        answer = marshal.dumps(outline(data.decode("utf-8", "surrogatepass"), file))
        sys.stdout.buffer.write(len(answer).to_bytes(8, "little") + answer)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    _serve(int(sys.argv[1]), int(sys.argv[2]))

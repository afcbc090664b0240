"""Parse a submission without running it, and return its imports and what it has implemented.

Some source texts take Python minutes to parse, so `examine` runs this file as a script in a process that it can kill.
To start in milliseconds, the script imports only modules that Python has loaded anyway: importing `ast` or `typing`
would take longer than all the rest.
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

    Fault: TypeAlias = tuple[str, int | None, int | None]  # message, line and column from 1
    Import: TypeAlias = tuple[str, str, bool]  # top-level module, bound name, is it read?

TOO_LARGE = "the code is too large, or nested too deeply, for Python to read"

_Function = _ast.FunctionDef | _ast.AsyncFunctionDef


def outline(text: str, file: str) -> tuple[Fault | None, tuple[Import, ...], int | None, bytes | None]:
    """Parse and compile a source text, which tracebacks will call `file`.

    Returns:
        The reason why it does not compile, or None; its imports; the line of its first `raise` if no public function is
        implemented, else None; its marshalled code, or None if compiling it raises a warning.
    """
    try:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            tree = compile(text, file, "exec", _ast.PyCF_ONLY_AST, dont_inherit=True)
            assert isinstance(tree, _ast.Module)
            code = marshal.dumps(compile(tree, file, "exec", dont_inherit=True))
        return None, _imports(tree), _first_unimplemented(tree), None if warned else code
    except SyntaxError as error:
        fault = error.msg, error.lineno or None, error.offset or None
    except (RecursionError, MemoryError):
        fault = TOO_LARGE, None, None
    except ValueError as error:  # null bytes, lone surrogates, integers of thousands of digits
        fault = str(error), None, None
    return fault, (), None, None


def _nodes(tree: _ast.AST) -> Iterator[_ast.AST]:
    """Yield all nodes of a tree in the order of `ast.walk`."""
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


def _first_unimplemented(tree: _ast.Module) -> int | None:
    """Return the line of the first `raise` if no public function or method is implemented, else None."""
    functions = list(_functions(tree))
    if not functions or not all(map(_is_unimplemented, functions)):
        return None
    return functions[0].body[-1].lineno


def _functions(tree: _ast.Module | _ast.ClassDef) -> Iterator[_Function]:
    for node in tree.body:
        if isinstance(node, _Function | _ast.ClassDef) and is_public(node.name):
            yield from _functions(node) if isinstance(node, _ast.ClassDef) else [node]


def is_public(name: str) -> bool:
    """Return whether a name is public: it has no leading underscore, or is a dunder name such as `__init__`."""
    return not name.startswith("_") or (name.startswith("__") and name.endswith("__"))


def _is_unimplemented(function: _Function) -> bool:
    """Return whether a function only raises NotImplementedError, with or without a docstring."""
    *before, last = function.body
    if any(not _is_text(each) for each in before[:1]) or len(before) > 1 or not isinstance(last, _ast.Raise):
        return False
    raised = last.exc.func if isinstance(last.exc, _ast.Call) else last.exc
    return isinstance(raised, _ast.Name) and raised.id == "NotImplementedError"


def _is_text(node: _ast.stmt) -> bool:
    return isinstance(node, _ast.Expr) and isinstance(node.value, _ast.Constant) and isinstance(node.value.value, str)


def _serve(seconds: int, memory: int) -> None:
    """Answer requests on stdin until it is closed. Each is a file name and a text, and may take `seconds` of CPU time.

    A request and its answer are marshalled and preceded by their length in eight bytes. On Linux, memory is limited to
    `memory` bytes.
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

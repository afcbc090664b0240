"""Names of the reference that a test reaches, and those that its calls ask for directly."""

import ast
import inspect
import types
from collections.abc import Iterator, Mapping, Sequence

from grader.engine.judge.replay import Request, objects_in
from grader.engine.judge.session import LogEntry
from grader.engine.sandbox import wire
from grader.engine.sandbox.objects import MODULE


def used_names(module: types.ModuleType) -> dict[str, set[str]]:
    """Return, for each name that a module binds, the names in the statements that bind it."""
    found: dict[str, set[str]] = {}
    for statement in ast.parse(inspect.getsource(module)).body:
        names = {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            bound = {statement.name}
        else:  # treat the body of a loop or a condition as one
            inner = [node for node in ast.walk(statement) if isinstance(node, ast.FunctionDef | ast.ClassDef)]
            bound = names | {node.name for node in inner}
        for name in bound:
            found.setdefault(name, set()).update(names)
    return found


def reached_names(log: Sequence[LogEntry], used: Mapping[str, set[str]]) -> set[str]:
    """Return the names of the reference that calls ask for, and all that these use, directly or not."""
    found: set[str] = set()
    waiting = {name for entry in log for name in _asked(entry.request)}
    if "" in waiting:  # the module itself
        waiting = set(used)
    while waiting:
        found |= waiting
        waiting = {name for each in waiting for name in used.get(each, ())} - found
    return found


def asked_names(log: Sequence[LogEntry]) -> list[str]:
    """Return for each call the name of the reference that it asks for directly.

    That is a function, a class, or for a method the name whose call returned the object.
    """
    found: list[str] = []
    names_of_objects: dict[int, str] = {}  # by number
    names_of_calls: dict[int, str] = {}  # by id
    for entry in log:
        request = entry.request
        if isinstance(request, wire.Differentiate):
            name = names_of_calls[request.of]
        elif request.number == MODULE:
            name = request.path.partition(".")[0]
        elif request.number == wire.LAST_CALL and found:
            name = found[-1]
        else:
            name = names_of_objects.get(request.number, "")
        if isinstance(entry.reply, wire.Returned):
            for each in objects_in(entry.reply.value):
                names_of_objects.setdefault(each.number, name)
        names_of_calls[request.id] = name
        found.append(name)
    return found


def _asked(request: Request) -> Iterator[str]:
    """Yield the names of the module in one call; any other object comes from an earlier call."""
    if isinstance(request, wire.Differentiate):
        return
    values: list[wire.WireValue] = [wire.WireObject(request.number, "", request.path)]
    if isinstance(request, wire.Invoke):
        values += [*request.args, *request.kwargs.values()]
    elif isinstance(request, wire.Set):
        values.append(request.value)
    for each in (found for value in values for found in objects_in(value)):
        if isinstance(each, wire.WireObject) and each.number == MODULE:
            yield each.path.partition(".")[0]

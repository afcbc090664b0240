"""Which names of the reference a test reaches, and which questions ask for a name directly."""

import ast
import inspect
import types
from collections.abc import Iterator, Mapping, Sequence

from grader.engine.judge.replay import Asked, held
from grader.engine.judge.session import Entry
from grader.engine.sandbox import wire
from grader.engine.sandbox.objects import MODULE


def uses(module: types.ModuleType) -> dict[str, set[str]]:
    """For each name that a module binds, the names that are written in what binds it."""
    found: dict[str, set[str]] = {}
    for statement in ast.parse(inspect.getsource(module)).body:
        names = {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            bound = {statement.name}
        else:  # what a loop or a condition holds belongs together
            inner = [node for node in ast.walk(statement) if isinstance(node, ast.FunctionDef | ast.ClassDef)]
            bound = names | {node.name for node in inner}
        for name in bound:
            found.setdefault(name, set()).update(names)
    return found


def reached(log: Sequence[Entry], used: Mapping[str, set[str]]) -> set[str]:
    """The names of the reference that questions ask for, and those that these use, through whatever others."""
    found: set[str] = set()
    waiting = {name for entry in log for name in _asked(entry.request)}
    if "" in waiting:  # the module itself
        waiting = set(used)
    while waiting:
        found |= waiting
        waiting = {name for each in waiting for name in used.get(each, ())} - found
    return found


def asked_names(log: Sequence[Entry]) -> list[str]:
    """The name of the reference that each question asks directly: a function, a class, or what gave the object."""
    found: list[str] = []
    gave: dict[int, str] = {}  # by the number of an object
    by_id: dict[int, str] = {}
    for entry in log:
        request = entry.request
        if isinstance(request, wire.Differentiate):
            name = by_id[request.of]
        elif request.number == MODULE:
            name = request.path.partition(".")[0]
        else:
            name = found[-1] if request.number == wire.LAST_CALL and found else gave.get(request.number, "")
        if isinstance(entry.reply, wire.Returned):
            for each in held(entry.reply.value):
                gave.setdefault(each.number, name)
        by_id[request.id] = name
        found.append(name)
    return found


def _asked(request: Asked) -> Iterator[str]:
    """The names of the module in one question. Any other object came from what an earlier one asked for."""
    if isinstance(request, wire.Differentiate):
        return
    values: list[wire.WireValue] = [wire.WireObject(request.number, "", request.path)]
    if isinstance(request, wire.Invoke):
        values += [*request.args, *request.kwargs.values()]
    elif isinstance(request, wire.Set):
        values.append(request.value)
    for each in (found for value in values for found in held(value)):
        if isinstance(each, wire.WireObject) and each.number == MODULE:
            yield each.path.partition(".")[0]

"""Other versions of a reference: known mistakes, and right solutions in other styles. Read, never executed.

`mistakes.py` and `variants.py` are plain Python. Each definition decorated `@replaces("route")` stands for a
submission: the reference with this definition in place of its `route`. What the file imports from the
reference stays the reference's own: a variation that calls `route` reaches that one and not itself.
"""

import ast
import copy
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import msgspec

from grader.base.errors import UsageError
from grader.base.files import read_text, shown
from grader.base.text import did_you_mean
from grader.course.stub import Function, parse

Definition = Function | ast.ClassDef

OWN = "_reference_"  # before the names of the reference's own versions


class Variation(msgspec.Struct, frozen=True):
    """One definition of mistakes.py or variants.py."""

    name: str
    replaces: str  # the name of the reference that it stands for
    advice: str  # its docstring
    source: str  # a whole module: the reference with this definition in place of the one that it replaces
    line: int
    ends: str | None = None  # the outcome by which alone it fails: "timeout" or "memory"


def load_variations(path: Path, reference: str, exercise_id: str) -> tuple[Variation, ...]:
    """The variations in the file at `path`, in order.

    `reference` is the text of the reference. In a file named mistakes.py each needs a docstring: the advice
    to the student. UsageError with file and line for whatever is wrong in the file.
    """
    return _File(path, read_text(path), _Reference(reference, exercise_id)).variations()


class _Mark(NamedTuple):
    """What @replaces says."""

    replaces: str
    ends: str | None = None


class _Reference:
    """The reference's text, and what its top level holds."""

    def __init__(self, text: str, name: str):
        self.text, self.name = text.rstrip("\n"), name
        self._tree = tree = parse(text, f"{name}.py")
        self.bound = {name: node for node in tree.body for name in _bound(node)}
        self.definitions = {node.name: node for node in tree.body if isinstance(node, Definition)}
        self._read = {name: _names(node) for name, node in self.definitions.items()}

    def after_docstring(self, imports: list[str]) -> str:
        """The text with imports from __future__, which stand before all other statements."""
        lines = self.text.split("\n")
        first = self._tree.body[0] if self._tree.body else None
        end = first.end_lineno if first and ast.get_docstring(self._tree, clean=False) is not None else 0
        return "\n".join([*lines[:end], *imports, *lines[end:]])

    def depending_on(self, name: str) -> list[str]:
        """The definitions that use `name` through whatever others, itself first."""
        found = {name: None}
        while True:
            more = [each for each, read in self._read.items() if each not in found and not read.isdisjoint(found)]
            if not more:
                return [each for each in self.definitions if each in found]
            found |= dict.fromkeys(more)


class _Part:
    """A statement of a file of variations: what it binds, the names that it reads, its text."""

    def __init__(self, node: ast.stmt):
        self.node = node
        self.bound, self.read = set(_bound(node)), _names(node)
        self._text = ast.unparse(node)
        self._renamed: dict[frozenset[str], str] = {}  # by the names that have another: most variations share them

    def text(self, rename: "_Rename") -> str:
        if self.read.isdisjoint(rename.names):
            return self._text
        names = frozenset(rename.names)
        if names not in self._renamed:
            (copied,) = ast.parse(self._text).body  # much faster than copy.deepcopy
            self._renamed[names] = ast.unparse(rename.visit(copied))
        return self._renamed[names]


class _File:
    """One file of variations."""

    def __init__(self, path: Path, text: str, reference: _Reference):
        self.path, self.reference = path, reference
        self.futures: list[str] = []
        self.helpers: list[ast.stmt] = []  # also imports
        self.marked: dict[str, tuple[Definition, _Mark]] = {}
        self.imported: dict[str, str] = {}  # its name here -> in the reference
        for node in parse(text, shown(path)).body:
            self._sort(node)
        if not self.marked:
            raise UsageError(f'{shown(path)}:1: nothing here is decorated @replaces("name of the reference").')
        for node in self.helpers:
            self._check_names(node)

    def variations(self) -> tuple[Variation, ...]:
        helpers = [_Part(node) for node in self.helpers]
        copies = {name: self._copies(name) for name in {mark.replaces for _, mark in self.marked.values()}}
        return tuple(self._variation(node, mark, helpers, copies[mark.replaces]) for node, mark in self.marked.values())

    def _copies(self, replaced: str) -> list[str]:
        """What a definition of the reference is used by, and itself, under names of their own."""
        own = self.reference.depending_on(replaced)
        inside = _Rename({name: OWN + name for name in own})
        return [ast.unparse(inside.definition(self.reference.definitions[name])) for name in own]

    def _sort(self, node: ast.stmt) -> None:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            return  # the docstring
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            self.futures.append(ast.unparse(node))
        elif isinstance(node, ast.ImportFrom) and node.module == self.reference.name and not node.level:
            self._import_from_reference(node)
        elif isinstance(node, ast.ImportFrom) and node.module == "grader.testing":
            node.names = [alias for alias in node.names if alias.name != "replaces"]
            self.helpers += [node] if node.names else []
        elif isinstance(node, Definition) and (mark := self._mark(node)):
            if node.name in self.marked:
                first = self.marked[node.name][0].lineno
                raise self._error(node, f"'{node.name}' is defined twice; it stands in line {first} already.")
            self.marked[node.name] = (node, mark)
        else:
            self.helpers.append(node)
        self._check_imports(node)

    def _check_imports(self, node: ast.stmt) -> None:
        for each in ast.walk(node):
            names = [alias.name for alias in each.names] if isinstance(each, ast.Import) else []
            inner = isinstance(each, ast.ImportFrom) and each.module == self.reference.name and each is not node
            if self.reference.name in names or inner:
                sentence = f"import the reference's names at the top: from {self.reference.name} import name."
                raise self._error(each, sentence)

    def _import_from_reference(self, node: ast.ImportFrom) -> None:
        for alias in node.names:
            if alias.name == "*":
                continue
            if alias.name not in self.reference.bound:
                raise self._error(node, self._not_in_reference(alias.name))
            self.imported[alias.asname or alias.name] = alias.name

    def _mark(self, node: Definition) -> "_Mark | None":
        for decorator in node.decorator_list:
            called = ast.unparse(decorator.func if isinstance(decorator, ast.Call) else decorator)
            if called.split(".")[-1] != "replaces":
                continue
            match decorator:
                case ast.Call(args=[ast.Constant(value=str(name))], keywords=[]):
                    mark = _Mark(name)
                case ast.Call(
                    args=[ast.Constant(value=str(name))],
                    keywords=[ast.keyword(arg="ends", value=ast.Constant(value="timeout" | "memory" as outcome))],
                ) if self.path.stem == "mistakes":
                    mark = _Mark(name, str(outcome))
                case _:
                    also = ', or ends="timeout" or "memory" after it' if self.path.stem == "mistakes" else ""
                    raise self._error(decorator, f'write @replaces("name") with one name of the reference{also}.')
            node.decorator_list.remove(decorator)
            if name not in self.reference.definitions:
                raise self._error(decorator, self._not_in_reference(name, self.reference.definitions))
            if node.name != name and node.name in self.reference.bound:
                raise self._error(node, f"'{node.name}' is a name of the reference; give this version another.")
            if self.path.stem == "mistakes" and not ast.get_docstring(node):
                raise self._error(node, f"'{node.name}' has no docstring: the advice that its author reads.")
            return mark
        return None

    def _check_names(self, node: ast.stmt) -> None:
        """A helper may not put another meaning under a name of the reference."""
        for name in _bound(node):
            other = self.reference.bound.get(name)
            if other and not _same_import(node, other, name) and ast.dump(other) != ast.dump(node):
                raise self._error(node, f"'{name}' is a name of the reference too; give the helper another.")

    def _variation(self, node: Definition, mark: "_Mark", helpers: list[_Part], copies: list[str]) -> Variation:
        """`copies`: the text of what the reference's definition is used by, if this version asks for any of it."""
        replaced = mark.replaces
        own = self.reference.depending_on(replaced)
        parts = [*helpers, _Part(node)]
        here: set[str] = set().union(*(part.bound for part in parts))
        for part in parts:
            if used := sorted(part.read & (self.marked.keys() - here)):
                sentence = f"'{used[0]}' stands for a submission of its own; make a helper of what both need."
                raise self._error(part.node, sentence)
        rename = _Rename({name: OWN + name for name in own if name not in here})
        used_here = set(self.imported.values()).union(*(part.read for part in parts))
        aliases = [
            f"{name} = {OWN + original if original in own else original}"
            for name, original in self.imported.items()
            if name != original
        ]
        lines = [
            self.reference.after_docstring(self.futures),
            "",
            *([] if used_here.isdisjoint(own) else copies),
            *aliases,
            *(part.text(rename) for part in parts),
            *([f"{replaced} = {node.name}"] if node.name != replaced else []),
            "",
        ]
        advice = ast.get_docstring(node) or ""
        return Variation(node.name, replaced, advice, "\n".join(lines), node.lineno, mark.ends)

    def _not_in_reference(self, name: str, names: Iterable[str] | None = None) -> str:
        near = did_you_mean(name, self.reference.bound if names is None else names)
        return f"'{name}' is not defined in the reference.{near}"

    def _error(self, node: ast.AST, sentence: str) -> UsageError:
        return UsageError(f"{shown(self.path)}:{getattr(node, 'lineno', 1)}: {sentence}")


class _Rename(ast.NodeTransformer):
    """Renames global names, but not in functions where a parameter or local has the same name."""

    def __init__(self, names: dict[str, str]):
        self.names = names

    def definition(self, node: Definition) -> Definition:
        """A copy of the definition under its new name."""
        renamed: Definition = self.visit(copy.deepcopy(node))
        renamed.name = self.names[node.name]
        return renamed

    def visit_Name(self, node: ast.Name) -> ast.Name:
        node.id = self.names.get(node.id, node.id)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._scope(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._scope(node)

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        return self._scope(node)

    def _scope(self, node: Function | ast.Lambda) -> ast.AST:
        local = {each.arg for each in ast.walk(node.args) if isinstance(each, ast.arg)}
        for part in node.body if isinstance(node.body, list) else []:
            local |= _bound_within(part).keys()
        inner = _Rename({name: new for name, new in self.names.items() if name not in local})
        if isinstance(node, ast.Lambda):
            node.args, node.body = self.visit(node.args), inner.visit(node.body)
            return node
        node.args = self.visit(node.args)  # defaults and annotations belong to the scope around
        node.returns = self.visit(node.returns) if node.returns else None
        node.decorator_list = [self.visit(each) for each in node.decorator_list]
        node.body = [inner.visit(each) for each in node.body]
        return node


def _names(node: ast.AST) -> set[str]:
    """The names that are read anywhere in a node."""
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load)}


def _bound(node: ast.stmt) -> list[str]:
    """The names that a statement of the top level binds."""
    if isinstance(node, Definition):
        return [node.name]
    return list(_bound_within(node))


def _bound_within(node: ast.AST) -> dict[str, None]:
    """The names bound in a node; of a definition its name, not its locals."""
    if isinstance(node, Definition):
        return {node.name: None}
    if isinstance(node, ast.Import | ast.ImportFrom):
        return dict.fromkeys((alias.asname or alias.name).split(".")[0] for alias in node.names)
    found: dict[str, None] = {}
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        found[node.id] = None
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.Lambda):
            found |= _bound_within(child)
    return found


def _same_import(node: ast.stmt, other: ast.stmt, name: str) -> bool:
    """Whether both statements import the same thing under this name."""

    def origin(of: ast.stmt) -> tuple[str, str] | None:
        if isinstance(of, ast.Import | ast.ImportFrom):
            module = (of.module or "") if isinstance(of, ast.ImportFrom) else ""
            for alias in of.names:
                bound = alias.asname or alias.name.split(".")[0]
                if bound == name:
                    return module, alias.name if alias.asname else bound
        return None

    return origin(node) is not None and origin(node) == origin(other)

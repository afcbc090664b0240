"""Load the variations of a reference: known mistakes and correct variants. The files are read, never executed.

`mistakes.py` and `variants.py` are plain Python. Each definition decorated `@replaces("route")` stands for a
submission: the reference with this definition instead of its `route`. Names that the file imports from the reference
keep their meaning: a variation that calls `route` calls the reference's, not itself.

A definition may take parameters, `@replaces("route", axis=[0, 1])`: it stands for one submission with each combination
of their values. A function has them as keyword-only parameters, a class as annotations without a value.
"""

import ast
import copy
import itertools
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from grader.base.errors import UsageError
from grader.base.files import read_text, shown
from grader.base.text import did_you_mean
from grader.course.stub import Function, parse

DefinitionNode = Function | ast.ClassDef

ORIGINAL_PREFIX = "_reference_"  # of the reference's own definitions, where a variation needs them too
_ENDS = (None, "timeout", "memory")
MAX_VERSIONS = 24  # of one definition: a diagnosis may have to try all of them


class Variation(msgspec.Struct, frozen=True):
    """A definition of mistakes.py or variants.py, and the submission that it stands for."""

    name: str  # of the definition, with the values of its parameters: "softmax[axis=0]"
    replaces: str  # the name in the reference
    advice: str  # the docstring
    source: str  # a whole module: the reference with this definition instead of the one that it replaces
    ends: str | None = None  # the only outcome by which it fails: "timeout" or "memory"

    @property
    def definition(self) -> str:
        """The name of the definition, which versions with other values of its parameters share."""
        return self.name.partition("[")[0]


def load_variations(path: Path, reference: str, exercise_id: str) -> tuple[Variation, ...]:
    """Return the variations in a file, in order.

    `reference` is the text of the reference. In mistakes.py every variation needs a docstring: the advice to the
    student. Raise UsageError with file and line for any error in the file.
    """
    return parse_variations(read_text(path), shown(path), reference, exercise_id)


def parse_variations(text: str, file: str, reference: str, exercise_id: str) -> tuple[Variation, ...]:
    """Return the variations in the text of a file, as `load_variations` does. `file` is its path for messages."""
    return _VariationFile(text, file, _Reference(reference, exercise_id)).variations()


class _Replaces(NamedTuple):
    """The arguments of @replaces."""

    name: str
    ends: str | None
    parameters: dict[str, ast.List]

    def combinations(self) -> Iterator[dict[str, ast.expr]]:
        """Yield a value for each parameter, in all combinations; one empty dict if there are no parameters."""
        for values in itertools.product(*(each.elts for each in self.parameters.values())):
            yield dict(zip(self.parameters, values, strict=True))


class _Reference:
    """The text of the reference, and the names at its top level."""

    def __init__(self, text: str, name: str):
        self.text, self.name = text.rstrip("\n"), name
        self._tree = tree = parse(text, f"{name}.py")
        self.bound = {name: node for node in tree.body for name in _bound_names(node)}
        self.definitions = {node.name: node for node in tree.body if isinstance(node, DefinitionNode)}
        self._read = {name: _read_names(node) for name, node in self.definitions.items()}

    def with_future_imports(self, imports: list[str]) -> str:
        """Return the text with imports from __future__, which must precede all other statements."""
        lines = self.text.split("\n")
        first = self._tree.body[0] if self._tree.body else None
        end = first.end_lineno if first and ast.get_docstring(self._tree, clean=False) is not None else 0
        return "\n".join([*lines[:end], *imports, *lines[end:]])

    def depending_on(self, name: str) -> list[str]:
        """Return the definitions that use `name` directly or indirectly, itself included."""
        found = {name: None}
        while True:
            more = [each for each, read in self._read.items() if each not in found and not read.isdisjoint(found)]
            if not more:
                return [each for each in self.definitions if each in found]
            found |= dict.fromkeys(more)


class _Statement:
    """A statement of a file of variations: the names that it binds and reads, and its text."""

    def __init__(self, node: ast.stmt):
        self.node = node
        self.bound, self.read = set(_bound_names(node)), _read_names(node)
        self._text = ast.unparse(node)
        self._renamed: dict[frozenset[str], str] = {}  # by the names to rename, which most variations share

    def text(self, rename: "_Rename") -> str:
        if self.read.isdisjoint(rename.names):
            return self._text
        names = frozenset(rename.names)
        if names not in self._renamed:
            (copied,) = ast.parse(self._text).body  # much faster than copy.deepcopy
            self._renamed[names] = ast.unparse(rename.visit(copied))
        return self._renamed[names]


class _VariationFile:
    """A file of variations, sorted into imports, helpers and variations."""

    def __init__(self, text: str, file: str, reference: _Reference):
        self.file, self.reference = file, reference
        self.advises = Path(file).stem == "mistakes"
        self.future_imports: list[str] = []
        self.helpers: list[ast.stmt] = []  # including imports
        self.found: dict[str, tuple[DefinitionNode, _Replaces]] = {}
        self.imported: dict[str, str] = {}  # name in this file -> name in the reference
        for node in parse(text, file).body:
            self._sort(node)
        if not self.found:
            raise UsageError(f'{file}:1: nothing here is decorated @replaces("name of the reference").')
        for node in self.helpers:
            self._check_bound_names(node)

    def variations(self) -> tuple[Variation, ...]:
        helpers = [_Statement(node) for node in self.helpers]
        originals = {name: self._originals(name) for name in {replaces.name for _, replaces in self.found.values()}}
        return tuple(
            self._variation(node, replaces, helpers, originals[replaces.name], values)
            for node, replaces in self.found.values()
            for values in replaces.combinations()
        )

    # Reading the file

    def _sort(self, node: ast.stmt) -> None:
        match node:
            case ast.Expr(value=ast.Constant()):  # the docstring
                return
            case ast.ImportFrom(module="__future__"):
                self.future_imports.append(ast.unparse(node))
            case ast.ImportFrom(module=module, level=0) if module == self.reference.name:
                self._import_from_reference(node)
            case ast.ImportFrom(module="grader.testing"):
                node.names = [alias for alias in node.names if alias.name != "replaces"]
                self.helpers += [node] if node.names else []
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef() if replaces := self._replaces(node):
                if node.name in self.found:
                    first = self.found[node.name][0].lineno
                    raise self._error(node, f"'{node.name}' is defined twice, first in line {first}.")
                self.found[node.name] = (node, replaces)
            case _:
                self.helpers.append(node)
        self._check_imports(node)

    def _import_from_reference(self, node: ast.ImportFrom) -> None:
        for alias in node.names:
            if alias.name == "*":
                continue
            if alias.name not in self.reference.bound:
                raise self._not_in_reference(node, alias.name, self.reference.bound)
            self.imported[alias.asname or alias.name] = alias.name

    def _replaces(self, node: DefinitionNode) -> _Replaces | None:
        """Take the decorator @replaces off a definition and return its arguments, or None if it has none."""
        decorator = next((each for each in node.decorator_list if _is_replaces(each)), None)
        if decorator is None:
            return None
        replaces = self._arguments(decorator)
        node.decorator_list.remove(decorator)
        if replaces.name not in self.reference.definitions:
            raise self._not_in_reference(decorator, replaces.name, self.reference.definitions)
        if node.name != replaces.name and node.name in self.reference.bound:
            raise self._error(node, f"'{node.name}' is a name of the reference; rename this version.")
        if self.advises and not ast.get_docstring(node):
            raise self._error(node, f"'{node.name}' has no docstring, which is the advice to the student.")
        self._check_parameters(node, replaces)
        return replaces

    def _arguments(self, decorator: ast.expr) -> _Replaces:
        match decorator:
            case ast.Call(args=[ast.Constant(value=str(name))], keywords=keywords):
                values = {str(each.arg): each.value for each in keywords}
                end = values.pop("ends", ast.Constant(None)) if self.advises else ast.Constant(None)
                parameters = {key: value for key, value in values.items() if isinstance(value, ast.List) and value.elts}
                if parameters == values and isinstance(end, ast.Constant) and end.value in _ENDS:
                    return _Replaces(name, end.value, parameters)
        also = ', then ends="timeout" or "memory" if it runs into a limit' if self.advises else ""
        text = f'write @replaces("name") with one name of the reference{also}, and lists of values for parameters.'
        raise self._error(decorator, text)

    def _check_parameters(self, node: DefinitionNode, replaces: _Replaces) -> None:
        """Raise UsageError unless a definition has all parameters, and not too many values for them."""
        count = math.prod(len(each.elts) for each in replaces.parameters.values())
        if count > MAX_VERSIONS:
            raise self._error(node, f"'{node.name}' has {count} combinations of values; at most {MAX_VERSIONS}.")
        for name in replaces.parameters.keys() - _parameters(node):
            where = "annotation without a value" if isinstance(node, ast.ClassDef) else "keyword-only parameter"
            raise self._error(node, f"'{node.name}' has no {where} named '{name}', which @replaces gives values.")

    def _check_imports(self, node: ast.stmt) -> None:
        """Raise UsageError if the reference is imported as a module, or below the top level."""
        for each in ast.walk(node):
            names = [alias.name for alias in each.names] if isinstance(each, ast.Import) else []
            inner = isinstance(each, ast.ImportFrom) and each.module == self.reference.name and each is not node
            if self.reference.name in names or inner:
                sentence = f"import the reference's names at the top: from {self.reference.name} import name."
                raise self._error(each, sentence)

    def _check_bound_names(self, node: ast.stmt) -> None:
        """Raise UsageError if a helper gives a name of the reference another meaning."""
        for name in _bound_names(node):
            other = self.reference.bound.get(name)
            if other and not _same_import(node, other, name) and ast.dump(other) != ast.dump(node):
                raise self._error(node, f"'{name}' is a name of the reference too; rename the helper.")

    # Making variations

    def _originals(self, replaced: str) -> list[str]:
        """Return the texts of a definition of the reference and of all that use it, with prefixed names."""
        names = self.reference.depending_on(replaced)
        rename = _Rename({name: ORIGINAL_PREFIX + name for name in names})
        return [ast.unparse(rename.definition(self.reference.definitions[name])) for name in names]

    def _variation(
        self,
        node: DefinitionNode,
        replaces: _Replaces,
        helpers: list[_Statement],
        originals: list[str],
        values: dict[str, ast.expr],
    ) -> Variation:
        """Return a variation with values for its parameters. `originals` are included if it uses one of them."""
        statements = [*helpers, _Statement(_with_values(node, values) if values else node)]
        bound: set[str] = set().union(*(each.bound for each in statements))
        self._check_uses_no_other_variation(statements, bound)
        changed = self.reference.depending_on(replaces.name)
        rename = _Rename({name: ORIGINAL_PREFIX + name for name in changed if name not in bound})
        used = set(self.imported.values()).union(*(each.read for each in statements))
        aliases = [
            f"{name} = {ORIGINAL_PREFIX + original if original in changed else original}"
            for name, original in self.imported.items()
            if name != original
        ]
        lines = [
            self.reference.with_future_imports(self.future_imports),
            "",
            *([] if used.isdisjoint(changed) else originals),
            *aliases,
            *(each.text(rename) for each in statements),
            *([f"{replaces.name} = {node.name}"] if node.name != replaces.name else []),
            "",
        ]
        advice = ast.get_docstring(node) or ""
        for parameter, value in values.items():
            advice = advice.replace(f"{{{parameter}}}", _text_of(value))
        given = ", ".join(f"{parameter}={_text_of(value)}" for parameter, value in values.items())
        name = f"{node.name}[{given}]" if values else node.name
        return Variation(name, replaces.name, advice, "\n".join(lines), replaces.ends)

    def _check_uses_no_other_variation(self, statements: list[_Statement], bound: set[str]) -> None:
        for each in statements:
            if used := sorted(each.read & (self.found.keys() - bound)):
                sentence = f"'{used[0]}' stands for another submission; move what both need to a helper."
                raise self._error(each.node, sentence)

    def _not_in_reference(self, node: ast.AST, name: str, names: Iterable[str]) -> UsageError:
        return self._error(node, f"'{name}' is not defined in the reference.{did_you_mean(name, names)}")

    def _error(self, node: ast.AST, sentence: str) -> UsageError:
        return UsageError(f"{self.file}:{getattr(node, 'lineno', 1)}: {sentence}")


def _is_replaces(decorator: ast.expr) -> bool:
    called = ast.unparse(decorator.func if isinstance(decorator, ast.Call) else decorator)
    return called.split(".")[-1] == "replaces"


def _parameters(node: DefinitionNode) -> set[str]:
    """Return the names that @replaces may give values: keyword-only parameters, or annotations without a value."""
    if isinstance(node, ast.ClassDef):
        return {ast.unparse(each.target) for each in node.body if isinstance(each, ast.AnnAssign) and not each.value}
    return {each.arg for each in node.args.kwonlyargs}


def _with_values(node: DefinitionNode, values: dict[str, ast.expr]) -> DefinitionNode:
    """Return a definition in which assignments give its parameters their values. It shares the other nodes."""
    if isinstance(node, ast.ClassDef):
        made_class = copy.copy(node)
        made_class.body = [_with_value(each, values) for each in node.body]
        return made_class
    made = copy.copy(node)
    made.args = copy.copy(node.args)
    kept = [
        (each, default)
        for each, default in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
        if each.arg not in values
    ]
    made.args.kwonlyargs, made.args.kw_defaults = [each for each, _ in kept], [default for _, default in kept]
    assignments = [ast.Assign([ast.Name(name, ast.Store())], value, lineno=0) for name, value in values.items()]
    after_docstring = int(ast.get_docstring(node) is not None)
    made.body = [*node.body[:after_docstring], *assignments, *node.body[after_docstring:]]
    return made


def _with_value(node: ast.stmt, values: dict[str, ast.expr]) -> ast.stmt:
    """Return an annotation in a class with its value, if it is among `values`; else the node itself."""
    if not isinstance(node, ast.AnnAssign) or ast.unparse(node.target) not in values:
        return node
    made = copy.copy(node)
    made.value = values[ast.unparse(node.target)]
    return made


def _text_of(value: ast.expr) -> str:
    """Return a value as a reader sees it: text without quotes."""
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else ast.unparse(value)


class _Rename(ast.NodeTransformer):
    """Renames global names, except in functions where a parameter or local variable has the same name."""

    def __init__(self, names: dict[str, str]):
        self.names = names

    def definition(self, node: DefinitionNode) -> DefinitionNode:
        """Return a copy of the definition under its new name."""
        renamed: DefinitionNode = self.visit(copy.deepcopy(node))
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
        node.args = self.visit(node.args)  # defaults and annotations belong to the enclosing scope
        node.returns = self.visit(node.returns) if node.returns else None
        node.decorator_list = [self.visit(each) for each in node.decorator_list]
        node.body = [inner.visit(each) for each in node.body]
        return node


def _read_names(node: ast.AST) -> set[str]:
    """Return the names that are read anywhere in a node."""
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load)}


def _bound_names(node: ast.stmt) -> list[str]:
    """Return the names that a statement at the top level binds."""
    if isinstance(node, DefinitionNode):
        return [node.name]
    return list(_bound_within(node))


def _bound_within(node: ast.AST) -> dict[str, None]:
    """Return the names bound in a node. A definition binds its own name, not its local variables."""
    if isinstance(node, DefinitionNode):
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
    """Return whether both statements import the same object under this name."""

    def origin(of: ast.stmt) -> tuple[str, str] | None:
        if isinstance(of, ast.Import | ast.ImportFrom):
            module = (of.module or "") if isinstance(of, ast.ImportFrom) else ""
            for alias in of.names:
                bound = alias.asname or alias.name.split(".")[0]
                if bound == name:
                    return module, alias.name if alias.asname else bound
        return None

    return origin(node) is not None and origin(node) == origin(other)

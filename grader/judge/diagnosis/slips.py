"""Slips of a reference, made by machine: its syntax tree with one thing changed, and what that is, in a clause.

A clause ends the sentence "Your result is what comes out ...". It leads to the place and shows no line of the
reference: of its names only those stand in it that the contract has too, and names of torch's functions.
"""

import ast
import re
import types
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from grader.judge.diagnosis.versions import Slip

Definition = ast.FunctionDef | ast.ClassDef

_SWAPS = {  # functions and methods that are taken for one another
    **{"sum": ("mean",), "mean": ("sum",), "max": ("min",), "min": ("max",), "amax": ("amin",), "amin": ("amax",)},
    **{"tril": ("triu",), "triu": ("tril",), "argmax": ("argmin",), "argmin": ("argmax",)},
    **{"softmax": ("sigmoid", "log_softmax"), "sigmoid": ("softmax",), "log_softmax": ("softmax",)},
    **{"silu": ("gelu", "relu"), "gelu": ("relu", "silu"), "relu": ("gelu",), "softplus": ("exp",), "exp": ("expm1",)},
    **{"floor": ("ceil", "round"), "ceil": ("floor", "round"), "cumsum": ("cumprod",), "cumprod": ("cumsum",)},
    **{"repeat_interleave": ("repeat",), "repeat": ("repeat_interleave",), "sqrt": ("square",), "rsqrt": ("sqrt",)},
    **{"log": ("log2", "exp"), "log2": ("log",), "sin": ("cos",), "cos": ("sin",), "any": ("all",), "all": ("any",)},
    **{"var": ("std",), "std": ("var",), "zeros": ("ones",), "ones": ("zeros",), "zeros_like": ("ones_like",)},
    **{"ones_like": ("zeros_like",), "logical_and": ("logical_or",), "logical_or": ("logical_and",)},
    **{"view": ("transpose",), "cat": ("stack",), "stack": ("cat",), "round": ("floor",), "ge": ("gt",), "gt": ("ge",)},
}
_WITH_AXIS = {  # the axis is the first argument of these methods, and the second of the functions of torch
    *("softmax", "log_softmax", "sum", "mean", "cumsum", "cumprod", "prod", "argmax", "argmin", "norm", "logsumexp"),
    *("amax", "amin", "any", "all", "flip", "unsqueeze", "squeeze", "unbind", "cat", "stack", "gather", "select"),
    *("narrow", "index_select", "unflatten", "split", "chunk"),
}
_SHAPES = {"view", "reshape", "contiguous", "clone", "item", "tolist", "long", "int", "bool", "detach", "size", "dim"}
_MODULES = {"torch", "F", "nn", "math", "np"}
_BINARY: dict[type[ast.operator], tuple[type[ast.operator], str]] = {
    ast.Add: (ast.Sub, "with a minus where a plus belongs"),
    ast.Sub: (ast.Add, "with a plus where a minus belongs"),
    ast.Mult: (ast.Div, "with a division where a product belongs"),
    ast.Div: (ast.Mult, "with a product where a division belongs"),
    ast.FloorDiv: (ast.Div, "if a division is not rounded down"),
    ast.BitAnd: (ast.BitOr, "with an `or` where an `and` belongs"),
    ast.BitOr: (ast.BitAnd, "with an `and` where an `or` belongs"),
}
_COMPARE: dict[type[ast.cmpop], Sequence[type[ast.cmpop]]] = {
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt, ast.GtE),
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.LtE),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
}
_WORD = re.compile(r"[A-Za-z_]\w*")


def slips(module: types.ModuleType, source: str, wanted: str, replaces: str) -> Iterator[Slip]:
    """All slips of a definition of a module, which is called `replaces` in the reference, that can be compiled."""
    tree = ast.parse(source)
    words = contract(tree)
    defined = [each for each in tree.body if isinstance(each, Definition) and each.name == wanted]
    for statement in defined[-1:]:  # of a mistake the last: the reference's own stands before it
        for count, (place, method, lines, clause) in enumerate(changes(statement, words)):
            try:
                code = compile(ast.Module([statement], []), f"{module.__name__}.py", "exec")
            except (SyntaxError, ValueError, TypeError):
                continue
            name = f"{replaces} {place}.{count} {clause}"
            yield Slip(name, replaces, clause, method, lines, partial(exec, code), module.__name__, source, wanted)


def contract(tree: ast.Module) -> set[str]:
    """The words of the docstrings and signatures: what the student has read."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module):
            found |= set(_WORD.findall(ast.get_docstring(node) or ""))
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            found |= {arg.arg for arg in ast.walk(node.args) if isinstance(arg, ast.arg)}
    return found


def changes(definition: Definition, words: set[str]) -> Iterator[tuple[int, str | None, range, str]]:
    """Changes the definition, one thing at a time: while a caller has what is yielded, the tree is so.

    Yields the place, the method if the definition is a class, the lines of the statement, and the clause.
    """
    functions = [definition] if isinstance(definition, ast.FunctionDef) else definition.body
    place = 0
    for function in functions:
        if not isinstance(function, ast.FunctionDef):
            continue
        writer = _Changes(function, words)
        for slot in _slots(function):
            place += 1
            for clause in writer.at(slot):
                yield place, None if function is definition else function.name, slot.lines, clause


@dataclass(frozen=True)
class _Slot:
    """Where a node hangs, in a field of another or at a place of a list, and the lines of the statement around it."""

    owner: Any
    field: Any
    lines: range

    @property
    def node(self) -> Any:
        return self.owner[self.field] if isinstance(self.owner, list) else getattr(self.owner, self.field)

    def put(self, node: ast.AST | None) -> None:
        """Hangs another node there."""
        if isinstance(self.owner, list):
            self.owner[self.field] = node
        else:
            setattr(self.owner, self.field, node)


def _slots(function: ast.FunctionDef) -> Iterator[_Slot]:
    """Where the expressions and statements of a function's body hang, docstring and annotations left out."""
    first = int(ast.get_docstring(function) is not None)
    waiting = [_slot(function.body, place) for place in range(first, len(function.body))]
    head = range(function.lineno, function.body[0].lineno)
    waiting += [_Slot(function.args.defaults, place, head) for place in range(len(function.args.defaults))]
    for slot in waiting:
        yield slot
        node = slot.node
        if isinstance(node, ast.Raise):
            continue
        for name, value in ast.iter_fields(node):
            if name in ("annotation", "returns", "ctx", "op", "ops", "decorator_list"):
                continue
            if isinstance(value, ast.expr | ast.slice | ast.keyword | ast.comprehension):
                waiting.append(_Slot(node, name, slot.lines))
            elif isinstance(value, list):
                places = [place for place, each in enumerate(value) if isinstance(each, ast.AST)]
                waiting += [_slot(value, place, slot.lines) for place in places]


def _slot(nodes: list[ast.AST] | list[ast.stmt], place: int, around: range = range(0)) -> _Slot:
    """A place of a list. A statement has lines of its own, if it holds others those before them."""
    node = nodes[place]
    if isinstance(node, ast.stmt):
        body = getattr(node, "body", None)
        end = body[0].lineno if body else node.end_lineno or node.lineno
        around = range(node.lineno, max(end, node.lineno + 1) if body else end + 1)
    return _Slot(nodes, place, around)


class _Changes:
    """What can go wrong at one place of a function."""

    def __init__(self, function: ast.FunctionDef, words: set[str]):
        self._words = words
        arguments = [arg.arg for arg in ast.walk(function.args) if isinstance(arg, ast.arg) and arg.arg != "self"]
        own = {
            node.attr
            for node in ast.walk(function)
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self"
        }
        self._arguments = [arg for arg in arguments if arg in words]
        self._names = dict.fromkeys(self._arguments, 0)  # and the line from which each is bound
        for each in ast.walk(function):
            if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store) and each.id in words:
                self._names[each.id] = min(each.lineno, self._names.get(each.id, each.lineno))
        self._attributes = sorted(own & words)
        self._keys = sorted(
            {
                node.value
                for node in ast.walk(function)
                if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in words
            }
        )
        self._function = function.name
        self._private = function.name.startswith("_") and not function.name.startswith("__")

    def at(self, slot: _Slot) -> Iterator[str]:
        """Makes one change after the other, and gives for each the clause that describes it."""
        node = slot.node
        for other, clause in self._others(node, slot.owner):
            slot.put(other)
            ast.copy_location(other, node)
            ast.fix_missing_locations(other)
            yield clause
        slot.put(node)
        for operator, changed, clause in self._operators(node):
            before = getattr(node, operator)
            setattr(node, operator, changed)
            yield clause
            setattr(node, operator, before)
        if isinstance(slot.owner, list) and _depend(*slot.owner[slot.field : slot.field + 2]):
            here = slice(slot.field, slot.field + 2)
            slot.owner[here] = slot.owner[here][::-1]
            yield "with two steps in the other order"
            slot.owner[here] = slot.owner[here][::-1]

    # ------------------------------------------------------------ operators

    def _operators(self, node: ast.AST) -> Iterator[tuple[str, object, str]]:
        """Changes of a node's own operator or text."""
        if isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in _BINARY:
            other, clause = _BINARY[type(node.op)]
            yield "op", other(), clause
        if isinstance(node, ast.BoolOp):
            both = isinstance(node.op, ast.And)
            yield "op", ast.Or() if both else ast.And(), "if one of two conditions is enough" if both else (
                "if two conditions have to hold at once"
            )
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            for kind in _COMPARE.get(type(node.ops[0]), ()):
                equal = {kind, type(node.ops[0])} in ({ast.Lt, ast.LtE}, {ast.Gt, ast.GtE})
                clause = "if a bound is taken one off, at the case of equality" if equal else (
                    "if a condition is the other way round"
                )
                yield "ops", [kind()], clause
        named = not self._private  # which operations a helper has is a matter of the reference alone
        if named and isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load) and node.attr in _SWAPS:
            for name in _SWAPS[node.attr]:
                yield "attr", name, f"with `{name}` in a place where `{node.attr}` belongs"
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            if named and node.id in _SWAPS and node.id in ("sum", "max", "min", "any", "all", "round"):
                for name in _SWAPS[node.id]:
                    if name != "mean":
                        yield "id", name, f"with `{name}` in a place where `{node.id}` belongs"
            if node.id in self._names:
                for name, bound in self._names.items():
                    if name != node.id and bound < node.lineno:
                        yield "id", name, f"if `{name}` is used in a place where `{node.id}` belongs"
        if isinstance(node, ast.Attribute) and node.attr in self._attributes and isinstance(node.value, ast.Name):
            for name in self._attributes:
                if name != node.attr and node.value.id == "self":
                    yield "attr", name, f"if `{name}` is used in a place where `{node.attr}` belongs"

    # ------------------------------------------------------------ other nodes in the place of one

    def _others(self, node: ast.AST, owner: object) -> Iterator[tuple[ast.AST, str]]:
        if isinstance(node, ast.stmt):
            yield from self._statements(node, owner)
        elif isinstance(node, ast.Constant):
            if not (isinstance(owner, ast.UnaryOp) and isinstance(node.value, int)):  # else it is a part of -1
                yield from self._constants(node)
        elif isinstance(node, ast.BinOp):
            yield from self._terms(node)
        elif isinstance(node, ast.UnaryOp) and (size := _negative_size(node)) is not None:
            for other in (size, 1 - size, -1 - size):
                yield ast.parse(str(other), mode="eval").body, f"with {other} where {-size} belongs".replace("-", "−")
        elif isinstance(node, ast.UnaryOp):
            what = "if a condition is the other way round" if isinstance(node.op, ast.Not) else (
                "with the opposite sign of one term" if isinstance(node.op, ast.USub) else
                "with the opposite of a mask"
            )
            yield node.operand, what
        elif isinstance(node, ast.Call):
            yield from self._calls(node)
        elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
            yield from self._subscripts(node)
        elif isinstance(node, ast.IfExp):
            yield node.body, "if a case is not told from the other"
            yield node.orelse, "if a case is not told from the other"
        elif isinstance(node, ast.Attribute) and node.attr in ("T", "mT"):
            yield node.value, "without one of the transposes"
        elif isinstance(node, ast.Name) and node.id in self._arguments and not isinstance(owner, ast.Attribute):
            detached = ast.Call(ast.Attribute(node, "detach", ast.Load()), [], [])
            yield detached, f"if one use of `{node.id}` lets no gradient through"

    def _statements(self, node: ast.stmt, owner: object) -> Iterator[tuple[ast.AST, str]]:
        if not isinstance(owner, list):
            return
        gone = ast.Pass()
        if isinstance(node, ast.If):
            if any(isinstance(each, ast.Raise) for each in node.body):
                yield gone, "if a bad argument is not refused"
                return
            condition = self._said(node.test)
            case = f"the case of {condition}" if condition else "a special case"
            never = ast.If(ast.Constant(False), node.body, node.orelse)
            always = ast.If(ast.Constant(True), node.body, node.orelse)
            yield never, f"if {case} is not treated apart"
            yield always, f"if {case} is not treated apart"
        elif isinstance(node, ast.Assign) and len(node.targets) == 1:
            target = self._said(node.targets[0])
            names = {each.id for each in ast.walk(node.value) if isinstance(each, ast.Name)}
            left = node.targets[0]
            if isinstance(left, ast.Name) and left.id in names:
                yield gone, f"without one of the steps that make `{target}`" if target else "without one of the steps"
            elif isinstance(left, ast.Subscript):
                yield gone, "if a part of a tensor is not filled in"
        elif isinstance(node, ast.AugAssign):
            target = self._said(node.target)
            yield gone, f"if nothing is added to `{target}`" if target else "if nothing is added up"
            if isinstance(node.target, ast.Name | ast.Attribute) and isinstance(node.op, ast.Add):
                yield ast.Assign([node.target], node.value), "if only the last of several terms is kept"
        elif isinstance(node, ast.Expr):
            yield gone, "without one of the steps"
        elif isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple) and len(node.value.elts) == 2:
            one, two = node.value.elts
            yield ast.Return(ast.Tuple([two, one], ast.Load())), "with the two results exchanged"
        elif isinstance(node, ast.For):
            once = ast.For(node.target, node.iter, [*node.body, ast.Break()], node.orelse)
            yield once, "if only the first round of a loop is done"

    def _constants(self, node: ast.Constant) -> Iterator[tuple[ast.AST, str]]:
        value = node.value
        if isinstance(value, str) and value in self._keys:
            for key in self._keys:
                if key != value:
                    yield ast.Constant(key), f"if `{key}` is used in a place where `{value}` belongs"
        if isinstance(value, bool):
            yield ast.Constant(not value), "with a flag the other way round"
        elif isinstance(value, int):
            yield ast.Constant(value + 1), "with a number that is off by one"
            yield ast.Constant(value - 1), "with a number that is off by one"
            if value not in (0, 1, -1, 2):
                yield ast.Constant(1), "with 1 for one of the numbers"
        elif isinstance(value, float):
            if 0 < value < 1e-2:
                yield ast.Constant(0.0), "without the small number that is added"
            yield ast.Constant(value * 2), "with a number that is twice too large"
            yield ast.Constant(value / 2), "with a number that is half of what it should be"
            if value in (0.5, -0.5):
                yield ast.Constant(-value), "with an exponent or factor of the other sign"

    def _terms(self, node: ast.BinOp) -> Iterator[tuple[ast.AST, str]]:
        for kept, lost in ((node.left, node.right), (node.right, node.left)):
            said = self._said(lost)
            match node.op:
                case ast.Add():
                    yield kept, f"without adding `{said}`" if said else "with one term of a sum left out"
                case ast.Sub() if kept is node.left:
                    yield kept, f"without subtracting `{said}`" if said else "if nothing is subtracted"
                case ast.Mult():
                    yield kept, f"without the factor `{said}`" if said else "with one factor left out"
                case ast.Div() if kept is node.left:
                    yield kept, f"without dividing by `{said}`" if said else "without one of the divisions"
                case ast.FloorDiv() | ast.Mod() if kept is node.left:
                    yield kept, "without one of the divisions"
                case ast.Pow() if kept is node.left:
                    yield kept, "without a power or a root"
                case ast.BitAnd() | ast.BitOr():
                    yield kept, f"if `{said}` is not looked at" if said else "if one of two conditions is not looked at"
                case ast.MatMult() if kept is node.left:
                    yield kept, f"without multiplying by `{said}`" if said else "without one of the matrix products"
        if isinstance(node.op, ast.Sub | ast.Div | ast.FloorDiv | ast.MatMult | ast.Pow):
            yield ast.BinOp(node.right, node.op, node.left), "with two operands exchanged"
        if isinstance(node.op, ast.Div):
            rooted = ast.BinOp(node.right, ast.Pow(), ast.Constant(0.5))
            yield ast.BinOp(node.left, ast.Div(), rooted), "if one divides by the root of what one should divide by"
        if isinstance(node.op, ast.Pow) and isinstance(node.right, ast.Constant) and node.right.value in (0.5, -0.5):
            yield ast.BinOp(node.left, ast.Pow(), ast.Constant(node.right.value * 2)), "without the root of a number"

    def _calls(self, node: ast.Call) -> Iterator[tuple[ast.AST, str]]:
        function = node.func
        name = _called(function)
        receiver = function.value if isinstance(function, ast.Attribute) else None
        method = receiver is not None and not self._is_self(receiver)
        if receiver is not None and method:
            yield receiver, "without one of the steps" if name in _SHAPES else f"without `{name}` in one place"
        elif node.args and name not in ("range", "len", "zip", "enumerate", "isinstance"):
            known = receiver is not None or name in self._words
            yield node.args[0], f"without `{name}` in one place" if known else "without one of the steps"
        if len(node.args) >= 2 and not any(isinstance(arg, ast.Starred) for arg in node.args):
            one, two, *rest = node.args
            if name not in ("transpose", "swapaxes"):  # which gives the same
                yield ast.Call(function, [two, one, *rest], node.keywords), "with two arguments exchanged"
        if name in _WITH_AXIS:
            place = int(not method or name in ("cat", "stack"))
            axis = next((each.value for each in node.keywords if each.arg in ("dim", "axis", "dims")), None)
            if axis is None and len(node.args) > place:
                axis = node.args[place]
            if axis is not None:
                for other in (-1, -2, -3, 0, 1, 2):
                    new = ast.Constant(other)
                    if ast.unparse(new) == ast.unparse(axis):
                        continue
                    args = [new if arg is axis else arg for arg in node.args]
                    keywords = [ast.keyword(each.arg, new) if each.value is axis else each for each in node.keywords]
                    yield ast.Call(function, args, keywords), f"if `{name}` runs over another axis (dim={other})"
        if name == "get" and len(node.args) == 2 and isinstance(node.args[0], ast.Constant):
            yield node.args[1], f"if `{node.args[0].value!s}` is left at its default"
        for lost in node.keywords:
            if lost.arg is not None and lost.arg not in ("dim", "dtype", "device"):
                kept = [each for each in node.keywords if each is not lost]
                what = f"`{lost.arg}`" if lost.arg in self._words else "an option"
                yield ast.Call(function, node.args, kept), f"if {what} of `{name}` is left at its default"

    def _subscripts(self, node: ast.Subscript) -> Iterator[tuple[ast.AST, str]]:
        cut = node.slice
        if isinstance(cut, ast.Constant) and cut.value in self._keys:
            for number in (1, 2):
                yield ast.Constant(number), f"if `{cut.value}` is taken to be {number}"
        if isinstance(cut, ast.Slice):
            yield node.value, "if nothing is cut off"
            for lower, upper in self._moved(cut):
                yield ast.Subscript(node.value, ast.Slice(lower, upper, cut.step), ast.Load()), (
                    "if a slice begins or ends one off"
                )
            if cut.step is None and (cut.lower is None) != (cut.upper is None):
                other = ast.Slice(cut.upper, cut.lower, None)
                yield ast.Subscript(node.value, other, ast.Load()), "if the other part of a tensor is taken"

    def _moved(self, cut: ast.Slice) -> Iterator[tuple[ast.expr | None, ast.expr | None]]:
        for step in (1, -1):
            if cut.lower is not None:
                yield ast.BinOp(cut.lower, ast.Add(), ast.Constant(step)), cut.upper
            if cut.upper is not None:
                yield cut.lower, ast.BinOp(cut.upper, ast.Add(), ast.Constant(step))

    # ------------------------------------------------------------ words

    def _said(self, node: ast.AST) -> str | None:
        """An expression in the contract's words; None where it has others."""
        if isinstance(node, ast.Name) and node.id in self._words:
            return node.id
        if isinstance(node, ast.Attribute) and self._is_self(node.value) and node.attr in self._words:
            return node.attr
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Is | ast.IsNot):
            inner = self._said(node.left)
            return f"`{inner}` None" if inner else None
        return None

    @staticmethod
    def _is_self(node: ast.AST) -> bool:
        return isinstance(node, ast.Name) and node.id in ("self", *_MODULES)


def _negative_size(node: ast.UnaryOp) -> int | None:
    """n where -n is written, mostly an axis or an index that is counted from the end."""
    if isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant) and type(node.operand.value) is int:
        return node.operand.value
    return None


def _depend(*steps: ast.AST) -> bool:
    """Whether these are two steps of which one uses or changes what the other makes."""
    if len(steps) < 2 or not all(isinstance(each, ast.Assign | ast.AugAssign | ast.Expr) for each in steps):
        return False
    (made, used), (made_next, used_next) = (_made_and_used(each) for each in steps)
    return not (made | used).isdisjoint(made_next) or not made.isdisjoint(used_next)


def _made_and_used(step: ast.AST) -> tuple[set[str], set[str]]:
    """The names that a step binds or changes, and those that it reads."""
    names = [each for each in ast.walk(step) if isinstance(each, ast.Name)]
    parts = [each for each in ast.walk(step) if isinstance(each, ast.Subscript | ast.Attribute)]
    made = {each.id for each in names if isinstance(each.ctx, ast.Store)}
    made |= {each.value.id for each in parts if isinstance(each.ctx, ast.Store) and isinstance(each.value, ast.Name)}
    used = {each.id for each in names if isinstance(each.ctx, ast.Load)}
    return made, used


def _called(function: ast.expr) -> str:
    """The last name of what is called."""
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""

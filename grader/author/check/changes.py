"""Single changes of a function, such as a slip would make: mutants are made of them."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Definition = ast.FunctionDef | ast.ClassDef

_SWAPS = {  # functions and methods that are easily confused
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
_SWAPPED_BUILTINS = {"sum", "max", "min", "any", "all", "round"}
_WITH_AXIS = {  # methods whose first argument is the axis; it is the second one of torch's functions
    *("softmax", "log_softmax", "sum", "mean", "cumsum", "cumprod", "prod", "argmax", "argmin", "norm", "logsumexp"),
    *("amax", "amin", "any", "all", "flip", "unsqueeze", "squeeze", "unbind", "cat", "stack", "gather", "select"),
    *("narrow", "index_select", "unflatten", "split", "chunk"),
}
_NO_RECEIVERS = {"self", "torch", "F", "nn", "math", "np"}  # names before a dot that are not an argument of the call
_BINARY: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Div,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
_COMPARE: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt, ast.GtE),
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.LtE),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
}


def changes(definition: Definition) -> Iterator[None]:
    """Apply each change to the definition in turn; a change is undone when the next one is requested."""
    functions = [definition] if isinstance(definition, ast.FunctionDef) else definition.body
    for function in functions:
        if isinstance(function, ast.FunctionDef):
            helper = function.name.startswith("_") and not function.name.startswith("__")
            for slot in _slots(function):
                yield from _changes_at(slot, swaps=not helper)  # students do not write the reference's helpers


@dataclass(frozen=True)
class _Slot:
    """The place of a node in the tree: a field of its parent, or an index of a list."""

    owner: Any
    field: Any

    @property
    def node(self) -> Any:
        return self.owner[self.field] if isinstance(self.owner, list) else getattr(self.owner, self.field)

    def put(self, node: ast.AST) -> None:
        """Put another node in this place."""
        if isinstance(self.owner, list):
            self.owner[self.field] = node
        else:
            setattr(self.owner, self.field, node)


def _slots(function: ast.FunctionDef) -> Iterator[_Slot]:
    """Yield the slots of a function's statements and expressions, except its docstring and annotations."""
    first = int(ast.get_docstring(function) is not None)
    waiting = [_Slot(function.body, place) for place in range(first, len(function.body))]
    waiting += [_Slot(function.args.defaults, place) for place in range(len(function.args.defaults))]
    for slot in waiting:
        yield slot
        node = slot.node
        if isinstance(node, ast.Raise):
            continue
        for name, value in ast.iter_fields(node):
            if name in ("annotation", "returns", "ctx", "op", "ops", "decorator_list"):
                continue
            if isinstance(value, ast.expr | ast.slice | ast.keyword | ast.comprehension):
                waiting.append(_Slot(node, name))
            elif isinstance(value, list):
                waiting += [_Slot(value, place) for place, each in enumerate(value) if isinstance(each, ast.AST)]


def _changes_at(slot: _Slot, *, swaps: bool) -> Iterator[None]:
    node = slot.node
    for other in _others(node, slot.owner):
        slot.put(other)
        ast.copy_location(other, node)
        ast.fix_missing_locations(other)
        yield
    slot.put(node)
    for field, changed in _own_changes(node, swaps=swaps):
        before = getattr(node, field)
        setattr(node, field, changed)
        yield
        setattr(node, field, before)
    if isinstance(slot.owner, list) and _depend(*slot.owner[slot.field : slot.field + 2]):
        here = slice(slot.field, slot.field + 2)
        slot.owner[here] = slot.owner[here][::-1]
        yield
        slot.owner[here] = slot.owner[here][::-1]


# ---------------------------------------------------------------- changes of a node's own operator or name


def _own_changes(node: ast.AST, *, swaps: bool) -> Iterator[tuple[str, object]]:
    """Yield a field of the node and another value for it."""
    if isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in _BINARY:
        yield "op", _BINARY[type(node.op)]()
    if isinstance(node, ast.BoolOp):
        yield "op", ast.Or() if isinstance(node.op, ast.And) else ast.And()
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        for kind in _COMPARE.get(type(node.ops[0]), ()):
            yield "ops", [kind()]
    if swaps and isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
        for name in _SWAPS.get(node.attr, ()):
            yield "attr", name
    if swaps and isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in _SWAPPED_BUILTINS:
        for name in _SWAPS[node.id]:
            if name != "mean":  # no builtin
                yield "id", name


# ---------------------------------------------------------------- replacements of a node


def _others(node: ast.AST, owner: object) -> Iterator[ast.AST]:
    match node:
        case ast.stmt():
            yield from _statements(node, owner)
        case ast.Constant():
            if not (isinstance(owner, ast.UnaryOp) and isinstance(node.value, int)):  # else it is a part of -1
                yield from _constants(node)
        case ast.BinOp():
            yield from _terms(node)
        case ast.UnaryOp(ast.USub(), ast.Constant(int(size))):
            for other in (size, 1 - size, -1 - size):
                yield ast.parse(str(other), mode="eval").body
        case ast.UnaryOp():
            yield node.operand
        case ast.Call():
            yield from _calls(node)
        case ast.Subscript(ctx=ast.Load()):
            yield from _subscripts(node)
        case ast.IfExp():
            yield node.body
            yield node.orelse
        case ast.Attribute(attr="T" | "mT"):
            yield node.value


def _statements(node: ast.stmt, owner: object) -> Iterator[ast.AST]:
    if not isinstance(owner, list):
        return
    match node:
        case ast.If() if any(isinstance(each, ast.Raise) for each in node.body):
            yield ast.Pass()
        case ast.If():
            yield ast.If(ast.Constant(False), node.body, node.orelse)
            yield ast.If(ast.Constant(True), node.body, node.orelse)
        case ast.Assign([ast.Name(name)]) if name in {each.id for each in _names(node.value)}:
            yield ast.Pass()
        case ast.Assign([ast.Subscript()]) | ast.Expr():
            yield ast.Pass()
        case ast.AugAssign():
            yield ast.Pass()
            if isinstance(node.target, ast.Name | ast.Attribute) and isinstance(node.op, ast.Add):
                yield ast.Assign([node.target], node.value)
        case ast.Return(ast.Tuple([one, two])):
            yield ast.Return(ast.Tuple([two, one], ast.Load()))
        case ast.For():
            yield ast.For(node.target, node.iter, [*node.body, ast.Break()], node.orelse)


def _constants(node: ast.Constant) -> Iterator[ast.AST]:
    value = node.value
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, int):
        yield ast.Constant(value + 1)
        yield ast.Constant(value - 1)
        if value not in (0, 1, -1, 2):
            yield ast.Constant(1)
    elif isinstance(value, float):
        if 0 < value < 1e-2:
            yield ast.Constant(0.0)
        yield ast.Constant(value * 2)
        yield ast.Constant(value / 2)
        if value in (0.5, -0.5):
            yield ast.Constant(-value)


def _terms(node: ast.BinOp) -> Iterator[ast.AST]:
    if not isinstance(node.op, ast.LShift | ast.RShift | ast.BitXor):
        yield node.left
    if isinstance(node.op, ast.Add | ast.Mult | ast.BitAnd | ast.BitOr):
        yield node.right
    if isinstance(node.op, ast.Sub | ast.Div | ast.FloorDiv | ast.MatMult | ast.Pow):
        yield ast.BinOp(node.right, node.op, node.left)
    if isinstance(node.op, ast.Div):
        yield ast.BinOp(node.left, ast.Div(), ast.BinOp(node.right, ast.Pow(), ast.Constant(0.5)))
    if isinstance(node.op, ast.Pow) and isinstance(node.right, ast.Constant) and node.right.value in (0.5, -0.5):
        yield ast.BinOp(node.left, ast.Pow(), ast.Constant(node.right.value * 2))


def _calls(node: ast.Call) -> Iterator[ast.AST]:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    receiver = node.func.value if isinstance(node.func, ast.Attribute) else None
    method = receiver is not None and not (isinstance(receiver, ast.Name) and receiver.id in _NO_RECEIVERS)
    if receiver is not None and method:
        yield receiver
    elif node.args and name not in ("range", "len", "zip", "enumerate", "isinstance"):
        yield node.args[0]
    if len(node.args) >= 2 and not any(isinstance(arg, ast.Starred) for arg in node.args):
        one, two, *rest = node.args
        if name not in ("transpose", "swapaxes"):  # for which the order of the arguments does not matter
            yield ast.Call(node.func, [two, one, *rest], node.keywords)
    if name in _WITH_AXIS:
        yield from _other_axes(node, int(not method or name in ("cat", "stack")))
    if name == "get" and len(node.args) == 2 and isinstance(node.args[0], ast.Constant):
        yield node.args[1]
    for omitted in node.keywords:
        if omitted.arg is not None and omitted.arg not in ("dim", "dtype", "device"):
            yield ast.Call(node.func, node.args, [each for each in node.keywords if each is not omitted])


def _other_axes(node: ast.Call, place: int) -> Iterator[ast.AST]:
    """Yield the call with other axes. Its axis is a keyword, or the positional argument at `place`."""
    axis = next((each.value for each in node.keywords if each.arg in ("dim", "axis", "dims")), None)
    if axis is None and len(node.args) > place:
        axis = node.args[place]
    for other in (-1, -2, -3, 0, 1, 2) if axis is not None else ():
        new = ast.Constant(other)
        if axis is not None and ast.unparse(new) != ast.unparse(axis):
            args = [new if arg is axis else arg for arg in node.args]
            keywords = [ast.keyword(each.arg, new) if each.value is axis else each for each in node.keywords]
            yield ast.Call(node.func, args, keywords)


def _subscripts(node: ast.Subscript) -> Iterator[ast.AST]:
    cut = node.slice
    if isinstance(cut, ast.Slice):
        yield node.value
        for lower, upper in _off_by_one(cut):
            yield ast.Subscript(node.value, ast.Slice(lower, upper, cut.step), ast.Load())
        if cut.step is None and (cut.lower is None) != (cut.upper is None):
            yield ast.Subscript(node.value, ast.Slice(cut.upper, cut.lower, None), ast.Load())


def _off_by_one(cut: ast.Slice) -> Iterator[tuple[ast.expr | None, ast.expr | None]]:
    """Yield the bounds of a slice with one of them off by one."""
    for step in (1, -1):
        if cut.lower is not None:
            yield ast.BinOp(cut.lower, ast.Add(), ast.Constant(step)), cut.upper
        if cut.upper is not None:
            yield cut.lower, ast.BinOp(cut.upper, ast.Add(), ast.Constant(step))


# ---------------------------------------------------------------- two statements in the other order


def _depend(*steps: ast.AST) -> bool:
    """Return whether these are two statements of which one assigns a name that the other uses."""
    if len(steps) < 2 or not all(isinstance(each, ast.Assign | ast.AugAssign | ast.Expr) for each in steps):
        return False
    (assigned, read), (next_assigned, next_read) = (_assigned_and_read(each) for each in steps)
    return not (assigned | read).isdisjoint(next_assigned) or not assigned.isdisjoint(next_read)


def _assigned_and_read(step: ast.AST) -> tuple[set[str], set[str]]:
    """Return the names that a statement binds or modifies, and those that it reads."""
    parts = [each for each in ast.walk(step) if isinstance(each, ast.Subscript | ast.Attribute)]
    modified = [each.value for each in parts if isinstance(each.ctx, ast.Store)]
    assigned = {each.id for each in _names(step) if isinstance(each.ctx, ast.Store)}
    assigned |= {each.id for each in modified if isinstance(each, ast.Name)}
    return assigned, {each.id for each in _names(step) if isinstance(each.ctx, ast.Load)}


def _names(node: ast.AST) -> list[ast.Name]:
    return [each for each in ast.walk(node) if isinstance(each, ast.Name)]

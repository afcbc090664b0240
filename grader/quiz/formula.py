"""Formulas of numeric questions: arithmetic on drawn numbers, and nothing else."""

import ast
import math
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

from grader.base.text import did_you_mean
from grader.quiz.model import Number

LARGEST_EXPONENT = 1024
LARGEST_CHOICE = 10_000

_NUMBER = re.compile(r"[+-]?(\d[\d_]*\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_ALLOWED = (
    ast.BinOp, ast.UnaryOp, ast.Compare, ast.BoolOp, ast.IfExp, ast.Call, ast.Name, ast.Constant, ast.Load,
    ast.operator, ast.unaryop, ast.cmpop, ast.boolop,
)  # fmt: skip


class BadFormula(ValueError):
    """A formula that is none, or that has no value; the message says why."""


def _power(base: Number, exponent: Number) -> Any:
    if abs(exponent) > LARGEST_EXPONENT:
        raise BadFormula(f"an exponent of {exponent:g} is too large")
    return base**exponent


def _choose(n: int, k: int) -> int:
    if n > LARGEST_CHOICE:
        raise BadFormula(f"comb({n:g}, {k:g}) is too large")
    return math.comb(n, k)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": abs,
    "ceil": math.ceil,
    "comb": _choose,
    "exp": math.exp,
    "floor": math.floor,
    "log": math.log,
    "log2": math.log2,
    "max": max,
    "min": min,
    "round": round,
    "sqrt": math.sqrt,
}


class Formula:
    """An expression over names, parsed once."""

    def __init__(self, text: str, names: Collection[str] = ()):
        """BadFormula where it is no arithmetic, or uses a name that is not one of `names`."""
        self.text = text
        self._number: Number | None = None
        if _NUMBER.fullmatch(text.strip()):
            self._number = _checked(whole(float(text)) if re.search(r"[.eE]", text) else int(text))
            return
        try:
            self._tree = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise BadFormula("it is no arithmetic expression") from None
        self._check(names)
        from simpleeval import DEFAULT_OPERATORS, SimpleEval  # type: ignore[import-untyped]

        self._evaluator = SimpleEval({**DEFAULT_OPERATORS, ast.Pow: _power}, FUNCTIONS)

    def value(self, values: Mapping[str, Any]) -> Number:
        """The value, finite and real. BadFormula where there is none: a division by zero, a logarithm of -1."""
        if self._number is not None:
            return self._number
        from simpleeval import InvalidExpression

        self._evaluator.names = dict(values)
        try:
            return _checked(self._evaluator.eval(self.text, previously_parsed=self._tree))
        except ZeroDivisionError:
            raise BadFormula("it divides by zero") from None
        except OverflowError:
            raise BadFormula("its value is too large") from None
        except (InvalidExpression, TypeError, ValueError) as error:
            raise BadFormula(f"it has no value: {error}") from None

    def _check(self, names: Collection[str]) -> None:
        functions = set()
        for node in ast.walk(self._tree):
            if not isinstance(node, _ALLOWED) or (
                isinstance(node, ast.Constant) and type(node.value) not in (int, float)
            ):
                raise BadFormula(f"only arithmetic is allowed, not {ast.unparse(node)!r}")
            if isinstance(node, ast.Call):
                if not isinstance(node.func, ast.Name) or node.keywords:
                    raise BadFormula(f"{ast.unparse(node)!r} is no call of a function that it may use")
                if node.func.id not in FUNCTIONS:
                    known = did_you_mean(node.func.id, FUNCTIONS) or f" There are {', '.join(FUNCTIONS)}."
                    raise BadFormula(f"there is no function '{node.func.id}'.{known}".rstrip("."))
                functions.add(node.func)
        for node in ast.walk(self._tree):
            if isinstance(node, ast.Name) and node not in functions and node.id not in names:
                known = did_you_mean(node.id, names) or (f" There are {', '.join(names)}." if names else "")
                raise BadFormula(f"there is no parameter '{node.id}'.{known}".rstrip("."))


def whole(number: Number) -> Number:
    """8e9 as 8000000000, so that it is printed as it is meant."""
    return int(number) if isinstance(number, float) and number.is_integer() and abs(number) < 1e15 else number


def _checked(value: Any) -> Number:
    if isinstance(value, bool):
        return int(value)
    if not isinstance(value, int | float):
        raise BadFormula(f"its value {value!r} is no real number")
    try:
        finite = math.isfinite(value)
    except OverflowError:
        finite = False
    if not finite or abs(value) > 1e300:
        raise BadFormula("its value is too large")
    return value

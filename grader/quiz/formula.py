"""Formulas of numeric questions: arithmetic on drawn numbers and nothing else."""

import ast
import math
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

from grader.base.text import did_you_mean
from grader.quiz.model import Number

MAX_EXPONENT = 1024
MAX_COMB = 10_000

_NUMBER = re.compile(r"[+-]?(\d[\d_]*\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_ALLOWED = (
    ast.BinOp, ast.UnaryOp, ast.Compare, ast.BoolOp, ast.IfExp, ast.Call, ast.Name, ast.Constant, ast.Load,
    ast.operator, ast.unaryop, ast.cmpop, ast.boolop,
)  # fmt: skip


class FormulaError(ValueError):
    """A formula is malformed or has no value; the message says why."""


def _power(base: Number, exponent: Number) -> Any:
    if abs(exponent) > MAX_EXPONENT:
        raise FormulaError(f"an exponent of {exponent:g} is too large")
    return base**exponent


def _comb(n: int, k: int) -> int:
    if n > MAX_COMB:
        raise FormulaError(f"comb({n:g}, {k:g}) is too large")
    return math.comb(n, k)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": abs,
    "ceil": math.ceil,
    "comb": _comb,
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
    """An arithmetic expression, parsed once."""

    def __init__(self, text: str, names: Collection[str] = ()):
        """Parse the text. Raise FormulaError if it is not arithmetic, or uses a name that is not in `names`."""
        self.text = text
        self._number: Number | None = None
        if _NUMBER.fullmatch(text.strip()):
            self._number = _checked(int_if_whole(float(text)) if re.search(r"[.eE]", text) else int(text))
            return
        try:
            self._tree = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise FormulaError("it is not an arithmetic expression") from None
        self._check(names)
        from simpleeval import DEFAULT_OPERATORS, SimpleEval  # type: ignore[import-untyped]

        self._evaluator = SimpleEval({**DEFAULT_OPERATORS, ast.Pow: _power}, FUNCTIONS)

    def value(self, values: Mapping[str, Any]) -> Number:
        """Return the value. Raise FormulaError if it is not finite and real, such as 1 / 0 or log(-1)."""
        if self._number is not None:
            return self._number
        from simpleeval import InvalidExpression

        self._evaluator.names = dict(values)
        try:
            return _checked(self._evaluator.eval(self.text, previously_parsed=self._tree))
        except ZeroDivisionError:
            raise FormulaError("it divides by zero") from None
        except OverflowError:
            raise FormulaError("its value is too large") from None
        except (InvalidExpression, TypeError, ValueError) as error:
            raise FormulaError(f"it has no value: {error}") from None

    def _check(self, names: Collection[str]) -> None:
        functions = set()
        for node in ast.walk(self._tree):
            if not isinstance(node, _ALLOWED) or (
                isinstance(node, ast.Constant) and type(node.value) not in (int, float)
            ):
                raise FormulaError(f"only arithmetic is allowed, not {ast.unparse(node)!r}")
            if isinstance(node, ast.Call):
                if not isinstance(node.func, ast.Name) or node.keywords:
                    raise FormulaError(f"{ast.unparse(node)!r} is not a call of an allowed function")
                if node.func.id not in FUNCTIONS:
                    known = did_you_mean(node.func.id, FUNCTIONS) or f" There are {', '.join(FUNCTIONS)}."
                    raise FormulaError(f"there is no function '{node.func.id}'.{known}".rstrip("."))
                functions.add(node.func)
        for node in ast.walk(self._tree):
            if isinstance(node, ast.Name) and node not in functions and node.id not in names:
                known = did_you_mean(node.id, names) or (f" There are {', '.join(names)}." if names else "")
                raise FormulaError(f"there is no parameter '{node.id}'.{known}".rstrip("."))


def int_if_whole(number: Number) -> Number:
    """Return 8e9 as 8000000000, so that it is printed without an exponent."""
    return int(number) if isinstance(number, float) and number.is_integer() and abs(number) < 1e15 else number


def _checked(value: Any) -> Number:
    if isinstance(value, bool):
        return int(value)
    if not isinstance(value, int | float):
        raise FormulaError(f"its value {value!r} is not a real number")
    try:
        finite = math.isfinite(value)
    except OverflowError:
        finite = False
    if not finite or abs(value) > 1e300:
        raise FormulaError("its value is too large")
    return value

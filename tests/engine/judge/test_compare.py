"""Which values agree, and how differences are classified."""

import math
from typing import Any

import numpy as np
import pytest
import torch

from grader.base.result import Outcome
from grader.engine.judge.compare import Disagreement, compare
from grader.testing import assert_close, assert_equal

NAN = float("nan")
X = torch.arange(6.0, dtype=torch.float64).view(2, 3)


@pytest.mark.parametrize(
    ("actual", "expected"),
    [
        (X, X.clone()),
        (X + 1e-10, X),
        (X.float() * (1 + 1e-6), X.float()),
        (torch.tensor([NAN, float("inf")]), torch.tensor([NAN, float("inf")])),
        ((X, 1), [X, 1.0]),
        ({"a": X, 1: None}, {1: None, "a": X}),
        (np.ones((2, 3)), np.ones((2, 3))),
        (X.shape, (2, 3)),
        (2**70, 2**70),
        ({"a": NAN}, {"a": NAN}),
        (torch.zeros(0, 3), torch.zeros(0, 3)),
    ],
    ids=[
        "same",
        "rounding",
        "float32",
        "nan and inf",
        "list",
        "dict",
        "numpy",
        "shape",
        "large int",
        "nan number",
        "empty",
    ],
)
def test_equal_values_agree(actual: Any, expected: Any) -> None:
    assert compare(actual, expected) is None


@pytest.mark.parametrize(
    ("actual", "expected", "outcome", "path"),
    [
        (None, X, Outcome.RETURNED_NONE, ()),
        (X.T, X, Outcome.WRONG_SHAPE, ()),
        ((3, 2), (2, 3), Outcome.WRONG_VALUES, (0,)),
        (X.T.shape, (2, 3), Outcome.WRONG_SHAPE, ()),
        (X.float(), X, Outcome.WRONG_DTYPE, ()),
        (X + 1e-6, X, Outcome.WRONG_VALUES, ()),
        (X.where(X != 2, torch.tensor(NAN).double()), X, Outcome.NAN, ()),
        (NAN, 1.0, Outcome.NAN, ()),
        (1, True, Outcome.WRONG_TYPE, ()),
        (True, 1, Outcome.WRONG_TYPE, ()),
        ("a", X, Outcome.WRONG_TYPE, ()),
        (np.ones(2), torch.ones(2), Outcome.WRONG_TYPE, ()),
        (np.ones(2), np.zeros(2), Outcome.WRONG_VALUES, ()),
        ((X, X), (X, X + 1), Outcome.WRONG_VALUES, (1,)),
        ({"a": 1}, {"b": 1}, Outcome.WRONG_VALUES, ()),
        ([{"k": X}], [{"k": X.T}], Outcome.WRONG_SHAPE, (0, "k")),
        (2**70 + 1, 2**70, Outcome.WRONG_VALUES, ()),
        (torch.tensor([1, 2]), torch.tensor([1, 3]), Outcome.WRONG_VALUES, ()),
    ],
)
def test_a_difference_has_its_outcome_and_path(
    actual: Any, expected: Any, outcome: Outcome, path: tuple[Any, ...]
) -> None:
    difference = compare(actual, expected)
    assert difference is not None
    assert (difference.outcome, difference.path) == (outcome, path)


@pytest.mark.parametrize(
    ("actual", "expected"), [(1.0, math.inf), (math.inf, 1.0), (-math.inf, math.inf), (7, math.inf)]
)
def test_nothing_is_close_to_an_infinity_but_itself(actual: float, expected: float) -> None:
    assert compare(math.inf, math.inf) is None
    difference = compare(actual, expected)
    assert difference is not None
    assert difference.outcome is Outcome.WRONG_VALUES


def test_an_explicit_tolerance_holds_for_every_part() -> None:
    assert compare((X + 0.01, 1.01), (X, 1.0), atol=0.02, rtol=0.0) is None
    assert compare((X, 1.01), (X, 1.0), atol=0.005, rtol=0.0) is not None


@pytest.mark.parametrize(("actual", "expected"), [(64.0, 64), (64, 64.0), ([1.0], [1]), ({"n": 2.0}, {"n": 2})])
def test_a_float_is_no_whole_number_where_equality_is_exact(actual: Any, expected: Any) -> None:
    difference = compare(actual, expected, rtol=0.0, atol=0.0)
    assert difference is not None
    assert difference.outcome is Outcome.WRONG_TYPE
    with pytest.raises(Disagreement):
        assert_equal(actual, expected)
    assert_close(actual, expected)
    assert_equal(expected, expected)


def test_check_dtype_false_ignores_the_dtype() -> None:
    assert compare(X.float(), X, check_dtype=False) is None

"""A call of the reference with one argument or its result changed, and the clause that says so."""

from typing import Any

import pytest
import torch

from grader.judge.diagnosis.changed_calls import NotApplicable, changed_calls
from grader.sandbox.source import execute

SOURCE = """
def masked(x, mask, scale=1.0, negate=False):
    return x * mask * scale * (-1 if negate else 1)


def sized(heads, groups):
    return heads + 10 * groups


def parts(x):
    return x, x + 1
"""
X = torch.tensor([[1.0, 2.0], [3.0, 5.0]], dtype=torch.float64)
MASK = torch.tensor([[1, 0], [1, 1]])


def changed(clause: str, *args: Any, **kwargs: Any) -> Any:
    """What a function of the source gives with the change that a clause names."""
    name = "sized" if isinstance(args[0], int) else "masked" if len(args) > 1 else "parts"
    (slip,) = [each for each in changed_calls(execute("calls", SOURCE), SOURCE, name, name) if each.clause == clause]
    assert slip.advice == f"Your {name} gives what comes out {clause}."
    return getattr(slip.module, name)(*args, **kwargs)


def test_arguments_are_changed() -> None:
    assert changed("if `scale` is not looked at", X, MASK, scale=3.0).equal(X * MASK)
    assert changed("if `mask` is read the other way round, 1 for 0", X, MASK).equal(X * (1 - MASK))
    assert changed("if `mask` is read the other way round, 1 for 0", X, MASK.bool()).equal(X * ~MASK.bool())
    assert changed("if `negate` is read the other way round", X, MASK, negate=False).equal(-X * MASK)
    assert changed("if `x` is transposed", X, MASK).equal(X.T * MASK)
    assert changed("if `x` and `mask` are exchanged", X, MASK).equal(X * MASK)
    assert changed("if `heads` is one less", 8, 2) == 27
    assert changed("if `groups` is taken for how many of it there are in `heads`, `heads` / `groups`", 8, 2) == 48
    assert changed("if `heads` counts in the place of `groups`", 8, 2) == 88


def test_results_are_changed() -> None:
    one, two = changed("with the two results exchanged", X)
    assert one.equal(X + 1)
    assert two.equal(X)
    assert changed("if the result is doubled", X, MASK).equal(2 * X * MASK)


@pytest.mark.parametrize(
    ("clause", "args"),
    [
        ("if `x` is read the other way round, 1 for 0", (X, MASK)),
        ("if `x` is one less", (X, MASK)),
        ("if `mask` has the opposite sign", (X, MASK)),
        ("if `negate` is read the other way round", (X, MASK)),
        ("if `groups` is taken for how many of it there are in `heads`, `heads` / `groups`", (9, 2)),
        ("if `mask` counts in the place of `scale`", (X, MASK)),
    ],
)
def test_what_makes_no_sense_for_a_value_is_not_done(clause: str, args: tuple[Any, ...]) -> None:
    with pytest.raises(NotApplicable):
        changed(clause, *args)

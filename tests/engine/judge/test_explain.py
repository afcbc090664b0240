"""Sentences about collections that differ."""

from types import SimpleNamespace
from typing import Any

import pytest

from grader.engine.judge.compare import Disagreement, compare
from grader.engine.judge.context import FailureContext
from grader.engine.judge.explain import explain

NAMES = [f"layers.{place}.weight" for place in range(12)]


def message(yours: Any, theirs: Any) -> str:
    """Return what is said about a value that a test calls names."""
    difference = compare(yours, theirs)
    assert difference is not None
    nothing: Any = SimpleNamespace()
    context = FailureContext("", "m", "m.py", nothing, None, {}, [], 0)
    return explain(Disagreement(difference, "names", yours), context)[1].message


@pytest.mark.parametrize(
    ("yours", "theirs", "words"),
    [
        (NAMES[:-1], NAMES, "names lacks the entry 'layers.11.weight'."),
        ({*NAMES, "bias"}, {*NAMES}, "names has the entry 'bias', which should not be there."),
        (set(), {*NAMES}, " and 6 more."),
        ([*NAMES, NAMES[0]], NAMES, "names has 13 entries, expected 12: some occur too often or too rarely."),
        ([("a", (2, 3)), *NAMES], [("a", (3, 2)), *NAMES, "b"], "names lacks the entries ('a', (3, 2)) and 'b'."),
        ([1, 2], [1, 2, 3], "names is [1, 2], expected [1, 2, 3]."),
    ],
)
def test_long_collections_are_told_by_what_differs(yours: Any, theirs: Any, words: str) -> None:
    assert words in message(yours, theirs)


@pytest.mark.parametrize(
    ("yours", "words"), [(0.666667, "rounded to 6 decimals"), (0.25, None)], ids=["rounded", "other"]
)
def test_a_rounded_number_is_a_near_miss(yours: float, words: str | None) -> None:
    difference = compare(yours, 2 / 3, rtol=1e-9, atol=1e-9)
    assert difference is not None
    nothing: Any = SimpleNamespace()
    context = FailureContext("", "m", "m.py", nothing, None, {}, [], 0)
    found = explain(Disagreement(difference, "loss", yours), context)[1].near_miss
    assert found is None if words is None else found is not None and words in found

"""The names of sizes."""

from typing import Any

import pytest

from grader.engine.judge.values import size_names


@pytest.mark.parametrize(
    ("known", "names"),
    [
        ({"T": 5, "E": 7, "k": 3}, {5: "T", 7: "E", 3: "k"}),
        ({"T": 4, "K": 4, "H": 3}, {3: "H"}),
        ({"T": 4, "K": 4, "H": 4}, {}),
        ({"B": 1, "t": 5, "step": 6, "Width": 7, "on": True, "R": 2.0}, {}),
        ({"T": 5, "SIZES": {"D": 12, "H": 3}}, {5: "T", 12: "D", 3: "H"}),
        ({"T": 5, "SIZES": {"C": 5, "H": 3}}, {3: "H"}),
        ({"H": 3, "SIZES": {"H": 3}, "state": {"H.weight": 4, 1: 6}}, {3: "H"}),
    ],
    ids=["names", "two", "three", "others", "dict", "two in a dict", "one twice"],
)
def test_a_size_with_a_single_name_gets_it(known: dict[str, Any], names: dict[int, str]) -> None:
    assert size_names(known) == names

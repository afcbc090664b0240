"""Wrong shapes, explained by their axes."""

import pytest

from grader.base.result import Call, Failure, Outcome, ReturnedPart
from tests.show.screens import one, tensor


@pytest.mark.parametrize(
    ("yours", "expected", "sentence"),
    [
        (
            {"k": 2, "E": 3},
            {"T": 5, "k": 2},
            "No axis of your result has length T=5; E=3 should not be there.",
        ),
        ({"k": 2}, {"T": 5, "k": 2}, "No axis of your result has length T=5."),
        (
            {"D": 7},
            {"T": 5, "k": 2},
            "No axes of your result have length T=5 and k=2; D=7 should not be there.",
        ),
        ({"k": 2, "T": 5}, {"T": 5, "k": 2}, "Your result has the expected axes in another order."),
        ({"T": 5, "k": 2, "E": 3}, {"T": 5, "k": 2}, "One axis of your result should not be there: E=3."),
    ],
)
def test_wrong_shape_names_the_axis(yours: dict[str, int], expected: dict[str, int], sentence: str) -> None:
    call = Call("f", (), (ReturnedPart("result", tensor(**yours), tensor(**expected), False),))
    assert sentence in one(Outcome.WRONG_SHAPE, Failure("", call))

"""The weight of wrong numbers as evidence."""

import pytest
import torch

from grader.engine.judge.diagnosis.evidence import MismatchedAnswer, weight
from grader.engine.judge.replay import Answer
from grader.engine.sandbox import wire


def returned(value: object) -> Answer:
    return Answer(wire.Returned(1, None, [], []), value)


INF, NAN = float("inf"), float("nan")


@pytest.mark.parametrize(
    ("found", "right", "expected"),
    [
        (0.3, 0.25, 8),
        (0.5, 0.25, 4),
        (406.3999969, 406.3999991, 0),  # results of an iterative search
        (0.3, 10**400, 8),  # an int too large for a float
        (NAN, 0.25, 0),
        (INF, 0.25, 0),
        (0.0, 0.25, 0),
        (1, 2, 1),
        (True, False, 1),
        (torch.tensor([1.0, 0.3]), torch.tensor([1.0, 0.4]), 8),
        (torch.tensor([1.0, 2.0]), torch.tensor([1.0, 3.0]), 4),
        (torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.0 + 1e-7]), 0),
        (torch.tensor([NAN, 0.3]), torch.tensor([1.0, 0.3]), 0),
        (torch.tensor(0.3), torch.tensor(0.4), 8),  # a loss
        (torch.zeros(2, 8), torch.ones(8, 2), 0),  # a shape
        (torch.rand(2, 8), torch.rand(8, 2), 24),
        (torch.tensor([0.0, -INF, 0.0]), torch.tensor([-INF, 0.0, 0.0]), 2),  # a mask
        (torch.tensor([0.3 + 0.5j, 1.0]).conj(), torch.tensor([1.0, 1.0]), 12),
        (torch.tensor([0.3, 1.0]), torch.tensor([1j, 1.0]), 8),
        ({"a": 0.3, "b": 1.0}, {"a": 0.25, "b": 2.0}, 12),
    ],
)
def test_weighs_the_wrong_numbers_of_an_answer(found: object, right: object, expected: int) -> None:
    assert weight(returned(found), returned(right), None) == expected


@pytest.mark.parametrize(("message", "expected"), [("no match for size 4", 6), ("list index out of range", 0)])
def test_a_message_that_names_sizes_is_evidence(message: str, expected: int) -> None:
    threw = Answer(wire.Threw(1, "RuntimeError", ["RuntimeError"], message, [], 0, None))
    assert weight(threw, returned(1.0), MismatchedAnswer(threw, "value")) == expected

"""The weight of wrong numbers as evidence."""

import pytest
import torch

from grader.engine.judge.diagnosis.evidence import count_wrong_numbers
from grader.engine.judge.replay import Answer


@pytest.mark.parametrize(
    ("found", "right", "weight"),
    [
        (0.5, 0.25, 8),
        (406.3999969, 406.3999991, 0),  # results of an iterative search
        (0.5, 10**400, 8),  # an int too large for a float
        (1, 2, 1),
        (True, False, 1),
        (torch.tensor([1.0, 2.0]), torch.tensor([1.0, 3.0]), 4),
        (torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.0 + 1e-7]), 0),
        ({"a": 0.5, "b": 1.0}, {"a": 0.25, "b": 2.0}, 16),
    ],
)
def test_counts_the_wrong_numbers_of_an_answer(found: object, right: object, weight: int) -> None:
    assert count_wrong_numbers(Answer(None, found), Answer(None, right)) == weight

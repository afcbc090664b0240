"""How many numbers of an answer are evidence."""

import pytest
import torch

from grader.engine.judge.diagnosis.evidence import numbers
from grader.engine.judge.replay import Answer


@pytest.mark.parametrize(
    ("found", "right", "weight"),
    [
        (0.5, 0.25, 8),
        (406.3999969, 406.3999991, 0),  # where a search ended, from another start
        (0.5, 10**400, 8),  # an int beyond all floats
        (1, 2, 1),
        (True, False, 1),
        (torch.tensor([1.0, 2.0]), torch.tensor([1.0, 3.0]), 4),
        (torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.0 + 1e-7]), 0),
        ({"a": 0.5, "b": 1.0}, {"a": 0.25, "b": 2.0}, 16),
    ],
)
def test_numbers_that_speak(found: object, right: object, weight: int) -> None:
    assert numbers(Answer(None, found), Answer(None, right)) == weight

"""Sentences about where a result is wrong."""

import pytest
import torch

from grader.engine.judge.diagnosis.error_positions import describe_error_positions

RIGHT = torch.arange(2 * 5 * 5, dtype=torch.float64).reshape(2, 5, 5)
EVERY = torch.ones(5, 5, dtype=torch.bool)


def wrong_at(cells: torch.Tensor) -> torch.Tensor:
    return torch.where(cells, -1.0, RIGHT)


LAST = torch.arange(5) == 4
CASES = [
    (LAST[:, None].expand(5, 5), {5: ""}, "Only the last position along the second axis is wrong."),
    ((torch.arange(5) >= 2)[:, None].expand(5, 5), {5: "T"}, "Along the second axis all is right before position 2"),
    (EVERY.triu(1), {}, "It is wrong only above the diagonal of the last two axes."),
    (EVERY.tril(-1), {}, "It is wrong only below the diagonal of the last two axes."),
    (torch.eye(5, dtype=torch.bool), {}, "It is wrong only on the diagonal of the last two axes."),
]


@pytest.mark.parametrize(("cells", "sizes", "said"), CASES)
def test_names_the_part_that_is_wrong(cells: torch.Tensor, sizes: dict[int, str], said: str) -> None:
    found = describe_error_positions(wrong_at(cells), RIGHT, sizes, [])
    assert found is not None
    assert found.startswith(said)


def test_an_axis_has_the_name_of_its_size_if_no_other_axis_is_as_long() -> None:
    right = torch.arange(20.0).reshape(4, 5)
    found = describe_error_positions(torch.where(LAST, -1.0, right), right, {5: "T"}, [])
    assert found == "Only the last position along T is wrong."


def test_names_a_mask_that_covers_the_errors() -> None:
    mask = torch.tensor([[1, 1, 1, 0, 0], [1, 1, 1, 1, 0]])
    actual = torch.where((mask == 0)[..., None], -1.0, RIGHT)
    assert describe_error_positions(actual, RIGHT, {}, [("mask", mask)]) == "It is wrong only where `mask` is 0."


def test_errors_everywhere_or_few_have_no_pattern() -> None:
    assert describe_error_positions(RIGHT + 1, RIGHT, {}, []) is None
    one = RIGHT.clone()
    one[0, 0, 0] = -1
    assert describe_error_positions(one, RIGHT, {}, []) is None
    assert describe_error_positions(RIGHT[0], RIGHT, {}, []) is None

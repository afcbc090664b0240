"""Near misses are named, and nothing else is."""

import pytest
import torch
from torch import Tensor

from grader.engine.judge.near_miss import near_miss, rounded_number


def numbers(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    """Return positive numbers without ties."""
    return (torch.rand(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64) + 0.5).to(dtype)


X = numbers(4, 5)
SQUARE = numbers(5, 5)
CUBE = numbers(3, 4, 5)


def normed(eps: float) -> Tensor:
    """Return a layer norm; another `eps` makes some numbers larger and others smaller, as rounding does."""
    return torch.nn.functional.layer_norm(X, X.shape[1:], eps=eps)


SLIPS = {
    "transposed": (SQUARE.T, SQUARE, "transposed"),
    "transposed shape": (X.T, X, "transposed"),
    "permuted": (CUBE.permute(0, 2, 1), CUBE, "permute(0, 2, 1) would mend it"),
    "permuted twice": (CUBE.permute(2, 0, 1), CUBE, "permute(1, 2, 0) would mend it"),
    "one axis missing": (X.reshape(4, 5), X.reshape(4, 1, 5), "one axis is missing from the shape"),
    "one axis too many": (X.reshape(4, 1, 5), X, "one axis is too many"),
    "split otherwise": (X.reshape(2, 10), X, "split into other axes"),
    "late": (torch.cat([torch.zeros(1, 5).double(), X[:-1]]), X, "one step too late"),
    "early": (torch.cat([X[1:], torch.zeros(1, 5).double()]), X, "one step too early"),
    "rolled": (X.roll(1, 1), X, "another order along the last axis"),
    "reversed": (X.flip(0), X, "reversed along the first axis"),
    "reversed last": (X.flip(-1), X, "reversed along the last axis"),
    "another order": (X[:, [2, 0, 1, 4, 3]], X, "another order along the last axis"),
    "scaled": (X * 8**0.5, X, "times 2.828"),
    "negated": (-X, X, "negated"),
    "shifted by a constant": (X + 0.25, X, "plus 0.25"),
    "not normalised": (X * numbers(4, 1), X / X.sum(-1, keepdim=True), "divided by its sum along the last axis"),
    "opposite mask": (~(X > 1), X > 1, "True for False everywhere"),
    "transposed mask": (torch.ones(4, 4).triu().bool(), torch.ones(4, 4).tril().bool(), "transposed"),
    "digits lost": ((X + 1e3).float().double() - 1e3, X, "or digits were lost"),
    "another eps": (normed(1e-4).exp() + 1 / X, normed(1e-6).exp() + 1 / X, "A constant may be slightly off"),
    "rounded to float32": (X.float().double(), X, "rounded to float32"),
    "computed in float32": ((X.float() * 3 / 7).double(), X * 3 / 7, "about the precision of float32"),
    "rounded to decimals": (X.round(decimals=4), X, "rounded to 4 decimals"),
    "rounded to bfloat16": (X.bfloat16().double(), X, "rounded to bfloat16"),
}


@pytest.mark.parametrize("slip", SLIPS)
def test_a_near_miss_is_named(slip: str) -> None:
    actual, expected, words = SLIPS[slip]
    said = near_miss(actual, expected)
    assert said is not None
    assert words in said


@pytest.mark.parametrize(
    ("actual", "expected"),
    [
        (numbers(4, 5) + numbers(4, 5).flip(0) ** 2, X),
        (X.exp(), X),
        (X * (1 + 1e-4 * torch.linspace(1, 2, 20).double().reshape(4, 5)), X),
        (X + torch.eye(4, 5).double(), X),
        (torch.full((4, 5), float("nan")).double(), X),
        (torch.full((4, 5), float("inf")).double(), X),
        (torch.zeros(4, 5).double(), X),
        (X[:3], X),
        (torch.ones(4, 5), torch.zeros(4, 5)),
        (torch.zeros(0, 5), torch.zeros(0, 5)),
        (torch.tensor(1.0), torch.tensor(2.0)),
        (torch.tensor([[True, True], [False, True]]), torch.tensor([[True, False], [True, True]])),
        (torch.ones(4, 4).tril(-1).bool(), torch.ones(4, 4).tril().bool()),
        (torch.ones(4, 4).tril(-1), torch.ones(4, 4).tril().bool()),
        (torch.arange(1.0, 5.0) + torch.tensor([4e-5, 1e-5, 3e-5, 2e-5]), torch.arange(1.0, 5.0)),
        (X, X * 1j),
    ],
    ids=[
        *("other", "exp", "larger throughout", "diagonal", "nan", "inf", "zeros", "shorter", "constant", "empty"),
        *("scalar", "small mask", "mask", "mask of floats", "nearly right and sorted", "complex"),
    ],
)
def test_other_wrong_results_are_no_near_miss(actual: Tensor, expected: Tensor) -> None:
    assert near_miss(actual, expected) is None


@pytest.mark.parametrize(
    ("actual", "expected", "words"),
    [
        (0.6666666865348816, 2 / 3, "rounded to float32"),
        (0.667, 2 / 3, "rounded to 3 decimals"),
        (0.7, 2 / 3, None),
        (1, 2 / 3, None),
        (12346, 12345.67, "rounded to whole numbers"),
        (1234, 1234.567, "without the digits after the point"),
        (1.5, 1.5, None),
        (21.99999973877, 21.99999980365, None),
        (float("nan"), 1.5, None),
        (3.0, 1.5, None),
    ],
)
def test_a_rounded_number_is_named(actual: float, expected: float, words: str | None) -> None:
    said = rounded_number(actual, expected)
    assert said is None if words is None else said is not None and words in said

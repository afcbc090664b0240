"""The models of the recall lab against NumPy, and its task against plain Python."""

from types import ModuleType

import pytest
import torch

from tests.course_content.references.solutions import reference


@pytest.fixture
def ours() -> ModuleType:
    return reference("recall_lab")


def test_steps_begin_between_a_thousandth_and_a_tenth(ours: ModuleType) -> None:
    bias = ours.CopyModel("selective", d_model=64).mixer.delta.bias
    steps = torch.nn.functional.softplus(bias)
    assert 0.001 <= steps.min() <= steps.max() <= 0.101

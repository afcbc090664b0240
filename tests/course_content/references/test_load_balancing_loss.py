"""The reference of load_balancing_loss against Hugging Face's Mixtral and Switch Transformer, and against NumPy.

Hugging Face's are compared where `transformers` is installed. It is no dependency of the course.
"""

from functools import partial
from types import ModuleType

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.course_content.references import solutions
from tests.course_content.references.solutions import NO_TRANSFORMERS, reference

close = partial(solutions.close, atol=1e-5)  # float32 losses of size 1 to 10


@pytest.fixture
def ours() -> ModuleType:
    return reference("load_balancing_loss")


@pytest.mark.parametrize("masked", [False, True], ids=["all real", "padded"])
@pytest.mark.parametrize("k", [1, 2, 4, 7])
def test_balance_is_that_of_mixtral(ours: ModuleType, k: int, masked: bool, generator: torch.Generator) -> None:
    pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    from transformers.models.mixtral.modeling_mixtral import load_balancing_loss_func

    L, B, T, E = 3, 2, 11, 7
    logits = torch.randn(L, B, T, E, generator=generator).requires_grad_()
    mask = (torch.arange(T) < torch.tensor([[11], [5]])).long() if masked else None
    layers = tuple(layer.reshape(B * T, E) for layer in logits)
    expected = load_balancing_loss_func(layers, num_experts=E, top_k=k, attention_mask=mask)
    assert isinstance(expected, Tensor)
    loss = ours.load_balancing_loss(logits, k, mask)
    assert close(loss, expected)
    (mine,), (theirs,) = torch.autograd.grad(loss, logits), torch.autograd.grad(expected, logits)
    assert close(mine, theirs, atol=1e-7)


def test_balance_of_one_choice_is_that_of_switch_transformer(ours: ModuleType, generator: torch.Generator) -> None:
    """Switch takes f and p of every text on its own and averages: here one text."""
    pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    from transformers.models.switch_transformers import modeling_switch_transformers as switch

    logits = torch.randn(1, 11, 7, generator=generator)
    probabilities = logits.softmax(-1)
    expected = switch.load_balancing_loss_func(probabilities, probabilities.argmax(-1))
    assert close(ours.load_balancing_loss(logits, 1), torch.as_tensor(expected))


def test_z_loss_is_that_of_switch_transformer(ours: ModuleType, generator: torch.Generator) -> None:
    pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    from transformers.models.switch_transformers import modeling_switch_transformers as switch

    logits = 5 * torch.randn(3, 11, 7, generator=generator)
    expected = torch.as_tensor(switch.router_z_loss_func(logits))
    assert close(ours.router_z_loss(logits), expected, atol=1e-4)  # about 100


def test_gradients_are_those_of_finite_differences(ours: ModuleType, generator: torch.Generator) -> None:
    logits = torch.randn(5, 7, generator=generator, dtype=torch.float64).requires_grad_()
    mask = torch.tensor([True, True, False, True, True])
    assert torch.autograd.gradcheck(lambda x: ours.load_balancing_loss(x, 3, mask), logits)
    assert torch.autograd.gradcheck(lambda x: ours.router_z_loss(x, mask), logits)


def test_even_use_is_no_minimum(ours: ModuleType) -> None:
    """The question of the statement: f = (0.6, 0.4) and p = (0.306, 0.694) score less than 1."""
    probabilities = torch.tensor([[0.51, 0.49]] * 6 + [[0.0, 1.0]] * 4, dtype=torch.float64)
    loss = ours.load_balancing_loss(probabilities.clamp(min=1e-300).log(), 1)
    assert np.isclose(loss.item(), 0.9224, rtol=1e-12)

"""The reference of expert_capacity against Hugging Face's Switch Transformer, GShard's masks in NumPy, and fractions.

Hugging Face's is compared where `transformers` is installed. It is no dependency of the course.
"""

import itertools
import math
from fractions import Fraction
from types import ModuleType

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.course_content.references.solutions import NO_TRANSFORMERS, reference


@pytest.fixture
def ours() -> ModuleType:
    return reference("expert_capacity")


def skewed(T: int, E: int, k: int, generator: torch.Generator) -> Tensor:
    """Choices (T, k) that prefer experts of a high number."""
    logits = torch.randn(T, E, generator=generator) + torch.linspace(0, 2, E)
    return logits.topk(k, dim=-1).indices


def test_capacity_is_that_of_fractions(ours: ModuleType) -> None:
    for T, E, k in itertools.product((1, 7, 10, 64, 4096), (1, 3, 8, 49, 64), (1, 2, 6)):
        for quarters in range(1, 13):
            c = Fraction(quarters, 4)
            assert ours.expert_capacity(T, E, k, float(c)) == math.ceil(T * k * c / E)


@pytest.mark.parametrize("capacity", [1, 3, 5, 40])
def test_one_choice_is_kept_as_in_switch_transformer(
    ours: ModuleType, capacity: int, generator: torch.Generator
) -> None:
    pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    from transformers import SwitchTransformersConfig
    from transformers.models.switch_transformers.modeling_switch_transformers import SwitchTransformersTop1Router

    T, D, E = 29, 6, 5
    config = SwitchTransformersConfig(d_model=D, num_experts=E, expert_capacity=capacity, router_jitter_noise=0.0)
    router = SwitchTransformersTop1Router(config).eval()
    x = torch.randn(1, T, D, generator=generator)
    with torch.no_grad():
        mask = next(o for o in router(x) if o.shape == (1, T, E) and set(o.unique().tolist()) <= {0, 1})
        indices = router.classifier(x[0]).argmax(-1, keepdim=True)
    slots = ours.assign_slots(indices, E, capacity)
    kept = torch.zeros(T, E, dtype=torch.int64).scatter(1, indices, (slots >= 0).long())
    assert torch.equal(kept, mask[0].long())
    assert (slots < 0).any() == (capacity < 40)  # 29 tokens, and at most 25 slots


@pytest.mark.parametrize(("k", "capacity"), [(1, 4), (2, 7), (2, 3), (3, 5), (2, 40)])
def test_buffers_are_those_of_gshards_masks(
    ours: ModuleType, k: int, capacity: int, generator: torch.Generator
) -> None:
    """Dispatch and combine as products with a tensor (T, E, C), which GShard's algorithm 1 makes rank by rank."""
    T, D, E = 19, 4, 6
    indices = skewed(T, E, k, generator)
    x = torch.randn(T, D, generator=generator, dtype=torch.float64)
    weights = torch.rand(T, k, generator=generator, dtype=torch.float64)
    mask, combined = np.zeros((T, E, capacity)), np.zeros((T, E, capacity))
    count = np.zeros(E, dtype=int)
    for s in range(k):
        for t in range(T):
            e = int(indices[t, s])
            if count[e] < capacity:
                mask[t, e, count[e]] = 1
                combined[t, e, count[e]] = weights[t, s]
            count[e] += 1
    slots = ours.assign_slots(indices, E, capacity)
    buffers = ours.dispatch(x, indices, slots, E, capacity)
    assert np.allclose(buffers.numpy(), np.einsum("tec,td->ecd", mask, x.numpy()), rtol=0, atol=1e-12)
    outputs = torch.randn(E, capacity, D, generator=generator, dtype=torch.float64)
    y = ours.combine(outputs, indices, slots, weights)
    assert np.allclose(y.numpy(), np.einsum("tec,ecd->td", combined, outputs.numpy()), rtol=0, atol=1e-12)


def test_gradients_are_those_of_finite_differences(ours: ModuleType, generator: torch.Generator) -> None:
    T, D, E, k, C = 7, 3, 4, 2, 2
    indices = skewed(T, E, k, generator)
    slots = ours.assign_slots(indices, E, C)
    assert (slots < 0).any()
    x = torch.randn(T, D, generator=generator, dtype=torch.float64).requires_grad_()
    weights = torch.rand(T, k, generator=generator, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda x, weights: ours.combine(ours.dispatch(x, indices, slots, E, C).sin(), indices, slots, weights),
        (x, weights),
    )


def test_example_of_the_lesson(ours: ModuleType) -> None:
    """Three of eight choices are dropped while expert 2 is idle; token by token, token 3 would lose everything."""
    indices = torch.tensor([[0, 1], [0, 1], [1, 3], [1, 0]])
    slots = ours.assign_slots(indices, 4, ours.expert_capacity(4, 4, 2, 1.0))
    assert (slots < 0).sum() == 3
    assert 2 not in indices
    token_by_token = ours.assign_slots(indices.view(-1, 1), 4, 2).view(4, 2)
    assert (token_by_token < 0).tolist() == [[False, False], [False, False], [True, False], [True, True]]

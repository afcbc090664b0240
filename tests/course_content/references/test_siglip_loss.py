"""The reference of siglip_loss against Hugging Face's SigLIP, and against NumPy.

Hugging Face's are compared where `transformers` is installed. It is no dependency of the course.
"""

import math
from types import ModuleType

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.course_content.references.solutions import NO_TRANSFORMERS, reference


@pytest.fixture
def ours() -> ModuleType:
    return reference("siglip_loss")


def scalar(x: float) -> Tensor:
    return torch.tensor(x, dtype=torch.float64)


def test_the_loss_is_that_of_hugging_faces_siglip(ours: ModuleType, generator: torch.Generator) -> None:
    """From the outputs of both towers on: as it starts, and with another temperature and bias."""
    pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    from transformers import SiglipConfig, SiglipModel

    tower = {"hidden_size": 16, "intermediate_size": 20, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = SiglipConfig(
        text_config=tower | {"vocab_size": 30, "max_position_embeddings": 8},
        vision_config=tower | {"image_size": 8, "patch_size": 4},
    )
    model = SiglipModel(config).eval()
    pixels = torch.randn(6, 3, 8, 8, generator=generator)
    ids = torch.randint(3, 29, (6, 8), generator=generator)
    for log_t, bias in ((math.log(10), -10.0), (1.5, 0.4)):
        with torch.no_grad():
            model.logit_scale.fill_(log_t)
            model.logit_bias.fill_(bias)
            found = model(input_ids=ids, pixel_values=pixels, return_loss=True)
        images, texts = 3 * found.image_embeds, found.text_embeds / 7
        scalars = torch.tensor(log_t), torch.tensor(bias)
        for loss in (
            ours.siglip_loss(images, texts, *scalars),
            ours.siglip_loss_chunked(images, texts, *scalars, 3),
        ):
            assert torch.allclose(loss, found.loss, rtol=1e-5, atol=0.0)


def test_a_block_is_the_formula_in_numpy(ours: ModuleType, generator: torch.Generator) -> None:
    images = torch.randn(5, 4, generator=generator, dtype=torch.float64)
    texts = torch.randn(7, 4, generator=generator, dtype=torch.float64)
    u, v = (x.numpy() / np.linalg.norm(x.numpy(), axis=1, keepdims=True) for x in (images, texts))
    for row0, col0 in ((0, 0), (3, 1), (1, 3), (20, 0)):
        z = 6 * u @ v.T - 2
        y = 2.0 * np.equal.outer(row0 + np.arange(5), col0 + np.arange(7)) - 1
        found = ours.pairwise_sum(images, texts, scalar(6.0).log(), scalar(-2.0), row0, col0)
        assert np.isclose(found.item(), np.logaddexp(0, -y * z).sum(), rtol=1e-12)


def test_the_first_loss_is_that_of_orthogonal_embeddings(ours: ModuleType) -> None:
    B = 16
    vectors = torch.eye(2 * B, dtype=torch.float64)
    for log_t, bias in ((math.log(10), -10.0), (0.3, 1.7)):
        loss = ours.siglip_loss(vectors[:B], vectors[B:], scalar(log_t), scalar(bias))
        assert np.isclose(loss.item(), ours.initial_loss(B, log_t, bias), rtol=1e-12)
    assert round(ours.initial_loss(32768, math.log(10), 0.0)) == 22713
    assert round(ours.initial_loss(32768, math.log(10), -10.0), 2) == 11.49


def test_gradients_are_those_of_finite_differences(ours: ModuleType, generator: torch.Generator) -> None:
    images, texts = (torch.randn(4, 3, generator=generator, dtype=torch.float64).requires_grad_() for _ in range(2))
    scalars = scalar(1.2).requires_grad_(), scalar(-1.5).requires_grad_()
    assert torch.autograd.gradcheck(ours.siglip_loss, (images, texts, *scalars))

"""The reference of clip_loss against Hugging Face's CLIP, and against NumPy.

Hugging Face's are compared where `transformers` is installed. It is no dependency of the course.
"""

from types import ModuleType

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.course_content.references.solutions import NO_TRANSFORMERS, close, reference


@pytest.fixture
def ours() -> ModuleType:
    return reference("clip_loss")


def numpy_loss(images: Tensor, texts: Tensor, scale: float) -> float:
    u, v = (x.numpy() / np.linalg.norm(x.numpy(), axis=1, keepdims=True) for x in (images, texts))
    z = scale * u @ v.T
    rows, columns = (np.logaddexp.reduce(z, axis=axis) - np.diag(z) for axis in (1, 0))
    return float((rows.mean() + columns.mean()) / 2)


@pytest.mark.parametrize("log_scale", [2.659, 0.0, -1.0, 4.605, 9.0])
def test_the_loss_is_the_formula_in_numpy(ours: ModuleType, log_scale: float, generator: torch.Generator) -> None:
    images, texts = torch.randn(2, 9, 6, generator=generator, dtype=torch.float64)
    loss = ours.clip_loss(images, texts, torch.tensor(log_scale, dtype=torch.float64))
    assert np.isclose(loss.item(), numpy_loss(images, texts, min(100.0, np.exp(log_scale))), rtol=1e-12)


def test_logits_and_loss_are_those_of_hugging_faces_clip(ours: ModuleType, generator: torch.Generator) -> None:
    """From the outputs of both towers on, with the scale of its configuration, and with one that was set."""
    pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    from transformers import CLIPConfig, CLIPModel

    tower = {"hidden_size": 16, "intermediate_size": 20, "num_hidden_layers": 1, "num_attention_heads": 2}
    text = tower | {"vocab_size": 30, "max_position_embeddings": 8, "bos_token_id": 1, "eos_token_id": 2}
    vision = tower | {"image_size": 8, "patch_size": 4}
    model = CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=12)).eval()
    B, M = 5, 3
    pixels = torch.randn(B, 3, 8, 8, generator=generator)
    ids = torch.randint(3, 29, (B, 6), generator=generator)
    for log_scale in (model.logit_scale.item(), 4.0):
        with torch.no_grad():
            model.logit_scale.fill_(log_scale)
            found = model(input_ids=ids, pixel_values=pixels, attention_mask=torch.ones_like(ids), return_loss=True)
        images, texts = 3 * found.image_embeds, found.text_embeds / 7
        scale = model.logit_scale.detach()
        assert close(ours.clip_logits(images, texts[:M], scale), found.logits_per_image[:, :M], atol=1e-4)
        assert close(ours.clip_loss(images, texts, scale), found.loss, atol=1e-4)


def test_gradients_are_those_of_finite_differences(ours: ModuleType, generator: torch.Generator) -> None:
    images, texts = (torch.randn(4, 3, generator=generator, dtype=torch.float64).requires_grad_() for _ in range(2))
    scale = torch.tensor(1.2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(ours.clip_loss, (images, texts, scale))
    assert torch.autograd.gradcheck(ours.clip_logits, (images, texts[:2], scale))


def test_above_the_cap_the_scale_gets_no_gradient(ours: ModuleType, generator: torch.Generator) -> None:
    """The question of the statement: it stays where it is, whatever the loss."""
    images, texts = torch.randn(2, 4, 3, generator=generator)
    scale = torch.tensor(4.7, requires_grad=True)
    ours.clip_loss(images, texts, scale).backward()
    assert scale.grad == 0


def test_zero_shot_is_the_ensemble_in_numpy(ours: ModuleType, generator: torch.Generator) -> None:
    """As in OpenAI's notebook: mean of the normalised, normalised."""
    images = torch.randn(5, 6, generator=generator, dtype=torch.float64)
    prompts = torch.randn(4, 3, 6, generator=generator, dtype=torch.float64)
    prompts *= torch.tensor([0.01, 1.0, 100.0])[:, None]
    classes = []
    for of_class in prompts.numpy():
        mean = np.mean([prompt / np.sqrt(prompt @ prompt) for prompt in of_class], axis=0)
        classes.append(mean / np.sqrt(mean @ mean))
    unit = images.numpy() / np.linalg.norm(images.numpy(), axis=1, keepdims=True)
    e = np.exp(100 * unit @ np.stack(classes).T)
    found = ours.zero_shot(images, prompts, torch.tensor(100.0, dtype=torch.float64).log())
    assert np.allclose(found.numpy(), e / e.sum(1, keepdims=True), rtol=0.0, atol=1e-12)

"""The reference of multimodal_merge against Hugging Face's LLaVA, from the layers of its tower to logits and loss.

Hugging Face's is compared where `transformers` is installed. It is no dependency of the course.
"""

from functools import partial
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.course_content.references import solutions
from tests.course_content.references.solutions import NO_TRANSFORMERS, reference

close = partial(solutions.close, atol=1e-12)
IMAGE, PAD, V = 40, 3, 41
P = 4  # patches of an image: (16 / 8)²


@pytest.fixture
def ours() -> ModuleType:
    return reference("multimodal_merge")


def llava(generator: torch.Generator, strategy: str = "default") -> Any:
    """Make a LLaVA of a few thousand random weights, in float64."""
    from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig, LlavaForConditionalGeneration

    tower = CLIPVisionConfig(
        hidden_size=12,
        intermediate_size=20,
        num_hidden_layers=3,
        num_attention_heads=2,
        image_size=16,
        patch_size=8,
    )
    text = LlamaConfig(
        vocab_size=V,
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        pad_token_id=PAD,
    )
    config = LlavaConfig(
        vision_config=tower,
        text_config=text,
        image_token_index=IMAGE,
        vision_feature_layer=-2,
        vision_feature_select_strategy=strategy,
    )
    model = LlavaForConditionalGeneration(config).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            parameter.copy_(noise / parameter.shape[-1] ** 0.5)
    return model


def prompts(ours: ModuleType) -> Tensor:
    """Two texts of one and of two images, padded at the left."""
    first = ours.expand_image_tokens([5, IMAGE, 7, 8, 9], IMAGE, P)
    second = ours.expand_image_tokens([6, IMAGE, 10, IMAGE, 11, 12], IMAGE, P)
    return torch.tensor([[PAD] * (len(second) - len(first)) + first, second])


def projector(ours: ModuleType, model: Any) -> Any:
    theirs = model.model.multi_modal_projector
    projector = ours.Projector(12, 16).double()
    projector.load_state_dict(theirs.state_dict())
    return projector


def test_logits_and_loss_are_those_of_llava(ours: ModuleType, generator: torch.Generator) -> None:
    """Two texts, three images, left padding, everything of ours in front of Hugging Face's Llama."""
    pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    model = llava(generator)
    pixels = torch.randn(3, 3, 16, 16, generator=generator, dtype=torch.float64)
    input_ids = prompts(ours)
    states = model.model.vision_tower(pixels, output_hidden_states=True).hidden_states
    features = projector(ours, model)(ours.select_features(states, -2, "default"))
    embedding = model.get_input_embeddings().weight
    x = ours.merge(input_ids, embedding, features, IMAGE)
    inputs = ours.batch_inputs(input_ids, PAD)
    logits = model.lm_head(model.model.language_model(inputs_embeds=x, **inputs).last_hidden_state)

    labels = ours.make_labels(input_ids, IMAGE, PAD, torch.tensor([6, 11]))
    expected = model(input_ids=input_ids, pixel_values=pixels, labels=labels, **inputs)
    real = inputs["attention_mask"].bool()
    assert close(logits[real], expected.logits[real])
    by_hand = nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten())
    assert torch.isclose(by_hand.float(), expected.loss, rtol=1e-5, atol=0.0)  # theirs is computed in float32
    assert labels[labels >= 0].tolist() == [8, 9, 12]


@pytest.mark.parametrize("strategy", ["default", "full"])
def test_features_are_those_of_llava(ours: ModuleType, strategy: str, generator: torch.Generator) -> None:
    pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    model = llava(generator, strategy)
    pixels = torch.randn(3, 3, 16, 16, generator=generator, dtype=torch.float64)
    states = model.model.vision_tower(pixels, output_hidden_states=True).hidden_states
    features = projector(ours, model)(ours.select_features(states, -2, strategy))
    expected = model.get_image_features(pixels, vision_feature_layer=-2, vision_feature_select_strategy=strategy)
    pooled = getattr(expected, "pooler_output", expected)
    assert close(features, torch.stack(tuple(pooled)))


def test_batch_inputs_let_a_padded_text_be_as_it_is_alone(ours: ModuleType, generator: torch.Generator) -> None:
    pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    llama = llava(generator).model.language_model
    input_ids = torch.randint(4, IMAGE, (3, 9), generator=generator)
    input_ids[0, :4] = input_ids[2, 7:] = PAD
    padded = llama(input_ids, **ours.batch_inputs(input_ids, PAD)).last_hidden_state
    for row, out in zip(input_ids, padded, strict=True):
        alone = llama(row[row != PAD][None]).last_hidden_state[0]
        assert close(out[row != PAD], alone)


def test_figures_of_llava(ours: ModuleType) -> None:
    """336 / 14 = 24, 24² = 576; 1024 to 4096 to 4096 with biases."""
    pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    from transformers import LlavaConfig
    from transformers.models.llava.modeling_llava import LlavaMultiModalProjector

    config = LlavaConfig()  # its defaults are LLaVA-1.5-7B
    with torch.device("meta"):
        mine, theirs = ours.Projector(1024, 4096), LlavaMultiModalProjector(config)
    assert {n: p.shape for n, p in mine.named_parameters()} == {n: p.shape for n, p in theirs.named_parameters()}
    assert sum(p.numel() for p in mine.parameters()) == 20_979_712
    assert (config.vision_config.image_size // config.vision_config.patch_size) ** 2 == 576
    assert (config.vision_feature_layer, config.vision_feature_select_strategy) == (-2, "default")
    assert config.image_token_index == 32000

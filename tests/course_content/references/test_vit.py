"""The reference of vit against torchvision's VisionTransformer, Hugging Face's ViT, and published counts.

They are compared where `torchvision` and `transformers` are installed. They are no dependencies of the course.
"""

from functools import partial
from types import ModuleType

import pytest
import torch
from torch import nn

from tests.course_content.references import solutions
from tests.course_content.references.solutions import NO_TRANSFORMERS, reference

close = partial(solutions.close, atol=1e-9)  # float64 numbers of size 1 to 10
NO_TORCHVISION = "compares with torchvision, which is not installed"
PUBLISHED = {  # 1000 classes, images of 224
    "vit_b_16": ((224, 16, 3, 768, 12, 3072, 1000), 86_567_656),
    "vit_b_32": ((224, 32, 3, 768, 12, 3072, 1000), 88_224_232),
    "vit_l_16": ((224, 16, 3, 1024, 24, 4096, 1000), 304_326_632),
    "vit_l_32": ((224, 32, 3, 1024, 24, 4096, 1000), 306_535_400),
    "vit_h_14": ((224, 14, 3, 1280, 32, 5120, 1000), 632_045_800),
}


@pytest.fixture
def ours() -> ModuleType:
    return reference("vit")


def randomised(module: nn.Module, generator: torch.Generator) -> nn.Module:
    with torch.no_grad():
        for parameter in module.parameters():
            noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            parameter.copy_(1.5 * noise / parameter.shape[-1] ** 0.5)
    return module


TORCHVISION = {
    "ln_1": "norm1",
    "self_attention.in_proj_": "attn.qkv.",
    "self_attention.out_proj": "attn.proj",
    "ln_2": "norm2",
    "mlp.0": "mlp.fc1",
    "mlp.3": "mlp.fc2",
    "class_token": "cls_token",
    "conv_proj": "patch_embed.proj",
    "encoder.pos_embedding": "pos_embed",
    "encoder.layers.encoder_layer_": "blocks.",
    "encoder.ln": "norm",
    "heads.head": "head",
}


def under_our_names(name: str) -> str:
    for theirs, mine in TORCHVISION.items():
        name = name.replace(theirs, mine)
    return name


@pytest.mark.parametrize("heads", [1, 3, 4])
def test_it_is_the_vision_transformer_of_torchvision(ours: ModuleType, heads: int, generator: torch.Generator) -> None:
    """Logits and all gradients."""
    torchvision = pytest.importorskip("torchvision", reason=NO_TORCHVISION)
    theirs = torchvision.models.VisionTransformer(12, 4, 2, heads, 24, 20, num_classes=5).double()
    randomised(theirs, generator)
    vit = ours.ViT(12, 4, 3, 24, 2, heads, 20, 5).double()
    vit.load_state_dict({under_our_names(name): value for name, value in theirs.state_dict().items()})

    images = torch.randn(2, 3, 12, 12, generator=generator, dtype=torch.float64)
    logits, expected = vit(images), theirs(images)
    assert close(logits, expected)
    g = torch.randn(expected.shape, generator=generator, dtype=torch.float64)
    for result in (logits, expected):
        (result * g).sum().backward()
    mine = dict(vit.named_parameters())
    for name, parameter in theirs.named_parameters():
        gradient = mine[under_our_names(name)].grad
        assert gradient is not None
        assert parameter.grad is not None
        assert close(gradient, parameter.grad), name


@pytest.mark.parametrize(("config", "parameters"), PUBLISHED.values(), ids=PUBLISHED)
def test_counts_are_the_published_ones(ours: ModuleType, config: tuple[int, ...], parameters: int) -> None:
    assert ours.vit_param_count(*config) == parameters
    *sizes, mlp_dim, classes = config
    with torch.device("meta"):
        vit = ours.ViT(*sizes, 16, mlp_dim, classes)
    assert sum(p.numel() for p in vit.parameters()) == parameters


@pytest.mark.parametrize("name", ["vit_b_16", "vit_b_32"])
def test_counts_are_those_of_torchvision(ours: ModuleType, name: str) -> None:
    torchvision = pytest.importorskip("torchvision", reason=NO_TORCHVISION)
    with torch.device("meta"):
        model = getattr(torchvision.models, name)()
    assert ours.vit_param_count(*PUBLISHED[name][0]) == sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize(("g", "n"), [(3, 5), (5, 3), (14, 24), (4, 4)])
def test_positions_are_resized_as_in_hugging_faces_vit(
    ours: ModuleType, g: int, n: int, generator: torch.Generator
) -> None:
    pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    from transformers import ViTConfig
    from transformers.models.vit.modeling_vit import ViTEmbeddings

    D, P = 6, 2
    config = ViTConfig(hidden_size=D, image_size=g * P, patch_size=P, num_attention_heads=2)
    theirs = ViTEmbeddings(config).double()
    randomised(theirs, generator)
    resized = theirs.interpolate_pos_encoding(torch.zeros(1, n * n + 1, D), n * P, n * P)
    assert close(ours.resize_positions(theirs.position_embeddings, n), resized)


def test_a_resized_model_runs_at_another_resolution(ours: ModuleType, generator: torch.Generator) -> None:
    """Only the table of positions has another shape."""
    vit, larger = ours.ViT(8, 4, 3, 12, 2, 3, 20, 5), ours.ViT(20, 4, 3, 12, 2, 3, 20, 5)
    state = vit.state_dict()
    larger.load_state_dict(state | {"pos_embed": ours.resize_positions(state["pos_embed"], 5)})
    assert larger(torch.randn(2, 3, 20, 20, generator=generator)).shape == (2, 5)

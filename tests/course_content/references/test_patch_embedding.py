"""The reference of patch_embedding against torch's unfold, fold and Conv2d, and against Hugging Face's ViT-MAE.

Hugging Face's are compared where `transformers` is installed. It is no dependency of the course.
"""

from functools import partial
from types import ModuleType

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from tests.course_content.references import solutions
from tests.course_content.references.solutions import NO_TRANSFORMERS, reference

close = partial(solutions.close, atol=1e-12)  # float64 sums of a few dozen terms of size 1
SIZES = [(2, 3, 4, 5, 2), (1, 1, 1, 3, 4), (3, 4, 2, 1, 1), (2, 1, 5, 2, 3)]  # B, C, P, rows, columns


@pytest.fixture
def ours() -> ModuleType:
    return reference("patch_embedding")


@pytest.mark.parametrize(("B", "C", "P", "rows", "columns"), SIZES)
def test_patches_are_those_of_torchs_unfold(
    ours: ModuleType, B: int, C: int, P: int, rows: int, columns: int, generator: torch.Generator
) -> None:
    H, W = rows * P, columns * P
    images = torch.randn(B, C, H, W, generator=generator, dtype=torch.float64)
    patches = F.unfold(images, P, stride=P).mT
    assert torch.equal(ours.patchify(images, P), patches)
    assert torch.equal(ours.unpatchify(patches, P, H, W), F.fold(patches.mT, (H, W), P, stride=P))


@pytest.mark.parametrize(("B", "C", "P", "rows", "columns"), SIZES)
def test_the_embedding_is_a_convolution(
    ours: ModuleType, B: int, C: int, P: int, rows: int, columns: int, generator: torch.Generator
) -> None:
    D = 7
    mine, theirs = torch.randn(2, B, C, rows * P, columns * P, generator=generator, dtype=torch.float64)
    mine.requires_grad_(), theirs.requires_grad_()
    conv = nn.Conv2d(C, D, P, stride=P, dtype=torch.float64)
    embed = ours.PatchEmbed(P, C, D).double()
    embed.load_state_dict(conv.state_dict())
    with torch.no_grad():
        theirs.copy_(mine)
    z, expected = embed(mine), conv(theirs).flatten(2).mT
    assert close(z, expected)
    g = torch.randn(expected.shape, generator=generator, dtype=torch.float64)
    for result in (z, expected):
        (result * g).sum().backward()
    assert mine.grad is not None
    assert theirs.grad is not None
    assert conv.weight.grad is not None
    assert close(mine.grad, theirs.grad)
    assert close(embed.weight.grad, conv.weight.grad)


def test_the_map_of_vit_base_has_590592_numbers(ours: ModuleType) -> None:
    assert sum(p.numel() for p in ours.PatchEmbed(16, 3, 768).parameters()) == 590_592


def test_patches_are_those_of_vit_mae_but_for_the_place_of_the_channels(
    ours: ModuleType, generator: torch.Generator
) -> None:
    pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    from transformers import ViTMAEConfig, ViTMAEForPreTraining

    C, P = 3, 4
    config = ViTMAEConfig(
        hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8, image_size=12, patch_size=P,
        decoder_hidden_size=8, decoder_num_hidden_layers=1, decoder_num_attention_heads=2, decoder_intermediate_size=8,
    )  # fmt: skip
    images = torch.randn(2, C, 12, 12, generator=generator)
    theirs = ViTMAEForPreTraining(config).patchify(images).unflatten(2, (P, P, C))
    assert torch.equal(ours.patchify(images, P).unflatten(2, (C, P, P)), theirs.movedim(4, 2))


@pytest.mark.parametrize(("dim", "rows", "columns"), [(4, 2, 3), (24, 5, 2), (768, 14, 14)])
def test_positions_are_those_of_vit_mae(ours: ModuleType, dim: int, rows: int, columns: int) -> None:
    pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    from transformers.models.vit_mae import modeling_vit_mae

    theirs = getattr(modeling_vit_mae, "build_2d_sinusoidal_position_embedding", None)
    if theirs is None:
        pytest.skip("this transformers has the rows after the columns")
    assert close(ours.sincos_2d(dim, rows, columns), theirs(rows, columns, embed_dim=dim, dtype=torch.float64))

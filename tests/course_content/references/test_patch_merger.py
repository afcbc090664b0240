"""The reference of patch_merger against Qwen2-VL of Hugging Face transformers, and against slices of pictures.

Hugging Face's is compared where `transformers` is installed. It is no dependency of the course.
"""

import math
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.course_content.references.solutions import NO_TRANSFORMERS, close, reference

GRIDS = [(1, 4, 6), (1, 6, 4), (1, 2, 12), (3, 4, 2)]


@pytest.fixture
def ours() -> ModuleType:
    return reference("patch_merger")


@pytest.fixture
def theirs() -> Any:
    pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    from transformers.models.qwen2_vl import modeling_qwen2_vl

    return modeling_qwen2_vl


def processed(numbers: Tensor) -> list[int]:
    """Return the order in which the processor lists the patches of a photo, whose numbers are its pixels."""
    from transformers.models.qwen2_vl.image_processing_qwen2_vl import Qwen2VLImageProcessor

    patches, _, _ = Qwen2VLImageProcessor().patchify(numbers[None, None], 1, 2, 1)
    found: list[int] = patches.flatten().tolist()
    return found


def test_merger_behind_the_processors_order(ours: ModuleType, theirs: Any, generator: torch.Generator) -> None:
    """The merger takes four rows of a tensor; that they are a square is the processor's work."""
    D, width = 6, 5
    module = ours.PatchMerger(D, width).double()
    merger = theirs.PatchMerger(width, D, 2).double()
    merger.load_state_dict(module.state_dict())
    patches = torch.randn(sum(map(math.prod, GRIDS)), D, generator=generator, dtype=torch.float64)
    order, before = [], 0
    for t, h, w in GRIDS:
        for _ in range(t):
            order += processed(torch.arange(before, before + h * w).view(h, w))
            before += h * w
    assert close(module(patches, GRIDS), merger(patches[order]).detach(), atol=1e-12)
    assert not close(module(patches, GRIDS), merger(patches).detach(), atol=0.1)


def test_weights_of_the_statement(ours: ModuleType) -> None:
    """Those of Qwen2-VL-7B."""
    with torch.device("meta"):
        module = ours.PatchMerger(dim=1280, out_dim=3584)
    assert sum(parameter.numel() for parameter in module.parameters()) == 44_575_744


def rope_index(theirs: Any, parts: list[int | tuple[int, int, int]]) -> Tensor:
    """Their positions of a prompt; a grid of more than one frame is a video."""
    from transformers import Qwen2VLConfig

    text = {
        "hidden_size": 8,
        "intermediate_size": 8,
        "num_hidden_layers": 1,
        "num_attention_heads": 1,
        "num_key_value_heads": 1,
        "vocab_size": 9,
        "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2, 1, 1]},
    }
    vision = {"depth": 1, "embed_dim": 8, "num_heads": 1, "hidden_size": 8, "mlp_ratio": 1}
    model = theirs.Qwen2VLModel(Qwen2VLConfig(text_config=text, vision_config=vision))
    kinds: list[int] = []
    for part in parts:
        kind, count = (0, part) if isinstance(part, int) else (1 if part[0] == 1 else 2, math.prod(part) // 4)
        kinds += [kind] * count
    grids = {kind: [p for p in parts if not isinstance(p, int) and (p[0] == 1) == (kind == 1)] for kind in (1, 2)}
    found, _ = model.get_rope_index(
        torch.zeros(1, len(kinds), dtype=torch.int64),
        torch.tensor([kinds]),
        image_grid_thw=torch.tensor(grids[1]) if grids[1] else None,
        video_grid_thw=torch.tensor(grids[2]) if grids[2] else None,
    )
    positions: Tensor = found[:, 0]
    return positions


@pytest.mark.parametrize(
    "parts",
    [
        [2, (1, 4, 6), 2],
        [(1, 6, 4), 3],
        [1, (1, 2, 12), 1, (1, 8, 2), 4],
        [3, (2, 4, 6), 2],  # a video with no more frames than columns
    ],
)
def test_positions_are_theirs(ours: ModuleType, theirs: Any, parts: list[Any]) -> None:
    assert ours.mrope_positions(parts).equal(rope_index(theirs, parts))


def test_long_videos_differ_as_the_statement_says(ours: ModuleType, theirs: Any) -> None:
    """They go on after rows and columns, and the paper after the largest number of all."""
    parts: list[int | tuple[int, int, int]] = [2, (5, 4, 4), 1]
    mine, other = ours.mrope_positions(parts), rope_index(theirs, parts)
    assert mine[:, :-1].equal(other[:, :-1])
    assert mine[0, -1] == 2 + 5
    assert other[0, -1] == 2 + 2


def test_squares_by_slices(ours: ModuleType, generator: torch.Generator) -> None:
    for M, (t, h, w) in ((2, (3, 4, 6)), (3, (2, 9, 3)), (1, (2, 3, 5))):
        frames = torch.randn(t, h, w, 4, generator=generator)
        expected = [
            frames[f, r : r + M, c : c + M].flatten() for f in range(t) for r in range(0, h, M) for c in range(0, w, M)
        ]
        assert ours.group_neighbours(frames.view(-1, 4), (t, h, w), M).equal(torch.stack(expected))


def test_positions_of_the_statement(ours: ModuleType) -> None:
    """A photo of 784 × 1176 pixels."""
    positions = ours.mrope_positions([(1, 784 // 14, 1176 // 14), 1])
    assert positions.shape[1] - 1 == 1176
    assert positions[:, -1].tolist() == [42, 42, 42]

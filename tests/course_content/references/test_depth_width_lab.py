"""The model of the depth and width lab against torch's own encoder, and its task against plain Python."""

from types import ModuleType

import pytest
import torch
from torch import nn

from tests.course_content.references.solutions import reference


@pytest.fixture
def ours() -> ModuleType:
    return reference("depth_width_lab")


@pytest.mark.parametrize(("layers", "heads"), [(1, 4), (3, 2)])
def test_the_blocks_are_torchs_encoder_layers(ours: ModuleType, layers: int, heads: int) -> None:
    D, n, hops = 12, 6, 4
    model = ours.HopModel(layers, D, heads=heads, items=n, hops=hops, seed=2).double()
    layer = nn.TransformerEncoderLayer(D, heads, 4 * D, 0.0, "gelu", batch_first=True, norm_first=True)
    theirs = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False).double()
    for mine, other in zip(model.blocks, theirs.layers, strict=True):
        kinds = ("weight", "bias")
        state = {f"self_attn.out_proj.{kind}": getattr(mine.attn.out_proj, kind).data for kind in kinds}
        for kind in kinds:
            stacked = [getattr(mine.attn, f"{name}_proj") for name in "qkv"]
            state[f"self_attn.in_proj_{kind}"] = torch.cat([getattr(proj, kind).data for proj in stacked])
        for name, here in {"linear1": mine.fc1, "linear2": mine.fc2, "norm1": mine.norm1, "norm2": mine.norm2}.items():
            state |= {f"{name}.{kind}": getattr(here, kind).data for kind in kinds}
        other.load_state_dict(state)
    table, start, k, _ = ours.make_batch(7, n, hops, seed=5)
    with torch.no_grad():
        query = model.target(start) + model.hop(k - 1)
        x = torch.cat([model.source.weight + model.target(table), query[:, None]], dim=1)
        expected = model.head(model.norm(theirs(x)[:, -1]))
        assert torch.allclose(model(table, start, k), expected, rtol=0.0, atol=1e-12)


def test_the_contestants_have_one_budget(ours: ModuleType) -> None:
    for layers, width in ours.shapes():
        weights = sum(p.numel() for p in ours.HopModel(layers, width).blocks.parameters())
        assert abs(weights / 50_000 - 1) < 0.05, (layers, width, weights)

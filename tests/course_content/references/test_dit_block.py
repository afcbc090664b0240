"""The reference of dit_block against the layer of Qwen2.5-Omni's DiT, and against the figures of the DiT paper.

Hugging Face's code is compared where `transformers` is installed. It is no dependency of the course.
"""

from functools import partial
from types import ModuleType

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from tests.course_content.references import solutions
from tests.course_content.references.solutions import NO_TRANSFORMERS, reference

close = partial(solutions.close, atol=1e-10)  # float64 numbers of size 1 to 100

# Of the paper, for patches of 2 on a latent of 32 x 32: D, depth, heads, parameters in millions, and Gflops, which
# are multiply-adds.
PAPER = {
    "S": (384, 12, 6, 33, 6.06),
    "B": (768, 12, 12, 130, 23.01),
    "L": (1024, 24, 16, 458, 80.71),
    "XL": (1152, 28, 16, 675, 118.64),
}


@pytest.fixture
def ours() -> ModuleType:
    return reference("dit_block")


def randomised(block: nn.Module, generator: torch.Generator) -> nn.Module:
    block.double().requires_grad_(False)
    for parameter in block.parameters():
        parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64) / 2)
    return block


def test_block_is_the_layer_of_qwen_omni(ours: ModuleType, generator: torch.Generator) -> None:
    """Its diffusion transformer for sound has DiT's layer, with a rotation that angles of 0 take out."""
    pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    from transformers.models.qwen2_5_omni import modeling_qwen2_5_omni as qwen

    B, T, D, H, ratio = 2, 5, 12, 3, 2
    config = qwen.Qwen2_5OmniDiTConfig(
        hidden_size=D, num_attention_heads=H, head_dim=D // H, ff_mult=ratio, dropout=0.0, attn_implementation="sdpa"
    )
    theirs = qwen.DiTDecoderLayer(config).double().requires_grad_(False)
    block = randomised(ours.DiTBlock(D, H, ratio * D), generator)
    p = block.state_dict()
    pairs = {
        "proj": theirs.attn.to_out[0],
        "fc1": theirs.ff.ff[0],
        "fc2": theirs.ff.ff[3],
        "ada": theirs.attn_norm.linear,
    }
    for name, linear in pairs.items():
        linear.weight.copy_(p[f"{name}.weight"])
        linear.bias.copy_(p[f"{name}.bias"])
    for i, linear in enumerate((theirs.attn.to_q, theirs.attn.to_k, theirs.attn.to_v)):
        linear.weight.copy_(p["qkv.weight"][i * D : (i + 1) * D])
        linear.bias.copy_(p["qkv.bias"][i * D : (i + 1) * D])

    x, c = (torch.randn(*shape, generator=generator, dtype=torch.float64) for shape in ((B, T, D), (B, D)))
    angles = torch.zeros(1, T, D // H, dtype=torch.float64)
    everything = torch.zeros(1, 1, T, T)  # blocks are 0 apart: no mask
    expected = theirs(x, c, position_embeddings=(angles.cos(), angles.sin()), block_diff=everything)
    assert close(block(x, c), expected)


def test_frequencies_are_those_of_pocket_tts(ours: ModuleType, generator: torch.Generator) -> None:
    pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    modeling = pytest.importorskip("transformers.models.pocket_tts.modeling_pocket_tts", reason=NO_TRANSFORMERS)
    config = modeling.PocketTTSFlowHeadConfig(frequency_embedding_size=256, max_period=10000.0)
    frequencies = modeling.PocketTTSTimestepEmbedding.compute_default_freqs(config).double()
    t = torch.rand(7, generator=generator, dtype=torch.float64)
    angles = t[:, None] * frequencies
    assert close(ours.timestep_embedding(t, 256), torch.cat([angles.cos(), angles.sin()], dim=-1), atol=1e-6)


@pytest.mark.parametrize("size", PAPER)
def test_counts_are_those_of_the_paper(ours: ModuleType, size: str) -> None:
    D, depth, _, millions, _ = PAPER[size]
    assert round(ours.dit_param_count(D, depth) / 1e6) == millions


@pytest.mark.parametrize("learn_sigma", [True, False])
def test_count_is_that_of_the_modules(ours: ModuleType, learn_sigma: bool) -> None:
    D, depth, P, C, classes, ratio = 48, 3, 4, 5, 11, 2.5
    whole = nn.ModuleList([
        nn.Conv2d(C, D, P, P), nn.Linear(256, D), nn.Linear(D, D), nn.Embedding(classes + 1, D),
        *(ours.DiTBlock(D, 6, int(ratio * D)) for _ in range(depth)),
        nn.Linear(D, 2 * D), nn.Linear(D, P * P * C * (2 if learn_sigma else 1)),
    ])  # fmt: skip
    count = ours.dit_param_count(
        D, depth, patch=P, channels=C, input_size=8, mlp_ratio=ratio, num_classes=classes, learn_sigma=learn_sigma
    )
    assert count == sum(parameter.numel() for parameter in whole.parameters())


@pytest.mark.parametrize("size", PAPER)
def test_work_is_that_of_the_paper(ours: ModuleType, size: str) -> None:
    D, depth, heads, _, gflops = PAPER[size]
    with torch.device("meta"):
        block = ours.DiTBlock(D, heads, 4 * D)
        x, c = torch.empty(1, 256, D), torch.empty(1, D)
    with FlopCounterMode(display=False) as counter:
        block(x, c)
    # the paper counts embeddings and output, too: less than 1 % of the whole
    assert depth * counter.get_total_flops() / 2e9 == pytest.approx(gflops, rel=1e-2)


def test_sentence_of_the_pass(ours: ModuleType) -> None:
    with torch.device("meta"):
        block = ours.DiTBlock(1152, 16, 4 * 1152)
    assert 28 * sum(parameter.numel() for parameter in block.parameters()) == 669_344_256
    assert ours.dit_param_count(1152, 28) == 674_834_720


def test_answer_to_the_question(ours: ModuleType) -> None:
    """Check that ada is a third of a block's weights and less than 1 % of its work on 256 tokens."""
    D = 1152
    with torch.device("meta"):
        block = ours.DiTBlock(D, 16, 4 * D)
        x, c = torch.empty(1, 256, D), torch.empty(1, D)
    with FlopCounterMode(display=False) as counter:
        block(x, c)
    matrices = sum(parameter.numel() for name, parameter in block.named_parameters() if name.endswith("weight"))
    assert matrices == 18 * D**2
    assert 2 * 6 * D**2 / counter.get_total_flops() == pytest.approx(0.0019, abs=1e-4)


def test_gradients_are_those_of_finite_differences(ours: ModuleType, generator: torch.Generator) -> None:
    block = randomised(ours.DiTBlock(4, 2, 3), generator)
    x, c = (torch.randn(*shape, generator=generator, dtype=torch.float64) for shape in ((2, 3, 4), (2, 4)))
    assert torch.autograd.gradcheck(block, (x.requires_grad_(), c.requires_grad_()))

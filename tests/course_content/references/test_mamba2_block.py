"""The reference of mamba2_block against Hugging Face's Mamba-2, two other references, and the sizes of Codestral Mamba.

Hugging Face's is compared where `transformers` is installed. It is no dependency of the course.
"""

from functools import partial
from types import ModuleType
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.course_content.references import solutions
from tests.course_content.references.solutions import NO_TRANSFORMERS, randomised, reference

close = partial(solutions.close, atol=2e-5)  # float32 numbers of size 1 that went through a whole block

SIZES = [(6, 5, 4, 2, 3, 2), (8, 16, 3, 1, 2, 1), (4, 7, 2, 3, 3, 4)]  # D, N, W, expand, P, G


@pytest.fixture
def ours() -> ModuleType:
    return reference("mamba2_block")


def config(D: int, N: int, W: int, expand: int, P: int, G: int) -> Any:
    from transformers import Mamba2Config

    return Mamba2Config(
        hidden_size=D,
        state_size=N,
        conv_kernel=W,
        expand=expand,
        head_dim=P,
        num_heads=expand * D // P,
        n_groups=G,
        chunk_size=4,
        num_hidden_layers=1,
    )


def inputs(
    Bt: int, T: int, H: int, P: int, G: int, N: int, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    x = torch.randn(Bt, T, H, P, generator=generator)
    dt, A = torch.rand(Bt, T, H, generator=generator), -0.2 - torch.rand(H, generator=generator)
    B, C = torch.randn(2, Bt, T, G, N, generator=generator)
    return x, dt, A, B, C, torch.randn(H, generator=generator)


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_block_is_the_mixer_of_mamba_2(
    ours: ModuleType, sizes: tuple[int, int, int, int, int, int], generator: torch.Generator
) -> None:
    pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    from transformers.models.mamba2.modeling_mamba2 import Mamba2Mixer

    mixer: Any = Mamba2Mixer
    theirs = randomised(mixer(config(*sizes), layer_idx=0), generator)
    block = ours.Mamba2Block(*sizes, chunk=5).requires_grad_(False)
    block.load_state_dict(theirs.state_dict())
    x = torch.randn(2, 9, sizes[0], generator=generator)
    expected = theirs(x)
    assert close(block(x)[0], expected)

    state, found = block.init_state(2), []
    for piece in torch.split(x, [4, 1, 2, 2], dim=1):
        y, state = block(piece, state)
        found.append(y)
    assert close(torch.cat(found, dim=1), expected)


@pytest.mark.parametrize(("G", "chunk"), [(1, 3), (2, 4), (4, 16)])
def test_scan_is_that_of_hugging_face(ours: ModuleType, G: int, chunk: int, generator: torch.Generator) -> None:
    pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    from transformers.models.mamba2.modeling_mamba2 import mamba2_chunk_scan

    Bt, T, H, P, N = 2, 10, 4, 3, 5
    x, dt, A, B, C, D = inputs(Bt, T, H, P, G, N, generator)
    h0 = torch.randn(Bt, H, P, N, generator=generator)
    scan: Any = mamba2_chunk_scan
    expected = scan(x, dt, A, B, C, chunk_size=4, D=D, initial_states=h0, return_final_states=True)
    for found, theirs in zip(ours.ssd_scan(x, dt, A, B, C, D, chunk, h0), expected, strict=True):
        assert close(found, theirs)


@pytest.mark.parametrize("G", [1, 2, 6])
def test_norm_is_that_of_hugging_face(ours: ModuleType, G: int, generator: torch.Generator) -> None:
    pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    from transformers.models.mamba2.modeling_mamba2 import MambaRMSNormGated

    gated: Any = MambaRMSNormGated
    theirs = randomised(gated(12, group_size=12 // G, eps=1e-5), generator)
    y, z = torch.randn(2, 3, 12, generator=generator), torch.randn(2, 3, 12, generator=generator)
    assert close(ours.gated_rms_norm(y, z, theirs.weight, G), theirs(y, z))


def test_norm_of_one_group_is_that_of_torch(ours: ModuleType, generator: torch.Generator) -> None:
    y, z, weight = (torch.randn(4, 10, generator=generator) for _ in range(3))
    expected = F.rms_norm(y * F.silu(z), (10,), weight[0], 1e-5)
    assert close(ours.gated_rms_norm(y, z, weight[0]), expected)


def test_scan_is_the_duality_with_a_step_size(ours: ModuleType, generator: torch.Generator) -> None:
    """The reference of ssd_duality, with Δ A for its log-decay and Δ x for its input."""
    H, G = 6, 3
    x, dt, A, B, C, D = (tensor.double() for tensor in inputs(2, 8, H, 3, G, 5, generator))
    B_of_heads, C_of_heads = (matrix[:, :, torch.arange(H) // (H // G)] for matrix in (B, C))
    y, h = reference("ssd_duality").ssd_chunked(dt[..., None] * x, dt * A, B_of_heads, C_of_heads, chunk=4)
    found, last = ours.ssd_scan(x, dt, A, B, C, D, chunk=3)
    assert solutions.close(found, y + D[:, None] * x, atol=1e-12)
    assert solutions.close(last, h, atol=1e-12)


def test_heads_of_one_channel_are_a_selective_scan(ours: ModuleType, generator: torch.Generator) -> None:
    """The reference of selective_scan: a head is a channel, and all states of it decay alike."""
    H, N = 4, 5
    x, dt, A, B, C, D = (tensor.double() for tensor in inputs(2, 7, H, 1, 1, N, generator))
    y, h = reference("selective_scan").selective_scan(
        x[..., 0].mT, dt.mT, A[:, None].expand(H, N), B[:, :, 0].mT, C[:, :, 0].mT, D=D
    )
    found, last = ours.ssd_scan(x, dt, A, B, C, D, chunk=2)
    assert solutions.close(found[..., 0].mT, y, atol=1e-12)
    assert solutions.close(last[:, :, 0], h, atol=1e-12)


def test_gradients_are_those_of_finite_differences(ours: ModuleType, generator: torch.Generator) -> None:
    tensors = [tensor.double().requires_grad_() for tensor in inputs(1, 4, 4, 2, 2, 3, generator)]
    h0 = torch.randn(1, 4, 2, 3, generator=generator, dtype=torch.float64).requires_grad_()

    def scan(*leaves: Tensor) -> Any:
        return ours.ssd_scan(*leaves[:-1], 3, leaves[-1])

    assert torch.autograd.gradcheck(scan, [*tensors, h0], fast_mode=True)


def test_codestral_mamba_is_64_of_these_blocks(ours: ModuleType) -> None:
    with torch.device("meta"):
        block = ours.Mamba2Block(4096, ngroups=8)
        state = block.init_state(1)
        rest = nn.ModuleList([nn.Embedding(32768, 4096), nn.Linear(4096, 32768, bias=False)])
        norms = 65 * 4096
    mine = sum(p.numel() for p in block.parameters())
    assert mine == 109_635_968
    assert {name: tensor.numel() for name, tensor in state.items()} == {"conv": 30_720, "ssm": 1_048_576}
    total = 64 * mine + norms + sum(p.numel() for p in rest.parameters())
    assert total == 7_285_403_648
    assert round(64 * mine / 1e9, 1) == 7.0
    pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    from transformers import Mamba2Config, Mamba2ForCausalLM

    with torch.device("meta"):
        model: Any = Mamba2ForCausalLM(Mamba2Config())  # its defaults are Codestral's
    assert sum(p.numel() for p in model.parameters()) == total

"""The reference of mamba_block against Hugging Face's Mamba, and against a scan that is not ours.

Hugging Face's is compared where `transformers` is installed. It is no dependency of the course.
"""

from functools import partial

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from tests.course_content.references import solutions
from tests.course_content.references.solutions import NO_TRANSFORMERS, randomised, reference

close = partial(solutions.close, atol=1e-5)  # float32 numbers of size 1 that went through a whole block


def mixer(D: int, N: int, W: int, expand: int, R: int, generator: torch.Generator) -> nn.Module:
    from transformers import MambaConfig
    from transformers.models.mamba.modeling_mamba import MambaMixer

    config = MambaConfig(
        hidden_size=D, state_size=N, conv_kernel=W, expand=expand, time_step_rank=R, num_hidden_layers=1
    )
    return randomised(MambaMixer(config, layer_idx=0), generator)


@pytest.mark.parametrize("sizes", [(6, 5, 4, 2, 3), (8, 16, 3, 1, 2), (4, 7, 2, 3, 5)], ids=str)
def test_mamba_block_is_the_mixer_of_mamba(sizes: tuple[int, int, int, int, int], generator: torch.Generator) -> None:
    pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    theirs = mixer(*sizes, generator)
    ours = reference("mamba_block").MambaBlock(*sizes).requires_grad_(False)
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(2, 9, sizes[0], generator=generator)
    expected = theirs(x)
    y, _ = ours(x)
    assert close(y, expected)

    state, found = ours.init_state(2), []
    for piece in torch.split(x, [4, 1, 2, 2], dim=1):
        y, state = ours(piece, state)
        found.append(y)
    assert close(torch.cat(found, dim=1), expected)


def test_mamba_block_starts_like_that_of_mamba() -> None:
    pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    from transformers import MambaConfig
    from transformers.models.mamba.modeling_mamba import MambaMixer

    theirs = MambaMixer(MambaConfig(hidden_size=40, num_hidden_layers=1), layer_idx=0)
    ours = reference("mamba_block").MambaBlock(40)
    assert {n: p.shape for n, p in ours.named_parameters()} == {n: p.shape for n, p in theirs.named_parameters()}
    assert torch.equal(ours.A_log, theirs.A_log)
    assert torch.equal(ours.D, theirs.D)


def test_mamba_block_is_the_scan_between_its_projections(generator: torch.Generator) -> None:
    """The reference of selective_scan, and a convolution of NumPy."""
    D, N, W, E, R, T = 3, 4, 5, 6, 2, 8
    block = randomised(reference("mamba_block").MambaBlock(D, N, W, dt_rank=R), generator).double()
    p = block.state_dict()
    x = torch.randn(1, T, D, generator=generator, dtype=torch.float64)
    u, z = torch.split(x[0] @ p["in_proj.weight"].T, E, dim=1)
    weights = p["conv1d.weight"][:, 0].numpy()
    rows = [np.convolve(u[:, e].numpy(), weights[e, ::-1])[:T] for e in range(E)]
    u = F.silu(torch.tensor(np.stack(rows)) + p["conv1d.bias"][:, None])  # (E, T)
    dt, B, C = torch.split(p["x_proj.weight"] @ u, [R, N, N])
    y, h = reference("selective_scan").selective_scan(
        u[None],
        (p["dt_proj.weight"] @ dt)[None],
        -p["A_log"].exp(),
        B[None],
        C[None],
        D=p["D"],
        z=z.T[None],
        delta_bias=p["dt_proj.bias"],
        delta_softplus=True,
    )
    found, state = block(x)
    assert close(found[0], y[0].T @ p["out_proj.weight"].T, atol=1e-12)
    assert close(state["ssm"], h, atol=1e-12)


def test_mamba_2_8b_is_64_of_these_blocks() -> None:
    pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    from transformers import MambaConfig, MambaForCausalLM

    with torch.device("meta"):
        model = MambaForCausalLM(MambaConfig(hidden_size=2560, num_hidden_layers=64, vocab_size=50280))
        block = reference("mamba_block").MambaBlock(2560)
        state = block.init_state(1)
    assert sum(p.numel() for p in model.parameters()) == 2_768_345_600
    assert 64 * sum(p.numel() for p in block.parameters()) == 2_639_462_400
    assert sum(tensor.numel() for tensor in state.values()) == 97_280

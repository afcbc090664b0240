"""The reference of ssd_duality against Hugging Face's Mamba-2, a recurrence of NumPy and torch's attention.

Hugging Face's is compared where `transformers` is installed. It is no dependency of the course.
"""

from types import ModuleType

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from tests.course_content.references.solutions import NO_TRANSFORMERS, close, reference


@pytest.fixture
def ours() -> ModuleType:
    return reference("ssd_duality")


@pytest.fixture
def inputs() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return x (2, 12, 3, 4), a (2, 12, 3), B and C (2, 12, 3, 5), float64."""
    generator = torch.Generator().manual_seed(0)
    Bt, T, H, P, N = 2, 12, 3, 4, 5
    x = torch.randn(Bt, T, H, P, generator=generator, dtype=torch.float64)
    a = -torch.rand(Bt, T, H, generator=generator, dtype=torch.float64)
    B, C = torch.randn(2, Bt, T, H, N, generator=generator, dtype=torch.float64)
    return x, a, B, C


def test_segsum_is_that_of_hugging_face(ours: ModuleType, inputs: tuple[Tensor, ...]) -> None:
    mamba2 = pytest.importorskip("transformers.models.mamba2.modeling_mamba2", reason=NO_TRANSFORMERS)
    a = inputs[1].mT  # (Bt, H, T)
    found, expected = ours.segsum(a), mamba2.segment_sum(a)
    assert torch.equal(found.isinf(), expected.isinf())
    assert close(found.exp(), expected.exp(), atol=1e-12)


@pytest.mark.parametrize("chunk", [1, 3, 4, 12])
def test_chunks_are_those_of_mamba_2(ours: ModuleType, inputs: tuple[Tensor, ...], chunk: int) -> None:
    """Theirs discretises as well: x is multiplied by Δ, and a is Δ A."""
    mamba2 = pytest.importorskip("transformers.models.mamba2.modeling_mamba2", reason=NO_TRANSFORMERS)
    x, delta, B, C = inputs[0], -inputs[1], inputs[2], inputs[3]
    A = -torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64)  # one for each head
    h0 = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(1))
    theirs = mamba2.mamba2_chunk_scan(x, delta, A, B, C, chunk, initial_states=h0, return_final_states=True)
    found = ours.ssd_chunked(x * delta[..., None], delta * A, B, C, chunk, h0.double())
    for mine, expected in zip(found, theirs, strict=True):
        assert close(mine.float(), expected.float(), atol=1e-5)  # theirs computes in float32


def test_the_matrix_is_attention_whose_softmax_only_decays(ours: ModuleType, inputs: tuple[Tensor, ...]) -> None:
    """With B = C = 0.1 all scores are alike, so the softmax leaves L, its rows divided by their sums."""
    x, a, B, _ = inputs
    constant = torch.full_like(B, 0.1)
    mask = ours.segsum(a.mT)  # (Bt, H, T, T)
    queries = constant.transpose(1, 2)
    expected = F.scaled_dot_product_attention(queries, queries, x.transpose(1, 2), mask)
    y = ours.ssd_quadratic(x, a, constant, constant).transpose(1, 2)
    rows = mask.exp().sum(-1, keepdim=True) * 0.1**2 * B.shape[-1]
    assert close(y / rows, expected, atol=1e-12)


def test_the_numbers_of_the_statement_are_those_of_codestral_mamba() -> None:
    """Mamba2Config has them by default."""
    transformers = pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    config = transformers.Mamba2Config()
    sizes = config.num_hidden_layers, config.num_heads, config.head_dim, config.state_size, config.chunk_size
    assert sizes == (64, 128, 64, 128, 256)

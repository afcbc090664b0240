"""The reference of linear_attention against torch's softmax attention, scans of transformers, and the course's own SSD.

The weights φ(q)·φ(k) are given to torch as logarithms, of which its softmax makes the same mean. Without its normaliser
linear attention is the recurrence of Mamba-2 with a decay of 1. `transformers` is compared with where it is installed.
"""

from types import ModuleType

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from tests.course_content.references.solutions import NO_TRANSFORMERS, reference


@pytest.fixture(scope="module")
def ours() -> ModuleType:
    return reference("linear_attention")


def draw(Bt: int, H: int, T: int, K: int, V: int) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    q, k = torch.randn(2, Bt, H, T, K, generator=generator, dtype=torch.float64)
    return q, k, torch.randn(Bt, H, T, V, generator=generator, dtype=torch.float64)


def phi(x: Tensor) -> Tensor:
    return torch.where(x > 0, x + 1, torch.exp(x))


def same(actual: Tensor, expected: Tensor, atol: float = 1e-12) -> None:
    torch.testing.assert_close(actual, expected, rtol=0.0, atol=atol)


@pytest.mark.parametrize("T", [1, 2, 17, 64])
def test_both_forms_are_attention_over_the_logarithms_of_the_weights(ours: ModuleType, T: int) -> None:
    q, k, v = draw(2, 3, T, K=4, V=5)
    weights = torch.einsum("bhtk,bhsk->bhts", phi(q), phi(k))
    bias = weights.log().masked_fill(torch.ones(T, T, dtype=torch.bool).triu(1), float("-inf"))
    expected = F.scaled_dot_product_attention(torch.zeros_like(q), torch.zeros_like(k), v, attn_mask=bias)
    same(ours.linear_attention_parallel(q, k, v), expected)
    y, state = ours.linear_attention_recurrent(q, k, v)
    same(y, expected)
    same(state["S"], phi(k).mT @ v, atol=1e-11)
    same(state["n"], phi(k).sum(-2), atol=1e-11)


def test_numerator_and_denominator_are_ssd_without_decay(ours: ModuleType) -> None:
    """The denominator is one more value that is always 1."""
    Bt, H, T, V = 2, 3, 12, 5
    q, k, v = draw(Bt, H, T, K=4, V=V)
    x = F.pad(v, (0, 1), value=1.0).transpose(1, 2)  # (Bt, T, H, V + 1)
    B, C = phi(k).transpose(1, 2), phi(q).transpose(1, 2)
    none = torch.zeros(Bt, T, H, dtype=torch.float64)
    both, h = reference("ssd_duality").ssd_chunked(x, none, B, C, chunk=4)
    y, state = ours.linear_attention_recurrent(q, k, v)
    same(y, (both[..., :V] / both[..., V:]).transpose(1, 2))
    same(state["S"], h[..., :V, :].mT)
    same(state["n"], h[..., V, :])


def test_one_head_is_the_selective_scan_of_transformers(ours: ModuleType) -> None:
    """With A = 0, Δ = 1, B = φ(k), C = φ(q) and the values as channels."""
    pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    from transformers.models.mamba.modeling_mamba import mamba_selective_scan

    V = 5
    q, k, v = (tensor[:, 0].float() for tensor in draw(2, 1, 30, K=4, V=V))
    u = F.pad(v, (0, 1), value=1.0).mT  # (Bt, V + 1, T)
    A = torch.zeros(V + 1, 4)
    both, last = mamba_selective_scan(
        u, torch.ones_like(u), A, phi(k).mT, phi(q).mT, delta_softplus=False, return_last_state=True
    )
    y, state = ours.linear_attention_recurrent(q, k, v)
    same(y, (both[:, :V] / both[:, V:]).mT, atol=1e-5)
    same(state["S"], last[:, :V].mT, atol=2e-5)
    same(state["n"], last[:, V], atol=2e-5)

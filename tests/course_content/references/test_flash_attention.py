"""The reference of flash_attention against torch's own attention, torch.logsumexp and autograd."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from tests.course_content.references.solutions import close, reference


def draw(generator: torch.Generator, T: int, S: int) -> list[Tensor]:
    B, H, K, V = 2, 3, 6, 4
    shapes = ((B, H, T, K), (B, H, S, K), (B, H, S, V), (B, H, T, V))
    return [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]


def mask(T: int, S: int, causal: bool) -> Tensor:
    everything = torch.ones(T, S, dtype=torch.bool)
    return everything.tril(S - T) if causal else everything


@pytest.mark.parametrize(("block_q", "block_k"), [(1, 1), (4, 3), (3, 5), (64, 2), (2, 64), (64, 64)])
@pytest.mark.parametrize(("T", "S", "causal"), [(7, 7, True), (5, 9, True), (7, 7, False), (9, 5, False)])
def test_forward_and_backward_are_those_of_torch(
    T: int, S: int, causal: bool, block_q: int, block_k: int, generator: torch.Generator
) -> None:
    q, k, v, d_out = draw(generator, T, S)
    ours = reference("flash_attention")
    out, lse = ours.flash_forward(q, k, v, block_q, block_k, causal)
    leaves = [x.clone().requires_grad_() for x in (q, k, v)]
    expected = F.scaled_dot_product_attention(leaves[0], leaves[1], leaves[2], attn_mask=mask(T, S, causal))
    scores = (q @ k.mT / q.shape[-1] ** 0.5).masked_fill(~mask(T, S, causal), float("-inf"))
    assert close(out, expected, atol=1e-12)
    assert close(lse, torch.logsumexp(scores, dim=-1), atol=1e-12)

    found = ours.flash_backward(q, k, v, out, lse, d_out, block_q, block_k, causal)
    for mine, right in zip(found, torch.autograd.grad(expected, leaves, d_out), strict=True):
        assert close(mine, right, atol=1e-12)


@pytest.mark.parametrize("at", [1, 4, 8])
def test_merged_halves_are_the_whole(at: int, generator: torch.Generator) -> None:
    q, k, v, _ = draw(generator, 5, 9)
    scores = q @ k.mT / q.shape[-1] ** 0.5
    halves = []
    for keys in (slice(0, at), slice(at, 9)):
        out = F.scaled_dot_product_attention(q, k[:, :, keys], v[:, :, keys])
        halves += [out, torch.logsumexp(scores[..., keys], dim=-1)]
    out, lse = reference("flash_attention").merge(*halves)
    assert close(out, F.scaled_dot_product_attention(q, k, v), atol=1e-12)
    assert close(lse, torch.logsumexp(scores, dim=-1), atol=1e-12)


def test_delta_is_the_row_sum_of_weights_times_their_gradient(generator: torch.Generator) -> None:
    """What the backward pass takes from the output in place of the whole row."""
    q, k, v, d_out = draw(generator, 5, 9)
    weights = torch.softmax(q @ k.mT / q.shape[-1] ** 0.5, dim=-1)
    assert close((d_out * (weights @ v)).sum(-1), (weights * (d_out @ v.mT)).sum(-1), atol=1e-12)

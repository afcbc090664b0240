"""Eight checks of moe_router as plain asserts, and what they expect: benchmarks/peers.py gives them to every peer."""

import math
from typing import Any

import torch
from torch import Tensor

T, E, K = 6, 7, 3


def route(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Return what is expected, by sorting and exponentials."""
    if not 0 < k <= logits.shape[-1]:
        raise ValueError("k must lie between 1 and the number of experts")
    found, indices = logits.sort(-1, descending=True)
    exponentials = (found[..., :k] - found[..., :1]).double().exp()
    return (exponentials / exponentials.sum(-1, keepdim=True)).to(logits.dtype), indices[..., :k]


def combine_matrix(weights: Tensor, indices: Tensor, num_experts: int) -> Tensor:
    """Return what is expected, by comparison with the number of each expert."""
    chosen = indices[..., None] == torch.arange(num_experts)
    return (weights[..., None] * chosen).sum(-2)


def _logits(seed: int, *shape: int) -> Tensor:
    """Logits of a token at least 0.1 apart."""
    generator = torch.Generator().manual_seed(seed)
    place = torch.rand(*shape, generator=generator, dtype=torch.float64).argsort(-1)
    return 0.4 * place + 0.3 * torch.rand(*shape, generator=generator, dtype=torch.float64)


def _same(submission: Any, logits: Tensor, k: int, rtol: float = 1e-9) -> None:
    weights, indices = submission.route(logits, k)
    expected, best = route(logits, k)
    assert weights.dtype == logits.dtype
    assert torch.equal(indices, best)
    assert weights.shape == expected.shape
    assert torch.allclose(weights.double(), expected.double(), rtol=rtol, atol=0)


def example(submission: Any) -> None:
    weights, indices = submission.route(torch.tensor([1.0, 3.0, 0.0, 2.0]), 2)
    assert indices.tolist() == [1, 3]
    assert torch.allclose(weights, torch.tensor([0.7311, 0.2689]), atol=1e-4)


def values(submission: Any) -> None:
    for shift in (0, -10, 1e4):
        _same(submission, _logits(1, T, E) + shift, K)


def leading_dimensions(submission: Any) -> None:
    for logits in (_logits(2, 2, T, E), _logits(2, E), _logits(2, T, E)[:0]):
        _same(submission, logits, K)


def half_precision(submission: Any) -> None:
    for dtype, bits in ((torch.bfloat16, 8), (torch.float16, 11)):
        _same(submission, _logits(3, T, E).to(dtype), K, rtol=2**-bits + 1e-6)


def gradient(submission: Any) -> None:
    mine, theirs = (_logits(4, T, E).requires_grad_() for _ in range(2))
    factors = _logits(5, T, K)
    (route(mine, K)[0] * factors).sum().backward()
    (submission.route(theirs, K)[0] * factors).sum().backward()
    assert theirs.grad is not None
    assert mine.grad is not None
    assert torch.allclose(theirs.grad, mine.grad)


def every_k(submission: Any) -> None:
    for k in (1, E):
        _same(submission, _logits(6, T, E), k)
    for k in (0, E + 1):
        try:
            submission.route(_logits(6, T, E), k)
        except ValueError:
            continue
        raise AssertionError("no ValueError")


def switched_off(submission: Any) -> None:
    logits = _logits(7, T, E)
    _same(submission, logits.scatter(-1, logits.argsort(-1)[:, 1:3], -math.inf), K)


def combine(submission: Any) -> None:
    weights, indices = route(_logits(8, 2, T, E), K)
    assert torch.equal(submission.combine_matrix(weights, indices, E), combine_matrix(weights, indices, E))


NAMES = ("example", "values", "leading_dimensions", "half_precision", "gradient", "every_k", "switched_off", "combine")

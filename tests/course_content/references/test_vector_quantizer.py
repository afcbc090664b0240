"""The reference of vector_quantizer against diffusers, all distances in float64, and gradients by differences.

diffusers is compared where it is installed. It is no dependency of the course.
"""

import math
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.course_content.references.solutions import close, reference

NO_DIFFUSERS = "compares with Hugging Face diffusers, which is not installed"


@pytest.fixture
def ours() -> ModuleType:
    return reference("vector_quantizer")


def drawn(generator: torch.Generator, *shape: int, C: int = 7, D: int = 5) -> tuple[Tensor, Tensor]:
    """Draw vectors and a codebook, in float64."""
    z = torch.randn(*shape, D, generator=generator, dtype=torch.float64)
    return z, torch.randn(C, D, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("beta", [0.25, 2.0])
def test_layer_and_gradients_are_those_of_diffusers(ours: ModuleType, generator: torch.Generator, beta: float) -> None:
    """Theirs has the channels in the second axis, and beta on the other term unless legacy is false."""
    vae: Any = pytest.importorskip("diffusers.models.autoencoders.vae", reason=NO_DIFFUSERS)
    z, codebook = drawn(generator, 2, 3, 4)
    g = torch.randn(z.shape, generator=generator, dtype=torch.float64)
    layer = vae.VectorQuantizer(7, 5, beta, legacy=False, sane_index_shape=True).double()
    with torch.no_grad():
        layer.embedding.weight.copy_(codebook)
    theirs = z.clone().requires_grad_()
    found, their_loss, (_, _, their_codes) = layer(theirs.movedim(-1, 1))
    ((found.movedim(1, -1) * g).sum() + their_loss).backward()
    z.requires_grad_()
    codebook.requires_grad_()
    z_q, codes, loss = ours.quantize(z, codebook, beta)
    ((z_q * g).sum() + loss).backward()
    assert codes.equal(their_codes)
    assert close(z_q, found.movedim(1, -1), atol=1e-12)
    assert close(loss, their_loss, atol=1e-12)
    assert z.grad is not None
    assert theirs.grad is not None
    assert codebook.grad is not None
    assert layer.embedding.weight.grad is not None
    assert close(z.grad, theirs.grad, atol=1e-12)
    assert close(codebook.grad, layer.embedding.weight.grad, atol=1e-12)


def test_nearest_by_all_distances(ours: ModuleType, generator: torch.Generator) -> None:
    for shape in ((), (9,), (2, 3, 4)):
        z, codebook = drawn(generator, *shape)
        distances = np.linalg.norm(z.numpy()[..., None, :] - codebook.numpy(), axis=-1)
        assert ours.nearest_code(z, codebook).numpy().tolist() == distances.argmin(-1).tolist()


def loss_by_hand(z: Tensor, e: Tensor, still_z: Tensor, still_e: Tensor, beta: float) -> float:
    first, second = (still_z - e).numpy(), (z - still_e).numpy()
    return float(np.mean(first**2) + beta * np.mean(second**2))


def test_gradients_by_differences(ours: ModuleType, generator: torch.Generator) -> None:
    """What is stopped stays where it was while the other side is moved by a little."""
    beta, tiny = 0.7, 1e-6
    z, codebook = drawn(generator, 6)
    z.requires_grad_()
    codebook.requires_grad_()
    _, codes, loss = ours.quantize(z, codebook, beta)
    loss.backward()
    assert z.grad is not None
    assert codebook.grad is not None
    gradients = z.grad.flatten(), codebook.grad.flatten()
    z, codebook = z.detach(), codebook.detach()
    e = codebook[codes]
    assert loss.item() == pytest.approx(loss_by_hand(z, e, z, e, beta))
    for n in range(z.numel()):
        step = torch.zeros(z.numel(), dtype=torch.float64)
        step[n] = tiny
        moved = [loss_by_hand(z + s * step.view(z.shape), e, z, e, beta) for s in (1, -1)]
        assert gradients[0][n].item() == pytest.approx((moved[0] - moved[1]) / (2 * tiny), abs=1e-8)
    for n in range(codebook.numel()):
        step = torch.zeros(codebook.numel(), dtype=torch.float64)
        step[n] = tiny
        moved = [loss_by_hand(z, (codebook + s * step.view(codebook.shape))[codes], z, e, beta) for s in (1, -1)]
        assert gradients[1][n].item() == pytest.approx((moved[0] - moved[1]) / (2 * tiny), abs=1e-8)


def test_usage_by_numpy(ours: ModuleType, generator: torch.Generator) -> None:
    codes = (torch.rand(3, 50, generator=generator) ** 2 * 20).long()
    counts = np.unique(codes.numpy(), return_counts=True)[1]
    bits = float(-np.sum(counts / 150 * np.log2(counts / 150)))
    found = ours.code_usage(codes, 40)
    assert found["used"] == len(counts)
    assert found["bits"] == pytest.approx(bits)
    assert found["perplexity"] == pytest.approx(2**bits)


def test_usage_is_that_of_text_with_equal_codes(ours: ModuleType) -> None:
    found = ours.code_usage(torch.arange(64).view(8, 8), 512)
    assert found == pytest.approx({"used": 64, "perplexity": 64.0, "bits": 6.0})


def test_bits_of_the_statement(ours: ModuleType) -> None:
    """A grid of 32 × 32 numbers below 512."""
    found = ours.code_usage(torch.arange(1024).remainder(512).view(32, 32), 512)
    assert 1024 * found["bits"] == pytest.approx(9216)
    assert 128 * 128 * 3 * 8 == 393_216
    assert math.prod((4096, 1024, 128, 4)) == 2 * 2**30

"""Every sum against a loop over Python numbers, gradients against finite differences."""

import math

import pytest
import test_public
import torch

from grader.testing import assert_close, needs, points

NAMES = ("image_emb", "text_emb", "log_t", "bias")


def double(x):
    return torch.tensor(x, dtype=torch.float64)


def softplus(x):
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def right_sum(images, texts, t, bias, row0=0, col0=0):
    """Cell by cell."""
    total = 0.0
    for i, x in enumerate(images.tolist()):
        for j, y in enumerate(texts.tolist()):
            cosine = sum(a * b for a, b in zip(x, y, strict=True)) / math.hypot(*x) / math.hypot(*y)
            z = t * cosine + bias
            total += softplus(-z) if row0 + i == col0 + j else softplus(z)
    return total


def lengths(rng, *shape):
    """Positive factors between 0.01 and 100."""
    return 10 ** (4 * rng.rand(*shape, 1) - 2)


@points(6)
@needs(test_public.test_example_sum)
def test_sum(submission, rng):
    """M images and N texts of any length"""
    M, N, E = rng.sizes(3)
    images, texts = rng.randn(M, E) * lengths(rng, M), rng.randn(N, E) * lengths(rng, N)
    for t, bias in ((10.0, -10.0), (3.0, 0.7), (0.5, -2.0)):
        found = submission.pairwise_sum(images, texts, double(math.log(t)), double(bias))
        assert_close(found, double(right_sum(images, texts, t, bias)), name=f"sum, t = {t:g}, b = {bias:g}")
    images, texts = (1e-11 * x / x.norm(dim=-1, keepdim=True) for x in (images, texts))
    found = submission.pairwise_sum(images, texts, double(math.log(3.0)), double(0.7))
    assert_close(found, double(right_sum(images, texts, 3.0, 0.7)), name="sum, embeddings of length 1e-11")


@points(6)
@needs(test_public.test_example_sum)
def test_offsets(submission, rng):
    """pairs are where the numbers in the batch agree"""
    M, N, E = 5, 3, 7
    images, texts, t, bias = rng.randn(M, E), rng.randn(N, E), 4.0, -1.5
    for row0, col0 in ((1, 2), (0, 3), (4, 0), (10, 10), (7, 9), (6, 4), (0, 100), (8, 3)):
        found = submission.pairwise_sum(images, texts, double(math.log(t)), double(bias), row0=row0, col0=col0)
        expected = double(right_sum(images, texts, t, bias, row0, col0))
        assert_close(found, expected, name=f"sum, row0 = {row0}, col0 = {col0}")


@points(4)
def test_loss(submission, rng):
    """B² cells over B"""
    E = 4
    for B in (3, 1, 7):
        images, texts = rng.randn(B, E), rng.randn(B, E)
        for t, bias in ((10.0, -10.0), (3.0, 0.7)):
            loss = submission.siglip_loss(images, texts, double(math.log(t)), double(bias))
            assert_close(loss, double(right_sum(images, texts, t, bias) / B), name=f"loss of {B} pairs")


@points(6)
def test_chunks(submission, rng):
    """1, 2, 3, 6 and 12 chunks, and the same number"""
    B, E, t, bias = 12, 5, 4.0, -1.5
    images, texts = rng.randn(B, E), rng.randn(B, E)
    expected = double(right_sum(images, texts, t, bias) / B)
    for chunks in (2, 1, 3, 6, B):
        loss = submission.siglip_loss_chunked(images, texts, double(math.log(t)), double(bias), chunks)
        assert_close(loss, expected, name=f"loss, {chunks} chunks")


@points(4)
@needs(test_loss, test_chunks)
def test_large(submission, rng):
    """t = 2000: right, and gradients are finite"""
    B, E = 6, 3
    images, texts = rng.randn(B, E), rng.randn(B, E)
    for dtype in (torch.float64, torch.float32):
        values = (images, texts, double(math.log(2000)), double(-3.0))
        leaves = [value.to(dtype, copy=True).requires_grad_() for value in values]
        t = math.exp(leaves[2].item())
        expected = double(right_sum(leaves[0], leaves[1], t, -3.0) / B).to(dtype)
        # In float32 each of the cells, up to 2000, carries an error of 1e-3; the loss is their sum over B.
        bounds = {"rtol": 1e-9} if dtype == torch.float64 else {"rtol": 1e-5, "atol": 1e-3 * B}
        loss = submission.siglip_loss(*leaves)
        assert_close(loss, expected, name=f"loss in {dtype}", **bounds)
        assert loss.requires_grad, "No gradient leads from the loss to its four tensors: something was detached."
        loss.backward()
        for leaf, name in zip(leaves, NAMES, strict=True):
            assert leaf.grad is not None, f"No gradient reaches {name}."
            assert leaf.grad.isfinite().all(), f"At t = 2000 the gradient of {name} is infinite or NaN."
        loss = submission.siglip_loss_chunked(*(leaf.detach() for leaf in leaves), 3)
        assert_close(loss, expected, name=f"loss of 3 chunks in {dtype}", **bounds)


@points(4)
@needs(test_loss, test_chunks)
def test_gradients(submission, rng):
    """as finite differences have them, chunked as well"""
    B, E = 4, 3
    plain = [rng.randn(B, E), rng.randn(B, E), double(0.8), double(-1.2)]
    h = 1e-4  # of four points: rounding is below 1e-10, and the first term that is left has h⁴ = 1e-16
    gradients = []
    for which, tensor in enumerate(plain):
        slopes = []
        for place in range(tensor.numel()):
            values = []
            for step in (2 * h, h, -h, -2 * h):
                moved = [x.clone() for x in plain]
                moved[which].view(-1)[place] += step
                values.append(right_sum(moved[0], moved[1], math.exp(moved[2].item()), moved[3].item()) / B)
            far, near, back, further = values
            slopes.append((8 * (near - back) - (far - further)) / (12 * h))
        gradients.append(double(slopes).view(tensor.shape))
    calls = (
        (submission.siglip_loss, (), 1),
        (submission.siglip_loss_chunked, (2,), 1),
        (submission.pairwise_sum, (), B),
    )
    for call, rest, times in calls:
        leaves = [x.clone().requires_grad_() for x in plain]
        loss = call(*leaves, *rest)
        assert loss.requires_grad, "No gradient leads from the loss to its four tensors: something was detached."
        loss.backward()
        for leaf, expected, name in zip(leaves, gradients, NAMES, strict=True):
            assert leaf.grad is not None, f"No gradient reaches {name}."
            assert_close(leaf.grad, times * expected, name=f"gradient of {name}")


@points(2)
@needs(test_public.test_example_initial)
def test_initial(submission, rng):
    """as orthogonal embeddings have it; any bias"""
    for B in (1, 2, 7, 1000):
        for bias in (-10.0, 0.0, 3.7, -0.2):
            expected = softplus(-bias) + (B - 1) * softplus(bias)
            for log_t in (math.log(10), 0.0, -3.0):
                assert_close(submission.initial_loss(B, log_t, bias), expected, name=f"loss, B = {B}, b = {bias:g}")
    assert_close(submission.initial_loss(5, 2.3, -1000.0), 1000.0, name="loss, bias -1000")
    assert_close(submission.initial_loss(5, 2.3, 1000.0), 4000.0, name="loss, bias 1000")


@points(2)
@needs(test_loss, test_chunks)
def test_unpaired(submission, rng):
    """ValueError unless there are as many texts as images"""
    B, E = 6, 4
    images, scalars = rng.randn(B, E), (double(1.0), double(-2.0))
    expected = double(right_sum(images, images + 1, math.e, -2.0) / B)
    assert_close(submission.siglip_loss(images, images + 1, *scalars), expected, name="loss")
    assert_close(submission.siglip_loss_chunked(images, images + 1, *scalars, 2), expected, name="loss of 2 chunks")
    for rows in (B - 2, 2 * B, 2):
        for pair in ((images, rng.randn(rows, E)), (rng.randn(rows, E), images)):
            with pytest.raises(ValueError):  # noqa: PT011 - the wording is the student's
                submission.siglip_loss(*pair, *scalars)
            with pytest.raises(ValueError):  # noqa: PT011 - the wording is the student's
                submission.siglip_loss_chunked(*pair, *scalars, 2)

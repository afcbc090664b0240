"""The nearest code by a loop over all of them, gradients by hand, and shares counted one by one."""

import math
from collections import Counter

import test_public
import torch

from grader.testing import assert_close, assert_equal, needs, points


def nearest(vector, codebook):
    distances = [((vector - code) ** 2).sum().item() for code in codebook]
    return distances.index(min(distances))


def all_nearest(z, codebook):
    numbers = [nearest(vector, codebook) for vector in z.reshape(-1, z.shape[-1])]
    return torch.tensor(numbers).reshape(z.shape[:-1])


@points(8)
@needs(test_public.test_example_nearest)
def test_nearest(submission, rng):
    """by a loop over the codes, with any leading axes"""
    B, H, W, D = rng.sizes(4, high=7)
    C = 11
    codebook = rng.randn(C, D)
    for shape in ((H,), (), (B, H), (B, H, W)):
        z = rng.randn(*shape, D)
        assert_equal(submission.nearest_code(z, codebook), all_nearest(z, codebook), name="codes")
    # Some codes are long and some short, so that the largest product is not the nearest.
    lengths = torch.linspace(-2, 2, C, dtype=torch.float64).exp()[:, None]
    z = 2 * rng.randn(30, D)
    long = lengths * codebook
    assert_equal(submission.nearest_code(z, long), all_nearest(z, long), name="codes")
    line, points_on_it = rng.randn(C, 1), rng.randn(20, 1)
    assert_equal(submission.nearest_code(points_on_it, line), all_nearest(points_on_it, line), name="codes on a line")
    assert_equal(submission.nearest_code(z, codebook[:1]), all_nearest(z, codebook[:1]), name="codes of one")


@points(3)
@needs(test_nearest)
def test_memory(submission, rng):
    """4096 vectors, 1024 codes, 128 numbers"""
    N, C, D = 4096, 1024, 128
    codebook = rng.randn(C, D).float()
    chosen = rng.randint(0, C, (N,))
    z = codebook[chosen] + 0.1 * rng.randn(N, D).float()  # codes are about 16 apart
    assert_equal(submission.nearest_code(z, codebook), chosen, name="codes")


def drawn(rng, *shape, C=7, D=5):
    """Vectors, a codebook and the nearest codes."""
    z, codebook = rng.randn(*shape, D), rng.randn(C, D)
    return z, codebook, all_nearest(z, codebook)


@points(6)
@needs(test_public.test_example_quantize)
def test_quantize(submission, rng):
    """codes, their vectors and the loss"""
    for shape in ((6,), (2, 3, 4), ()):
        z, codebook, codes = drawn(rng, *shape)
        e = torch.stack([codebook[c] for c in codes.flatten()]).reshape(z.shape)
        gap = sum((x - y) ** 2 for x, y in zip(z.flatten().tolist(), e.flatten().tolist(), strict=True)) / z.numel()
        for beta in (0.25, 1.0, 0.0, 3.0):
            found = submission.quantize(z, codebook, beta)
            assert_equal(found[1], codes, name="codes")
            assert_close(found[0], e, name="z_q")
            assert_close(found[2], torch.tensor((1 + beta) * gap, dtype=torch.float64), name=f"loss, beta = {beta}")
        loss = submission.quantize(z, codebook)[2]
        assert_close(loss, torch.tensor(1.25 * gap, dtype=torch.float64), name="loss by default")


@points(3)
@needs(test_public.test_example_quantize)
def test_straight_through(submission, rng):
    """the gradient of z_q reaches z, and not the codebook"""
    for shape in ((6,), (2, 3, 4)):
        z, codebook, _ = drawn(rng, *shape)
        z.requires_grad_()
        codebook.requires_grad_()
        z_q = submission.quantize(z, codebook)[0]
        assert z_q.requires_grad, "No gradient leads from z_q to z: something was detached."
        g = rng.randn(*z.shape)
        (z_q * g).sum().backward()
        assert z.grad is not None, "No gradient leads from z_q to z."
        assert_close(z.grad, g, name="gradient of z")
        if codebook.grad is not None:
            assert_close(codebook.grad, torch.zeros_like(codebook), name="gradient of codebook")


@points(5)
def test_both_sides(submission, rng):
    """the gradient of the loss pulls the codes to z, and z to its code"""
    for shape, beta in (((9,), 0.25), ((2, 3, 4), 3.0), ((6,), 0.0)):
        z, codebook, codes = drawn(rng, *shape)
        toward_z, toward_code = torch.zeros_like(codebook), torch.zeros_like(z)
        rows, pulled = z.reshape(-1, z.shape[-1]), toward_code.view(-1, z.shape[-1])
        for n, c in enumerate(codes.flatten().tolist()):
            toward_z[c] += 2 * (codebook[c] - rows[n]) / z.numel()
            pulled[n] = beta * 2 * (rows[n] - codebook[c]) / z.numel()
        z.requires_grad_()
        codebook.requires_grad_()
        loss = submission.quantize(z, codebook, beta)[2]
        assert loss.requires_grad, "No gradient leads from the loss to z and the codebook."
        loss.backward()
        assert codebook.grad is not None, "No gradient leads from the loss to the codebook."
        assert_close(codebook.grad, toward_z, name=f"gradient of codebook, beta = {beta}")
        if z.grad is None:  # beta may be 0
            z.grad = torch.zeros_like(z)
        assert_close(z.grad, toward_code, name=f"gradient of z, beta = {beta}")


@points(2)
@needs(test_both_sides)
def test_means(submission, rng):
    """gradient descent on the codebook finds the means of three clusters"""
    C, D, n = 3, 4, 5
    centers = 20 * torch.eye(C, D, dtype=torch.float64)
    z = (centers[:, None] + rng.randn(C, n, D)).reshape(C * n, D)
    codebook = centers + rng.randn(C, D)
    for _ in range(40):
        codebook = codebook.detach().requires_grad_()
        submission.quantize(z, codebook)[2].backward()
        codebook = codebook.detach() - 0.25 * C * D * codebook.grad  # half of the way
    assert_close(codebook, z.reshape(C, n, D).mean(dim=1), rtol=1e-6, atol=1e-6, name="codebook after 40 steps")


def usage(codes):
    counts = Counter(codes.flatten().tolist())
    entropy = -sum(n / codes.numel() * math.log(n / codes.numel()) for n in counts.values())
    return {"used": len(counts), "perplexity": math.exp(entropy), "bits": entropy / math.log(2)}


@points(6)
def test_usage(submission, rng):
    """all codes, some, one, in any shape"""
    C = 13
    even, one = torch.arange(C).repeat(3), torch.full((4, 5), 6)
    alike = submission.code_usage(even, C)
    assert_close(alike, {"used": C, "perplexity": float(C), "bits": math.log2(C)}, name="all alike")
    assert_close(submission.code_usage(one, C), {"used": 1, "perplexity": 1.0, "bits": 0.0}, name="one code")
    for shape, high in (((50,), C), ((3, 4, 5), C), ((2, 7), 4), ((), C), ((1000,), C)):
        codes = rng.randint(0, high, shape)
        assert_close(submission.code_usage(codes, C), usage(codes), name=f"usage of {codes.numel()} vectors")
    uneven = (C * rng.rand(400) ** 3).long()
    for num_codes in (C, 2000):
        assert_close(submission.code_usage(uneven, num_codes), usage(uneven), name=f"usage, {num_codes} codes")


@points(1)
@needs(test_nearest, test_quantize)
def test_views(submission, rng):
    """float32 stays, and views need not be contiguous"""
    C, D = 7, 5
    z, codebook = rng.randn(D, 4, 3).float().movedim(0, -1), rng.randn(D, C).float().mT
    codes = all_nearest(z, codebook)
    assert_equal(submission.nearest_code(z, codebook), codes, name="codes")
    z_q, numbers, loss = submission.quantize(z, codebook)
    assert_equal(numbers, codes, name="codes")
    e = codebook[codes]
    assert_close(z_q, e, name="z_q")
    assert_close(loss, 1.25 * ((z - e) ** 2).mean(), name="loss")

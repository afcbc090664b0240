"""Patches against slices of the image, the embedding against sums over them, positions against Python's math."""

import math

import pytest
import test_public
import torch

from grader.testing import assert_close, assert_equal, needs, points


def block(images, n, P):
    """Patch n of each image, (B, C, P, P)."""
    r, c = divmod(n, images.shape[-1] // P)
    return images[:, :, r * P : r * P + P, c * P : c * P + P]


def flat(block):
    """(B, C, P, P) as (B, C·P·P), channel by channel and row by row."""
    _, C, P, _ = block.shape
    pixels = [block[:, k, i, j] for k in range(C) for i in range(P) for j in range(P)]
    return torch.stack(pixels, dim=-1)


def sizes(rng):
    """Images, channels, patch side, rows and columns of the grid: pairwise different, so no image is square."""
    B, C, P, h, w = rng.sizes(5, high=6)
    return B, C, P, h, w


@points(3)
@needs(test_public.test_example)
def test_patches(submission, rng):
    """slices of images with several channels"""
    B, C, P, h, w = sizes(rng)
    N, L = h * w, C * P * P
    images = rng.randn(B, C, h * P, w * P)
    expected = torch.stack([flat(block(images, n, P)) for n in range(N)], dim=1)
    assert_equal(submission.patchify(images, P), expected.view(B, N, L), name="patches")
    pixels = images[:, :, :h, :w].contiguous()  # patches of one pixel
    assert_equal(submission.patchify(pixels, 1), pixels.flatten(2).mT, name="patches of side 1")
    whole = images[:, :, :P, :P].contiguous()  # a single patch
    assert_equal(submission.patchify(whole, P), whole.reshape(B, 1, L), name="patches of an image of one patch")
    assert_equal(submission.patchify(images.float(), P), expected.float(), name="patches of float32")


@points(3)
def test_unpatchify(submission, rng):
    """every pixel back where it was"""
    B, C, P, h, w = sizes(rng)
    H, W = h * P, w * P
    images = rng.randn(B, C, H, W)
    patches = torch.stack([flat(block(images, n, P)) for n in range(h * w)], dim=1)
    assert_equal(submission.unpatchify(patches, P, H, W), images, name="images")
    assert_equal(submission.unpatchify(patches.float(), P, H, W), images.float(), name="images of float32")
    # As many patches make an image of other proportions.
    turned = submission.unpatchify(patches, P, W, H)
    assert_equal(turned.shape, (B, C, W, H), name="shape of images")
    for n in range(h * w):
        assert_equal(flat(block(turned, n, P)), patches[:, n], name=f"patch {n} of images of {W} x {H}")


@points(2)
@needs(test_patches)
def test_bad_sizes(submission, rng):
    """an error for what does not fit, nothing cropped"""
    B, C, P, h, w = 2, 3, 4, 2, 5
    H, W = h * P, w * P
    embed = submission.PatchEmbed(P, C, 6).to(torch.float64)
    assert_equal(embed(rng.randn(B, C, H, W)).shape, (B, h * w, 6), name="shape of the embedding")
    for height, width in ((H + 1, W), (H, W - 1), (H + 2, W + 2), (P - 1, W), (10, 8), (8, 6)):
        images = rng.randn(B, C, height, width)  # of the last two, 16 divides the number of pixels
        with pytest.raises((ValueError, RuntimeError, AssertionError)):
            submission.patchify(images, P)
        with pytest.raises((ValueError, RuntimeError, AssertionError)):
            embed(images)


@points(3)
@needs(test_public.test_parameters)
def test_embedding(submission, rng):
    """a weighted sum of a patch's pixels, and the bias"""
    B, C, P, h, w = sizes(rng)
    D = 8  # sincos_2d has positions of that length, and they are not added here
    images, weight, bias = rng.randn(B, C, h * P, w * P), rng.randn(D, C, P, P), rng.randn(D)
    embed = submission.PatchEmbed(P, C, D).to(torch.float64)
    embed.load_state_dict({"weight": weight, "bias": bias})
    columns = [[(block(images, n, P) * weight[d]).sum((1, 2, 3)) + bias[d] for d in range(D)] for n in range(h * w)]
    expected = torch.stack([torch.stack(column, dim=-1) for column in columns], dim=1)
    assert_close(embed(images).detach(), expected, name="embedding")
    single = submission.PatchEmbed(P, C, D)
    single.load_state_dict({"weight": weight.float(), "bias": bias.float()})
    # float32: up to 125 products of size 1
    assert_close(single(images.float()).detach(), expected.float(), rtol=1e-5, atol=2e-5, name="embedding in float32")
    large = submission.PatchEmbed(300, 1, 2).state_dict()["weight"]
    assert large.isfinite().all(), "With P = 300 the weight begins with NaN or infinity."
    assert not large[0].equal(large[1]), "With P = 300 both of two filters begin with the same numbers."


@points(3)
@needs(test_embedding, test_unpatchify)
def test_gradients(submission, rng):
    """reach pixels and patches, weight and bias"""
    B, C, P, h, w = sizes(rng)
    D, N, L = 7, h * w, C * P * P
    images, weight = rng.randn(B, C, h * P, w * P).requires_grad_(), rng.randn(D, C, P, P)
    embed = submission.PatchEmbed(P, C, D).to(torch.float64)
    embed.load_state_dict({"weight": weight, "bias": rng.randn(D)})
    z, g = embed(images), rng.randn(B, N, D)
    assert z.requires_grad, "No gradient leads from the embedding to images and parameters: something was detached."
    (z * g).sum().backward()
    pixels, rows = torch.zeros_like(images), torch.zeros_like(weight)
    for n in range(N):
        rows += torch.einsum("bd,bcij->dcij", g[:, n], block(images.detach(), n, P))
        block(pixels, n, P).copy_(torch.einsum("bd,dcij->bcij", g[:, n], weight))
    assert_close(images.grad, pixels, name="gradient of images")
    assert_close(embed.weight.grad, rows, name="gradient of weight")
    assert_close(embed.bias.grad, g.sum((0, 1)), name="gradient of bias")

    again, patches = images.detach().clone().requires_grad_(), rng.randn(B, N, L).requires_grad_()
    cut, joined = submission.patchify(again, P), submission.unpatchify(patches, P, h * P, w * P)
    for result in (cut, joined):
        assert result.requires_grad, "No gradient leads through the patches: something was detached."
    to_patches, to_pixels = rng.randn(B, N, L), rng.randn(B, C, h * P, w * P)
    ((cut * to_patches).sum() + (joined * to_pixels).sum()).backward()
    for n in range(N):
        assert_equal(flat(block(again.grad, n, P)), to_patches[:, n], name=f"gradient of patch {n} of images")
        assert_equal(patches.grad[:, n], flat(block(to_pixels, n, P)), name=f"gradient of patches[:, {n}]")


@points(2)
@needs(test_public.test_example_sincos)
def test_sincos(submission, rng):
    """all frequencies, of row and of column"""
    h, w, q = rng.sizes(3)
    positions = []
    for r in range(h):
        for c in range(w):
            angles = [[x / 10000 ** (j / q) for j in range(q)] for x in (r, c)]
            positions.append([f(angle) for x in angles for f in (math.sin, math.cos) for angle in x])
    expected = torch.tensor(positions, dtype=torch.float64)
    assert_close(submission.sincos_2d(4 * q, h, w), expected, name="positions")

"""Squares patch by patch, a network of Python numbers for its norm, and positions by three loops."""

import pytest
import test_public
import torch

from grader.testing import assert_close, assert_equal, needs, points

GROUPS = [  # grid, merge: neither square nor a single frame for long
    ((1, 4, 6), 2),
    ((1, 6, 4), 2),
    ((3, 2, 4), 2),
    ((2, 6, 2), 2),
    ((1, 3, 6), 3),
    ((2, 9, 3), 3),
    ((1, 3, 5), 1),
    ((2, 5, 3), 1),
]
PICTURES = [(1, 4, 6), (1, 6, 4), (3, 2, 4), (1, 2, 12), (2, 6, 2)]  # four of them with 24 patches


def squares(grid, M):
    """The numbers of the patches of each square."""
    t, h, w = grid
    return [
        [f * h * w + (M * row + i) * w + M * column + j for i in range(M) for j in range(M)]
        for f in range(t)
        for row in range(h // M)
        for column in range(w // M)
    ]


def grouped(patches, grid, M):
    """(t·h·w, D) to the vectors of the squares, one after the other"""
    return torch.stack([torch.cat([patches[n] for n in square]) for square in squares(grid, M)])


def size(grid):
    t, h, w = grid
    return t * h * w


@points(10)
@needs(test_public.test_example_group)
def test_group(submission, rng):
    """photos and videos, wide and tall, with M of 1, 2 and 3"""
    for D in (3, 1):
        for grid, M in GROUPS:
            N = size(grid)
            patches = rng.randn(N, D)
            found = submission.group_neighbours(patches, grid, M)
            assert_equal(found, grouped(patches, grid, M), name=f"vectors of {grid}, M = {M}")
    single = patches.float()
    assert_equal(submission.group_neighbours(single, grid, M), grouped(single, grid, M), name="vectors in float32")


@points(2)
@needs(test_public.test_example_group)
def test_group_sizes(submission, rng):
    """ValueError where M does not divide both sides"""
    D = 3
    # Some have a number of patches that M² divides.
    for grid, M in (((1, 3, 4), 2), ((1, 4, 3), 2), ((4, 3, 3), 2), ((1, 2, 6), 3), ((3, 6, 4), 3), ((1, 1, 4), 2)):
        patches = rng.randn(size(grid), D)
        with pytest.raises(ValueError):  # noqa: PT011 - the wording is the student's
            submission.group_neighbours(patches, grid, M)
    patches = rng.randn(12, D)
    assert_equal(submission.group_neighbours(patches, (3, 2, 2), 2), grouped(patches, (3, 2, 2), 2))


def draw(rng, D, out_dim, M):
    """Parameters as after training: no weight is 1, and no bias 0."""
    F = M * M * D
    return {
        "ln_q.weight": rng.randn(D),
        "ln_q.bias": rng.randn(D),
        "mlp.0.weight": rng.randn(F, F) / F**0.5,
        "mlp.0.bias": rng.randn(F),
        "mlp.2.weight": rng.randn(out_dim, F) / F**0.5,
        "mlp.2.bias": rng.randn(out_dim),
    }


def merger(submission, state, D, out_dim, M):
    module = submission.PatchMerger(D, out_dim, M).double()
    module.load_state_dict(state, strict=False)  # buffers of your own are fine
    return module


def tokens(state, patches, grids, M):
    """What the module should return, token by token."""
    found, before = [], 0
    for grid in grids:
        picture = patches[before : before + size(grid)]
        before += size(grid)
        mean = picture.mean(dim=1, keepdim=True)
        variance = ((picture - mean) ** 2).mean(dim=1, keepdim=True)
        normed = (picture - mean) / (variance + 1e-6) ** 0.5 * state["ln_q.weight"] + state["ln_q.bias"]
        for square in squares(grid, M):
            z = torch.mv(state["mlp.0.weight"], torch.cat([normed[n] for n in square])) + state["mlp.0.bias"]
            z = z / 2 * (1 + torch.erf(z / 2**0.5))
            found.append(torch.mv(state["mlp.2.weight"], z) + state["mlp.2.bias"])
    return torch.stack(found)


@points(8)
@needs(test_public.test_parameters)
def test_merger(submission, rng):
    """one picture, and several of different grids"""
    D, out_dim = 5, 7
    for M, grids in (
        (2, [(1, 4, 6)]),
        (2, PICTURES),
        (2, PICTURES[::-1]),
        (3, [(2, 3, 6), (1, 6, 3), (1, 3, 3)]),
        (1, [(1, 2, 3), (2, 3, 1)]),
    ):
        state, patches = draw(rng, D, out_dim, M), rng.randn(sum(map(size, grids)), D)
        found = merger(submission, state, D, out_dim, M)(patches, grids)
        assert_close(found.detach(), tokens(state, patches, grids, M), name=f"tokens of {grids}, M = {M}")


@points(1)
@needs(test_merger)
def test_faint(submission, rng):
    """patches so faint that eps matters, and one without any contrast"""
    D, out_dim, M = 5, 7, 2
    state = draw(rng, D, out_dim, M)
    patches = 1e-3 * rng.randn(8, D)
    patches[3] = 0.25
    found = merger(submission, state, D, out_dim, M)(patches, [(1, 2, 4)])
    assert_close(found.detach(), tokens(state, patches, [(1, 2, 4)], M), name="tokens")


@points(2)
@needs(test_merger)
def test_gradients(submission, rng):
    """reach the patches and all six parameters"""
    D, out_dim, M = 5, 7, 2
    state, grids = draw(rng, D, out_dim, M), [(1, 2, 4), (2, 4, 2)]
    patches = rng.randn(24, D)
    module = merger(submission, state, D, out_dim, M)
    mine, leaves = patches.clone().requires_grad_(), {name: x.clone().requires_grad_() for name, x in state.items()}
    again = patches.clone().requires_grad_()
    expected, found = tokens(leaves, mine, grids, M), module(again, grids)
    assert found.requires_grad, "No gradient leads from the tokens to patches and parameters: something was detached."
    g = rng.randn(*expected.shape)
    (expected * g).sum().backward()
    (found * g).sum().backward()
    assert again.grad is not None, "No gradient leads to the patches: they were detached."
    assert_close(again.grad, mine.grad, name="gradient of patches")
    for name, leaf in leaves.items():
        gradient = module.get_parameter(name).grad
        assert gradient is not None, f"No gradient reaches {name}."
        assert_close(gradient, leaf.grad, name=f"gradient of {name}")


@points(2)
@needs(test_public.test_parameters)
def test_merger_sizes(submission, rng):
    """ValueError for too many patches, too few, and a side that M does not divide"""
    D, out_dim, M = 5, 7, 2
    state, grids = draw(rng, D, out_dim, M), [(1, 2, 4), (2, 2, 2)]
    module = merger(submission, state, D, out_dim, M)
    patches = rng.randn(16, D)
    assert_close(module(patches, grids).detach(), tokens(state, patches, grids, M), name="tokens")
    for N in (20, 17, 15, 12, 8):
        patches = rng.randn(N, D)
        with pytest.raises(ValueError):  # noqa: PT011 - the wording is the student's
            module(patches, grids)
    for grids in ([(1, 2, 4), (1, 3, 4)], [(1, 4, 3), (1, 2, 4)], [(1, 1, 4), (2, 2, 4)]):
        patches = rng.randn(sum(map(size, grids)), D)
        with pytest.raises(ValueError):  # noqa: PT011 - the wording is the student's
            module(patches, grids)


def positions(parts, M):
    """Token by token, with all numbers so far in one list."""
    found = []
    for part in parts:
        s = max((number for token in found for number in token), default=-1) + 1
        if isinstance(part, int):
            found += [(s + i, s + i, s + i) for i in range(part)]
            continue
        t, h, w = part
        for i in range(t):
            for r in range(0, h, M):
                found += [(s + i, s + r // M, s + c // M) for c in range(0, w, M)]
    return torch.tensor(found).T


@points(9)
def test_positions(submission, rng):
    """text, photos and videos in any order"""
    a, b, c = rng.sizes(3)
    for parts, M in (
        ([a, (9, 4, 6), b], 2),  # ends at its last frame
        ([a, (1, 4, 6), b], 1),
        ([a, (1, 6, 4), b], 2),
        ([a], 2),
        ([a, b], 2),
        ([(1, 4, 6)], 2),
        ([a, (1, 4, 6)], 2),
        ([(1, 6, 4), a], 2),
        ([a, (1, 2, 8), b, (1, 8, 2), c], 2),
        ([a, (1, 4, 6), (1, 6, 2), b], 2),
        ([a, (3, 4, 10), b], 2),
        ([(2, 12, 4), (5, 2, 2), a, b], 2),
        ([a, (4, 2, 3), b], 1),
        ([a, (2, 6, 9), b], 3),
    ):
        assert_equal(submission.mrope_positions(parts, M), positions(parts, M), name=f"positions of {parts}, M = {M}")
    parts = [a, (2, 4, 6), b]
    assert_equal(submission.mrope_positions(parts), positions(parts, 2), name=f"positions of {parts}, by default")

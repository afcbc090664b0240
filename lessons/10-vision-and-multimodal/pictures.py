"""The pictures of lesson 10, computed from the same small boat as its text."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from grader.picture import Arrow, Box, Boxes, Curves, Grid, Heatmap, Line, Matrix

ROWS = ("...#....", "...##...", "...###..", "...####.", "...#....", "########", ".######.", "..####..")
BOAT = torch.tensor([[float(c == "#") for c in row] for row in ROWS])
SUNK = torch.cat([BOAT[4:], BOAT[:4]])

STEPS, FIRST, LAST = 1000, 1e-4, 0.02  # of the linear schedule
EVERY = 25  # steps between two points of the curves


def _numbers(x: Tensor, digits: int = 2) -> list[Any]:
    """Plain numbers, rounded: what a picture is made of does not change with the machine."""
    numbers: list[Any] = torch.round(x.detach().double(), decimals=digits).tolist()
    return numbers


def _rounded(values: Sequence[float], digits: int = 2) -> list[float]:
    return [round(value, digits) for value in values]


def _cells(title: str, picture: Tensor) -> Grid:
    """Pixels that are brighter than one half are filled."""
    return Grid(title, (), (), (picture > 0.5).tolist())


# ------------------------------------------------------------ 1 a picture is a sequence


def way_through_pictures() -> Boxes:
    return Boxes(
        "way-through-pictures",
        "Three groups of parts",
        (
            Box("patches", "1 patches", 0, 0),
            Box("vit", "2-3 vision\ntransformer", 0, 1),
            Box("clip", "4-6 pictures\nand captions", 0, 2),
            Box("prompt", "7-8 a picture\nin a prompt", 1, 1),
            Box("noise", "9-11 from noise\nto a picture", 2, 0),
            Box("network", "12-13 the\nnetwork", 2, 1),
            Box("flow", "14 straight\nlines", 2, 2),
        ),
        (
            Arrow("patches", "vit"),
            Arrow("vit", "clip"),
            Arrow("vit", "prompt"),
            Arrow("noise", "network"),
            Arrow("network", "flow"),
        ),
    )


def scores_over_patch_side() -> Curves:
    sides = [1, 2, 4, 7, 8, 14, 16, 28, 32]
    line = Line("pairs of tokens", sides, [(224 // P) ** 4 for P in sides])
    return Curves(
        "scores-over-patch-side", "Scores of one head", "side of a patch", "scores", (line,), log_x=True, log_y=True
    )


def patches_of_the_boat() -> Matrix:
    patches = BOAT.view(2, 4, 2, 4).permute(0, 2, 1, 3).reshape(4, 4, 4)
    grids = [_cells("picture", BOAT), *(_cells(str(i), patch) for i, patch in enumerate(patches))]
    return Matrix("patches-of-the-boat", "One picture, four tokens", tuple(grids), ("",) * 4)


def place_of_a_patch() -> Heatmap:
    D, side = 64, 7
    omega = 10_000.0 ** (-torch.arange(D // 4).double() / (D // 4))
    angle = torch.arange(side)[:, None] * omega
    r, c = angle.repeat_interleave(side, 0), angle.repeat(side, 1)
    places = torch.cat([r.sin(), r.cos(), c.sin(), c.cos()], 1)
    unit = places / places.norm(dim=1, keepdim=True)
    alike = (unit @ unit[2 * side + 3]).view(side, side)
    names = tuple(str(i) for i in range(side))
    title = "How alike all places are to row 2, column 3"
    return Heatmap("place-of-a-patch", title, names, names, _numbers(alike))


# ------------------------------------------------------------ 2 one answer for a picture


def afloat_and_sunk() -> Matrix:
    rng = torch.Generator().manual_seed(1)
    noisy = SUNK + 0.5 * torch.randn(8, 8, generator=rng)
    grids = (_cells("afloat", BOAT), _cells("sunk", SUNK), _cells("sunk, at night", noisy))
    return Matrix("afloat-and-sunk", "The same patches in another order", grids, ("",) * 2)


def vision_transformer() -> Boxes:
    return Boxes(
        "vision-transformer",
        "A vision transformer",
        (
            Box("picture", "picture", 0, 0),
            Box("cut", "patches\n→ vectors", 0, 1),
            Box("cls", "class token\nin front", 0, 2),
            Box("place", "+ places", 0, 3),
            Box("layers", "layers,\nno mask", 1, 1),
            Box("norm", "norm", 1, 2),
            Box("head", "token 0\n→ logits", 1, 3),
        ),
        (
            Arrow("picture", "cut"),
            Arrow("cut", "cls"),
            Arrow("cls", "place"),
            Arrow("place", "layers"),
            Arrow("layers", "norm"),
            Arrow("norm", "head"),
        ),
    )


# ------------------------------------------------------------ 9 why the average is grey


def signal_and_noise() -> Curves:
    """The factors of the picture and of the noise in x_t, over t."""
    kept, added, bar = [], [], 1.0
    for t in range(STEPS):
        bar *= 1 - (FIRST + (LAST - FIRST) * t / (STEPS - 1))
        if t % EVERY == 0 or t == STEPS - 1:
            kept.append(math.sqrt(bar))
            added.append(math.sqrt(1 - bar))
    steps = [float(t) for t in range(STEPS) if t % EVERY == 0 or t == STEPS - 1]
    lines = (Line("picture", steps, kept), Line("noise", steps, added))
    title = "factors of the picture and of the noise"
    return Curves("signal-and-noise", title, "step t", "factor", lines, low=0.0, high=1.0)

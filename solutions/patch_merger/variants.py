"""Right solutions in other styles. None of them may lose a point."""

import itertools
import math

import numpy as np
import torch
import torch.nn.functional as F
from patch_merger import group_neighbours
from torch import Tensor, nn

from grader.testing import replaces

Grid = tuple[int, int, int]


def refuse(grid: Grid, M: int) -> None:
    if any(side % M for side in grid[1:]):
        raise ValueError(f"{grid} in squares of {M}")


@replaces("group_neighbours")
def by_index(patches: Tensor, grid: Grid, merge: int) -> Tensor:
    """the numbers of the patches, cut by unfold"""
    refuse(grid, merge)
    t, h, w = grid
    numbers = torch.arange(t * h * w).view(t, h, w)
    places = numbers.unfold(1, merge, merge).unfold(2, merge, merge)  # (t, h/M, w/M, M, M)
    return patches[places.reshape(-1, merge * merge)].flatten(1)


@replaces("group_neighbours")
def torchs_unfold(patches: Tensor, grid: Grid, merge: int) -> Tensor:
    """F.unfold of frames with D channels"""
    refuse(grid, merge)
    t, h, w = grid
    D = patches.size(1)
    frames = patches.view(t, h, w, D).permute(0, 3, 1, 2)
    columns = F.unfold(frames, merge, stride=merge)  # (t, D·M·M, squares)
    return columns.view(t, D, merge * merge, -1).permute(0, 3, 2, 1).reshape(-1, merge * merge * D)


@replaces("group_neighbours")
def slices(patches: Tensor, grid: Grid, merge: int) -> Tensor:
    """square by square"""
    refuse(grid, merge)
    t, h, w = grid
    frames = patches.reshape(t, h, w, patches.shape[-1])
    corners = itertools.product(range(t), range(0, h, merge), range(0, w, merge))
    return torch.stack([frames[f, i : i + merge, j : j + merge].flatten() for f, i, j in corners])


@replaces("group_neighbours")
def strided(patches: Tensor, grid: Grid, merge: int) -> Tensor:
    """every M-th patch, M × M times; frames and rows are one axis"""
    refuse(grid, merge)
    t, h, w = grid
    rows = patches.unflatten(0, (t * h, w))
    corners = [rows[i::merge, j::merge] for i in range(merge) for j in range(merge)]
    return torch.cat(corners, dim=-1).flatten(0, 1)


@replaces("group_neighbours")
def einsum(patches: Tensor, grid: Grid, merge: int) -> Tensor:
    """einsum; a non-contiguous result"""
    t, h, w = grid
    if max(h % merge, w % merge) > 0:
        raise ValueError
    x = patches.unflatten(0, (t, h // merge, merge, w // merge, merge))
    return torch.einsum("tricjd->ijdtrc", x).flatten(3).flatten(0, 2).T


@replaces("PatchMerger")
class PictureByPicture(nn.Module):
    """each picture through the whole network by itself; modules by name"""

    def __init__(self, dim: int, out_dim: int, merge: int = 2) -> None:
        super().__init__()
        self.M, width = merge, dim * merge**2
        self.ln_q = nn.LayerNorm((dim,), 1e-6)
        self.mlp = nn.ModuleDict({"0": nn.Linear(width, width), "2": nn.Linear(width, out_dim)})

    def forward(self, patches: Tensor, grids: list[Grid]) -> Tensor:
        if sum(math.prod(grid) for grid in grids) != patches.shape[0]:
            raise ValueError("another number of patches")
        found, rest = [], patches
        for grid in grids:
            picture, rest = rest[: math.prod(grid)], rest[math.prod(grid) :]
            x = group_neighbours(self.ln_q(picture), grid, self.M)
            found.append(self.mlp["2"](F.gelu(self.mlp["0"](x))))
        return torch.cat(found)


@replaces("PatchMerger")
class NormLater(nn.Module):
    """norms the patches when they are in their squares; does not use group_neighbours"""

    def __init__(self, dim: int, out_dim: int, merge: int = 2) -> None:
        super().__init__()
        self.dim, self.merge = dim, merge
        width = dim * merge * merge
        self.mlp = nn.Sequential(nn.Linear(width, width), nn.GELU(approximate="none"), nn.Linear(width, out_dim))
        self.ln_q = nn.LayerNorm(dim, eps=1e-6)

    def forward(self, patches: Tensor, grids: list[Grid]) -> Tensor:
        M, places, before = self.merge, [], 0
        for t, h, w in grids:
            if h % M or w % M:
                raise ValueError("sides")
            numbers = torch.arange(before, before + t * h * w).view(t * h // M, M, w // M, M)
            places.append(numbers.transpose(1, 2).reshape(-1))
            before += t * h * w
        if before != len(patches):
            raise ValueError("patches")
        squares = patches[torch.cat(places)].view(-1, M * M, self.dim)
        return self.mlp(self.ln_q(squares).flatten(1))


class Norm(nn.Module):
    def __init__(self, dim: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(dim)), nn.Parameter(torch.zeros(dim))

    def forward(self, x: Tensor) -> Tensor:
        x = x - x.mean(-1, keepdim=True)
        return torch.addcmul(self.bias, x * (x.square().mean(-1, keepdim=True) + 1e-6).rsqrt(), self.weight)


class Half(nn.Module):
    def __init__(self, rows: int, columns: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(rows, columns).uniform_(-1, 1) / columns**0.5)
        self.bias = nn.Parameter(torch.zeros(rows))

    def forward(self, x: Tensor) -> Tensor:
        return torch.einsum("nf,of->no", x, self.weight) + self.bias


@replaces("PatchMerger")
class ByHand(nn.Module):
    """norm, layers and GELU by hand"""

    def __init__(self, dim: int, out_dim: int, merge: int = 2) -> None:
        super().__init__()
        width = merge**2 * dim
        self.ln_q, self.merge = Norm(dim), merge
        self.mlp = nn.ModuleList([Half(width, width), nn.Identity(), Half(out_dim, width)])

    def forward(self, patches: Tensor, grids: list[Grid]) -> Tensor:
        ends = np.cumsum([np.prod(grid) for grid in grids]).tolist()
        if ends[-1] != patches.size(0):
            raise ValueError("patches")
        pictures = torch.tensor_split(self.ln_q(patches), ends[:-1])
        squares = [group_neighbours(*both, self.merge) for both in zip(pictures, grids, strict=True)]
        z = self.mlp[0](torch.vstack(squares))
        return self.mlp[2](0.5 * z * torch.special.erfc(-z * math.sqrt(0.5)))


@replaces("mrope_positions")
def three_loops(parts: list[int | Grid], merge: int = 2) -> Tensor:
    """loops, and the largest number of all so far"""
    tokens: list[tuple[int, int, int]] = []
    for part in parts:
        s = 1 + max([number for token in tokens for number in token], default=-1)
        if isinstance(part, int):
            tokens.extend((s + i, s + i, s + i) for i in range(part))
        else:
            t, h, w = part
            sides = itertools.product(range(t), range(h // merge), range(w // merge))
            tokens.extend((s + i, s + r, s + c) for i, r, c in sides)
    return torch.tensor(tokens, dtype=torch.int64).T


@replaces("mrope_positions")
def meshgrid(parts: list[int | Grid], merge: int = 2) -> Tensor:
    """meshgrid; the last token of a part has its largest numbers"""
    found = torch.full((3, 1), -1)
    for part in parts:
        if isinstance(part, tuple):
            sides = torch.meshgrid(
                *(torch.arange(n) for n in (part[0], part[1] // merge, part[2] // merge)), indexing="ij"
            )
            piece = torch.stack(sides).view(3, -1)
        else:
            piece = torch.arange(part).repeat(3, 1)
        found = torch.cat([found, piece + found[:, -1].max() + 1], dim=1)
    return found[:, 1:]


@replaces("mrope_positions")
def by_division(parts: list[int | Grid], merge: int = 2) -> Tensor:
    """NumPy's quotients and remainders"""
    pieces, start = [], 0
    for part in parts:
        if type(part) is int:
            piece = np.tile(np.arange(part), (3, 1))
        else:
            shape = (part[0], part[1] // merge, part[2] // merge)
            piece = np.stack(np.unravel_index(np.arange(math.prod(shape)), shape))
        pieces.append(piece + start)
        start = int(pieces[-1].max()) + 1
    return torch.from_numpy(np.concatenate(pieces, axis=1).astype(np.int64))

"""Wrong versions that students write. Each docstring is the advice that such a student reads.

A merger is cut into parts: a mistake gets one wrong and takes the others from here.
"""

import torch
import torch.nn.functional as F
from patch_merger import group_neighbours, mrope_positions
from torch import Tensor, nn

from grader.testing import replaces

Grid = tuple[int, int, int]


# The squares


def checked(grid: Grid, merge: int) -> Grid:
    """What most get right: a grid whose sides M divides."""
    _, h, w = grid
    if h % merge or w % merge:
        raise ValueError("sides")
    return grid


def split(patches: Tensor, grid: Grid, merge: int) -> Tensor:
    """Both sides split, (t, h/M, M, w/M, M, D)."""
    t, h, w = checked(grid, merge)
    return patches.reshape(t, h // merge, merge, w // merge, merge, -1)


@replaces("group_neighbours")
def four_in_a_row(patches: Tensor, grid: Grid, merge: int) -> Tensor:
    """Your first vector holds patches that follow each other in the sequence: 0, 1, 2 and 3 for M = 2. Which four make
    a square if a row has w of them?"""
    checked(grid, merge)
    return patches.reshape(-1, merge * merge * patches.shape[1])


@replaces("group_neighbours")
def square_by_columns(patches: Tensor, grid: Grid, merge: int) -> Tensor:
    """Your squares are right, but inside a vector the patches go down first. Which patch does the docstring put second,
    the one on the right or the one below?"""
    return split(patches, grid, merge).permute(0, 1, 3, 4, 2, 5).flatten(3).flatten(0, 2)


@replaces("group_neighbours")
def squares_by_columns(patches: Tensor, grid: Grid, merge: int) -> Tensor:
    """Each of your vectors is right, but their order isn't: your squares go down the picture first. In which order does
    the docstring list them?"""
    return split(patches, grid, merge).permute(0, 3, 1, 2, 4, 5).flatten(3).flatten(0, 2)


@replaces("group_neighbours")
def rows_and_columns_swapped(patches: Tensor, grid: Grid, merge: int) -> Tensor:
    """Your code works for square pictures only. Which of the last two numbers of a grid counts the rows?"""
    t, h, w = checked(grid, merge)
    return split(patches, (t, w, h), merge).transpose(2, 3).flatten(3).flatten(0, 2)


@replaces("group_neighbours")
def frames_mixed(patches: Tensor, grid: Grid, merge: int) -> Tensor:
    """Your squares hold patches of more than one frame. Patches come frame by frame: which axis is the first to be
    split off, then?"""
    t, h, w = checked(grid, merge)
    x = patches.reshape(h // merge, merge, w // merge, merge, t, -1)
    return x.permute(4, 0, 2, 1, 3, 5).flatten(3).flatten(0, 2)


@replaces("group_neighbours")
def numbers_interleaved(patches: Tensor, grid: Grid, merge: int) -> Tensor:
    """Your vectors begin with the first number of every patch, and then come the second ones. What does it mean for
    patches to be side by side?"""
    return split(patches, grid, merge).permute(0, 1, 3, 5, 2, 4).flatten(3).flatten(0, 2)


@replaces("group_neighbours")
def far_apart(patches: Tensor, grid: Grid, merge: int) -> Tensor:
    """The patches of your squares aren't neighbours: they are h/M rows and w/M columns apart. If an axis is split in
    two, which part counts squares and which counts patches in a square?"""
    t, h, w = checked(grid, merge)
    x = patches.reshape(t, merge, h // merge, merge, w // merge, -1)
    return x.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(0, 2)


@replaces("group_neighbours")
def patches_averaged(patches: Tensor, grid: Grid, merge: int) -> Tensor:
    """You return the mean of each square. What can the network behind it no longer tell, then?"""
    return split(patches, grid, merge).mean(dim=(2, 4)).flatten(0, 2)


@replaces("group_neighbours")
def always_two(patches: Tensor, grid: Grid, merge: int) -> Tensor:
    """Your squares are 2 × 2, whatever merge says."""
    return group_neighbours(patches, grid, 2)


@replaces("group_neighbours")
def sides_cropped(patches: Tensor, grid: Grid, merge: int) -> Tensor:
    """If M doesn't divide a side, you leave out its last patches without a word. What does the docstring promise?"""
    t, h, w = grid
    frames = patches.reshape(t, h, w, -1)[:, : h // merge * merge, : w // merge * merge]
    return group_neighbours(frames.flatten(0, 2), (t, h // merge * merge, w // merge * merge), merge)


@replaces("group_neighbours", looks_at=["nothing", "the rows", "the columns", "the number of patches"])
def half_a_check(patches: Tensor, grid: Grid, merge: int, *, looks_at: str) -> Tensor:
    """Your code looks at {looks_at} before it reshapes, and torch raises RuntimeError for the rest. When does the
    docstring want ValueError?"""
    t, h, w = grid
    bad = {"the rows": h % merge, "the columns": w % merge, "the number of patches": h * w % merge**2}
    if bad.get(looks_at):
        raise ValueError("sides")
    x = patches.reshape(t, h // merge, merge, w // merge, merge, patches.shape[1])
    return x.transpose(2, 3).flatten(3).flatten(0, 2)


# The merger


class Merger(nn.Module):
    """The right merger, in parts. A mistake gets one of them wrong."""

    eps = 1e-6

    def __init__(self, dim: int, out_dim: int, merge: int = 2) -> None:
        super().__init__()
        width = merge * merge * dim
        self.merge = merge
        self.ln_q = nn.LayerNorm(dim, eps=self.eps)
        self.mlp = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, out_dim))

    def check(self, patches: Tensor, counts: list[int]) -> None:
        if len(patches) != sum(counts):
            raise ValueError("patches")

    def norm(self, patches: Tensor) -> Tensor:
        return self.ln_q(patches)

    def pictures(self, x: Tensor, grids: list[Grid]) -> list[tuple[Tensor, Grid]]:
        counts = [t * h * w for t, h, w in grids]
        self.check(x, counts)
        return list(zip(x.split(counts), grids, strict=True))

    def squares(self, patches: Tensor, grids: list[Grid]) -> Tensor:
        pictures = self.pictures(self.norm(patches), grids)
        return torch.cat([group_neighbours(x, grid, self.merge) for x, grid in pictures])

    def network(self, x: Tensor) -> Tensor:
        return self.mlp(x)

    def forward(self, patches: Tensor, grids: list[Grid]) -> Tensor:
        return self.network(self.squares(patches, grids))


@replaces("PatchMerger")
class NormAfterMerging(Merger):
    """Your norm runs over the M · M · D numbers of a square. Whose mean should it take?"""

    def norm(self, patches: Tensor) -> Tensor:
        return patches

    def network(self, x: Tensor) -> Tensor:
        copies = self.merge**2
        weight, bias = self.ln_q.weight.repeat(copies), self.ln_q.bias.repeat(copies)
        return self.mlp(F.layer_norm(x, x.shape[-1:], weight, bias, self.eps))


@replaces("PatchMerger")
class NormForgotten(Merger):
    """Your tokens don't depend on ln_q. What happens to each patch before it meets its neighbours?"""

    def norm(self, patches: Tensor) -> Tensor:
        return patches


@replaces("PatchMerger")
class RmsNorm(Merger):
    """You divide by the root of the mean square, as Qwen2.5-VL does. What does a LayerNorm subtract first?"""

    def norm(self, patches: Tensor) -> Tensor:
        return F.rms_norm(patches, patches.shape[-1:], self.ln_q.weight, self.eps) + self.ln_q.bias


@replaces("PatchMerger")
class NormWithoutItsParameters(Merger):
    """You subtract the mean and divide by the deviation, and stop there. Where do ln_q's weight and bias come in?"""

    def norm(self, patches: Tensor) -> Tensor:
        return F.layer_norm(patches, patches.shape[-1:], eps=self.eps)


@replaces("PatchMerger")
class UnbiasedVariance(Merger):
    """You divide the sum of squares by D − 1. By what does a LayerNorm divide it?"""

    def norm(self, patches: Tensor) -> Tensor:
        variance = patches.var(dim=-1, keepdim=True)
        normed = (patches - patches.mean(dim=-1, keepdim=True)) / torch.sqrt(variance + self.eps)
        return normed * self.ln_q.weight + self.ln_q.bias


@replaces("PatchMerger")
class EpsOutsideTheRoot(Merger):
    """You add eps to the standard deviation. To what does a LayerNorm add it?"""

    def norm(self, patches: Tensor) -> Tensor:
        deviation = patches.var(dim=-1, keepdim=True, correction=0).sqrt()
        normed = (patches - patches.mean(dim=-1, keepdim=True)) / (deviation + self.eps)
        return normed * self.ln_q.weight + self.ln_q.bias


@replaces("PatchMerger")
class DefaultEps(Merger):
    """Your tokens are almost right, and wrong where a patch is faint: the eps of your LayerNorm is 1e-5. Which one does
    the docstring ask for?"""

    eps = 1e-5


@replaces("PatchMerger", function=["the tanh approximation of GELU", "QuickGELU", "SiLU", "ReLU", "nothing"])
class OtherActivation(Merger):
    """Between your two layers is {function}. Which function does the docstring ask for?"""

    function: str

    def network(self, x: Tensor) -> Tensor:
        functions = {
            "the tanh approximation of GELU": lambda z: F.gelu(z, approximate="tanh"),
            "QuickGELU": lambda z: z * torch.sigmoid(1.702 * z),
            "SiLU": F.silu,
            "ReLU": F.relu,
            "nothing": lambda z: z,
        }
        return self.mlp[2](functions[self.function](self.mlp[0](x)))


@replaces("PatchMerger")
class ActivationAtTheEnd(Merger):
    """Your last step is a GELU, so no token has a number below −0.17. Between which two layers does it belong?"""

    def network(self, x: Tensor) -> Tensor:
        return F.gelu(self.mlp(x))


@replaces("PatchMerger")
class FirstGridForAll(Merger):
    """You cut every picture as if it had the grid of the first one. How many grids do you get?"""

    def pictures(self, x: Tensor, grids: list[Grid]) -> list[tuple[Tensor, Grid]]:
        found = super().pictures(x, grids)
        _, h, w = grids[0]  # frames of another picture, as many as there are
        return [(x, (len(x) // (h * w), h, w) if len(x) % (h * w) == 0 else grid) for x, grid in found]


@replaces("PatchMerger")
class AlwaysTwo(Merger):
    """Your merger takes squares of 2 × 2, whatever merge says. With which M was it made?"""

    def __init__(self, dim: int, out_dim: int, merge: int = 2) -> None:
        super().__init__(dim, out_dim, 2)


@replaces("PatchMerger")
class RestDropped(Merger):
    """There were more patches than your grids ask for, and you left the rest out without a word. What does the
    docstring promise?"""

    def pictures(self, x: Tensor, grids: list[Grid]) -> list[tuple[Tensor, Grid]]:
        count = sum(t * h * w for t, h, w in grids)
        return super().pictures(x[:count], grids)


@replaces("PatchMerger")
class RuntimeErrorOfSplit(Merger):
    """If the number of patches doesn't fit the grids, torch's split raises RuntimeError. Which error does the docstring
    promise?"""

    def check(self, patches: Tensor, counts: list[int]) -> None:
        pass


@replaces("PatchMerger")
class Asserted(Merger):
    """If the number of patches doesn't fit the grids, your assertion raises AssertionError. Which error does the
    docstring promise?"""

    def check(self, patches: Tensor, counts: list[int]) -> None:
        assert len(patches) == sum(counts), "patches"


@replaces("PatchMerger", what=["the patches", "everything before the network", "everything"])
class NoGradient(Merger):
    """You detach {what}. The encoder before your merger is trained as well: how does its gradient get there?"""

    what: str

    def forward(self, patches: Tensor, grids: list[Grid]) -> Tensor:
        if self.what == "the patches":
            return super().forward(patches.detach(), grids)
        squares = self.squares(patches, grids).detach()
        found = self.network(squares)
        return found.detach() if self.what == "everything" else found


# The positions


def counted(
    parts: list[int | Grid],
    merge: int,
    picture=lambda s, i, r, c, n: (s + i, s + r, s + c),
    after=lambda s, t, h, w: s + max(t, h, w),
    columns_first: bool = False,
) -> Tensor:
    """Positions by loops. A mistake replaces what a picture's token gets, or where the next part begins."""
    found, s = [], 0
    for part in parts:
        if isinstance(part, int):
            found += [(s + i,) * 3 for i in range(part)]
            s += part
            continue
        t, h, w = part[0], part[1] // merge, part[2] // merge
        sides = [(i, r, c) for i in range(t) for r in range(h) for c in range(w)]
        if columns_first:
            sides = [(i, r, c) for i in range(t) for c in range(w) for r in range(h)]
        found += [picture(s, i, r, c, n) for n, (i, r, c) in enumerate(sides)]
        s = after(s, t, h, w)
    return torch.tensor(found).T


@replaces("mrope_positions")
def text_after_all_tokens(parts: list[int | Grid], merge: int = 2) -> Tensor:
    """A picture moves your count by one for every token. By how much does a photo of 2 × 3 tokens move it, if the next
    number is the one after the largest?"""
    return counted(parts, merge, after=lambda s, t, h, w: s + t * h * w)


AFTER = {
    "rows and columns": lambda s, t, h, w: s + max(h, w),
    "rows": lambda s, t, h, w: s + h,
    "columns": lambda s, t, h, w: s + w,
    "frames": lambda s, t, h, w: s + t,
    "frames and rows": lambda s, t, h, w: s + max(t, h),
    "frames and columns": lambda s, t, h, w: s + max(t, w),
}


@replaces(
    "mrope_positions", sides=["rows and columns", "rows", "columns", "frames", "frames and rows", "frames and columns"]
)
def some_of_the_sides(parts: list[int | Grid], merge: int = 2, *, sides: str) -> Tensor:
    """What follows a picture begins after the largest number of its {sides}. Which other numbers do its tokens have,
    and for which pictures are those the largest?"""
    return counted(parts, merge, after=AFTER[sides])


@replaces("mrope_positions", by=["one too early", "one too late"])
def off_by_one(parts: list[int | Grid], merge: int = 2, *, by: str) -> Tensor:
    """What follows a picture begins {by}. If the largest number so far is 4, which one comes next?"""
    more = -1 if by == "one too early" else 1
    return counted(parts, merge, after=lambda s, t, h, w: s + max(t, h, w) + more)


@replaces("mrope_positions")
def picture_counts_as_one(parts: list[int | Grid], merge: int = 2) -> Tensor:
    """A picture moves your count by 1, like a word. Which numbers have its tokens taken already?"""
    return counted(parts, merge, after=lambda s, t, h, w: s + 1)


@replaces("mrope_positions")
def sides_in_patches(parts: list[int | Grid], merge: int = 2) -> Tensor:
    """What follows a picture begins after its sides in patches. In what are rows and columns counted behind the
    merger?"""
    return counted(parts, merge, after=lambda s, t, h, w: s + max(t, h * merge, w * merge))


PICTURE = {
    "rows and columns begin": lambda s, i, r, c, n: (s + i, r, c),
    "time begins": lambda s, i, r, c, n: (i, s + r, s + c),
    "time, rows and columns begin": lambda s, i, r, c, n: (i, r, c),
}


@replaces("mrope_positions", what=["rows and columns begin", "time begins", "time, rows and columns begin"])
def picture_from_zero(parts: list[int | Grid], merge: int = 2, *, what: str) -> Tensor:
    """In a picture your {what} at 0, in the middle of a prompt. Where does the docstring begin?"""
    return counted(parts, merge, picture=PICTURE[what])


@replaces("mrope_positions")
def time_counts_tokens(parts: list[int | Grid], merge: int = 2) -> Tensor:
    """Your time goes up with every token of a picture. A photo has one frame: what is the time of its last token?"""
    return counted(parts, merge, picture=lambda s, i, r, c, n: (s + n, s + r, s + c))


@replaces("mrope_positions")
def time_stands_still(parts: list[int | Grid], merge: int = 2) -> Tensor:
    """All frames of your videos have the same time. What is i in the docstring?"""
    return counted(parts, merge, picture=lambda s, i, r, c, n: (s, s + r, s + c))


@replaces("mrope_positions")
def frames_further_down(parts: list[int | Grid], merge: int = 2) -> Tensor:
    """Your rows go on counting from one frame to the next. Where is the first row of the second frame?"""
    sizes = iter([part[1] // merge for part in parts if not isinstance(part, int)])
    height = {"h": 0}

    def token(s: int, i: int, r: int, c: int, n: int) -> tuple[int, int, int]:
        if n == 0:
            height["h"] = next(sizes)
        return s + i, s + i * height["h"] + r, s + c

    return counted(parts, merge, picture=token)


@replaces("mrope_positions")
def rows_for_columns(parts: list[int | Grid], merge: int = 2) -> Tensor:
    """Your second and third number are swapped. Which comes first, the row or the column?"""
    return counted(parts, merge, picture=lambda s, i, r, c, n: (s + i, s + c, s + r))


@replaces("mrope_positions")
def tokens_by_columns(parts: list[int | Grid], merge: int = 2) -> Tensor:
    """Your tokens go down the picture first. In which order does the merger put them out?"""
    return counted(parts, merge, columns_first=True)


@replaces("mrope_positions")
def grid_not_merged(parts: list[int | Grid], merge: int = 2) -> Tensor:
    """Your pictures have a position for every patch. How many of them share a token?"""
    return counted(parts, 1)


@replaces("mrope_positions")
def only_by_two(parts: list[int | Grid], merge: int = 2) -> Tensor:
    """You halve the sides of every grid, whatever merge says."""
    return counted(parts, 2)


@replaces("mrope_positions")
def every_text_from_zero(parts: list[int | Grid], merge: int = 2) -> Tensor:
    """Each of your parts begins at 0. What does a token of the second part have to know about the first?"""
    return torch.cat([mrope_positions([part], merge) for part in parts], dim=1)


@replaces("mrope_positions")
def one_row_for_each_token(parts: list[int | Grid], merge: int = 2) -> Tensor:
    """Your result has a row for every token. Which axis comes first in the docstring?"""
    return mrope_positions(parts, merge).T


@replaces("mrope_positions")
def positions_as_floats(parts: list[int | Grid], merge: int = 2) -> Tensor:
    """Your positions are floating-point numbers. Which dtype does the docstring promise?"""
    return mrope_positions(parts, merge).float()

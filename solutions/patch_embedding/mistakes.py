"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import math

import torch
import torch.nn.functional as F
from patch_embedding import PatchEmbed, patchify, sincos_2d, unpatchify
from torch import Tensor, nn

from grader.testing import replaces


def six_axes(images: Tensor, patch: int) -> Tensor:
    """The part that most get right: check, then split both axes, (B, C, rows, P, columns, P)."""
    B, C, H, W = images.shape
    if H % patch or W % patch:
        raise ValueError("sizes")
    return images.reshape(B, C, H // patch, patch, W // patch, patch)


@replaces("patchify")
def strips(images: Tensor, patch: int) -> Tensor:
    """Your patches are strips of the image. A reshape keeps the order of the numbers: how far behind the first row of
    a patch does its second row come in memory?"""
    B, _, rows, _, columns, _ = six_axes(images, patch).shape
    return images.reshape(B, rows * columns, -1)


@replaces("patchify", place=["after the pixels", "between the pixel rows and columns"])
def channels_elsewhere(images: Tensor, patch: int, *, place: str) -> Tensor:
    """The channels come {place} in your patches. The weight of a convolution is (D, C, P, P), and each number of a
    patch has to meet its own weight: which order does that ask for?"""
    inside = (3, 5, 1) if place == "after the pixels" else (3, 1, 5)
    return six_axes(images, patch).permute(0, 2, 4, *inside).flatten(3).flatten(1, 2)


@replaces("patchify", pixels_too=[False, True])
def column_by_column(images: Tensor, patch: int, *, pixels_too: bool) -> Tensor:
    """Your patches go down the image first. Is patch 1 to the right of patch 0 or below it, so which of the two grid
    axes comes first?"""
    inside = (1, 5, 3) if pixels_too else (1, 3, 5)
    return six_axes(images, patch).permute(0, 4, 2, *inside).flatten(3).flatten(1, 2)


@replaces("patchify")
def transposed_patches(images: Tensor, patch: int) -> Tensor:
    """Each of your patches lies on its side: its pixels come column by column. Which of the two axes of length P comes
    first?"""
    return six_axes(images, patch).permute(0, 2, 4, 1, 5, 3).flatten(3).flatten(1, 2)


@replaces("patchify")
def channels_stay(images: Tensor, patch: int) -> Tensor:
    """A row of your result holds pixels of one channel from several places. With one channel it would be right. Where
    does the axis C belong among the six axes?"""
    blocks = six_axes(images, patch).transpose(3, 4)
    B, _, rows, columns, _, _ = blocks.shape
    return blocks.reshape(B, rows * columns, -1)


@replaces("patchify")
def rows_of_one_size(images: Tensor, patch: int) -> Tensor:
    """You split both axes by the height. How many rows and how many columns of patches does a 32×48 image have?"""
    B, C, rows, _, _, _ = six_axes(images, patch).shape
    blocks = images.reshape(B, C, rows, patch, rows, patch)
    return blocks.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2)


@replaces("patchify")
def unfold_as_it_is(images: Tensor, patch: int) -> Tensor:
    """Your result is (B, C·P·P, N), with the patches as columns. Which axis holds the patches in the stub?"""
    six_axes(images, patch)
    return F.unfold(images, patch, stride=patch)


@replaces("patchify")
def overlapping(images: Tensor, patch: int) -> Tensor:
    """Your window moves by one pixel, so the patches overlap. By how much does it have to move for every pixel to be
    in exactly one patch?"""
    six_axes(images, patch)
    return F.unfold(images, patch).mT


@replaces("patchify")
def cropped(images: Tensor, patch: int) -> Tensor:
    """Where P does not divide the size, the last rows and columns are lost and nothing says so. What does the
    statement ask for?"""
    H, W = (size // patch * patch for size in images.shape[2:])
    return patchify(images[:, :, :H, :W], patch)


@replaces("patchify")
def padded(images: Tensor, patch: int) -> Tensor:
    """Where P does not divide the size, your image is filled up. What does the statement ask for?"""
    H, W = images.shape[2:]
    return patchify(F.pad(images, (0, -W % patch, 0, -H % patch)), patch)


@replaces("patchify")
def counted_pixels(images: Tensor, patch: int) -> Tensor:
    """You check that P·P divides the number of pixels. A 2×8 image has sixteen of them: does a patch of 4×4 fit in
    it?"""
    if images.shape[2] * images.shape[3] % patch**2:
        raise ValueError("sizes")
    return patchify(images, patch) if images.shape[2] % patch + images.shape[3] % patch == 0 else images.flatten(2)


@replaces("patchify")
def pixels_apart(images: Tensor, patch: int) -> Tensor:
    """Your patch takes its rows H/P apart and its columns W/P apart. Pixels of a patch are neighbors: when an axis of
    length H is split in two, which part has length P?"""
    six_axes(images, patch)
    B, C, H, W = images.shape
    blocks = images.reshape(B, C, patch, H // patch, patch, W // patch)
    return blocks.permute(0, 3, 5, 1, 2, 4).flatten(3).flatten(1, 2)


@replaces("patchify")
def number_of_patches(images: Tensor, patch: int) -> Tensor:
    """You took `patch` for the number of patches along each side, and your pieces have H/P × W/P pixels. P is the side
    of a patch, in pixels: how many patches has a side of H pixels?"""
    six_axes(images, patch)
    B, C, H, W = images.shape
    blocks = images.reshape(B, C, patch, H // patch, patch, W // patch)
    return blocks.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2)


def checked(patches: Tensor, patch: int, height: int, width: int) -> tuple[int, int]:
    """Rows and columns of the grid."""
    return height // patch, width // patch


@replaces("unpatchify")
def back_by_reshape(patches: Tensor, patch: int, height: int, width: int) -> Tensor:
    """Each of your patches became a strip of the image. Which order of the axes does patchify make, and where do you
    undo it?"""
    checked(patches, patch, height, width)
    return patches.reshape(len(patches), -1, height, width)


@replaces("unpatchify")
def back_transposed(patches: Tensor, patch: int, height: int, width: int) -> Tensor:
    """Each patch is in its place but lies on its side. In which order do its two axes of length P come back?"""
    rows, columns = checked(patches, patch, height, width)
    blocks = patches.reshape(len(patches), rows, columns, -1, patch, patch)
    return blocks.permute(0, 3, 1, 5, 2, 4).reshape(len(patches), -1, height, width)


@replaces("unpatchify")
def back_by_columns(patches: Tensor, patch: int, height: int, width: int) -> Tensor:
    """You fill the grid column by column. Is patch 1 to the right of patch 0, or below it?"""
    rows, columns = checked(patches, patch, height, width)
    blocks = patches.reshape(len(patches), columns, rows, -1, patch, patch)
    return blocks.permute(0, 3, 2, 4, 1, 5).reshape(len(patches), -1, height, width)


@replaces("unpatchify")
def back_swapped(patches: Tensor, patch: int, height: int, width: int) -> Tensor:
    """Your images have height and width swapped: (B, C, W, H). Which of the two comes first?"""
    return unpatchify(patches, patch, width, height)


@replaces("unpatchify")
def back_channels_last(patches: Tensor, patch: int, height: int, width: int) -> Tensor:
    """You read a patch as (P, P, C). Which of the three axes comes first in the stub of patchify?"""
    rows, columns = checked(patches, patch, height, width)
    blocks = patches.reshape(len(patches), rows, columns, patch, patch, -1)
    return blocks.permute(0, 5, 1, 3, 2, 4).reshape(len(patches), -1, height, width)


@replaces("unpatchify")
def back_unfolded(patches: Tensor, patch: int, height: int, width: int) -> Tensor:
    """You used patchify's permute on the way back, but it does not undo itself. Among the axes of the patches, which
    is the channel, and where must it go?"""
    rows, columns = checked(patches, patch, height, width)
    blocks = patches.reshape(len(patches), rows, columns, -1, patch, patch)
    return blocks.permute(0, 2, 4, 1, 3, 5).reshape(len(patches), -1, height, width)


@replaces("unpatchify")
def back_grid_swapped(patches: Tensor, patch: int, height: int, width: int) -> Tensor:
    """You split the axis of the patches into W/P rows and H/P columns. How many rows of patches does an image have
    that is wider than high?"""
    checked(patches, patch, height, width)
    B, P = len(patches), patch
    blocks = patches.reshape(B, width // P, height // P, -1, P, P)
    return blocks.permute(0, 3, 1, 4, 2, 5).reshape(B, -1, height, width)


@replaces("unpatchify")
def back_pixels_apart(patches: Tensor, patch: int, height: int, width: int) -> Tensor:
    """You put the pixels of a patch H/P rows and W/P columns apart, but they are neighbors. When you merge two axes
    into H, which must come directly before which?"""
    checked(patches, patch, height, width)
    B, P = len(patches), patch
    blocks = patches.reshape(B, height // P, width // P, -1, P, P)
    return blocks.permute(0, 3, 4, 1, 5, 2).reshape(B, -1, height, width)


@replaces("unpatchify", any_channels=[False, True])
def back_square_grid(patches: Tensor, patch: int, height: int, width: int, *, any_channels: bool) -> Tensor:
    """Your grid has as many rows as columns, the square root of N, as if every image were square. What do height and
    width say about rows and columns?"""
    B, N, L = patches.shape
    g, P = math.isqrt(N), patch
    C = -1 if any_channels else L // P**2
    return patches.reshape(B, g, g, C, P, P).permute(0, 3, 1, 4, 2, 5).reshape(B, C, height, width)


@replaces("unpatchify")
def back_square_grid_asserted(patches: Tensor, patch: int, height: int, width: int) -> Tensor:
    """You demand that N is a square number. Need an image be square here, and what do height and width say about rows
    and columns?"""
    g = math.isqrt(patches.shape[1])
    assert g * g == patches.shape[1]
    return unpatchify(patches, patch, height, width)


@replaces("unpatchify")
def back_number_of_patches(patches: Tensor, patch: int, height: int, width: int) -> Tensor:
    """You took `patch` for the number of patches along each side. P is the side of a patch in pixels: how many rows of
    patches does an image of that height have?"""
    rows, columns = checked(patches, patch, height, width)
    blocks = patches.reshape(len(patches), patch, patch, -1, rows, columns)
    return blocks.permute(0, 3, 1, 4, 2, 5).reshape(len(patches), -1, height, width)


@replaces("unpatchify")
def back_piece_by_piece(patches: Tensor, patch: int, height: int, width: int) -> Tensor:
    """Your pieces have H/P × W/P pixels, as if `patch` were the number of patches along a side. How many numbers of a
    patch belong to one channel?"""
    rows, columns = checked(patches, patch, height, width)
    C = patches.shape[-1] // (rows * columns)
    pieces = [patches[:, n].reshape(len(patches), C, rows, columns) for n in range(patch**2)]
    lines = [torch.cat(pieces[r * patch : (r + 1) * patch], dim=3) for r in range(patch)]
    return torch.cat(lines, dim=2)


@replaces("PatchEmbed")
class NoBias(PatchEmbed):
    """Your result does not depend on the bias. What does a linear map add after its products?"""

    def forward(self, images: Tensor) -> Tensor:
        return patchify(images, self.patch) @ self.weight.flatten(1).T


@replaces("PatchEmbed")
class WeightReshaped(PatchEmbed):
    """Your weight (D, C, P, P) is reshaped to (C·P·P, D). Does a reshape swap axes, or does it keep the order of the
    numbers and mix the D filters?"""

    def forward(self, images: Tensor) -> Tensor:
        return patchify(images, self.patch) @ self.weight.reshape(-1, len(self.weight)) + self.bias


@replaces("PatchEmbed")
class WeightChannelsLast(PatchEmbed):
    """Each pixel meets the weight of another one, as if weight or patches were flattened in the order (P, P, C). In
    which order is the other one flattened?"""

    def forward(self, images: Tensor) -> Tensor:
        return patchify(images, self.patch) @ self.weight.permute(0, 2, 3, 1).flatten(1).T + self.bias


@replaces("PatchEmbed")
class Flipped(PatchEmbed):
    """Your filters are flipped, as in the convolution of mathematics. Which weight does pixel (i, j) meet in the
    formula?"""

    def forward(self, images: Tensor) -> Tensor:
        return patchify(images, self.patch) @ self.weight.flip(2, 3).flatten(1).T + self.bias


@replaces("PatchEmbed")
class NotTransposed(PatchEmbed):
    """Your result is (B, D, N). Which axis of the result holds the tokens, and which holds the numbers of one
    token?"""

    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images).mT


@replaces("PatchEmbed")
class ReshapedConvolution(PatchEmbed):
    """Your shape is right, but the numbers of one token come from different places. Does a reshape from (B, D, N) to
    (B, N, D) swap the two axes?"""

    def forward(self, images: Tensor) -> Tensor:
        z = super().forward(images)
        return z.mT.reshape(z.shape)


@replaces("PatchEmbed")
class CroppingConvolution(PatchEmbed):
    """Where P does not divide the size, your embedding leaves the last pixels out and says nothing. What does the
    statement ask for?"""

    def forward(self, images: Tensor) -> Tensor:
        return F.conv2d(images, self.weight, self.bias, stride=self.patch).flatten(2).mT


@replaces("PatchEmbed")
class StrideOne(PatchEmbed):
    """Your convolution moves by one pixel and makes a token at every place. By how much does it have to move?"""

    def forward(self, images: Tensor) -> Tensor:
        patchify(images, self.patch)
        return F.conv2d(images, self.weight, self.bias).flatten(2).mT


@replaces("PatchEmbed")
class LinearLayer(nn.Module):
    """Your parameters have the names and shapes of an nn.Linear inside the module. Which names and shapes does the
    stub give to the parameters of the module itself?"""

    def __init__(self, patch: int, channels: int, dim: int) -> None:
        super().__init__()
        self.patch = patch
        self.proj = nn.Linear(channels * patch**2, dim)

    def forward(self, images: Tensor) -> Tensor:
        return self.proj(patchify(images, self.patch))


@replaces("PatchEmbed", start=[0.0, 1.0])
class StartsConstant(PatchEmbed):
    """All numbers of your weight start as {start}. Do the D filters ever become different if their gradients are
    equal?"""

    start: float

    def __init__(self, patch: int, channels: int, dim: int) -> None:
        super().__init__(patch, channels, dim)
        nn.init.constant_(self.weight, self.start)


@replaces("PatchEmbed")
class PlainTensors(nn.Module):
    """Your module has no parameters. What makes a tensor a parameter, so that an optimizer and a checkpoint find
    it?"""

    def __init__(self, patch: int, channels: int, dim: int) -> None:
        super().__init__()
        self.patch = patch
        self.weight, self.bias = torch.randn(dim, channels, patch, patch), torch.zeros(dim)

    def forward(self, images: Tensor) -> Tensor:
        return patchify(images, self.patch) @ self.weight.flatten(1).T + self.bias


@replaces("PatchEmbed")
class DetachedWeight(PatchEmbed):
    """Your result is right, but no gradient reaches the weight, so the filters never learn. How does your forward read
    the weight?"""

    def forward(self, images: Tensor) -> Tensor:
        return patchify(images, self.patch) @ self.weight.detach().flatten(1).T + self.bias


@replaces("PatchEmbed")
class AlwaysFloat64(PatchEmbed):
    """Your embedding is float64 even where images and parameters are float32. Which line of forward names a dtype?"""

    def forward(self, images):
        return patchify(images.double(), self.weight.shape[-1]) @ self.weight.double().flatten(1).T + self.bias.double()


@replaces("PatchEmbed")
class PositionsAdded(PatchEmbed):
    """You added the positions of sincos_2d to the patches. What does the formula of z contain besides weight and
    bias?"""

    def forward(self, images: Tensor) -> Tensor:
        z = super().forward(images)
        _, _, H, W = images.shape
        dim, _, P, _ = self.weight.shape
        return z + sincos_2d(dim, H // P, W // P).to(z) if dim % 4 == 0 else z


@replaces("PatchEmbed", by=["C·P·P", "P·P", "√(C·P·P)"])
class DividedProducts(PatchEmbed):
    """Your sum over a patch is divided by {by} before the bias is added. Which step of the formula divides?"""

    by: str

    def forward(self, images: Tensor) -> Tensor:
        x = patchify(images, self.patch)
        n = self.patch**2 if self.by == "P·P" else x.shape[-1]
        return x @ self.weight.flatten(1).T / (n**0.5 if "√" in self.by else n) + self.bias


@replaces("PatchEmbed")
class WeightTransposed(PatchEmbed):
    """Your weight is applied with its two pixel axes swapped: pixel (i, j) meets weight (j, i). Which axis of the
    weight is the row?"""

    def forward(self, images: Tensor) -> Tensor:
        return patchify(images, self.patch) @ self.weight.transpose(2, 3).flatten(1).T + self.bias


def frequencies(dim: int) -> Tensor:
    return 10000.0 ** (-torch.arange(dim // 4, dtype=torch.float64) / (dim // 4))


def grid(omega: Tensor, grid_h: int, grid_w: int) -> tuple[Tensor, Tensor]:
    """Angles of the row and of the column of each patch, (grid_h · grid_w, q)."""
    n = torch.arange(grid_h * grid_w, dtype=torch.float64)
    return torch.outer(n // grid_w, omega), torch.outer(n % grid_w, omega)


def parts(rows: Tensor, columns: Tensor) -> Tensor:
    return torch.cat([rows.sin(), rows.cos(), columns.sin(), columns.cos()], dim=-1)


@replaces(
    "sincos_2d",
    order=[
        "[sin(cω), cos(cω), sin(rω), cos(rω)]",
        "[cos(rω), sin(rω), cos(cω), sin(cω)]",
        "[sin(rω), sin(cω), cos(rω), cos(cω)]",
        "[cos(rω), cos(cω), sin(rω), sin(cω)]",
    ],
)
def another_order(dim: int, grid_h: int, grid_w: int, *, order: str) -> Tensor:
    """The four parts of your vectors are {order}. Conventions differ: which order does this statement have?"""
    rows, columns = grid(frequencies(dim), grid_h, grid_w)
    made = {"sin(r": rows.sin(), "cos(r": rows.cos(), "sin(c": columns.sin(), "cos(c": columns.cos()}
    return torch.cat([made[part[:5]] for part in order.strip("[]").split(", ")], dim=-1)


@replaces("sincos_2d")
def grid_by_columns(dim: int, grid_h: int, grid_w: int) -> Tensor:
    """Your positions go down the grid first. In which order does patchify go through the patches?"""
    columns, rows = grid(frequencies(dim), grid_w, grid_h)
    return parts(rows, columns)


@replaces("sincos_2d")
def interleaved(dim: int, grid_h: int, grid_w: int) -> Tensor:
    """Sines and cosines alternate in your vectors. Which numbers does the statement put beside each other?"""
    rows, columns = grid(frequencies(dim), grid_h, grid_w)
    halves = [torch.stack([x.sin(), x.cos()], dim=-1).flatten(1) for x in (rows, columns)]
    return torch.cat(halves, dim=-1)


OMEGAS = {
    "10000^(−j/2q)": lambda q, j: 10000.0 ** (-j / (2 * q)),
    "10000^(−j/4q)": lambda q, j: 10000.0 ** (-j / (4 * q)),
    "10000^(−2j/q)": lambda q, j: 10000.0 ** (-2 * j / q),
    "10000^(−(j+1)/q)": lambda q, j: 10000.0 ** (-(j + 1) / q),
    "10000^(j/q)": lambda q, j: 10000.0 ** (j / q),
    "1000^(−j/q)": lambda q, j: 1000.0 ** (-j / q),
    "100^(−j/q)": lambda q, j: 100.0 ** (-j / q),
    "10000^(−j/(q−1))": lambda q, j: 10000.0 ** (-j / max(1, q - 1)),
}


@replaces(
    "sincos_2d",
    omega=[
        "10000^(−j/2q)",
        "10000^(−j/4q)",
        "10000^(−2j/q)",
        "10000^(−(j+1)/q)",
        "10000^(j/q)",
        "1000^(−j/q)",
        "100^(−j/q)",
        "10000^(−j/(q−1))",
    ],
)
def other_frequencies(dim: int, grid_h: int, grid_w: int, *, omega: str) -> Tensor:
    """Your frequencies are {omega}, with q = dim/4. Which number does each of the four parts begin with in the
    formula, and what is its exponent divided by?"""
    q = dim // 4
    return parts(*grid(OMEGAS[omega](q, torch.arange(q, dtype=torch.float64)), grid_h, grid_w))


@replaces("sincos_2d")
def divided_by_one_less(dim: int, grid_h: int, grid_w: int) -> Tensor:
    """Your exponent divides j by q − 1, and with q = 1 that is 0. What does the formula divide by, and what is the
    last frequency then?"""
    q = len(frequencies(dim))
    omega = 10000.0 ** (-torch.arange(q, dtype=torch.float64) / (q - 1))
    return parts(*grid(omega, grid_h, grid_w))


@replaces("sincos_2d")
def float32_frequencies(dim: int, grid_h: int, grid_w: int) -> Tensor:
    """Your positions are float64 in name, but only as exact as float32. What dtype does torch give to a quotient of
    whole numbers, and can a later conversion bring digits back?"""
    q = len(frequencies(dim))
    omega = 10000.0 ** (-torch.arange(q) / q)
    rows, columns = torch.arange(grid_h)[:, None] * omega, torch.arange(grid_w)[:, None] * omega
    row = torch.cat([rows.sin(), rows.cos()], dim=1).double()
    column = torch.cat([columns.sin(), columns.cos()], dim=1).double()
    return torch.cat([row.repeat_interleave(grid_w, 0), column.repeat(grid_h, 1)], dim=1)


@replaces("sincos_2d", which=["rows", "columns", "rows and columns"])
def from_one(dim: int, grid_h: int, grid_w: int, *, which: str) -> Tensor:
    """Your {which} count from 1. With which number do they begin in the stub?"""
    omega = frequencies(dim)
    rows, columns = grid(omega, grid_h, grid_w)
    return parts(rows + omega if "rows" in which else rows, columns + omega if "columns" in which else columns)


@replaces("sincos_2d")
def one_index(dim: int, grid_h: int, grid_w: int) -> Tensor:
    """Your patches are numbered along one line, like the words of a text. Which numbers should two patches have in
    common if one is above the other?"""
    omega = frequencies(dim)
    n = torch.arange(grid_h * grid_w, dtype=torch.float64)
    return parts(torch.outer(n, omega), torch.outer(n, omega))


@replaces("sincos_2d")
def float32_positions(dim: int, grid_h: int, grid_w: int) -> Tensor:
    """Your positions are float32. Which dtype does the stub promise?"""
    return parts(*grid(frequencies(dim), grid_h, grid_w)).float()


@replaces("sincos_2d")
def sizes_exchanged(dim: int, grid_h: int, grid_w: int) -> Tensor:
    """You took grid_h for the number of columns. How many columns does a grid of 2 rows and 3 columns have?"""
    return parts(*grid(frequencies(dim), grid_w, grid_h))


@replaces("sincos_2d")
def grid_kept(dim: int, grid_h: int, grid_w: int) -> Tensor:
    """Your positions keep the two axes of the grid. Which shape does the stub promise?"""
    return sincos_2d(dim, grid_h, grid_w).unflatten(0, (grid_h, grid_w))


@replaces("sincos_2d")
def without_omega(dim: int, grid_h: int, grid_w: int) -> Tensor:
    """All numbers of one part are equal in your vectors: each frequency is 1. What does ω_j depend on?"""
    return parts(*grid(torch.ones_like(frequencies(dim)), grid_h, grid_w))

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
    """A reshape alone cuts the image into strips: it keeps the order of the numbers, and the second row of a
    patch lies a whole image row after the first. Which axes must be split, and which must then be moved?"""
    B, _, rows, _, columns, _ = six_axes(images, patch).shape
    return images.reshape(B, rows * columns, -1)


@replaces("patchify")
def channels_last(images: Tensor, patch: int) -> Tensor:
    """Inside your patches the channels are the last axis, (P, P, C). The weight of a convolution is (D, C, P, P),
    and each number of a patch has to meet its own weight: which order does that ask for?"""
    return six_axes(images, patch).permute(0, 2, 4, 3, 5, 1).flatten(3).flatten(1, 2)


@replaces("patchify")
def column_by_column(images: Tensor, patch: int) -> Tensor:
    """Your patches go down the image first. Patch 1 is the right neighbour of patch 0: which of the two grid axes
    comes first?"""
    return six_axes(images, patch).permute(0, 4, 2, 1, 3, 5).flatten(3).flatten(1, 2)


@replaces("patchify")
def transposed_patches(images: Tensor, patch: int) -> Tensor:
    """Each of your patches is transposed: its pixel columns come before its pixel rows. Look at the order of the
    two axes of length P."""
    return six_axes(images, patch).permute(0, 2, 4, 1, 5, 3).flatten(3).flatten(1, 2)


@replaces("patchify")
def channels_stay(images: Tensor, patch: int) -> Tensor:
    """The axis of the channels stayed in front of the grid, so one row of the result holds blocks of one channel
    from several places. With one channel it is right. Where does C belong among the six axes?"""
    blocks = six_axes(images, patch).transpose(3, 4)
    B, _, rows, columns, _, _ = blocks.shape
    return blocks.reshape(B, rows * columns, -1)


@replaces("patchify")
def rows_of_one_size(images: Tensor, patch: int) -> Tensor:
    """You split both axes by the height. A 32×48 image has more columns of patches than rows."""
    B, C, rows, _, _, _ = six_axes(images, patch).shape
    blocks = images.reshape(B, C, rows, patch, rows, patch)
    return blocks.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2)


@replaces("patchify")
def unfold_as_it_is(images: Tensor, patch: int) -> Tensor:
    """F.unfold returns (B, C·P·P, N), in which the patches are columns. Which axis holds the patches in the
    docstring?"""
    six_axes(images, patch)
    return F.unfold(images, patch, stride=patch)


@replaces("patchify")
def overlapping(images: Tensor, patch: int) -> Tensor:
    """Your window moves by one pixel and the patches overlap. By how much does it have to move for every pixel to
    be in exactly one patch?"""
    six_axes(images, patch)
    return F.unfold(images, patch).mT


@replaces("patchify")
def cropped(images: Tensor, patch: int) -> Tensor:
    """Where P does not divide the size, the last rows and columns were dropped silently, as F.unfold and a convolution
    do. Lost pixels should be an error."""
    H, W = (size // patch * patch for size in images.shape[2:])
    return patchify(images[:, :, :H, :W], patch)


@replaces("patchify")
def padded(images: Tensor, patch: int) -> Tensor:
    """Where P does not divide the size, you filled up with zeros. The statement asks for an error."""
    H, W = images.shape[2:]
    return patchify(F.pad(images, (0, -W % patch, 0, -H % patch)), patch)


@replaces("patchify")
def counted_pixels(images: Tensor, patch: int) -> Tensor:
    """You checked that P·P divides the number of pixels. An image of 2×8 has sixteen of them, and no patch of 4×4
    fits in it."""
    if images.shape[2] * images.shape[3] % patch**2:
        raise ValueError("sizes")
    return patchify(images, patch) if images.shape[2] % patch + images.shape[3] % patch == 0 else images.flatten(2)


@replaces("patchify")
def pixels_apart(images: Tensor, patch: int) -> Tensor:
    """Your patch holds every (H/P)-th row and every (W/P)-th column of the image. The pixels of a patch are neighbours:
    when an axis of length H is split in two, which of the two parts has length P?"""
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
    """You reshaped the patches to an image, and each of them became a strip. What patchify permuted has to be
    permuted back."""
    checked(patches, patch, height, width)
    return patches.reshape(len(patches), -1, height, width)


@replaces("unpatchify")
def back_transposed(patches: Tensor, patch: int, height: int, width: int) -> Tensor:
    """Each patch is at its place and lies on its side: on the way back the two axes of length P changed their
    order."""
    rows, columns = checked(patches, patch, height, width)
    blocks = patches.reshape(len(patches), rows, columns, -1, patch, patch)
    return blocks.permute(0, 3, 1, 5, 2, 4).reshape(len(patches), -1, height, width)


@replaces("unpatchify")
def back_by_columns(patches: Tensor, patch: int, height: int, width: int) -> Tensor:
    """You filled the grid column by column. Does patch 1 stand to the right of patch 0 or below it?"""
    rows, columns = checked(patches, patch, height, width)
    blocks = patches.reshape(len(patches), columns, rows, -1, patch, patch)
    return blocks.permute(0, 3, 2, 4, 1, 5).reshape(len(patches), -1, height, width)


@replaces("unpatchify")
def back_swapped(patches: Tensor, patch: int, height: int, width: int) -> Tensor:
    """Height and width have changed places: your image is (B, C, W, H)."""
    return unpatchify(patches, patch, width, height)


@replaces("unpatchify")
def back_channels_last(patches: Tensor, patch: int, height: int, width: int) -> Tensor:
    """You read a patch as (P, P, C). Which of the three axes comes first in the docstring of patchify?"""
    rows, columns = checked(patches, patch, height, width)
    blocks = patches.reshape(len(patches), rows, columns, patch, patch, -1)
    return blocks.permute(0, 5, 1, 3, 2, 4).reshape(len(patches), -1, height, width)


@replaces("unpatchify")
def back_unfolded(patches: Tensor, patch: int, height: int, width: int) -> Tensor:
    """You used the permute of patchify on the way back, and it does not undo itself: the axes stand in another
    order now. Which axis of the patches is the channel, and where must it go?"""
    rows, columns = checked(patches, patch, height, width)
    blocks = patches.reshape(len(patches), rows, columns, -1, patch, patch)
    return blocks.permute(0, 2, 4, 1, 3, 5).reshape(len(patches), -1, height, width)


@replaces("unpatchify")
def back_grid_swapped(patches: Tensor, patch: int, height: int, width: int) -> Tensor:
    """You split the axis of the patches into W/P rows and H/P columns. For a square image that is right: how many rows
    of patches has an image that is wider than high?"""
    checked(patches, patch, height, width)
    B, P = len(patches), patch
    blocks = patches.reshape(B, width // P, height // P, -1, P, P)
    return blocks.permute(0, 3, 1, 4, 2, 5).reshape(B, -1, height, width)


@replaces("unpatchify")
def back_pixels_apart(patches: Tensor, patch: int, height: int, width: int) -> Tensor:
    """You put the pixels of a patch H/P rows and W/P columns apart. The pixels of a patch are neighbours: which axis
    stands directly before which one, when you merge two axes into H?"""
    checked(patches, patch, height, width)
    B, P = len(patches), patch
    blocks = patches.reshape(B, height // P, width // P, -1, P, P)
    return blocks.permute(0, 3, 4, 1, 5, 2).reshape(B, -1, height, width)


@replaces("unpatchify")
def back_square_grid(patches: Tensor, patch: int, height: int, width: int) -> Tensor:
    """You took the root of N for the rows of the grid and for its columns, as if every image were square. What do
    height and width say of rows and columns?"""
    checked(patches, patch, height, width)
    B, N, L = patches.shape
    g, P = math.isqrt(N), patch
    blocks = patches.reshape(B, g, g, L // P**2, P, P)
    return blocks.permute(0, 3, 1, 4, 2, 5).reshape(B, L // P**2, height, width)


@replaces("unpatchify")
def back_square_grid_of_any_channels(patches: Tensor, patch: int, height: int, width: int) -> Tensor:
    """Your grid has as many rows as columns, the root of N, as if every image were square, and what does not fit goes
    to the axis with −1. What do height and width say of rows and columns?"""
    checked(patches, patch, height, width)
    B, g, P = len(patches), math.isqrt(patches.shape[1]), patch
    blocks = patches.reshape(B, g, g, -1, P, P)
    return blocks.permute(0, 3, 1, 4, 2, 5).reshape(B, -1, height, width)


@replaces("unpatchify")
def back_square_grid_asserted(patches: Tensor, patch: int, height: int, width: int) -> Tensor:
    """You ask that N is a square number, as the code of MAE does: its images are square. Here they need not be. What do
    height and width say of rows and columns?"""
    g = math.isqrt(patches.shape[1])
    assert g * g == patches.shape[1]
    return unpatchify(patches, patch, height, width)


@replaces("unpatchify")
def back_number_of_patches(patches: Tensor, patch: int, height: int, width: int) -> Tensor:
    """You took `patch` for the number of patches along each side. P is the side of a patch, in pixels: how many rows of
    patches has an image of that height?"""
    rows, columns = checked(patches, patch, height, width)
    blocks = patches.reshape(len(patches), patch, patch, -1, rows, columns)
    return blocks.permute(0, 3, 1, 4, 2, 5).reshape(len(patches), -1, height, width)


@replaces("unpatchify")
def back_piece_by_piece(patches: Tensor, patch: int, height: int, width: int) -> Tensor:
    """You took `patch` for the number of patches along each side, and your pieces have H/P × W/P pixels. P is the side
    of a patch, in pixels: how many numbers of a patch belong to one channel?"""
    rows, columns = checked(patches, patch, height, width)
    C = patches.shape[-1] // (rows * columns)
    pieces = [patches[:, n].reshape(len(patches), C, rows, columns) for n in range(patch**2)]
    lines = [torch.cat(pieces[r * patch : (r + 1) * patch], dim=3) for r in range(patch)]
    return torch.cat(lines, dim=2)


@replaces("PatchEmbed")
class NoBias(PatchEmbed):
    """The bias was not added. What does a linear map add after its products?"""

    def forward(self, images: Tensor) -> Tensor:
        return patchify(images, self.patch) @ self.weight.flatten(1).T


@replaces("PatchEmbed")
class WeightReshaped(PatchEmbed):
    """You reshaped the weight (D, C, P, P) to (C·P·P, D). That keeps the order of its numbers and mixes the D
    filters: first make each filter one row, then turn the matrix."""

    def forward(self, images: Tensor) -> Tensor:
        return patchify(images, self.patch) @ self.weight.reshape(-1, len(self.weight)) + self.bias


@replaces("PatchEmbed")
class WeightChannelsLast(PatchEmbed):
    """You flattened the weight in the order (P, P, C), and the patches come in the order (C, P, P): each pixel
    meets the weight of another one."""

    def forward(self, images: Tensor) -> Tensor:
        return patchify(images, self.patch) @ self.weight.permute(0, 2, 3, 1).flatten(1).T + self.bias


@replaces("PatchEmbed")
class Flipped(PatchEmbed):
    """Your filters are flipped, as in the convolution of mathematics. What networks call a convolution multiplies
    pixel (i, j) by weight (i, j)."""

    def forward(self, images: Tensor) -> Tensor:
        return patchify(images, self.patch) @ self.weight.flip(2, 3).flatten(1).T + self.bias


@replaces("PatchEmbed")
class NotTransposed(PatchEmbed):
    """A convolution returns (B, D, rows, columns), and flattened (B, D, N). The sequence is the axis before the
    last, and each token has D numbers beside each other."""

    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images).mT


@replaces("PatchEmbed")
class ReshapedConvolution(PatchEmbed):
    """You reshaped (B, D, rows, columns) to (B, N, D): the shape is right and the numbers of one token come from
    D different places. Which axes have to change places?"""

    def forward(self, images: Tensor) -> Tensor:
        z = super().forward(images)
        return z.mT.reshape(z.shape)


@replaces("PatchEmbed")
class CroppingConvolution(PatchEmbed):
    """A convolution with stride P drops the rows and columns that are left over, and says nothing. Look at the
    size first, and raise an error."""

    def forward(self, images: Tensor) -> Tensor:
        return F.conv2d(images, self.weight, self.bias, stride=self.patch).flatten(2).mT


@replaces("PatchEmbed")
class StrideOne(PatchEmbed):
    """Your convolution moves by one pixel: it makes a token for every place. By how much does it have to move?"""

    def forward(self, images: Tensor) -> Tensor:
        patchify(images, self.patch)
        return F.conv2d(images, self.weight, self.bias).flatten(2).mT


@replaces("PatchEmbed")
class LinearLayer(nn.Module):
    """Your parameters have the names and shapes of an nn.Linear inside the module. Which names and shapes does the
    docstring give to the parameters of the module itself?"""

    def __init__(self, patch: int, channels: int, dim: int) -> None:
        super().__init__()
        self.patch = patch
        self.proj = nn.Linear(channels * patch**2, dim)

    def forward(self, images: Tensor) -> Tensor:
        return self.proj(patchify(images, self.patch))


@replaces("PatchEmbed")
class StartsAtZero(PatchEmbed):
    """The weight starts as zeros: every patch becomes the same vector, and with nothing else random all filters
    would learn the same."""

    def __init__(self, patch: int, channels: int, dim: int) -> None:
        super().__init__(patch, channels, dim)
        nn.init.zeros_(self.weight)


@replaces("PatchEmbed")
class DetachedWeight(PatchEmbed):
    """The weight takes part without its gradient, through .data or .detach(), so the filters never learn."""

    def forward(self, images: Tensor) -> Tensor:
        return patchify(images, self.patch) @ self.weight.detach().flatten(1).T + self.bias


@replaces("PatchEmbed")
class AlwaysFloat64(PatchEmbed):
    """Your embedding is float64 also where images and parameters are float32. Which line of forward names a dtype?"""

    def forward(self, images):
        return patchify(images.double(), self.weight.shape[-1]) @ self.weight.double().flatten(1).T + self.bias.double()


@replaces("PatchEmbed")
class PositionsAdded(PatchEmbed):
    """You added the positions of sincos_2d to the patches. forward is the linear map alone: what stands in its formula
    besides weight and bias?"""

    def forward(self, images: Tensor) -> Tensor:
        z = super().forward(images)
        _, _, H, W = images.shape
        dim, _, P, _ = self.weight.shape
        return z + sincos_2d(dim, H // P, W // P).to(z) if dim % 4 == 0 else z


@replaces("PatchEmbed")
class MeanOfPixels(PatchEmbed):
    """You divided the sum over a patch by its number of numbers. A linear map adds products: which step of the formula
    divides?"""

    def forward(self, images: Tensor) -> Tensor:
        x = patchify(images, self.patch)
        return x @ self.weight.flatten(1).T / x.shape[-1] + self.bias


@replaces("PatchEmbed")
class WeightTransposed(PatchEmbed):
    """Your weight is applied with its two pixel axes exchanged: pixel (i, j) meets weight (j, i). Which axis of the
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


@replaces("sincos_2d")
def columns_first(dim: int, grid_h: int, grid_w: int) -> Tensor:
    """The column stands in the first half of your vectors, as in the code of MAE. Which of the two comes first in
    the docstring?"""
    rows, columns = grid(frequencies(dim), grid_h, grid_w)
    return parts(columns, rows)


@replaces("sincos_2d")
def grid_by_columns(dim: int, grid_h: int, grid_w: int) -> Tensor:
    """Your positions go down the grid first, and the patches go along the rows: patch 1 gets the position of the
    patch below patch 0."""
    columns, rows = grid(frequencies(dim), grid_w, grid_h)
    return parts(rows, columns)


@replaces("sincos_2d")
def interleaved(dim: int, grid_h: int, grid_w: int) -> Tensor:
    """Sines and cosines alternate in your vectors. The statement asks for all q sines, then all q cosines."""
    rows, columns = grid(frequencies(dim), grid_h, grid_w)
    halves = [torch.stack([x.sin(), x.cos()], dim=-1).flatten(1) for x in (rows, columns)]
    return torch.cat(halves, dim=-1)


@replaces("sincos_2d")
def cosines_first(dim: int, grid_h: int, grid_w: int) -> Tensor:
    """Your cosines come before the sines. In which order does the docstring have the four parts?"""
    rows, columns = grid(frequencies(dim), grid_h, grid_w)
    return torch.cat([rows.cos(), rows.sin(), columns.cos(), columns.sin()], dim=-1)


@replaces("sincos_2d")
def sines_together(dim: int, grid_h: int, grid_w: int) -> Tensor:
    """Your order is both sines, then both cosines. What belongs to the row stays together: its sine and its
    cosine come before anything of the column."""
    rows, columns = grid(frequencies(dim), grid_h, grid_w)
    return torch.cat([rows.sin(), columns.sin(), rows.cos(), columns.cos()], dim=-1)


@replaces("sincos_2d")
def half_the_width(dim: int, grid_h: int, grid_w: int) -> Tensor:
    """Your exponent divides j by dim/2. Each of the four parts has q = dim/4 frequencies, which fall from 1
    towards 1/10000."""
    omega = frequencies(dim) ** 0.5
    return parts(*grid(omega, grid_h, grid_w))


@replaces("sincos_2d")
def twice_the_exponent(dim: int, grid_h: int, grid_w: int) -> Tensor:
    """Your exponent is −2j/q, and the frequencies fall twice as fast. In the 10000^(−2i/d) of words in a text, d counts
    sines and cosines together: what does q count here?"""
    omega = frequencies(dim) ** 2
    return parts(*grid(omega, grid_h, grid_w))


@replaces("sincos_2d")
def to_the_end(dim: int, grid_h: int, grid_w: int) -> Tensor:
    """Your last frequency is exactly 1/10000: j was divided by q − 1. linspace includes its end; the formula
    divides by q and never gets there."""
    frequencies(dim)
    omega = 10000.0 ** -torch.linspace(0, 1, dim // 4, dtype=torch.float64)
    return parts(*grid(omega, grid_h, grid_w))


@replaces("sincos_2d")
def divided_by_one_less(dim: int, grid_h: int, grid_w: int) -> Tensor:
    """Your exponent divides j by q − 1, so the last frequency is exactly 1/10000, and at q = 1 you divide by 0. By what
    does the formula divide?"""
    q = len(frequencies(dim))
    omega = 10000.0 ** (-torch.arange(q, dtype=torch.float64) / (q - 1))
    return parts(*grid(omega, grid_h, grid_w))


@replaces("sincos_2d")
def float32_frequencies(dim: int, grid_h: int, grid_w: int) -> Tensor:
    """Your frequencies are float32: torch divides whole numbers in float32. What is made float64 at the end does not
    get back the digits that were lost before."""
    q = len(frequencies(dim))
    omega = 10000.0 ** (-torch.arange(q) / q)
    rows, columns = torch.arange(grid_h)[:, None] * omega, torch.arange(grid_w)[:, None] * omega
    row = torch.cat([rows.sin(), rows.cos()], dim=1).double()
    column = torch.cat([columns.sin(), columns.cos()], dim=1).double()
    return torch.cat([row.repeat_interleave(grid_w, 0), column.repeat(grid_h, 1)], dim=1)


@replaces("sincos_2d")
def rising(dim: int, grid_h: int, grid_w: int) -> Tensor:
    """Your frequencies grow to nearly 10000. Which sign has the exponent in the docstring?"""
    return parts(*grid(1 / frequencies(dim), grid_h, grid_w))


@replaces("sincos_2d")
def from_one(dim: int, grid_h: int, grid_w: int) -> Tensor:
    """Your rows and columns count from 1. With which number does the docstring begin?"""
    rows, columns = grid(frequencies(dim), grid_h, grid_w)
    return parts(rows + frequencies(dim), columns + frequencies(dim))


@replaces("sincos_2d")
def one_index(dim: int, grid_h: int, grid_w: int) -> Tensor:
    """You numbered the patches along one line, as words of a text. Two patches above each other then look a whole
    row apart: row and column each need their own half."""
    omega = frequencies(dim)
    n = torch.arange(grid_h * grid_w, dtype=torch.float64)
    return parts(torch.outer(n, omega), torch.outer(n, omega))


@replaces("sincos_2d")
def float32_positions(dim: int, grid_h: int, grid_w: int) -> Tensor:
    """Your positions are float32. Which dtype does the docstring return?"""
    return parts(*grid(frequencies(dim), grid_h, grid_w)).float()


@replaces("sincos_2d")
def sizes_exchanged(dim: int, grid_h: int, grid_w: int) -> Tensor:
    """You took grid_h for the number of columns and grid_w for the number of rows. How many columns has a grid of 2
    rows and 3 columns?"""
    return parts(*grid(frequencies(dim), grid_w, grid_h))

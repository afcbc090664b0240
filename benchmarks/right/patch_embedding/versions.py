import itertools
import math

import numpy as np
import torch
import torch.nn.functional as F
from base import patchify
from torch import nn

from grader.testing import replaces


def check(H, W, patch):
    if H % patch != 0 or W % patch != 0:
        raise ValueError(f"{H}x{W} is not a grid of {patch}x{patch}")


@replaces("patchify")
def patchify_loops(images, patch):
    """slices"""
    B, C, H, W = images.shape
    check(H, W, patch)
    out = []
    for r in range(0, H, patch):
        for c in range(0, W, patch):
            out.append(images[:, :, r : r + patch, c : c + patch].flatten(1))
    return torch.stack(out, 1)


@replaces("patchify")
def patchify_f_unfold(images, patch):
    """F.unfold"""
    check(*images.shape[-2:], patch)
    return F.unfold(images, kernel_size=patch, stride=patch).transpose(1, 2)


@replaces("patchify")
def patchify_tensor_unfold(images, patch):
    """Tensor.unfold"""
    H, W = images.shape[2:]
    check(H, W, patch)
    x = images.unfold(2, patch, patch).unfold(3, patch, patch)  # (B, C, h, w, P, P)
    return x.permute(0, 2, 3, 1, 4, 5).flatten(3).flatten(1, 2)


@replaces("patchify")
def patchify_view(images, patch):
    """view, whose RuntimeError is the check"""
    B, C, H, W = images.shape
    x = images.contiguous().view(B, C, H // patch, patch, W // patch, patch)
    return torch.einsum("bchpwq->bhwcpq", x).reshape(B, (H // patch) * (W // patch), C * patch * patch)


@replaces("patchify")
def patchify_unflatten(images, patch):
    """unflatten, movedim"""
    x = images.unflatten(3, (-1, patch)).unflatten(2, (-1, patch))  # (B, C, h, P, w, P)
    return x.movedim((2, 4), (1, 2)).flatten(3).flatten(1, 2)


@replaces("patchify")
def patchify_conv(images, patch):
    """a convolution with the identity"""
    B, C, H, W = images.shape
    check(H, W, patch)
    n = C * patch * patch
    kernel = torch.eye(n, dtype=images.dtype).view(n, C, patch, patch)
    return F.conv2d(images, kernel, stride=patch).flatten(2).mT


@replaces("patchify")
def patchify_index(images, patch):
    """one index for all pixels"""
    B, C, H, W = images.shape
    check(H, W, patch)
    h, w = H // patch, W // patch
    pixel = torch.arange(C * H * W).reshape(C, h, patch, w, patch)
    order = pixel.permute(1, 3, 0, 2, 4).reshape(h * w, C * patch * patch)
    return images.reshape(B, C * H * W)[:, order]


@replaces("patchify")
def patchify_chunks(images, patch):
    """split into strips, then into squares"""
    H, W = images.size(2), images.size(3)
    if H % patch or W % patch:
        raise ValueError("pixels would get lost")
    squares = [s for strip in images.split(patch, 2) for s in strip.split(patch, 3)]
    return torch.stack(squares, dim=1).flatten(2)


@replaces("patchify")
def patchify_pixel_unshuffle(images, patch):
    """F.pixel_unshuffle, which raises RuntimeError itself; channels come in the order (C, P, P)"""
    return F.pixel_unshuffle(images, patch).flatten(2).transpose(1, 2)


@replaces("patchify")
def patchify_recursive(images, patch):
    """image by image; patches cut by narrow"""
    B, C, H, W = images.shape
    check(H, W, patch)

    def cut(image):
        grid = itertools.product(range(H // patch), range(W // patch))
        return torch.stack(
            [image.narrow(1, r * patch, patch).narrow(2, c * patch, patch).reshape(-1) for r, c in grid]
        )

    return torch.stack([cut(image) for image in images])


@replaces("patchify")
def patchify_in_place(images, patch):
    """written into an own tensor"""
    B, C, H, W = images.shape
    check(H, W, patch)
    P, w = patch, W // patch
    out = torch.empty(B, (H // P) * w, C, P, P, dtype=images.dtype)
    for n in range(out.shape[1]):
        r, c = divmod(n, w)
        out[:, n] = images[:, :, r * P : (r + 1) * P, c * P : (c + 1) * P]
    return out.view(B, -1, C * P * P)


@replaces("unpatchify")
def unpatchify_loops(patches, patch, height, width):
    """written into an own tensor"""
    B, N, n = patches.shape
    images = torch.zeros(B, n // patch**2, height, width, dtype=patches.dtype)
    for i in range(N):
        r, c = divmod(i, width // patch)
        square = patches[:, i].reshape(B, -1, patch, patch)
        images[:, :, r * patch : (r + 1) * patch, c * patch : (c + 1) * patch] = square
    return images


@replaces("unpatchify")
def unpatchify_f_fold(patches, patch, height, width):
    """F.fold"""
    return F.fold(patches.transpose(1, 2), (height, width), kernel_size=patch, stride=patch)


@replaces("unpatchify")
def unpatchify_cat(patches, patch, height, width):
    """rows of patches side by side, then one above the other"""
    squares = [p.unflatten(1, (-1, patch, patch)) for p in patches.unbind(1)]
    w = width // patch
    strips = [torch.cat(squares[i : i + w], dim=3) for i in range(0, len(squares), w)]
    return torch.cat(strips, dim=2)


@replaces("unpatchify")
def unpatchify_pixel_shuffle(patches, patch, height, width):
    """F.pixel_shuffle"""
    grid = patches.mT.unflatten(2, (height // patch, width // patch))
    return F.pixel_shuffle(grid, patch)


@replaces("unpatchify")
def unpatchify_einsum(patches, patch, height, width):
    """einsum of axes"""
    x = patches.unflatten(2, (-1, patch, patch)).unflatten(1, (height // patch, width // patch))
    return torch.einsum("bhwcpq->bchpwq", x).flatten(4).flatten(2, 3)


@replaces("unpatchify")
def unpatchify_scatter(patches, patch, height, width):
    """the place of each number from patchify itself"""
    B, N, n = patches.shape
    C = n // (patch * patch)
    places = torch.arange(C * height * width, dtype=torch.float64).view(1, C, height, width)
    order = patchify(places, patch).long().flatten()
    flat = torch.zeros(B, C * height * width, dtype=patches.dtype)
    return flat.index_copy(1, order, patches.reshape(B, -1)).view(B, C, height, width)


@replaces("unpatchify")
def unpatchify_conv(patches, patch, height, width):
    """a transposed convolution with the identity"""
    n = patches.shape[-1]
    kernel = torch.eye(n, dtype=patches.dtype).view(n, -1, patch, patch)
    grid = patches.transpose(1, 2).reshape(len(patches), n, height // patch, width // patch)
    return F.conv_transpose2d(grid, kernel, stride=patch)


@replaces("unpatchify")
def unpatchify_view(patches, patch, height, width):
    """permute of a view with other names; asserts"""
    B, N, n = patches.shape
    P, h, w = patch, height // patch, width // patch
    assert N == h * w and n % (P * P) == 0
    C = n // (P * P)
    x = patches.reshape(B, h, w, C, P, P).transpose(2, 3).transpose(1, 2).transpose(3, 4)  # (B, C, h, P, w, P)
    return x.reshape((B, C, h * P, w * P))


@replaces("unpatchify")
def unpatchify_gather(patches, patch, height, width):
    """for each pixel the number of its patch and its place in there"""
    B, N, n = patches.shape
    C, P = n // patch**2, patch
    c, y, x = torch.meshgrid(torch.arange(C), torch.arange(height), torch.arange(width), indexing="ij")
    number = (y // P) * (width // P) + x // P
    inside = (c * P + y % P) * P + x % P
    return patches[:, number, inside]


@replaces("unpatchify")
def unpatchify_channels(patches, patch, height, width):
    """channel by channel, swapaxes"""
    h, w = height // patch, width // patch
    planes = []
    for part in patches.split(patch * patch, dim=2):
        x = part.reshape(len(part), h, w, patch, patch).swapaxes(2, 3)
        planes.append(x.reshape(len(part), height, width))
    return torch.stack(planes, dim=1)


@replaces("PatchEmbed")
class EmbedConv(nn.Module):
    """F.conv2d with a check; Kaiming"""

    def __init__(self, patch, channels, dim):
        super().__init__()
        self.bias = nn.Parameter(torch.empty(dim).uniform_(-0.1, 0.1))
        self.weight = nn.Parameter(torch.empty(dim, channels, patch, patch))
        nn.init.kaiming_uniform_(self.weight, a=math.sqrt(5))

    def forward(self, images):
        P = self.weight.shape[-1]
        if images.shape[-2] % P or images.shape[-1] % P:
            raise ValueError("size")
        return F.conv2d(images, self.weight, self.bias, stride=P).flatten(2).transpose(1, 2)


@replaces("PatchEmbed")
class EmbedSubclass(nn.Conv2d):
    """a subclass of nn.Conv2d: its parameters have these names"""

    def __init__(self, patch, channels, dim):
        super().__init__(channels, dim, kernel_size=patch, stride=patch)

    def forward(self, images):
        check(*images.shape[2:], self.kernel_size[0])
        return super().forward(images).flatten(2).mT


@replaces("PatchEmbed")
class EmbedLinear(nn.Module):
    """F.linear"""

    def __init__(self, patch: int, channels: int, dim: int) -> None:
        super().__init__()
        self.P, self.C, self.D = patch, channels, dim
        self.weight = nn.Parameter(torch.rand(dim, channels, patch, patch) - 0.5)
        self.register_parameter("bias", nn.Parameter(torch.ones(dim)))

    def forward(self, images):
        return F.linear(patchify(images, self.P), self.weight.reshape(self.D, -1), self.bias)


@replaces("PatchEmbed")
class EmbedEinsum(nn.Module):
    """einsum on the image itself"""

    def __init__(self, patch, channels, dim):
        super().__init__()
        self.patch = patch
        self.weight = nn.Parameter(torch.empty(dim, channels, patch, patch))
        self.bias = nn.Parameter(torch.empty(dim))
        nn.init.xavier_normal_(self.weight)
        nn.init.zeros_(self.bias)

    def forward(self, images):
        B, C, H, W = images.shape
        x = images.reshape(B, C, H // self.patch, self.patch, W // self.patch, self.patch)
        return torch.einsum("bchpwq,dcpq->bhwd", x, self.weight).flatten(1, 2) + self.bias


@replaces("PatchEmbed")
class EmbedLoops(nn.Module):
    """patch by patch; the sum of a product"""

    def __init__(self, patch, channels, dim):
        super().__init__()
        self.weight = nn.Parameter(torch.nn.init.trunc_normal_(torch.empty(dim, channels, patch, patch), std=0.02))
        self.bias = nn.Parameter(torch.zeros(dim))
        self.patch = patch

    def forward(self, images):
        check(*images.shape[-2:], self.patch)
        P, tokens = self.patch, []
        for strip in images.split(P, dim=2):
            for square in strip.split(P, dim=3):
                tokens.append((square.unsqueeze(1) * self.weight).sum((2, 3, 4)) + self.bias)
        return torch.stack(tokens, dim=1)


@replaces("PatchEmbed")
class EmbedTensordot(nn.Module):
    """tensordot over (C, P, P)"""

    def __init__(self, patch, channels, dim):
        super().__init__()
        shape = (dim, channels, patch, patch)
        self.weight, self.bias = nn.Parameter(torch.randn(shape) / math.sqrt(math.prod(shape[1:]))), nn.Parameter(torch.zeros(dim))

    @property
    def side(self):
        return self.weight.size(2)

    def forward(self, images):
        H, W = images.shape[2:]
        if H % self.side or W % self.side:
            raise ValueError(f"{self.side} must divide {H} and {W}")
        x = images.unfold(2, self.side, self.side).unfold(3, self.side, self.side)
        y = torch.tensordot(x, self.weight, dims=([1, 4, 5], [1, 2, 3]))
        return y.reshape(len(images), -1, y.shape[-1]).add(self.bias)


@replaces("PatchEmbed")
class EmbedAddmm(nn.Module):
    """all patches of the batch as rows of one matrix, addmm"""

    def __init__(self, patch, channels, dim):
        super().__init__()
        self.patch = patch
        conv = nn.Conv2d(channels, dim, patch, stride=patch)
        self.weight, self.bias = conv.weight, conv.bias

    def forward(self, images):
        patches = patchify(images, patch=self.patch)
        rows = patches.flatten(0, 1)
        return torch.addmm(self.bias, rows, self.weight.view(len(self.bias), -1).t()).unflatten(0, patches.shape[:2])


@replaces("PatchEmbed")
class EmbedChannels(nn.Module):
    """one product for each channel, added"""

    def __init__(self, patch, channels, dim):
        super().__init__()
        self.patch, self.channels = patch, channels
        self.bias = nn.Parameter(torch.randn(dim))
        self.weight = nn.Parameter(torch.randn(dim, channels, patch, patch))

    def forward(self, images):
        total = self.bias
        for c in range(self.channels):
            total = total + patchify(images[:, c : c + 1], self.patch) @ self.weight[:, c].flatten(1).T
        return total


@replaces("sincos_2d")
def sincos_loops(dim, grid_h, grid_w):
    """Python floats"""
    q = dim // 4
    omega = [10000 ** (-j / q) for j in range(q)]
    table = []
    for r in range(grid_h):
        for c in range(grid_w):
            row = [math.sin(r * w) for w in omega] + [math.cos(r * w) for w in omega]
            table.append(row + [math.sin(c * w) for w in omega] + [math.cos(c * w) for w in omega])
    return torch.tensor(table, dtype=torch.float64)


@replaces("sincos_2d")
def sincos_meshgrid(dim, grid_h, grid_w):
    """meshgrid, outer, exp of logs"""
    q = dim // 4
    omega = torch.exp(torch.arange(q).double() * (-math.log(10000.0) / q))
    r, c = torch.meshgrid(torch.arange(grid_h).double(), torch.arange(grid_w).double(), indexing="ij")
    angles = [torch.outer(x.flatten(), omega) for x in (r, c)]
    return torch.cat([f(a) for a in angles for f in (torch.sin, torch.cos)], -1)


@replaces("sincos_2d")
def sincos_numpy(dim, grid_h, grid_w):
    """numpy"""
    q = dim // 4
    omega = 1.0 / 10000 ** (np.arange(q, dtype=np.float64) / q)
    r, c = np.indices((grid_h, grid_w)).reshape(2, -1, 1)
    return torch.from_numpy(np.concatenate([np.sin(r * omega), np.cos(r * omega), np.sin(c * omega), np.cos(c * omega)], 1))


@replaces("sincos_2d")
def sincos_one_dimension(dim, grid_h, grid_w):
    """a table for each side, expanded"""

    def side(n):
        angle = torch.arange(n, dtype=torch.float64)[:, None] / 10000 ** (torch.arange(dim // 4, dtype=torch.float64) / (dim // 4))
        return torch.cat([angle.sin(), angle.cos()], 1)

    rows, columns = side(grid_h), side(grid_w)
    table = torch.cat([rows[:, None].expand(-1, grid_w, -1), columns[None].expand(grid_h, -1, -1)], dim=2)
    return table.reshape(grid_h * grid_w, dim)


@replaces("sincos_2d")
def sincos_numbers(dim, grid_h, grid_w):
    """row and column from the number of the patch"""
    n = torch.arange(grid_h * grid_w)
    place = torch.stack([n // grid_w, n % grid_w], 1).to(torch.float64)
    omega = torch.pow(torch.tensor(10000.0, dtype=torch.float64), -torch.arange(dim // 4, dtype=torch.float64) * 4 / dim)
    angle = place[:, :, None] * omega
    return torch.stack([angle.sin(), angle.cos()], dim=2).flatten(1)


@replaces("sincos_2d")
def sincos_complex(dim, grid_h, grid_w):
    """powers of complex numbers"""
    q = dim // 4
    omega = torch.logspace(0, -4 * (q - 1) / q, q, dtype=torch.float64) if q > 1 else torch.ones(1, dtype=torch.float64)
    wave = lambda n: torch.polar(torch.ones(n, q, dtype=torch.float64), torch.arange(n).double()[:, None] * omega)
    r, c = wave(grid_h).repeat_interleave(grid_w, 0), wave(grid_w).repeat(grid_h, 1)
    return torch.cat([r.imag, r.real, c.imag, c.real], dim=-1)


@replaces("sincos_2d")
def sincos_filled(dim, grid_h, grid_w):
    """an own tensor, filled by slices"""
    q = dim // 4
    table = torch.empty(grid_h, grid_w, dim, dtype=torch.double)
    for j in range(q):
        w = math.pow(10000, -j / q)
        r = (torch.arange(grid_h, dtype=torch.double) * w)[:, None]
        c = torch.arange(grid_w, dtype=torch.double) * w
        table[:, :, j], table[:, :, q + j] = r.sin(), r.cos()
        table[:, :, 2 * q + j], table[:, :, 3 * q + j] = c.sin(), c.cos()
    return table.view(-1, dim)


@replaces("sincos_2d")
def sincos_shifted(dim, grid_h, grid_w):
    """a cosine is a sine a quarter further; columns first in memory"""
    q = dim // 4
    omega = (torch.arange(q, dtype=torch.float64) * -(math.log(1e4) / q)).exp().repeat_interleave(2).view(q, 2).T
    phase = torch.tensor([0.0, math.pi / 2], dtype=torch.float64)[:, None]
    wave = lambda n: torch.sin(torch.arange(n, dtype=torch.float64)[:, None, None] * omega + phase).flatten(1)
    pairs = torch.cartesian_prod(torch.arange(grid_h), torch.arange(grid_w))
    return torch.cat([wave(grid_h).T[:, pairs[:, 0]], wave(grid_w).T[:, pairs[:, 1]]]).T


@replaces("sincos_2d")
def sincos_products(dim, grid_h, grid_w):
    """itertools.product, stacked rows"""
    omega = torch.tensor([1 / 10000 ** (4 * j / dim) for j in range(dim // 4)], dtype=torch.float64)
    rows = [
        torch.cat([torch.sin(r * omega), torch.cos(r * omega), torch.sin(c * omega), torch.cos(c * omega)])
        for r, c in itertools.product(range(grid_h), range(grid_w))
    ]
    return torch.stack(rows)

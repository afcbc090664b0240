import math
from collections import OrderedDict
from fractions import Fraction

import numpy as np
import torch
import torch.nn.functional as F
from base import ViT as PlainViT
from patch_embedding import PatchEmbed
from torch import nn

from grader.testing import replaces


class ConvPatches(nn.Module):
    def __init__(self, image_size, patch, channels, dim):
        super().__init__()
        self.image_size = image_size
        self.proj = nn.Conv2d(channels, dim, patch, stride=patch)

    def forward(self, images):
        H, W = images.shape[-2:]
        if H != self.image_size or W != self.image_size:
            raise ValueError(f"{H}x{W} in place of {self.image_size}x{self.image_size}")
        return self.proj(images).flatten(2).transpose(1, 2)


class HandAttention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x):
        B, T, D = x.shape
        K = D // self.heads
        q, k, v = self.qkv(x).reshape(B, T, 3, self.heads, K).permute(2, 0, 3, 1, 4)
        weights = (q * K**-0.5 @ k.transpose(-2, -1)).softmax(-1)
        return self.proj((weights @ v).transpose(1, 2).flatten(2))


class HandBlock(nn.Module):
    def __init__(self, dim, heads, mlp_dim):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(dim, eps=1e-6), nn.LayerNorm(dim, eps=1e-6)
        self.attn = HandAttention(dim, heads)
        layers = OrderedDict(fc1=nn.Linear(dim, mlp_dim), act=nn.GELU(), fc2=nn.Linear(mlp_dim, dim))
        self.mlp = nn.Sequential(layers)

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        x = x + self.mlp(self.norm2(x))
        return x


@replaces("ViT")
class VitTimm(nn.Module):
    """as in timm: nn.Conv2d, Sequential, attention by hand"""

    def __init__(self, image_size, patch, channels, dim, depth, heads, mlp_dim, num_classes):
        super().__init__()
        self.patch_embed = ConvPatches(image_size, patch, channels, dim)
        N = (image_size // patch) ** 2
        self.cls_token = nn.Parameter(torch.zeros(1, 1, dim))
        self.pos_embed = nn.Parameter(torch.randn(1, N + 1, dim) * 0.02)
        self.blocks = nn.Sequential(*[HandBlock(dim, heads, mlp_dim) for _ in range(depth)])
        self.norm = nn.LayerNorm(dim, eps=1e-6)
        self.head = nn.Linear(dim, num_classes)
        nn.init.normal_(self.cls_token, std=1e-6)

    def features(self, images):
        x = self.patch_embed(images)
        x = torch.cat((self.cls_token.expand(x.shape[0], -1, -1), x), dim=1)
        return self.norm(self.blocks(x + self.pos_embed))

    def forward(self, images):
        return self.head(self.features(images)[:, 0])


class EinsumAttention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.proj = nn.Linear(dim, dim)
        self.qkv = nn.Linear(dim, 3 * dim)
        self.heads, self.scale = heads, 1 / math.sqrt(dim / heads)

    def forward(self, x):
        rows = self.qkv.weight.view(3, self.heads, -1, x.shape[-1])
        q, k, v = torch.einsum("btd,shkd->sbhtk", x, rows) + self.qkv.bias.view(3, 1, self.heads, 1, -1)
        scores = torch.einsum("bhtk,bhsk->bhts", q, k) * self.scale
        e = torch.exp(scores - scores.amax(-1, keepdim=True))
        out = torch.einsum("bhts,bhsk->bthk", e / e.sum(-1, keepdim=True), v)
        return self.proj(out.flatten(2))


class NormByHand(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(dim))
        self.weight = nn.Parameter(torch.ones(dim))

    def forward(self, x):
        x = x - x.mean(-1, keepdim=True)
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6) * self.weight + self.bias


def exact_gelu(x):
    return 0.5 * x * (1 + torch.erf(x / math.sqrt(2)))


@replaces("ViT")
class VitByHand(nn.Module):
    """norm, gelu and attention by hand; positions are added before the class token is put in front"""

    def __init__(self, image_size, patch, channels, dim, depth, heads, mlp_dim, num_classes):
        super().__init__()
        self.image_size = image_size
        self.head = nn.Linear(dim, num_classes)
        self.norm = NormByHand(dim)
        self.blocks = nn.ModuleList()
        for _ in range(depth):
            block = nn.Module()
            block.norm1, block.attn, block.norm2 = NormByHand(dim), EinsumAttention(dim, heads), NormByHand(dim)
            block.mlp = nn.ModuleDict({"fc1": nn.Linear(dim, mlp_dim), "fc2": nn.Linear(mlp_dim, dim)})
            self.blocks.append(block)
        self.patch_embed = nn.ModuleDict({"proj": PatchEmbed(patch, channels, dim)})
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + (image_size // patch) ** 2, dim))
        self.cls_token = nn.Parameter(torch.zeros(1, 1, dim))
        nn.init.trunc_normal_(self.pos_embed, std=0.02)
        nn.init.trunc_normal_(self.cls_token, std=0.02)

    def features(self, images):
        H, W = images.shape[2:]
        if not H == W == self.image_size:
            raise ValueError(f"images of {self.image_size} only")
        patches = self.patch_embed["proj"](images) + self.pos_embed[:, 1:]
        first = (self.cls_token + self.pos_embed[:, :1]).repeat(len(images), 1, 1)
        z = torch.cat([first, patches], 1)
        for b in self.blocks:
            z = z + b.attn(b.norm1(z))
            z = z + b.mlp["fc2"](exact_gelu(b.mlp["fc1"](b.norm2(z))))
        return self.norm(z)

    def forward(self, images):
        return F.linear(self.features(images).select(1, 0), self.head.weight, self.head.bias)


class HeadLoopAttention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.qkv, self.proj, self.K = nn.Linear(dim, dim * 3), nn.Linear(dim, dim), dim // heads

    def forward(self, x):
        D = x.shape[-1]
        q, k, v = torch.split(self.qkv(x), D, dim=-1)
        out = []
        for qh, kh, vh in zip(q.split(self.K, -1), k.split(self.K, -1), v.split(self.K, -1)):
            out.append(torch.softmax(torch.bmm(qh, kh.mT) / self.K**0.5, -1).bmm(vh))
        return self.proj(torch.cat(out, -1))


@replaces("ViT")
class VitHeadLoop(nn.Module):
    """heads in a loop; a shape assertion by torch; blocks and mlp as plain containers"""

    def __init__(self, image_size, patch, channels, dim, depth, heads, mlp_dim, num_classes):
        super().__init__()
        g = image_size // patch
        self.size = (channels, image_size, image_size)
        self.pos_embed = nn.Parameter(torch.randn(1, g * g + 1, dim))
        self.cls_token = nn.Parameter(torch.randn(1, 1, dim))
        self.patch_embed = nn.Sequential(OrderedDict(proj=nn.Conv2d(channels, dim, kernel_size=patch, stride=patch), flat=nn.Flatten(2)))
        blocks = []
        for _ in range(depth):
            parts = {
                "norm1": nn.LayerNorm(dim, 1e-6),
                "attn": HeadLoopAttention(dim, heads),
                "norm2": nn.LayerNorm(dim, 1e-6),
                "mlp": nn.Sequential(OrderedDict(fc1=nn.Linear(dim, mlp_dim), gelu=nn.GELU("none"), fc2=nn.Linear(mlp_dim, dim))),
            }
            blocks.append(nn.ModuleDict(parts))
        self.blocks = nn.ModuleList(blocks)
        self.norm = nn.LayerNorm(dim, 1e-6)
        self.head = nn.Linear(dim, num_classes)

    def features(self, images):
        # a view of another number of pixels is torch's RuntimeError; a wrong shape is ours
        if tuple(images.shape[1:]) != self.size:
            raise RuntimeError(f"expected {self.size}, got {tuple(images.shape[1:])}")
        x = self.patch_embed(images).permute(0, 2, 1)
        tokens = torch.empty(x.shape[0], x.shape[1] + 1, x.shape[2], dtype=x.dtype)
        tokens[:, :1] = self.cls_token
        tokens[:, 1:] = x
        x = tokens + self.pos_embed
        for block in self.blocks:
            x = x + block["attn"](block["norm1"](x))
            x = block["mlp"](block["norm2"](x)) + x
        return self.norm(x)

    def forward(self, images):
        cls, *_ = self.features(images).unbind(1)
        return self.head(cls)


@replaces("ViT")
class VitSubclass(PlainViT):
    """a subclass that starts anew: normal numbers of 0.02 everywhere, head of zeros"""

    def __init__(
        self,
        image_size: int,
        patch: int,
        channels: int,
        dim: int,
        depth: int,
        heads: int,
        mlp_dim: int,
        num_classes: int,
    ) -> None:
        PlainViT.__init__(self, image_size, patch, channels, dim, depth, heads, mlp_dim, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)
        nn.init.zeros_(self.head.weight)

    def forward(self, images):
        return self.features(images)[:, 0, :] @ self.head.weight.T + self.head.bias


class MhaAttention(nn.Module):
    """F.multi_head_attention_forward"""

    def __init__(self, dim, heads):
        super().__init__()
        self.dim, self.heads = dim, heads
        self.qkv, self.proj = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)

    def forward(self, x):
        x = x.transpose(0, 1)
        y, _ = F.multi_head_attention_forward(
            x, x, x, self.dim, self.heads, self.qkv.weight, self.qkv.bias, None, None, False, 0.0,
            self.proj.weight, self.proj.bias, training=self.training, need_weights=False,
        )
        return y.transpose(0, 1)


@replaces("ViT")
class VitFunctional(nn.Module):
    """torch's multi-head attention; the class token beside the patches in a stack of images"""

    def __init__(self, image_size, patch, channels, dim, depth, heads, mlp_dim, num_classes):
        super().__init__()
        self.I, self.P = image_size, patch
        self.patch_embed = nn.Module()
        self.patch_embed.proj = PatchEmbed(patch=patch, channels=channels, dim=dim)
        self.register_buffer("grid", torch.tensor(image_size // patch), persistent=False)
        self.cls_token = nn.Parameter(torch.rand(1, 1, dim))
        self.pos_embed = nn.Parameter(torch.rand(1, (image_size // patch) ** 2 + 1, dim) - 0.5)
        self.blocks = nn.ModuleList()
        for _ in range(depth):
            block = HandBlock(dim, heads, mlp_dim)
            block.attn = MhaAttention(dim, heads)
            self.blocks.append(block)
        self.norm = nn.LayerNorm([dim], eps=1e-6)
        self.head = nn.Linear(in_features=dim, out_features=num_classes, bias=True)

    def features(self, images):
        if images.size(-1) != self.I or images.size(-2) != self.I:
            raise ValueError("size")
        x = F.pad(self.patch_embed.proj(images), (0, 0, 1, 0))
        one = torch.zeros(x.shape[1], 1, dtype=x.dtype)
        one[0] = 1
        x = x + one * self.cls_token + self.pos_embed
        for block in self.blocks:
            x = block(x)
        return self.norm(x)

    def forward(self, images):
        return self.head(self.features(images))[:, 0]


def split(pos_embed):
    """class row, and the grid (g, g, D)"""
    g = math.isqrt(pos_embed.shape[1] - 1)
    return pos_embed[:, :1], pos_embed[0, 1:].unflatten(0, (g, g))


def cubic(t, a=-0.75):
    """the weights of the four neighbours of a place t behind the second"""
    near = lambda x: ((a + 2) * x - (a + 3)) * x * x + 1
    far = lambda x: ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
    return [far(t + 1), near(t), near(1 - t), far(2 - t)]


def cubic_matrix(g, n):
    """(n, g): how the new side is made of the old one"""
    matrix = torch.zeros(n, g, dtype=torch.float64)
    for i in range(n):
        place = (i + 0.5) * g / n - 0.5
        left = math.floor(place)
        for offset, w in zip(range(-1, 3), cubic(place - left)):
            matrix[i, min(max(left + offset, 0), g - 1)] += w
    return matrix


@replaces("resize_positions")
def resize_scale(pos_embed, new_grid):
    """movedim, torch.nn.Upsample, an early return"""
    cls, grid = split(pos_embed)
    if grid.shape[0] == new_grid:
        return pos_embed
    up = nn.Upsample(size=(new_grid, new_grid), mode="bicubic", align_corners=False)
    grid = up(grid.movedim(-1, 0).unsqueeze(0))[0]
    return torch.cat([cls, grid.flatten(1).T.unsqueeze(0)], dim=1)


@replaces("resize_positions")
def resize_matrix(pos_embed, new_grid):
    """one matrix for both sides"""
    cls, grid = split(pos_embed)
    m = cubic_matrix(len(grid), new_grid).to(pos_embed.dtype)
    new = torch.einsum("ia,jb,abd->ijd", m, m, grid)
    return torch.cat([cls, new.reshape(1, new_grid**2, -1)], 1)


@replaces("resize_positions")
def resize_kron(pos_embed, new_grid):
    """a Kronecker product that keeps the class row"""
    g = int(math.sqrt(pos_embed.size(1) - 1) + 0.5)
    m = cubic_matrix(g, new_grid)
    whole = torch.block_diag(torch.ones(1, 1, dtype=torch.float64), torch.kron(m, m)).to(pos_embed.dtype)
    return (whole @ pos_embed[0]).unsqueeze(0)


@replaces("resize_positions")
def resize_channels_as_batch(pos_embed, new_grid):
    """each channel as an image of its own"""
    cls, patches = pos_embed.split([1, pos_embed.shape[1] - 1], dim=1)
    g = round(patches.shape[1] ** 0.5)
    images = patches.permute(2, 0, 1).reshape(-1, 1, g, g)
    images = F.interpolate(images, size=new_grid, mode="bicubic", align_corners=False, antialias=False)
    return torch.cat((cls, images.reshape(-1, new_grid**2).T[None]), 1)


@replaces("resize_positions")
def resize_double(pos_embed, new_grid):
    """float64 inside, written into an own tensor"""
    cls, grid = split(pos_embed)
    image = grid.permute(2, 0, 1)[None].double()
    image = F.interpolate(image, (new_grid, new_grid), mode="bicubic").to(pos_embed.dtype)
    out = torch.empty(1, new_grid**2 + 1, pos_embed.shape[-1], dtype=pos_embed.dtype)
    out[:, 0] = cls[:, 0]
    out[:, 1:] = image.flatten(2).mT
    return out


@replaces("resize_positions")
def resize_gather(pos_embed, new_grid):
    """four neighbours gathered, side after side"""
    cls, grid = split(pos_embed)
    g, n = len(grid), new_grid

    def side(x):
        place = (torch.arange(n, dtype=torch.float64) + 0.5) * (g / n) - 0.5
        left = place.floor()
        weights = cubic((place - left).to(x.dtype))
        total = 0
        for offset, w in zip((-1, 0, 1, 2), weights):
            total = total + w[:, None, None] * x[(left.long() + offset).clamp(0, g - 1)]
        return total

    new = side(side(grid).transpose(0, 1)).transpose(0, 1)
    return torch.cat([cls, new.reshape(1, n * n, -1)], dim=1)


@replaces("resize_positions")
def resize_transposed(pos_embed, new_grid):
    """the table as (1, D, tokens); a view that is not contiguous"""
    table = pos_embed.transpose(1, 2)
    g = math.isqrt(table.shape[-1] - 1)
    image = table[:, :, 1:].unflatten(2, (g, g)).contiguous()
    new = F.interpolate(image, size=[new_grid] * 2, mode="bicubic", align_corners=False).flatten(2)
    return torch.cat([table[:, :, :1], new], dim=-1).transpose(1, 2)


@replaces("resize_positions")
def resize_by_rows(pos_embed, new_grid):
    """rows of new patches stacked, F.interpolate one side after the other"""
    cls, grid = split(pos_embed)
    g = grid.shape[0]
    x = grid.permute(2, 0, 1).unsqueeze(0)
    x = F.interpolate(x, size=(new_grid, g), mode="bicubic", align_corners=False)
    x = F.interpolate(x, size=(new_grid, new_grid), mode="bicubic", align_corners=False)
    rows = [x[0, :, r].T for r in range(new_grid)]
    return torch.cat([cls[0], *rows]).unsqueeze(0)


@replaces("resize_positions")
def resize_contiguous(pos_embed, new_grid):
    """a clone where the grid stays; keyword arguments, reshape"""
    g = [s for s in range(1, pos_embed.shape[1]) if s * s + 1 == pos_embed.shape[1]][0]
    if g == new_grid:
        return pos_embed.clone()
    patches = pos_embed[:, 1:, :].reshape(1, g, g, -1).permute(0, 3, 1, 2).contiguous()
    new = F.interpolate(input=patches, size=(new_grid, new_grid), scale_factor=None, mode="bicubic", align_corners=False)
    return torch.cat([pos_embed[:, 0:1, :], new.permute(0, 2, 3, 1).flatten(1, 2)], dim=1).contiguous()


@replaces("vit_param_count")
def count_model(image_size, patch, channels, dim, depth, mlp_dim, num_classes):
    """a model on the meta device is counted"""
    with torch.device("meta"):
        linear = lambda a, b: nn.Linear(a, b)
        blocks = [
            nn.ModuleList([nn.LayerNorm(dim), linear(dim, 3 * dim), linear(dim, dim), nn.LayerNorm(dim), linear(dim, mlp_dim), linear(mlp_dim, dim)])
            for _ in range(depth)
        ]
        rest = [nn.Conv2d(channels, dim, patch), nn.LayerNorm(dim), linear(dim, num_classes)]
        n = sum(p.numel() for m in blocks + rest for p in m.parameters())
    return n + dim + dim * ((image_size // patch) ** 2 + 1)


@replaces("vit_param_count")
def count_shapes(image_size, patch, channels, dim, depth, mlp_dim, num_classes):
    """every shape of the table"""
    D, Fw = dim, mlp_dim
    N = (image_size // patch) * (image_size // patch)
    block = [(D,), (D,), (3 * D, D), (3 * D,), (D, D), (D,), (D,), (D,), (Fw, D), (Fw,), (D, Fw), (D,)]
    once = [(1, 1, D), (1, N + 1, D), (D, channels, patch, patch), (D,), (D,), (D,), (num_classes, D), (num_classes,)]
    return sum(map(math.prod, once + block * depth))


@replaces("vit_param_count")
def count_collected(image_size, patch, channels, dim, depth, mlp_dim, num_classes):
    """terms collected by dim"""
    per_block = 4 * dim**2 + 2 * dim * mlp_dim + 9 * dim + mlp_dim
    per_dim = (image_size // patch) ** 2 + channels * patch**2 + 5 + num_classes
    return dim * per_dim + depth * per_block + num_classes


@replaces("vit_param_count")
def count_linear(image_size, patch, channels, dim, depth, mlp_dim, num_classes):
    """a function for linear maps with bias"""

    def linear(a, b):
        return a * b + b

    total = dim  # class token
    total += ((image_size * image_size) // (patch * patch) + 1) * dim
    total += linear(channels * patch * patch, dim)
    for _ in range(depth):
        total += 2 * dim + linear(dim, 3 * dim) + linear(dim, dim)
        total += 2 * dim + linear(dim, mlp_dim) + linear(mlp_dim, dim)
    return total + 2 * dim + linear(dim, num_classes)


@replaces("vit_param_count")
def count_dict(image_size, patch, channels, dim, depth, mlp_dim, num_classes):
    """a dict of parts"""
    parts = {
        "cls_token": dim,
        "pos_embed": dim * (1 + (image_size // patch) ** 2),
        "patch_embed": dim * (channels * patch**2 + 1),
        "qkv": depth * 3 * dim * (dim + 1),
        "proj": depth * dim * (dim + 1),
        "fc1": depth * mlp_dim * (dim + 1),
        "fc2": depth * dim * (mlp_dim + 1),
        "norms": (2 * depth + 1) * 2 * dim,
        "head": num_classes * (dim + 1),
    }
    return sum(parts.values())


@replaces("vit_param_count")
def count_numpy(image_size, patch, channels, dim, depth, mlp_dim, num_classes):
    """a scalar product, back to int"""
    sizes = np.array([dim * dim, dim * mlp_dim, mlp_dim, dim], dtype=object)
    block = int(sizes @ np.array([4, 2, 1, 9], dtype=object))
    tokens = divmod(image_size, patch)[0] ** 2 + 1
    return int(depth * block + dim * (tokens + 1 + channels * patch * patch + 1 + 2) + num_classes * dim + num_classes)


@replaces("vit_param_count")
def count_fraction(image_size, patch, channels, dim, depth, mlp_dim, num_classes):
    """an exact fraction for the patches; weights and biases apart"""
    N = Fraction(image_size, patch) ** 2
    weights = dim * channels * patch**2 + depth * (4 * dim**2 + 2 * dim * mlp_dim) + num_classes * dim
    biases = dim + depth * (5 * dim + mlp_dim) + num_classes
    norms = 2 * dim * (1 + 2 * depth)
    return int((N + 2) * dim) + weights + biases + norms


@replaces("vit_param_count")
def count_recursive(image_size, patch, channels, dim, depth, mlp_dim, num_classes):
    """block by block, recursion"""
    if depth == 0:
        tokens = (image_size // patch) ** 2 + 1
        return dim * (1 + tokens) + dim * channels * patch * patch + dim + 2 * dim + dim * num_classes + num_classes
    rest = count_recursive(image_size, patch, channels, dim, depth - 1, mlp_dim, num_classes)
    return rest + 4 * dim + 4 * dim * (dim + 1) + mlp_dim * (2 * dim + 1) + dim


@replaces("vit_param_count")
def count_generator(image_size, patch, channels, dim, depth, mlp_dim, num_classes):
    """a generator of (times, rows, columns)"""

    def maps():
        yield 1, dim, channels * patch**2
        yield depth, 3 * dim, dim
        yield depth, dim, dim
        yield depth, mlp_dim, dim
        yield depth, dim, mlp_dim
        yield 1, num_classes, dim

    vectors = 1 + (image_size // patch) ** 2 + 1 + 2 * (2 * depth + 1)
    return vectors * dim + sum(n * (rows * columns + rows) for n, rows, columns in maps())
